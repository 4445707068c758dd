import { useInfiniteQuery } from '@tanstack/react-query'
import { Button, Table } from '@mantine/core'
import { readList, type Schemas } from '../api/client'
import { writeCond } from '../list/query'
import { text } from '../text'
import { Go, Moment, Status } from '../ui/bits'
import { Failure, Waiting } from '../ui/states'
import { listHref } from '../list/query'

const t = text.history
const most = 100

/** What the audit log says about a thing, newest first. */
export function History({ object, path }: { object?: string; path?: string }) {
  const filter = object ? [writeCond({ column: 'object', op: 'eq', values: [object] })] : []
  const q = useInfiniteQuery({
    queryKey: ['history', path ?? '/audit', filter],
    queryFn: ({ signal, pageParam }) => readList<Schemas['Entry']>(path ?? '/audit', { filter, limit: most, cursor: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: (p) => p.next,
  })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const entries = q.data.pages.flatMap((p) => p.items)
  if (entries.length === 0) return <div className="empty">{text.state.empty}</div>
  return (
    <>
      <div className="scroll" tabIndex={0} role="region" aria-label={t.title}>
        <Table fz="sm" stickyHeader verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              {[t.time, t.action, t.who, t.outcome, t.from, t.detail].map((x) => (
                <Table.Th key={x} scope="col">
                  {x}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {entries.map((e) => (
              <Table.Tr key={`${e.chain}-${e.seq}`}>
                <Table.Td>
                  <Moment at={e.at} />
                </Table.Td>
                <Table.Td>{e.action}</Table.Td>
                <Table.Td>{e.login || e.actor}</Table.Td>
                <Table.Td>
                  <Status value={e.outcome} />
                </Table.Td>
                <Table.Td>{[e.protocol, e.address].filter(Boolean).join(' ')}</Table.Td>
                <Table.Td>
                  <Detail detail={e.detail} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      {q.hasNextPage && (
        <Button size="xs" variant="default" mt="xs" mr="sm" loading={q.isFetchingNextPage} onClick={() => void q.fetchNextPage()}>
          {text.upkeep.older}
        </Button>
      )}
      {q.hasNextPage && object && <Go to={listHref('/audit', filter)}>{t.all}</Go>}
    </>
  )
}

/** The details of an entry of the audit log, flat. */
export function Detail({ detail }: { detail?: Record<string, unknown> }) {
  const parts = Object.entries(detail ?? {}).filter(([, v]) => v !== '' && v !== null && v !== undefined && !(Array.isArray(v) && v.length === 0))
  if (parts.length === 0) return null
  const all = parts.map(([k, v]) => `${k}: ${typeof v === 'object' ? JSON.stringify(v) : String(v)}`).join('; ')
  return (
    <span className="mono entry" title={all}>
      {all.length > 160 ? all.slice(0, 160) + '…' : all}
    </span>
  )
}
