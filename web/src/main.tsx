import '@mantine/core/styles.css'
import { MantineProvider } from '@mantine/core'
import { createRoot } from 'react-dom/client'

const nonce = document.querySelector<HTMLMetaElement>('meta[name=csp-nonce]')?.content ?? ''
createRoot(document.getElementById('root')!).render(
  <MantineProvider getStyleNonce={() => nonce} defaultColorScheme="auto">
    <h1>Certwright</h1>
  </MantineProvider>,
)
