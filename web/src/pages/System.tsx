import { Alert, Button, Group, List, NativeSelect, Stack, Tabs, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, fail, must, ownHeaders, prefix, type Row, type Schemas } from '../api/client'
import { browser, count, words } from '../lib/format'
import { useSession } from '../lib/session'
import { pageOf } from '../list/Cell'
import { ListPage } from '../list/ListPage'
import { text } from '../text'
import { Block, Facts, Go, PageHead } from '../ui/bits'
import { Confirm, stay } from '../ui/Confirm'
import { Failure, Waiting } from '../ui/states'
import { AccountName } from './AccountName'
import { useChanged } from './CertificateActions'
import { SignInPolicy } from './SignInPolicy'
import { JobState } from './Job'

const t = text.system

// ---- audit log

export function Audit() {
  const session = useSession()
  return (
    <>
      <ListPage list="audit" title={text.nav.audit} cells={{ object: (r) => <Audited object={String(r.object ?? '')} /> }} rowId={(r) => `${String(r.chain)}-${String(r.seq)}`} head={<>{session.can('audit.verify') && <Verify />}<Button size="xs" variant="default" component="a" href={prefix + '/audit/export'} download>{t.exportAudit}</Button></>} />
    </>
  )
}

const listOf: Record<string, string> = { certificate: 'certificates', order: 'orders', credential: 'credentials', product: 'products', issuer: 'issuers', group: 'groups', user: 'users', organisation: 'organisations', domain: 'domains', vetting: 'vettings', 'sign-in-provider': 'sign-in-providers' }

/** What an event is about: its kind and the end of its id, where the ids of a moment differ. */
function Audited({ object }: { object: string }) {
  const [kind = '', id = ''] = object.split(/:(.*)/s)
  const to = pageOf[listOf[kind] ?? '']
  const label = words(kind) + (id ? ` …${id.slice(-8)}` : '')
  return <span title={object}>{to && id ? <Go to={`${to}/${id}`}>{label}</Go> : label}</span>
}

/** Verifies the whole log and shows what is found while it goes on. */
function Verify() {
  const [running, setRunning] = useState(false)
  const [problems, setProblems] = useState<Schemas['AuditProblem'][]>([])
  const [sum, setSum] = useState<Schemas['AuditSummary']>()
  const [error, setError] = useState<unknown>()
  const run = async () => {
    setRunning(true)
    setProblems([])
    setSum(undefined)
    setError(undefined)
    try {
      const r = await fetch(prefix + '/audit/verify', { method: 'POST', headers: ownHeaders })
      if (!r.ok || !r.body) fail(r.status, await r.json().catch(() => undefined))
      let rest = ''
      let ended = false
      const reader = r.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { value, done } = await reader.read()
        rest += value ?? ''
        const lines = rest.split('\n')
        rest = lines.pop() ?? ''
        for (const l of lines) {
          const v = JSON.parse(l) as Schemas['VerifyLine']
          if (v.problem) setProblems((p) => (p.length < 200 ? [...p, v.problem!] : p))
          if (v.summary) {
            setSum(v.summary)
            ended = true
          }
          if (v.error) fail(v.error.status, v.error)
        }
        if (done) break
      }
      if (!ended) throw new Error(text.export.broken)
    } catch (e) {
      setError(e)
    } finally {
      setRunning(false)
    }
  }
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button size="xs" onClick={() => (setOpen(true), void run())}>
        {t.verify}
      </Button>
      <Confirm opened={open} title={t.verify} label={t.again} close={() => setOpen(false)} run={async () => { await run(); return stay }}>
        <div aria-live="polite">
          {running && <Waiting />}
          {!!error && <Failure error={error} />}
          {sum && (
            <Alert variant="outline" color={sum.ok ? 'green' : 'red'} title={sum.ok ? t.intact : t.damaged}>
              <Text size="sm">
                {count(sum.rows)} {t.entries}, {sum.chains} {t.chains}, {count(sum.checkpoints)} {t.checkpoints}, {count(sum.uncovered)} {t.uncovered}, {count(sum.erased)} {t.erased}
              </Text>
            </Alert>
          )}
          {problems.length > 0 && (
            <List size="sm">
              {problems.map((p, i) => (
                <List.Item key={i}>
                  {p.kind}: {p.detail}
                </List.Item>
              ))}
            </List>
          )}
        </div>
      </Confirm>
    </>
  )
}

// ---- jobs

export function Jobs() {
  const session = useSession()
  const changed = useChanged()
  const [asked, setAsked] = useState<{ what: 'cancel' | 'retry'; row: Row }>()
  const manage = session.can('job.manage')
  const path = { params: { path: { id: Number(asked?.row.id) } } }
  return (
    <>
      <ListPage
        list="jobs"
        title={text.nav.jobs}
        link={(r) => `/jobs/${String(r.id)}`}
        linkColumn="kind"
        cells={{ state: (r) => <JobState row={r as Schemas['Job']} /> }}
        actions={
          manage
            ? [
                { label: t.retry, shown: (r) => ['failed', 'cancelled', 'retrying', 'scheduled'].includes(String(r.state)), run: (row) => setAsked({ what: 'retry', row }) },
                { label: t.stop, danger: true, shown: (r) => ['queued', 'scheduled', 'retrying', 'active'].includes(String(r.state)), run: (row) => setAsked({ what: 'cancel', row }) },
              ]
            : []
        }
      />
      <Confirm opened={!!asked} danger={asked?.what === 'cancel'} title={`${asked?.what === 'cancel' ? t.stop : t.retry}: ${String(asked?.row.kind)}`} close={() => setAsked(undefined)} run={async () => { await (asked!.what === 'cancel' ? must(api.POST('/jobs/{id}/cancel', path)) : must(api.POST('/jobs/{id}/retry', path))); await changed() }}>
        {asked?.what === 'cancel' ? t.stopHint : t.retryHint}
      </Confirm>
    </>
  )
}

// ---- one's own account

export function Me({ tokens }: { tokens?: boolean }) {
  const [, navigate] = useLocation()
  const { me, lists } = useSession()
  const changed = useChanged()
  const [session, setSession] = useState<Row>()
  const [token, setToken] = useState<Row>()
  const [adding, setAdding] = useState(false)
  return (
    <>
      <PageHead title={text.header.me}>
        <Button size="xs" variant="default" component="a" href="/security">
          {text.header.security}
        </Button>
        <Button size="xs" variant="default" component="a" href="/password">
          {text.header.password}
        </Button>
      </PageHead>
      <Facts rows={[[text.people.login, me.login], [text.people.name, me.name], [text.people.email, me.email], [t.account, me.account.name]]} />
      <Tabs value={tokens ? 'tokens' : 'sessions'} onChange={(v) => navigate(v === 'tokens' ? '/me/tokens' : '/me')} mt="md" keepMounted={false}>
        <Tabs.List mb="sm" aria-label={text.header.me}>
          <Tabs.Tab value="sessions">{t.sessions}</Tabs.Tab>
          {lists.has('tokens') && <Tabs.Tab value="tokens">{t.tokens}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="sessions">
          <ListPage embedded list="sessions" title={t.sessions} cells={{ agent: (r) => <span title={String(r.agent)}>{browser(String(r.agent ?? ''))}</span> }} actions={[{ label: t.end, danger: true, run: setSession }]} />
        </Tabs.Panel>
        <Tabs.Panel value="tokens">
          <Group justify="flex-end" mb="xs">
            <Button size="xs" onClick={() => setAdding(true)}>
              {t.newToken}
            </Button>
          </Group>
          <ListPage embedded list="tokens" title={t.tokens} actions={[{ label: text.credentials.revoke, danger: true, shown: (r) => r.status === 'active', run: setToken }]} />
        </Tabs.Panel>
      </Tabs>
      <Confirm opened={!!session} danger title={t.end} label={t.end} close={() => setSession(undefined)} run={async () => { await must(api.DELETE('/sessions/{id}', { params: { path: { id: String(session!.id) } } })); if (session!.current) location.assign('/signin'); else await changed() }}>
        {session?.current ? t.endThis : t.endHint}
      </Confirm>
      <Confirm opened={!!token} danger title={`${text.credentials.revoke}: ${String(token?.name)}`} label={text.credentials.revoke} close={() => setToken(undefined)} run={async () => { await must(api.DELETE('/tokens/{id}', { params: { path: { id: String(token!.id) } } })); await changed() }}>
        {t.revokeToken}
      </Confirm>
      {adding && <NewToken close={() => setAdding(false)} />}
    </>
  )
}

function NewToken({ close }: { close: () => void }) {
  const changed = useChanged()
  const [name, setName] = useState('')
  const [days, setDays] = useState('90')
  const [secret, setSecret] = useState('')
  return (
    <Confirm
      opened
      title={t.newToken}
      label={secret ? text.credentials.kept : t.makeToken}
      close={close}
      run={async () => {
        if (secret) return undefined
        const got = await must(api.POST('/tokens', { body: { name, expires_at: new Date(Date.now() + Number(days) * 86400e3).toISOString() } }))
        setSecret(got.secret)
        await changed()
        return stay
      }}
    >
      {secret ? (
        <Stack gap="xs">
          <Alert color="yellow" variant="outline" role="status">
            {text.credentials.once}
          </Alert>
          <Block label={t.token} value={secret} />
        </Stack>
      ) : (
        <Group grow>
          <TextInput label={text.people.name} required maxLength={100} value={name} onChange={(e) => setName(e.currentTarget.value)} data-autofocus />
          <NativeSelect label={t.validFor} value={days} onChange={(e) => setDays(e.currentTarget.value)} data={['1', '30', '90', '365'].map((d) => ({ value: d, label: `${d} ${text.list.days}` }))} />
        </Group>
      )}
    </Confirm>
  )
}

// ---- settings

export function Settings() {
  const session = useSession()
  return (
    <>
      <PageHead title={text.nav.settings} />
      <AccountName />
      {session.can('settings.view') && <About />}
    </>
  )
}

function About() {
  const q = useQuery({ queryKey: ['about'], queryFn: () => must(api.GET('/about')) })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const a = q.data
  return (
    <>
      <h2 className="section">{text.upkeep.server}</h2>
      <Text size="sm" mb="sm">
        {t.settingsHint}
      </Text>
      <Facts
        rows={[
          [t.version, a.version],
          [t.commit, a.commit],
          [t.go, a.go],
          [t.database, words(a.database, 'database')],
          [t.baseURL, a.base_url],
          [t.statusURL, a.status_url],
          [t.listeners, a.listeners.map((l) => <div key={l.name}>{l.name}: {l.address} {l.tls ? 'TLS' : ''}</div>)],
          [t.protocols, a.protocols.map((x) => words(x, 'protocol')).join(', ')],
          [t.connectors, a.connectors.map((x) => words(x, 'connector')).join(', ')],
          [t.lints, a.lint_sources.map((l) => `${l.title} (${l.lints?.length ?? 0})`).join(', ')],
          [t.auditKey, <span className="mono">{a.audit_verifier}</span>],
        ]}
      />
      <SignInPolicy />
    </>
  )
}
