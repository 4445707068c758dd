import { Button, Table, Tabs, Text, Textarea, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation, useSearchParams } from 'wouter'
import { api, must, type Row, type Schemas } from '../api/client'
import { sentence, words } from '../lib/format'
import { usePoll } from '../lib/live'
import { useSession } from '../lib/session'
import { bare } from '../list/Cell'
import { ListPage } from '../list/ListPage'
import { text } from '../text'
import { Block, Facts, Go, Moment, PageHead, Status, Tags } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { Name } from '../ui/Name'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'
import { History } from './History'
import { AfterActions } from './order/After'
import { Agreement } from './order/Agreement'
import { Documents } from './order/Documents'
import { DomainsPanel } from './order/DomainsPanel'
import { Key } from './order/Key'
import { Missing } from './order/Missing'
import { open, present, stepsOf, type Step } from './order/steps'

const t = text.order

const all = ['approve', 'ask', 'reject', 'cancel'] as const
type Decision = (typeof all)[number]
const labels: Record<Decision, string> = { approve: t.approve, ask: text.steps.askDocuments, reject: t.reject, cancel: t.cancel }

/** Which decisions a person can take on an order now: approvers and validators on those of others. */
function useDecisions() {
  const session = useSession()
  return (o: { state?: unknown; group?: unknown; user?: unknown; steps?: unknown }): Decision[] =>
    all.filter((d) => {
      const state = String(o.state)
      const group = String(o.group ?? '')
      if (!open.has(state) || state === 'issuing') return false
      if (d === 'cancel') return session.can('order.cancel', group)
      if (state === 'pending-ca' || o.user === session.me.user) return false
      if (d === 'approve') return state === 'pending-approval' && session.can('order.approve', group)
      return (d === 'reject' || (state === 'pending-approval' && !!o.steps)) && session.can('order.reject', group)
    })
}

export function Orders() {
  const [, navigate] = useLocation()
  const decisions = useDecisions()
  const session = useSession()
  const [asked, setAsked] = useState<{ row: Row; decision: Decision }>()
  return (
    <>
      <ListPage
        list="orders"
        title={text.nav.orders}
        link={(r) => `/orders/${r.id}`}
        linkColumn="number"
        head={
          session.can('order.create') && (
            <>
              <Button component={Link} href="/orders/request" size="xs" variant="default">
                {text.requestOrder.open}
              </Button>
              <Button component={Link} href="/orders/new" size="xs">
                {text.newOrder.new}
              </Button>
            </>
          )
        }
        actions={[
          { label: t.details, run: (r) => navigate(`/orders/${r.id}`) },
          { label: t.certificate, shown: (r) => !!r.certificate, run: (r) => navigate(`/certificates/${String(r.certificate)}`) },
          ...all.map((d) => ({ label: labels[d], danger: d !== 'approve', shown: (r: Row) => decisions(r).includes(d), run: (row: Row) => setAsked({ row, decision: d }) })),
        ]}
        bulk={session.can('order.approve') ? [{ label: t.approve, question: t.bulkApprove, run: (r) => decide(String(r.id), 'approve', '') }] : undefined}
      />
      {asked && <Decide id={String(asked.row.id)} number={Number(asked.row.number)} decision={asked.decision} close={() => setAsked(undefined)} />}
    </>
  )
}

function decide(id: string, d: Decision, comment: string): Promise<Schemas['OrderDetail']> {
  const o = { params: { path: { id } }, body: { comment: comment || undefined } }
  if (d === 'approve') return must(api.POST('/orders/{id}/approve', o))
  if (d === 'ask') return must(api.POST('/orders/{id}/ask-documents', o))
  if (d === 'reject') return must(api.POST('/orders/{id}/reject', o))
  return must(api.POST('/orders/{id}/cancel', o))
}

function Decide({ id, number, decision, close }: { id: string; number: number; decision: Decision; close: () => void }) {
  const changed = useChanged()
  const [comment, setComment] = useState('')
  return (
    <Confirm
      opened
      danger={decision === 'reject' || decision === 'cancel'}
      title={`${labels[decision]}: ${number}`}
      label={labels[decision]}
      close={close}
      run={async () => {
        await decide(id, decision, comment)
        notifications.show({ message: t.decided })
        await changed()
      }}
    >
      {decision === 'ask' && <Text size="sm">{text.steps.askHint}</Text>}
      <Textarea label={t.comment} description={decision === 'approve' ? undefined : t.commentHint} required={decision === 'reject' || decision === 'ask'} maxLength={2000} autosize minRows={2} value={comment} onChange={(e) => setComment(e.currentTarget.value)} data-autofocus />
    </Confirm>
  )
}

export function Order({ id }: { id: string }) {
  const session = useSession()
  const decisions = useDecisions()
  const poll = usePoll(5_000)
  const q = useQuery({ queryKey: ['order', id], queryFn: () => must(api.GET('/orders/{id}', { params: { path: { id } } })), refetchInterval: (q) => (open.has(q.state.data?.state ?? '') ? poll : false) })
  const [asked, setAsked] = useState<Decision>()
  const [params, setParams] = useSearchParams()
  const product = useQuery({ queryKey: ['product', q.data?.product], queryFn: () => must(api.GET('/products/{id}', { params: { path: { id: q.data!.product } } })), enabled: !!q.data && session.can('product.view') })
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data || product.isLoading) return <Waiting />
  const o = q.data
  const steps = stepsOf(o, product.data)
  const panels: Partial<Record<Step, string>> = { domains: text.steps.names.domains, documents: text.steps.names.documents, key: text.steps.names.key, agreement: text.steps.names.agreement }
  const tabs = steps.filter((x) => panels[x] && o.steps)
  const at = present(o)
  // An order that waits opens where it wants something.
  const tab = params.get('tab') ?? (at && tabs.includes(at) ? at : 'details')
  const show = (v: string | null) => setParams(v ? { tab: v } : {}, { replace: true })
  return (
    <>
      <PageHead title={o.state === 'draft' ? `${text.requestOrder.draft} ${o.steps?.request ?? ''}` : `${t.title} ${o.number}`} badge={<Status value={o.state} />} back={{ to: '/orders', label: text.nav.orders }}>
        {decisions(o).map((d) => (
          <Button key={d} size="xs" variant={d === 'approve' ? 'filled' : d === 'ask' ? 'default' : 'outline'} color={d === 'approve' || d === 'ask' ? undefined : 'red'} onClick={() => setAsked(d)}>
            {labels[d]}
          </Button>
        ))}
        {o.state === 'issued' && <AfterActions o={o} product={product.data} />}
      </PageHead>
      <Missing o={o} product={product.data} tabs={new Set<string>(tabs)} show={show} />
      <Tabs value={tab} onChange={show} keepMounted={false}>
        <Tabs.List mb="sm" aria-label={t.title}>
          <Tabs.Tab value="details">{t.details}</Tabs.Tab>
          {tabs.map((x) => (
            <Tabs.Tab key={x} value={x}>
              {panels[x]}
            </Tabs.Tab>
          ))}
          {!o.steps && o.csr && <Tabs.Tab value="request">{t.request}</Tabs.Tab>}
          {session.can('audit.view') && <Tabs.Tab value="history">{text.certificate.history}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="details">
          <OrderFacts o={o} product={product.data} />
          {(o.approvals_needed > 0 || o.approvals.length > 0) && <Approvals o={o} />}
        </Tabs.Panel>
        <Tabs.Panel value="domains">
          <DomainsPanel o={o} waiting={o.state === 'pending-dcv'} />
        </Tabs.Panel>
        <Tabs.Panel value="documents">
          <Documents o={o} />
        </Tabs.Panel>
        <Tabs.Panel value="key">
          <Key o={o} />
        </Tabs.Panel>
        <Tabs.Panel value="agreement">
          <Agreement o={o} />
        </Tabs.Panel>
        <Tabs.Panel value="request">{o.csr && <Block label={t.csr} value={o.csr} />}</Tabs.Panel>
        <Tabs.Panel value="history">
          <History object={`order:${o.id}`} />
        </Tabs.Panel>
      </Tabs>
      {asked && <Decide id={o.id} number={o.number} decision={asked} close={() => setAsked(undefined)} />}
    </>
  )
}

function OrderFacts({ o, product }: { o: Schemas['OrderDetail']; product?: Schemas['Product'] }) {
  const c = text.certificate
  const s = o.steps
  const x = text.steps
  const person = (p?: { name?: string; email?: string; phone?: string }) => p && [p.name, p.email, p.phone].filter(Boolean).join(', ')
  return (
    <Facts
      rows={[
        [t.subject, o.subject],
        [c.names, o.names.map(bare).join(', ')],
        [t.failure, o.failure && sentence(o.failure)],
        [t.comment, o.comment || s?.remarks],
        [x.follows, s?.reissues && <Go to={`/certificates/${s.reissues}`}>{words(s.mode ?? '')}</Go>],
        [x.reason, s?.reason],
        [x.note, s?.note !== o.failure && s?.note],
        [c.replaces, o.replaces && !s?.reissues && <Go to={`/certificates/${o.replaces}`}>{c.predecessor}</Go>],
        [c.product, o.product && <Go to={`/products/${o.product}`}>{o.product_code || o.product}</Go>],
        [c.issuer, o.issuer && <Go to={`/issuers/${o.issuer}`}>{o.issuer_name || o.issuer}</Go>],
        [x.family, s && words(s.family)],
        [c.protocol, words(o.protocol)],
        [c.credential, o.credential && <Name list="credentials" id={o.credential} />],
        [c.user, o.user && <Name list="users" id={o.user} />],
        [c.group, o.group && <Name list="groups" id={o.group} />],
        [text.people.organisation, s?.organisation && <Go to={`/organisations/${s.organisation}`}>{s.organisation_name || s.organisation}</Go>],
        [x.request, s?.request],
        [x.years, s?.years],
        [x.until, s && <Moment at={s.until} />],
        [x.autoRenew, s?.auto_renew && text.list.yes],
        [x.requestor, person(s?.requestor)],
        [x.technical, person(s?.technical)],
        [x.recipients, s?.recipients.join(', ')],
        [c.tags, !!s?.tags.length && <Tags tags={s.tags} />],
        ...(s?.fields ?? []).map((f): [string, string] => [product?.profile.terms?.fields?.find((q) => q.id === f.id)?.name ?? f.id, f.value]),
        [c.created, <Moment at={o.created_at} />],
        [t.changed, <Moment at={o.updated_at} />],
      ]}
    />
  )
}

function Approvals({ o }: { o: Schemas['OrderDetail'] }) {
  const given = o.approvals.filter((a) => a.approved).length
  return (
    <>
      <Title order={2} size="h5" mt="md" mb={4}>
        {t.approvals}
      </Title>
      <Text size="sm">
        {given} {text.list.of} {o.approvals_needed}
      </Text>
      {o.approvals.length > 0 && (
        <Table fz="sm" verticalSpacing={3}>
          <Table.Thead>
            <Table.Tr>
              {[c_.who, c_.word, c_.comment, c_.time].map((x) => (
                <Table.Th scope="col" key={x}>
                  {x}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {o.approvals.map((a, i) => (
              <Table.Tr key={i}>
                <Table.Td>
                  <Name list="users" id={a.user} />
                </Table.Td>
                <Table.Td>
                  <Status value={a.approved ? 'approved' : 'rejected'} />
                </Table.Td>
                <Table.Td>{a.comment}</Table.Td>
                <Table.Td>
                  <Moment at={a.at} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </>
  )
}

const c_ = { who: text.history.who, word: t.word, comment: t.comment, time: text.history.time }
