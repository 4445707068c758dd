import { Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { api, must } from '../../api/client'
import { text } from '../../text'
import { Confirm } from '../../ui/Confirm'
import { useChanged } from '../CertificateActions'

const t = text.acmeObjects

/** What something is to be done with. */
export interface Asked {
  id: string
  state: string
}

function Reason({ value, onChange }: { value: string; onChange: (v: string) => void }) {
  return <TextInput label={text.certificate.reason} description={text.certificate.commentHint} maxLength={500} value={value} onChange={(e) => onChange(e.currentTarget.value)} data-autofocus />
}

/** Shuts an account out, or lets it in again. */
export function AccountState({ a, close }: { a: Asked; close: () => void }) {
  const changed = useChanged()
  const [reason, setReason] = useState('')
  const [out] = useState(a.state === 'valid') // the question stays the same while what it asks about changes
  return (
    <Confirm
      opened
      danger={out}
      title={`${out ? t.revokeAccount : t.restoreAccount}: ${t.account}`}
      label={out ? t.revokeAccount : t.restoreAccount}
      close={close}
      run={async () => {
        const call = { params: { path: { id: a.id } }, body: { reason: reason || undefined } }
        await (out ? must(api.POST('/acme-accounts/{id}/revoke', call)) : must(api.POST('/acme-accounts/{id}/restore', call)))
        notifications.show({ message: out ? t.accountRevoked : t.accountRestored })
        await changed()
      }}
    >
      <Text size="sm">{out ? t.revokeAccountHint : t.restoreAccountHint}</Text>
      <Reason value={reason} onChange={setReason} />
    </Confirm>
  )
}

/** Has control of a name proven anew. */
export function RevokeAuthorization({ a, close }: { a: Asked; close: () => void }) {
  const changed = useChanged()
  const [reason, setReason] = useState('')
  return (
    <Confirm
      opened
      danger
      title={`${t.revokeAuthorization}: ${t.authorization}`}
      label={t.revokeAuthorization}
      close={close}
      run={async () => {
        await must(api.POST('/acme-authorizations/{id}/revoke', { params: { path: { id: a.id } }, body: { reason: reason || undefined } }))
        notifications.show({ message: t.authorizationRevoked })
        await changed()
      }}
    >
      <Text size="sm">{t.revokeAuthorizationHint}</Text>
      <Reason value={reason} onChange={setReason} />
    </Confirm>
  )
}
