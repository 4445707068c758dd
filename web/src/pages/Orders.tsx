import { Button, Table, Tabs, Text, Textarea, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, must, type Row, type Schemas } from '../api/client'
import { usePoll } from '../lib/live'
import { useSession } from '../lib/session'
import { bare } from '../list/Cell'
import { ListPage } from '../list/ListPage'
import { text } from '../text'
import { Block, Facts, Go, Moment, PageHead, Status } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { Name } from '../ui/Name'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'
import { History } from './History'

const t = text.order

type Decision = 'approve' | 'reject' | 'cancel'
const actions: Record<Decision, string> = { approve: 'order.approve', reject: 'order.approve', cancel: 'order.cancel' }
const open = new Set(['draft', 'pending-organization-verification', 'pending-documents', 'pending-dcv', 'pending-csr', 'pending-agreement', 'pending-approval', 'issuing', 'pending-ca'])

/** Which decisions a person can take on an order now. */
function useDecisions() {
  const session = useSession()
  return (o: { state?: unknown; group?: unknown; user?: unknown }): Decision[] =>
    (['approve', 'reject', 'cancel'] as const).filter((d) => {
      if (!session.can(actions[d], String(o.group ?? ''))) return false
      if (d === 'cancel') return open.has(String(o.state)) && o.state !== 'issuing'
      return o.state === 'pending-approval' && o.user !== session.me.user
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
            <Button component={Link} href="/orders/new" size="xs">
              {text.newOrder.new}
            </Button>
          )
        }
        actions={[
          { label: t.details, run: (r) => navigate(`/orders/${r.id}`) },
          { label: t.certificate, shown: (r) => !!r.certificate, run: (r) => navigate(`/certificates/${String(r.certificate)}`) },
          ...(['approve', 'reject', 'cancel'] as const).map((d) => ({ label: t[d], danger: d !== 'approve', shown: (r: Row) => decisions(r).includes(d), run: (row: Row) => setAsked({ row, decision: d }) })),
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
  if (d === 'reject') return must(api.POST('/orders/{id}/reject', o))
  return must(api.POST('/orders/{id}/cancel', o))
}

function Decide({ id, number, decision, close }: { id: string; number: number; decision: Decision; close: () => void }) {
  const changed = useChanged()
  const [comment, setComment] = useState('')
  return (
    <Confirm
      opened
      danger={decision !== 'approve'}
      title={`${t[decision]}: ${number}`}
      label={t[decision]}
      close={close}
      run={async () => {
        await decide(id, decision, comment)
        notifications.show({ message: t.decided })
        await changed()
      }}
    >
      <Textarea label={t.comment} description={decision === 'approve' ? undefined : t.commentHint} required={decision === 'reject'} maxLength={2000} autosize minRows={2} value={comment} onChange={(e) => setComment(e.currentTarget.value)} data-autofocus />
    </Confirm>
  )
}

export function Order({ id }: { id: string }) {
  const session = useSession()
  const decisions = useDecisions()
  const poll = usePoll(5_000)
  const q = useQuery({ queryKey: ['order', id], queryFn: () => must(api.GET('/orders/{id}', { params: { path: { id } } })), refetchInterval: (q) => (open.has(q.state.data?.state ?? '') ? poll : false) })
  const [asked, setAsked] = useState<Decision>()
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const o = q.data
  return (
    <>
      <PageHead title={`${t.title} ${o.number}`} badge={<Status value={o.state} />} back={{ to: '/orders', label: text.nav.orders }}>
        {decisions(o).map((d) => (
          <Button key={d} size="xs" variant={d === 'approve' ? 'filled' : 'outline'} color={d === 'approve' ? undefined : 'red'} onClick={() => setAsked(d)}>
            {t[d]}
          </Button>
        ))}
      </PageHead>
      <Tabs defaultValue="details" keepMounted={false}>
        <Tabs.List mb="sm" aria-label={t.title}>
          <Tabs.Tab value="details">{t.details}</Tabs.Tab>
          {o.csr && <Tabs.Tab value="request">{t.request}</Tabs.Tab>}
          {session.can('audit.view') && <Tabs.Tab value="history">{text.certificate.history}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="details">
          <OrderFacts o={o} />
          {(o.approvals_needed > 0 || o.approvals.length > 0) && <Approvals o={o} />}
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

function OrderFacts({ o }: { o: Schemas['OrderDetail'] }) {
  const c = text.certificate
  return (
    <Facts
      rows={[
        [t.subject, o.subject],
        [c.names, o.names.map(bare).join(', ')],
        [t.failure, o.failure],
        [t.comment, o.comment],
        [t.certificate, o.certificate && <Go to={`/certificates/${o.certificate}`}>{t.openCertificate}</Go>],
        [c.replaces, o.replaces && <Go to={`/certificates/${o.replaces}`}>{c.predecessor}</Go>],
        [c.product, o.product && <Go to={`/products/${o.product}`}>{o.product_code || o.product}</Go>],
        [c.issuer, o.issuer && <Go to={`/issuers/${o.issuer}`}>{o.issuer_name || o.issuer}</Go>],
        [c.protocol, o.protocol.toUpperCase()],
        [c.credential, o.credential && <Name list="credentials" id={o.credential} />],
        [c.user, o.user && <Name list="users" id={o.user} />],
        [c.group, o.group && <Name list="groups" id={o.group} />],
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
