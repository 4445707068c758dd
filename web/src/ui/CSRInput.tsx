import { FileButton, Button, Stack, Textarea } from '@mantine/core'
import { text } from '../text'

/** A certificate request to paste or to take from a file, which may be PEM or DER. */
export function CSRInput({ value, onChange, description, required }: { value: string; onChange: (csr: string) => void; description?: string; required?: boolean }) {
  const read = async (f: File | null) => {
    if (!f) return
    const raw = new Uint8Array(await f.arrayBuffer())
    // A DER file begins with a SEQUENCE; the API takes it as base64.
    onChange(raw[0] === 0x30 ? btoa(String.fromCharCode(...raw.slice(0, 100_000))) : new TextDecoder().decode(raw))
  }
  return (
    <Stack gap={6} align="flex-start">
      <Textarea w="100%" label={text.certificate.csr} description={description} required={required} autosize minRows={5} maxRows={14} spellCheck={false} classNames={{ input: 'mono' }} value={value} onChange={(e) => onChange(e.currentTarget.value)} />
      <FileButton onChange={(f) => void read(f)} accept=".csr,.pem,.req,.p10,.der,application/pkcs10" inputProps={{ 'aria-label': text.steps.csrFile }}>
        {(props) => (
          <Button {...props} size="compact-sm" variant="default">
            {text.steps.csrFile}
          </Button>
        )}
      </FileButton>
    </Stack>
  )
}
