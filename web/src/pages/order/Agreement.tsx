import { Checkbox, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { api, must } from '../../api/client'
import { useSession } from '../../lib/session'
import { text } from '../../text'
import { Facts, Moment } from '../../ui/bits'
import { InlineForm } from '../../ui/InlineForm'
import { useChanged } from '../CertificateActions'
import { useMayChange, type Detail } from './steps'

const t = text.steps

/** Who signed the subscriber agreement, or the form to sign it. */
export function Agreement({ o }: { o: Detail }) {
  const session = useSession()
  const changed = useChanged()
  const mayChange = useMayChange(o)
  const a = o.steps?.agreement
  const [name, setName] = useState(session.me.name || session.me.login)
  const [place, setPlace] = useState('')
  const [accepted, setAccepted] = useState(false)
  if (a)
    return (
      <Facts
        rows={[
          [t.signer, a.signer_name],
          [t.place, a.signer_place],
          [t.signed, <Moment at={a.signed_at} />],
          [t.address, a.address],
        ]}
      />
    )
  if (!mayChange) return <div className="empty">{t.notSigned}</div>
  return (
    <InlineForm
      label={t.sign}
      disabled={!accepted}
      run={async () => {
        await must(api.POST('/orders/{id}/agreement', { params: { path: { id: o.id } }, body: { signer_name: name.trim(), signer_place: place.trim() || undefined } }))
        notifications.show({ message: t.signedNow })
        await changed()
      }}
    >
      <Text size="sm">{t.agreementHint}</Text>
      <TextInput label={t.signer} required maxLength={200} value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <TextInput label={t.place} maxLength={200} value={place} onChange={(e) => setPlace(e.currentTarget.value)} />
      <Checkbox label={t.accept} checked={accepted} onChange={(e) => setAccepted(e.currentTarget.checked)} />
    </InlineForm>
  )
}
