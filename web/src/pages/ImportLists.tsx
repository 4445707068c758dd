import { Alert, Button, Code, Group, NativeSelect, Paper, Progress, Stack, Text } from '@mantine/core'
import { useRef, useState } from 'react'
import { api, must, type Schemas } from '../api/client'
import { useSession } from '../lib/session'
import { text } from '../text'
import { Confirm } from '../ui/Confirm'
import { Failure } from '../ui/states'
import { useChanged } from './CertificateActions'
import { Files, Results, type ResultColumn } from './ImportParts'

const t = text.imports

type Result = Schemas['UserRowResult']
type Name = 'users' | 'groups' | 'organisations' | 'domains'

/** The lists that can be read from CSV files, with their columns. */
export const importable: { name: Name; action: string; columns: string }[] = [
  { name: 'users', action: 'user.manage', columns: 'login,name,email,role,group,sign_in' },
  { name: 'groups', action: 'group.manage', columns: 'name,email,organisation' },
  { name: 'organisations', action: 'organisation.manage', columns: 'name,country,state,locality,email' },
  { name: 'domains', action: 'domain.manage', columns: 'name,organisation,group,method' },
]

// So many rows go with one request: short enough to see how it goes on and to stop.
const piece = 50

interface State {
  dry: boolean
  rows: Result[]
  total: number
  done: number
  running: boolean
  stopped?: boolean
}

/** The form for CSV files: a dry run first, then the import, with progress. */
export function ImportLists() {
  const session = useSession()
  const changed = useChanged()
  const open = importable.filter((l) => session.can(l.action))
  const [list, setList] = useState<Name>(open[0]!.name)
  const [files, setFiles] = useState<File[]>([])
  const [state, setState] = useState<State>()
  const [error, setError] = useState<unknown>()
  const [asked, setAsked] = useState(false)
  const stop = useRef(false)
  const reset = () => (setState(undefined), setError(undefined))
  const run = async (dry: boolean) => {
    stop.current = false
    setError(undefined)
    let s: State = { dry, rows: [], total: 0, done: 0, running: true }
    setState(s)
    try {
      const csv = await files[0]!.text()
      for (let from = 0; ; ) {
        const got = await must(api.POST(`/imports/${list}`, { body: { csv, from, limit: piece, dry_run: dry || undefined } }))
        const rows: Result[] = [...s.rows, ...got.items]
        s = { ...s, rows, total: got.total, done: rows.length, running: got.next !== 0 }
        if (stop.current && s.running) s = { ...s, running: false, stopped: true }
        setState(s)
        if (!s.running) break
        from = got.next
      }
    } catch (e) {
      setState({ ...s, running: false })
      setError(e)
    }
    if (!dry) await changed()
  }
  const fresh = state?.dry && !state.running && !state.stopped ? state.rows.filter((r) => r.status === 'new').length : 0
  return (
    <Stack gap="md">
      <Paper withBorder p="md" maw={820}>
        <form onSubmit={(e) => (e.preventDefault(), void run(true))}>
          <Stack gap="sm">
            <Text size="sm">{t.listsHint}</Text>
            <NativeSelect label={t.list} value={list} data={open.map((l) => ({ value: l.name, label: text.nav[l.name] }))} onChange={(e) => (setList(e.currentTarget.value as Name), reset())} />
            <Text size="sm">
              {t.columns} <Code>{importable.find((l) => l.name === list)!.columns}</Code>
            </Text>
            <Files label={t.csvFile} description={t.csvHint} accept=".csv,text/csv" files={files} onChange={(f) => (setFiles(f), reset())} />
            {!!error && <Failure error={error} />}
            <Group justify="flex-end">
              <Button type="submit" variant="default" disabled={!files.length || state?.running}>
                {t.dryRun}
              </Button>
              <Button disabled={!fresh} onClick={() => setAsked(true)}>
                {t.run}
              </Button>
            </Group>
          </Stack>
        </form>
      </Paper>
      {state && <Outcome state={state} list={list} stop={() => (stop.current = true)} />}
      {asked && (
        <Confirm opened title={`${t.run}: ${text.nav[list]}`} label={t.run} close={() => setAsked(false)} run={async () => (setAsked(false), void run(false))}>
          {`${fresh} ${t.question}`}
        </Confirm>
      )}
    </Stack>
  )
}

function Outcome({ state, list, stop }: { state: State; list: Name; stop: () => void }) {
  const of = (status: string) => state.rows.filter((r) => r.status === status).length
  const secrets = state.rows.some((r) => r.password)
  const summary = [state.dry ? `${of('new')} ${t.fresh}` : `${of('created')} ${t.created}`, `${of('known')} ${t.known}`, `${of('refused')} ${t.refused}`].join(', ')
  const columns: ResultColumn<Result>[] = [
    { title: t.line, value: (r) => String(r.line) },
    { title: text.people.name, value: (r) => r.name },
    { title: t.status, value: (r) => r.status, status: true },
    ...(list === 'users' && secrets ? [{ title: t.oneTime, value: (r: Result) => r.password ?? '', shown: (r: Result) => r.password && <span className="mono">{r.password}</span> }] : []),
    { title: t.column, value: (r) => r.field ?? '' },
    { title: t.reason, value: (r) => r.reason ?? '' },
  ]
  return (
    <>
      {state.running ? (
        <Group>
          <Progress value={state.total ? (100 * state.done) / state.total : 0} aria-label={t.progress} w={300} />
          <Text size="sm" aria-live="polite">
            {state.done} {text.list.of} {state.total}
          </Text>
          <Button size="xs" variant="default" onClick={stop}>
            {t.stop}
          </Button>
        </Group>
      ) : (
        <Alert variant="outline" role="status" color={of('refused') ? 'yellow' : 'green'} title={(state.dry ? t.dryRun + ': ' : '') + summary}>
          {state.stopped ? t.stopped : secrets ? t.oneTimeHint : undefined}
        </Alert>
      )}
      <Results name={`import-${list}`} rows={state.rows} columns={columns} />
    </>
  )
}
