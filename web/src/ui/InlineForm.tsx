import { Button, Group, Stack } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { Failure } from './states'

/** A form that stands on a page: a refusal is shown with the server's words, and what was filled in stays. */
export function InlineForm(p: { label: string; run: () => Promise<unknown>; disabled?: boolean; buttons?: ReactNode; children: ReactNode }) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const run = async () => {
    setBusy(true)
    setError(undefined)
    try {
      await p.run()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        void run()
      }}
    >
      <Stack gap="sm" maw={820}>
        {p.children}
        {!!error && <Failure error={error} />}
        <Group gap="xs">
          <Button type="submit" size="sm" loading={busy} disabled={p.disabled}>
            {p.label}
          </Button>
          {p.buttons}
        </Group>
      </Stack>
    </form>
  )
}
