import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// The portal is built into the Go package that embeds it. Names of files must
// not begin with a dot or an underscore, which go:embed leaves out. Each page is
// a file of its own (src/App.tsx); what the first page needs of libraries is
// another, which stays in the browser's cache over most upgrades.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: '../internal/portal/pages/app',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
    rolldownOptions: {
      output: {
        entryFileNames: 'assets/main-[hash].js',
        chunkFileNames: (c) => (c.name === 'vendor' ? 'assets/vendor-[hash].js' : 'assets/part-[hash].js'),
        assetFileNames: 'assets/file-[hash][extname]',
        codeSplitting: { groups: [{ name: 'vendor', test: /node_modules/, tags: ['$initial'] }] },
      },
    },
  },
  server: { proxy: { '^/(api|signin|signout|password|tokens|style.css)': { target: 'https://127.0.0.1:8443', secure: false } } },
})
