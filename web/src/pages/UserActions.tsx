import { notifications } from '@mantine/notifications'
import { api, must } from '../api/client'
import { count } from '../lib/format'
import { text } from '../text'
import { Confirm } from '../ui/Confirm'
import { useChanged } from './CertificateActions'

const t = text.userActions

interface Props {
  id: string
  login: string
  close: () => void
}

/** Ends all sessions of a user. */
export function SignOut({ id, login, close }: Props) {
  const changed = useChanged()
  return (
    <Confirm
      opened
      danger
      title={`${t.signOut}: ${login}`}
      label={t.signOut}
      close={close}
      run={async () => {
        const got = await must(api.POST('/users/{id}/sign-out', { params: { path: { id } } }))
        notifications.show({ message: `${t.signedOut}: ${count(got.count)}` })
        await changed()
      }}
    >
      {t.signOutHint}
    </Confirm>
  )
}

/** Takes a lost second factor away. */
export function ResetFactor({ id, login, close }: Props) {
  const changed = useChanged()
  return (
    <Confirm
      opened
      danger
      title={`${t.resetFactor}: ${login}`}
      label={t.resetFactor}
      close={close}
      run={async () => {
        await must(api.POST('/users/{id}/second-factor/reset', { params: { path: { id } } }))
        notifications.show({ message: t.factorReset })
        await changed()
      }}
    >
      {t.resetFactorHint}
    </Confirm>
  )
}
