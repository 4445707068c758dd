import { Button, Group, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { api, must, type Schemas } from '../../api/client'
import { text } from '../../text'
import { Block } from '../../ui/bits'
import { Confirm } from '../../ui/Confirm'
import { Dialog } from '../../ui/Dialog'
import { Failure } from '../../ui/states'

const t = text.organisation

/** The token by which orders refer to the standing vetting. It is fetched only when somebody asks to see it. */
export function Token({ o }: { o: Schemas['Organisation'] }) {
  const [shown, setShown] = useState<string>()
  const [renew, setRenew] = useState(false)
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const path = { params: { path: { id: o.id } } }
  const show = async () => {
    setBusy(true)
    setError(undefined)
    try {
      setShown((await must(api.GET('/organisations/{id}/pre-vetting-token', path))).token)
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <h2 className="section">{t.token}</h2>
      <Text size="sm" mb="xs">
        {t.tokenHint}
      </Text>
      {!!error && <Failure error={error} />}
      <Group gap="xs">
        <Button size="xs" variant="default" loading={busy} aria-label={`${t.showToken}: ${t.token}`} onClick={() => void show()}>
          {t.showToken}
        </Button>
        <Button size="xs" variant="outline" color="red" aria-label={`${t.renewToken}: ${t.token}`} onClick={() => setRenew(true)}>
          {t.renewToken}
        </Button>
      </Group>
      <Dialog opened={!!shown} onClose={() => setShown(undefined)} title={t.token}>
        <Stack gap="sm">
          <Block label={t.token} value={shown ?? ''} />
          <Group justify="flex-end">
            <Button onClick={() => setShown(undefined)}>{text.action.done}</Button>
          </Group>
        </Stack>
      </Dialog>
      <Confirm
        opened={renew}
        danger
        title={`${t.renewToken}: ${t.token}`}
        label={t.renewToken}
        close={() => setRenew(false)}
        run={async () => {
          setShown((await must(api.POST('/organisations/{id}/pre-vetting-token', path))).token)
          notifications.show({ message: t.tokenRenewed })
        }}
      >
        {t.renewTokenHint}
      </Confirm>
    </>
  )
}
