import { Anchor, Button, Progress, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, must, type Schemas } from '../../api/client'
import { count, fromLocal } from '../../lib/format'
import { useSession } from '../../lib/session'
import { listHref, writeCond } from '../../list/query'
import { text } from '../../text'
import { Facts, Go, Moment, PageHead, Status } from '../../ui/bits'
import { Confirm } from '../../ui/Confirm'
import { Name } from '../../ui/Name'
import { Failure, Waiting } from '../../ui/states'
import { useChanged } from '../CertificateActions'
import { History } from '../History'
import { Pick } from '../../ui/Pick'

const t = text.pulls
type PullShape = Schemas['RenewalPull']
const base = '/integrations/acme/renewal-pulls'

/** The page of an early renewal. */
export function Pull({ id }: { id: string }) {
  const session = useSession()
  const [asked, setAsked] = useState(false)
  const q = useQuery({ queryKey: ['renewal-pull', id], queryFn: () => must(api.GET('/renewal-pulls/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const p = q.data
  const open = p.state === 'coming' || p.state === 'running'
  return (
    <>
      <PageHead title={t.title} badge={<Status value={p.state} />} back={{ to: base, label: `${text.nav.acme}: ${text.system.pulls}` }}>
        {open && session.can('renewal.manage') && (
          <Button size="xs" variant="outline" color="red" onClick={() => setAsked(true)}>
            {t.cancel}
          </Button>
        )}
      </PageHead>
      <Facts
        rows={[
          [t.issuer, p.issuer ? <Name list="issuers" id={p.issuer} /> : t.any],
          [t.product, p.product ? <Name list="products" id={p.product} /> : t.any],
          [t.start, <Moment at={p.start} relative />],
          [t.ends, <Moment at={p.end} relative />],
          [t.reason, p.reason],
          [t.explanation, p.explanation && <Anchor size="sm" href={p.explanation} target="_blank" rel="noreferrer">{p.explanation}</Anchor>],
          [text.certificate.created, <Moment at={p.created_at} />],
          [t.cancelled, p.cancelled_at && <Moment at={p.cancelled_at} />],
        ]}
      />
      <Done p={p} />
      {session.can('audit.view') && (
        <>
          <h2 className="section">{text.certificate.history}</h2>
          <History object={`renewal-pull:${p.id}`} />
        </>
      )}
      {asked && <CancelPull id={p.id} close={() => setAsked(false)} />}
    </>
  )
}

/** How many of the certificates that a pull concerns have a successor. */
function Done({ p }: { p: PullShape }) {
  const eq = (column: string, value: string) => writeCond({ column, op: 'eq', values: [value] })
  const concerned = [
    eq('protocol', 'acme'), eq('state', 'active'), writeCond({ column: 'not_after', op: 'gt', values: ['now'] }), writeCond({ column: 'created_at', op: 'lt', values: [p.created_at] }),
    ...(p.issuer ? [eq('issuer', p.issuer)] : []), ...(p.product ? [eq('product', p.product)] : []),
  ]
  const of = (replaced: boolean) => [...concerned, eq('replaced', String(replaced))]
  const ask = (filter: string[]) => must(api.GET('/lists/{name}/count', { params: { path: { name: 'certificates' }, query: { filter } } }))
  const q = useQuery({ queryKey: ['pull-progress', p.id, p.created_at], queryFn: () => Promise.all([ask(of(true)), ask(of(false))]), refetchInterval: p.state === 'running' ? 30_000 : false })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const [done, open] = [q.data[0].count, q.data[1].count]
  const all = done + open
  return (
    <>
      <h2 className="section">{t.progress}</h2>
      <Text size="sm" mb="xs">
        {all ? t.progressHint : t.nothing}
      </Text>
      {all > 0 && (
        <>
          <Progress value={(100 * done) / all} aria-label={`${t.renewed}: ${count(done)} ${t.ofAll} ${count(all)}`} mb="xs" />
          <Facts
            rows={[
              [t.renewed, <Go to={listHref('/certificates', of(true))}>{`${count(done)} ${t.ofAll} ${count(all)}`}</Go>],
              [t.open, <Go to={listHref('/certificates', of(false))}>{count(open)}</Go>],
            ]}
          />
        </>
      )}
    </>
  )
}

export function CancelPull({ id, close }: { id: string; close: () => void }) {
  const changed = useChanged()
  return (
    <Confirm opened danger title={`${t.cancel}: ${t.title}`} label={t.cancel} close={close} run={async () => { await must(api.POST('/renewal-pulls/{id}/cancel', { params: { path: { id } } })); await changed() }}>
      {t.cancelHint}
    </Confirm>
  )
}

/** Asks ACME clients to renew early. */
export function NewPull({ close }: { close: () => void }) {
  const changed = useChanged()
  const [, navigate] = useLocation()
  const [issuer, setIssuer] = useState('')
  const [product, setProduct] = useState('')
  const [f, setF] = useState({ start: '', within: '48h', explanation: '', reason: '' })
  const field = (k: keyof typeof f, label: string, description: string, more = {}) => <TextInput label={label} description={description} value={f[k]} onChange={(e) => setF({ ...f, [k]: e.currentTarget.value })} {...more} />
  return (
    <Confirm
      opened
      size="lg"
      title={t.new}
      label={t.ask}
      close={close}
      run={async () => {
        const body = { issuer: issuer || undefined, product: product || undefined, start: fromLocal(f.start) || undefined, within: f.within.trim() || undefined, explanation: f.explanation.trim() || undefined, reason: f.reason || undefined }
        const made = await must(api.POST('/renewal-pulls', { body }))
        notifications.show({ message: t.asked })
        await changed()
        navigate(`${base}/${made.id}`)
      }}
    >
      <Text size="sm">{t.hint}</Text>
      <Pick list="issuers" label={t.issuer} required={false} value={issuer} onChange={setIssuer} />
      <Pick list="products" label={t.product} required={false} value={product} onChange={setProduct} />
      <Text size="xs" className="quiet">{t.either}</Text>
      {field('start', t.start, t.startHint, { type: 'datetime-local' })}
      {field('within', t.within, t.withinHint, { required: true, maxLength: 20 })}
      {field('reason', t.reason, t.reasonHint, { maxLength: 500 })}
      {field('explanation', t.explanation, t.explanationHint, { maxLength: 500 })}
    </Confirm>
  )
}
