import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './styles.css'
import { createTheme, MantineProvider, Notification } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { APIError } from './api/client'
import { App } from './App'
import { PartError } from './lib/lazily'
import { SessionProvider } from './lib/session'
import { text } from './text'
import { Boundary } from './ui/states'

// The server lets only styles with this nonce in.
const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? ''

// So says the library that keeps the page from scrolling behind a dialogue.
Object.assign(window, { __webpack_nonce__: nonce })

const theme = createTheme({
  primaryColor: 'blue',
  primaryShade: { light: 8, dark: 8 },
  fontFamily: 'system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "Liberation Mono", monospace',
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  // What worked is said when there is time; refusals are alerts.
  components: { Notification: Notification.extend({ defaultProps: { role: 'status', closeButtonProps: { 'aria-label': text.action.close } } }) },
})

// Quiet text still has the contrast that WCAG AA asks for.
const contrast = () => ({
  variables: {},
  light: { '--mantine-color-dimmed': '#495057', '--mantine-color-placeholder': '#5f666d', '--mantine-color-error': '#c92a2a' },
  dark: { '--mantine-color-dimmed': '#ced4da', '--mantine-color-placeholder': '#adb5bd', '--mantine-color-error': '#ff8787' },
})

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // A refusal stays one; only a server that does not answer is asked again.
      retry: (n, e) => n < 2 && (!(e instanceof APIError) || e.kind === 'unavailable'),
    },
  },
})

// What stopped a page is told on it and in the console; a script that did not come is no fault of the page.
const onCaughtError = (e: unknown) => e instanceof PartError || console.error(e)

createRoot(document.getElementById('root')!, { onCaughtError }).render(
  <StrictMode>
    <MantineProvider theme={theme} getStyleNonce={() => nonce} cssVariablesResolver={contrast} defaultColorScheme="auto">
      <QueryClientProvider client={client}>
        <Notifications position="bottom-right" />
        <Boundary>
          <SessionProvider>
            <App />
          </SessionProvider>
        </Boundary>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
