import { Button } from '@mantine/core'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must, type Schemas } from '../../api/client'
import { words } from '../../lib/format'
import { text } from '../../text'
import { Facts, Moment, Status } from '../../ui/bits'
import { Dialog } from '../../ui/Dialog'
import { Rows } from '../../ui/Rows'
import { Failure, Waiting } from '../../ui/states'
import { AttemptText } from './Proof'

const t = text.domains
const u = text.upkeep
const page = 20
const furthest = 1000 // the API reads no further

const outcome = (a: Schemas['DomainAttempt']) => <Status value={a.passed ? 'passed' : a.failure ? 'failed' : 'sent'} />

/** What was seen whenever somebody looked, newest first. */
export function Attempts({ id }: { id: string }) {
  const [open, setOpen] = useState<string>()
  const q = useInfiniteQuery({
    queryKey: ['domain-attempts', id],
    queryFn: ({ pageParam }) => must(api.GET('/domains/{id}/attempts', { params: { path: { id }, query: { offset: pageParam, limit: page } } })),
    initialPageParam: 0,
    getNextPageParam: (last, all) => {
      const read = all.reduce((n, p) => n + p.items.length, 0)
      return last.items.length > 0 && read < Math.min(last.total, furthest) ? read : undefined
    },
  })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  // While somebody reads on, another look moves everything by one place.
  const items = [...new Map(q.data?.pages.flatMap((p) => p.items).map((a) => [a.id, a])).values()]
  if (items.length === 0) return null
  return (
    <>
      <h2 className="section">{t.attempts}</h2>
      <Rows
        label={t.attempts}
        none=""
        head={[text.history.time, t.method, text.history.outcome, t.agreed, text.history.detail, text.upkeep.actions]}
        rows={items.map((a) => ({
          key: a.id,
          cells: [
            <Moment key="at" at={a.at} />,
            words(a.method, 'method'),
            <span key="outcome">{outcome(a)}</span>,
            `${a.agreed} / ${a.perspectives}`,
            a.failure?.detail,
            <Button key="open" size="compact-xs" variant="subtle" onClick={() => setOpen(a.id)}>
              {u.attemptDetails}
            </Button>,
          ],
        }))}
      />
      {q.hasNextPage && (
        <Button size="xs" variant="default" mt="xs" loading={q.isFetchingNextPage} onClick={() => void q.fetchNextPage()}>
          {u.older}
        </Button>
      )}
      <Dialog opened={!!open} onClose={() => setOpen(undefined)} title={u.attempt} size="lg">
        {open && <Attempt domain={id} id={open} />}
      </Dialog>
    </>
  )
}

/** One look with everything that was asked and answered. */
function Attempt({ domain, id }: { domain: string; id: string }) {
  const q = useQuery({ queryKey: ['domain-attempt', id], queryFn: () => must(api.GET('/domains/{id}/attempts/{attempt}', { params: { path: { id: domain, attempt: id } } })) })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const a = q.data
  return (
    <>
      <Facts
        rows={[
          [text.history.time, <Moment at={a.at} />],
          [t.method, words(a.method, 'method')],
          [text.history.outcome, outcome(a)],
          [t.agreed, `${a.agreed} / ${a.perspectives}`],
          [u.quorum, a.quorum],
          [u.background, a.background ? text.list.yes : text.list.no],
          [u.expected, <span className="mono">{a.expected}</span>],
          [text.history.detail, (a.failure || a.next) && <AttemptText a={{ ...a, records: [] }} />],
        ]}
      />
      <h2 className="section">{u.answers}</h2>
      <Rows label={u.answers} none={u.noRecords} head={[u.where, text.history.time, u.asked, u.answer]} rows={a.records.map((r, i) => ({ key: String(i), cells: [r.where || u.here, <Moment key="at" at={r.at} />, r.asked, <span key="answer" className="mono">{r.answer}</span>] }))} />
    </>
  )
}
