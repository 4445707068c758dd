import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// The portal is built into the Go package that embeds it. Names of files must
// not begin with a dot or an underscore, which go:embed leaves out.
export default defineConfig({
  plugins: [react()],
  build: {
    outDir: '../internal/portal/pages/app',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: false,
    chunkSizeWarningLimit: 1500,
    rollupOptions: {
      output: { entryFileNames: 'assets/main-[hash].js', chunkFileNames: 'assets/part-[hash].js', assetFileNames: 'assets/file-[hash][extname]' },
    },
  },
  server: { proxy: { '^/(api|signin|signout|password|tokens|style.css)': { target: 'https://127.0.0.1:8443', secure: false } } },
})
