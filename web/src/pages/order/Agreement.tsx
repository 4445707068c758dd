import { Button, Checkbox, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { api, must } from '../../api/client'
import { useSession } from '../../lib/session'
import { text } from '../../text'
import { Facts, Moment } from '../../ui/bits'
import { InlineForm } from '../../ui/InlineForm'
import { Failure, Waiting } from '../../ui/states'
import { AgreementBody, useAgreementText } from '../Agreements'
import { useChanged } from '../CertificateActions'
import { useMayChange, type Detail } from './steps'

const t = text.steps
const a = text.agreements

/** The text of the subscriber agreement with who signed it, or with the form to sign it. */
export function Agreement({ o }: { o: Detail }) {
  const mayChange = useMayChange(o)
  const q = useAgreementText(o.steps?.agreement_text?.id ?? '')
  const signed = o.steps?.agreement
  const [shown, setShown] = useState(false)
  const body = q.error ? <Failure error={q.error} retry={() => void q.refetch()} /> : q.data ? <AgreementBody a={q.data} /> : o.steps?.agreement_text ? <Waiting /> : <Text size="sm">{a.noText}</Text>
  if (signed)
    return (
      <>
        <Facts
          rows={[
            [t.signer, signed.signer_name],
            [t.place, signed.signer_place],
            [t.signed, <Moment at={signed.signed_at} />],
            [t.address, signed.address],
            [a.signedText, signed.text ? `${a.version} ${signed.text_version}` : a.withoutText],
            ['SHA-256', signed.text_digest && <span className="mono">{signed.text_digest}</span>],
          ]}
        />
        {signed.text && (
          <>
            <Button size="xs" variant="default" mt="sm" aria-expanded={shown} onClick={() => setShown(!shown)}>
              {shown ? a.hide : a.show}
            </Button>
            {shown && body}
          </>
        )}
      </>
    )
  return (
    <>
      {body}
      {mayChange ? <Sign key={q.data?.id ?? ''} o={o} ready={!o.steps?.agreement_text || !!q.data} /> : <div className="empty">{t.notSigned}</div>}
    </>
  )
}

/** The form. It says which version was read, so that nobody signs one that came meanwhile. */
function Sign({ o, ready }: { o: Detail; ready: boolean }) {
  const session = useSession()
  const changed = useChanged()
  const [name, setName] = useState(session.me.name || session.me.login)
  const [place, setPlace] = useState('')
  const [accepted, setAccepted] = useState(false)
  const id = o.steps?.agreement_text?.id
  return (
    <InlineForm
      label={t.sign}
      disabled={!accepted || !ready}
      run={async () => {
        await must(api.POST('/orders/{id}/agreement', { params: { path: { id: o.id } }, body: { signer_name: name.trim(), signer_place: place.trim() || undefined, text: id } }))
        notifications.show({ message: t.signedNow })
        await changed()
      }}
    >
      <Text size="sm" mt="sm">
        {a.step}
      </Text>
      <TextInput label={t.signer} required maxLength={200} value={name} onChange={(e) => setName(e.currentTarget.value)} />
      <TextInput label={t.place} maxLength={200} value={place} onChange={(e) => setPlace(e.currentTarget.value)} />
      <Checkbox label={id ? t.accept : a.statement} checked={accepted} onChange={(e) => setAccepted(e.currentTarget.checked)} />
    </InlineForm>
  )
}
