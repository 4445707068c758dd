import { Button, Group, NativeSelect, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must, readList, type Schemas } from '../../api/client'
import { useSession } from '../../lib/session'
import { writeCond } from '../../list/query'
import { text } from '../../text'
import { Go, Moment, Status } from '../../ui/bits'
import { Confirm } from '../../ui/Confirm'
import { Rows } from '../../ui/Rows'
import { Failure, Waiting } from '../../ui/states'
import { useChanged } from '../CertificateActions'
import { useRepresentatives } from './Representatives'

const t = text.organisation
type Consent = Schemas['Consent']
const most = 100

/** The links sent to representatives of an organisation, and their answers. */
export function Consents({ o }: { o: Schemas['Organisation'] }) {
  const session = useSession()
  const [asking, setAsking] = useState(false)
  const people = useRepresentatives(o.id)
  const filter = [writeCond({ column: 'organisation', op: 'eq', values: [o.id] })]
  const q = useQuery({ queryKey: ['list', '/consents', filter], queryFn: ({ signal }) => readList<Consent>('/consents', { filter, sort: '-created_at', limit: most }, signal) })
  const error = q.error ?? people.error
  if (error) return <Failure error={error} retry={() => (void q.refetch(), void people.refetch())} />
  if (!q.data || !people.data) return <Waiting />
  const names = new Map(people.data.items.map((r) => [r.id, r.name]))
  return (
    <>
      {session.can('consent.send') && names.size > 0 && (
        <Group justify="flex-end" mb="xs">
          <Button size="xs" onClick={() => setAsking(true)}>
            {t.askConsent}
          </Button>
        </Group>
      )}
      <Rows
        label={t.consents}
        none={t.noConsents}
        head={[t.representative, t.sentTo, text.deploy.state, t.statement, t.order, text.certificate.created, t.answered, t.linkEnds]}
        rows={q.data.items.map((c) => ({
          key: c.id,
          cells: [
            names.get(c.representative) ?? <span className="quiet">{t.removed}</span>,
            c.sent_to,
            <Status key="state" value={c.state} />,
            c.statement,
            c.order && <Go key="order" to={`/orders/${c.order}`}>{text.certificate.openOrder}</Go>,
            <Moment key="at" at={c.created_at} />,
            c.answered_at && <span key="answered"><Moment at={c.answered_at} /> {c.answered_from}</span>,
            c.state === 'pending' && <Moment key="end" at={c.expires_at} />,
          ],
        }))}
      />
      {q.data.next && (
        <Text size="sm" mt="xs">
          {t.allConsents}
        </Text>
      )}
      {asking && <AskConsent o={o} close={() => setAsking(false)} />}
    </>
  )
}

/** Mails a representative a link to consent or refuse. */
export function AskConsent({ o, representative, close }: { o: Schemas['Organisation']; representative?: string; close: () => void }) {
  const changed = useChanged()
  const people = useRepresentatives(o.id)
  const [chosen, setChosen] = useState(representative ?? '')
  const [order, setOrder] = useState('')
  const list = people.data?.items ?? []
  return (
    <Confirm
      opened
      title={t.askConsent}
      label={t.askConsent}
      close={close}
      run={async () => {
        try {
          await must(api.POST('/organisations/{id}/consents', { params: { path: { id: o.id } }, body: { representative: chosen || list[0]?.id || '', order: order.trim() || undefined } }))
        } finally {
          await changed() // a consent whose mail did not go out is in the list, too
        }
        notifications.show({ message: t.consentSent })
      }}
    >
      <Text size="sm">{t.consentHint}</Text>
      <NativeSelect label={t.representative} required value={chosen} data={list.map((r) => ({ value: r.id, label: `${r.name}, ${r.email}` }))} onChange={(e) => setChosen(e.currentTarget.value)} data-autofocus />
      <TextInput label={t.consentOrder} description={t.consentOrderHint} maxLength={36} value={order} onChange={(e) => setOrder(e.currentTarget.value)} />
    </Confirm>
  )
}
