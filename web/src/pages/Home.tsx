import { Group, Paper, Skeleton, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { api, must, readList, type Schemas } from '../api/client'
import { count, day, sentence, words } from '../lib/format'
import { usePoll } from '../lib/live'
import { useSession } from '../lib/session'
import { bare, pageOf } from '../list/Cell'
import { listHref } from '../list/query'
import { text } from '../text'
import { Go, Info, Moment, PageHead } from '../ui/bits'
import { Donut, type Slice } from '../ui/Donut'
import { Failure } from '../ui/states'
import { SetupPanel } from './SetupPanel'

const t = text.home

/** A number and the list that it counts: both run this filter. */
interface Metric {
  list: string
  filter: string[]
  label: string
  info: string
}

const live = ['state:eq:active', 'not_after:gt:now']
const within = (to: string, from = 'now') => ['state:eq:active', `not_after:between:${from},${to}`]

const tiles: Metric[] = [
  { list: 'certificates', filter: live, ...t.active },
  { list: 'certificates', filter: within('+1d'), ...t.day },
  { list: 'certificates', filter: within('+7d'), ...t.week },
  { list: 'certificates', filter: within('+30d'), ...t.month },
  { list: 'certificates', filter: within('+90d'), ...t.quarter },
  { list: 'certificates', filter: ['state:eq:active', 'not_after:lt:now', 'replaced:eq:false'], ...t.expired },
  { list: 'certificates', filter: ['state:eq:revoked', 'revoked_at:between:-30d,now'], ...t.revoked },
  { list: 'orders', filter: ['state:eq:pending-approval'], ...t.approval },
  { list: 'orders', filter: ['state:eq:failed', 'created_at:between:-7d,now'], ...t.failed },
  { list: 'domains', filter: ['state:eq:active', 'control:eq:pending'], ...t.domains },
  { list: 'credentials', filter: ['status:eq:active'], ...t.credentials },
  { list: 'issuers', filter: ['state:eq:active', 'crl_next:lt:+1d'], ...t.crl },
]

interface Share {
  list: string
  by: string
  filter: string[]
  label: string
  info: string
}

const donuts: Share[] = [
  { list: 'certificates', by: 'key_algorithm', filter: live, ...t.byKey },
  { list: 'certificates', by: 'issuer', filter: live, ...t.byIssuer },
  { list: 'certificates', by: 'protocol', filter: live, ...t.byProtocol },
]

export function Home() {
  const session = useSession()
  const open = (m: { list: string }) => session.lists.has(m.list)
  return (
    <>
      <PageHead title={t.title} />
      {session.can('settings.manage') && <SetupPanel />}
      <div className="tiles">
        {tiles.filter(open).map((m) => (
          <Tile key={m.label} m={m} />
        ))}
      </div>
      <div className="panels">
        {session.lists.has('certificates') && <PartsOf parts={expiry} {...t.expiry} />}
        {session.lists.has('certificates') && <PartsOf parts={states} {...t.byState} />}
        {donuts.filter(open).map((d) => (
          <ShareOf key={d.label} d={d} />
        ))}
        {session.lists.has('certificates') && <Weeks />}
        {session.lists.has('orders') && <Failures />}
      </div>
    </>
  )
}

function useCount(list: string, filter: string[], by?: string) {
  return useQuery({
    queryKey: ['count', list, filter, by],
    queryFn: ({ signal }) => must(api.GET('/lists/{name}/count', { params: { path: { name: list }, query: { filter, by } }, signal })),
    staleTime: 30_000,
    refetchInterval: usePoll(60_000),
  })
}

function Tile({ m }: { m: Metric }) {
  const q = useCount(m.list, m.filter)
  return (
    <section className="tile" aria-label={m.label} data-tile={m.label}>
      <Group justify="space-between" wrap="nowrap" gap={4}>
        <Text size="sm">{m.label}</Text>
        <Info about={m.label}>{m.info}</Info>
      </Group>
      {q.error ? (
        <Text size="sm" role="alert">
          {q.error.message}
        </Text>
      ) : q.data ? (
        <Link className="number" href={listHref(pageOf[m.list]!, m.filter)} aria-label={`${m.label}: ${count(q.data.count)}`}>
          {count(q.data.count)}
        </Link>
      ) : (
        <Skeleton h={30} w={60} />
      )}
    </section>
  )
}

function Panel({ label, info, children }: { label: string; info: string; children: React.ReactNode }) {
  return (
    <Paper withBorder p="sm" component="section" aria-label={label}>
      <Group gap={4} mb={6}>
        <Title order={2} size="h5">
          {label}
        </Title>
        <Info about={label}>{info}</Info>
      </Group>
      {children}
    </Paper>
  )
}

function ShareOf({ d }: { d: Share }) {
  const q = useCount(d.list, d.filter, d.by)
  const column = useSession().lists.get(d.list)?.columns.find((c) => c.name === d.by)
  const slices: Slice[] = (q.data?.groups ?? []).map((g) => ({
    label: g.name || (g.value ? words(g.value, d.by) : t.none),
    value: g.count,
    href: g.value || column?.type === 'text' ? listHref(pageOf[d.list]!, [...d.filter, g.value ? `${d.by}:eq:${g.value}` : `${d.by}:empty`]) : undefined,
  }))
  return (
    <Panel label={d.label} info={d.info}>
      {q.error ? <Failure error={q.error} /> : q.data ? <Donut slices={slices} label={d.label} /> : <Skeleton h={130} />}
    </Panel>
  )
}

type Part = { label: string; filter: string[]; sort?: string }

/** Certificates in parts, each with a filter of its own. */
function PartsOf({ parts, label, info }: { parts: Part[]; label: string; info: string }) {
  const counts = parts.map((p) => useCount('certificates', p.filter)) // the number of parts never changes
  const slices = parts.map((p, i) => ({ label: p.label, value: counts[i]!.data?.count ?? 0, href: listHref('/certificates', p.filter, p.sort) }))
  return (
    <Panel label={label} info={info}>
      {counts.some((q) => q.error) ? <Failure error={counts.find((q) => q.error)!.error} /> : counts.every((q) => q.data) ? <Donut slices={slices} label={label} /> : <Skeleton h={130} />}
    </Panel>
  )
}

/** Active certificates by when they expire. Each part begins where the one before ends. */
const expiry: Part[] = [
  { label: t.buckets.day, filter: within('+1d'), sort: 'not_after' },
  { label: t.buckets.week, filter: within('+7d', '+1d'), sort: 'not_after' },
  { label: t.buckets.month, filter: within('+30d', '+7d'), sort: 'not_after' },
  { label: t.buckets.quarter, filter: within('+90d', '+30d'), sort: 'not_after' },
  { label: t.buckets.later, filter: ['state:eq:active', 'not_after:gt:+90d'], sort: 'not_after' },
]

/** Certificates by their state, with those that have ended apart. */
const states: Part[] = [
  { label: words('active'), filter: live },
  { label: words('expired'), filter: ['state:eq:active', 'not_after:lt:now'] },
  { label: words('revoked'), filter: ['state:eq:revoked'] },
  { label: words('on-hold'), filter: ['state:eq:on-hold'] },
]

const weeks = 12

/** How many certificates expire in each of the coming weeks. */
function Weeks() {
  const counts = Array.from({ length: weeks }, (_, i) => useCount('certificates', within(`+${7 * (i + 1)}d`, i ? `+${7 * i}d` : 'now')))
  const most = Math.max(1, ...counts.map((q) => q.data?.count ?? 0))
  const start = Date.now()
  return (
    <Panel label={t.weeks.label} info={t.weeks.info}>
      <ol className="weeks">
        {counts.map((q, i) => (
          <li key={i}>
            <span className="quiet">{day(new Date(start + i * 7 * 86400e3).toISOString())}</span>
            <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
              <rect width={(100 * (q.data?.count ?? 0)) / most} height="8" />
            </svg>
            <Link href={listHref('/certificates', within(`+${7 * (i + 1)}d`, i ? `+${7 * i}d` : 'now'), 'not_after')} aria-label={`${t.weeks.from} ${day(new Date(start + i * 7 * 86400e3).toISOString())}: ${q.data?.count ?? 0}`}>
              {q.data ? count(q.data.count) : '…'}
            </Link>
          </li>
        ))}
      </ol>
    </Panel>
  )
}

const failed = ['state:eq:failed']

function Failures() {
  const q = useQuery({ queryKey: ['list', '/orders', 'failures'], queryFn: ({ signal }) => readList<Schemas['Order']>('/orders', { filter: failed, limit: 6 }, signal), refetchInterval: usePoll(60_000) })
  return (
    <Panel label={t.failures.label} info={t.failures.info}>
      {q.error ? (
        <Failure error={q.error} />
      ) : !q.data ? (
        <Skeleton h={130} />
      ) : q.data.items.length === 0 ? (
        <Text size="sm">{t.failures.none}</Text>
      ) : (
        <>
          <Table fz="sm" verticalSpacing={3} className="failures">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">{text.order.title}</Table.Th>
                <Table.Th scope="col">{text.order.failure}</Table.Th>
                <Table.Th scope="col">{text.history.time}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {q.data.items.map((o) => (
                <Table.Tr key={o.id}>
                  <Table.Td>
                    <Go to={`/orders/${o.id}`}>{o.names[0] ? bare(o.names[0]) : o.number}</Go>
                  </Table.Td>
                  <Table.Td>{sentence(o.failure ?? '')}</Table.Td>
                  <Table.Td className="moment">
                    <Moment at={o.updated_at} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          <Go to={listHref('/orders', failed)}>{t.failures.all}</Go>
        </>
      )}
    </Panel>
  )
}
