import { Button, Progress } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must, type Schemas } from '../api/client'
import { count } from '../lib/format'
import { usePoll } from '../lib/live'
import { useSession } from '../lib/session'
import { text } from '../text'
import { Block, Facts, Moment, PageHead, Status } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'
import { History } from './History'

const t = text.job
const again = new Set(['failed', 'cancelled', 'retrying', 'scheduled'])
const running = new Set(['queued', 'scheduled', 'retrying', 'active'])

function far(p: Schemas['Progress']): string {
  return [p.total ? `${count(p.done)} ${t.of} ${count(p.total)}` : count(p.done), p.note].filter(Boolean).join(', ')
}

/** The state of a job, and how far it is while it runs. */
export function JobState({ row }: { row: Schemas['Job'] }) {
  return (
    <>
      <Status value={row.state} />
      {row.progress && running.has(row.state) && <span className="quiet"> {far(row.progress)}</span>}
    </>
  )
}

export function Job({ id }: { id: string }) {
  const session = useSession()
  const changed = useChanged()
  const [asked, setAsked] = useState<'cancel' | 'retry'>()
  const poll = usePoll(5_000)
  const path = { params: { path: { id: Number(id) } } }
  const q = useQuery({ queryKey: ['job', id], queryFn: () => must(api.GET('/jobs/{id}', path)), refetchInterval: (q) => (running.has(q.state.data?.state ?? '') ? poll : false) })
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const j = q.data
  const p = j.progress
  const manage = session.can('job.manage')
  return (
    <>
      <PageHead title={`${t.title} ${j.id}: ${j.kind}`} badge={<Status value={j.state} />} back={{ to: '/jobs', label: text.nav.jobs }}>
        {manage && again.has(j.state) && (
          <Button size="xs" variant="default" onClick={() => setAsked('retry')}>
            {text.system.retry}
          </Button>
        )}
        {manage && running.has(j.state) && (
          <Button size="xs" variant="outline" color="red" onClick={() => setAsked('cancel')}>
            {text.system.stop}
          </Button>
        )}
      </PageHead>
      {p && running.has(j.state) && p.total ? <Progress value={(100 * p.done) / p.total} aria-label={t.progress} mb="sm" /> : null}
      <Facts
        rows={[
          [t.progress, p && <span aria-live="polite">{far(p)}</span>],
          [t.attempt, `${j.attempt} ${t.of} ${j.max_attempts}`],
          [t.error, j.error],
          [t.system, j.system ? text.list.yes : text.list.no],
          [t.created, <Moment at={j.created_at} />],
          [t.scheduled, j.scheduled_at && <Moment at={j.scheduled_at} relative />],
          [t.started, j.started_at && <Moment at={j.started_at} />],
          [t.finished, j.finished_at && <Moment at={j.finished_at} />],
        ]}
      />
      {!!j.args && Object.keys(j.args).length > 0 && <Block label={t.args} value={JSON.stringify(j.args, null, 2)} />}
      {session.can('audit.view') && (
        <>
          <h2 className="section">{text.history.title}</h2>
          <History object={`job:${j.id}`} />
        </>
      )}
      <Confirm opened={!!asked} danger={asked === 'cancel'} title={`${asked === 'cancel' ? text.system.stop : text.system.retry}: ${j.kind}`} close={() => setAsked(undefined)} run={async () => { await (asked === 'cancel' ? must(api.POST('/jobs/{id}/cancel', path)) : must(api.POST('/jobs/{id}/retry', path))); await changed() }}>
        {asked === 'cancel' ? text.system.stopHint : text.system.retryHint}
      </Confirm>
    </>
  )
}
