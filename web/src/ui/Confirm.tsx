import { Button, Group, Stack, Text } from '@mantine/core'
import { useEffect, useState, type ReactNode } from 'react'
import { text } from '../text'
import { Dialog } from './Dialog'
import { Failure } from './states'

/** What run gives back to leave the question open. */
export const stay = Symbol('stay')

/** A question before something is done, or a small form: what is inside stays until it worked. */
export function Confirm(p: { opened: boolean; title: string; close: () => void; run: () => Promise<unknown>; label?: string; danger?: boolean; children?: ReactNode; size?: string }) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  useEffect(() => {
    if (p.opened) setError(undefined)
  }, [p.opened])
  const run = async () => {
    setBusy(true)
    setError(undefined)
    try {
      if ((await p.run()) !== stay) p.close()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog opened={p.opened} onClose={p.close} title={p.title} size={p.size}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          void run()
        }}
      >
        <Stack gap="sm">
          {typeof p.children === 'string' ? <Text size="sm">{p.children}</Text> : p.children}
          {!!error && <Failure error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" size="sm" onClick={p.close} disabled={busy}>
              {text.action.cancel}
            </Button>
            <Button type="submit" size="sm" loading={busy} color={p.danger ? 'red' : undefined}>
              {p.label ?? text.action.confirm}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
