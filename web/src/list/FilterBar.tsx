import { ActionIcon, Box, Button, Group, NativeSelect, NumberInput, Select, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { readList, type Column } from '../api/client'
import { fromLocal, toLocal, words } from '../lib/format'
import { text } from '../text'
import { Icon } from '../ui/Icon'
import { ALL, complete, valueless, writeCond, type Cond } from './query'

const t = text.list
const op = text.operators

/** A choice of operator as people read it, and the operators of the wire behind it. */
interface Choice {
  key: string
  label: string
}

/** The operators of a column, the usual ones first. Relative spans are choices of their own. */
export function choices(c: Column): Choice[] {
  const has = (o: string) => (c.operators as string[]).includes(o)
  const all: Choice = { key: ALL, label: op.all }
  if (c.type === 'time') {
    const list: Choice[] = [{ key: 'lt', label: op.before }, { key: 'gt', label: op.after }, { key: 'le', label: op.until }, { key: 'ge', label: op.since }].filter((o) => has(o.key))
    if (has('between')) list.push({ key: 'between', label: op.between }, { key: 'next', label: op.next }, { key: 'past', label: op.past })
    for (const o of ['empty', 'notempty'] as const) if (has(o)) list.push({ key: o, label: op[o] })
    return [...list, all]
  }
  const order = ['contains', 'eq', 'ne', 'notcontains', 'startswith', 'endswith', 'gt', 'ge', 'lt', 'le', 'between', 'in', 'empty', 'notempty'] as const
  return [...order.filter((o) => has(o)).map((o) => ({ key: o, label: op[o] })), all]
}

/** Which choice a row stands for. */
function choiceOf(c: Cond, column?: Column): string {
  if (column?.type === 'time' && c.op === 'between') {
    if (c.values[0] === 'now' && /^\+\d+d$/.test(c.values[1] ?? '')) return 'next'
    if (c.values[1] === 'now' && /^-\d+d$/.test(c.values[0] ?? '')) return 'past'
  }
  return c.op
}

/** A new row for a column. */
export function fresh(c: Column): Cond {
  return { column: c.name, op: c.type === 'enum' || c.type === 'bool' || c.type === 'id' ? ALL : (choices(c)[0]?.key ?? 'eq'), values: [] }
}

function change(c: Cond, key: string): Cond {
  if (key === 'next') return { ...c, op: 'between', values: ['now', '+30d'] }
  if (key === 'past') return { ...c, op: 'between', values: ['-30d', 'now'] }
  if (valueless.has(key)) return { ...c, op: key, values: [] }
  if (key === 'between') return { ...c, op: key, values: ['', ''] }
  return { ...c, op: key, values: c.op === 'between' ? [] : c.values.slice(0, key === 'in' ? undefined : 1) }
}

/** Rows of Column, Operator and Value, joined by AND. Complete rows take effect by themselves. */
export function FilterBar({ columns, filter, onChange }: { columns: Column[]; filter: Cond[]; onChange: (f: Cond[]) => void }) {
  const [draft, setDraft] = useState(filter)
  const told = useRef(JSON.stringify(filter))
  // What came from elsewhere, such as a saved view or the Back button, replaces the draft.
  const outside = JSON.stringify(filter)
  useEffect(() => {
    if (outside !== told.current) {
      told.current = outside
      setDraft(filter)
    }
  }, [outside, filter])
  const [settled] = useDebouncedValue(draft, 350)
  useEffect(() => {
    const done = settled.filter((c) => complete(c, columns))
    const now = JSON.stringify(done)
    if (now !== told.current && settled === draft) {
      told.current = now
      onChange(done)
    }
  }, [settled, draft, columns, onChange])

  const set = (i: number, c: Cond) => setDraft(draft.map((x, k) => (k === i ? c : x)))
  return (
    <Box className="filters" role="group" aria-label={t.filters}>
      {draft.map((c, i) => {
        const column = columns.find((x) => x.name === c.column)
        const n = draft.length > 1 ? ` ${i + 1}` : ''
        return (
          <Group key={i} gap="xs" wrap="nowrap" className="filter-row" align="center">
            <NativeSelect
              size="xs"
              aria-label={t.column + n}
              error={!column}
              value={c.column}
              data={[...(column ? [] : [{ value: c.column, label: c.column }]), ...columns.map((x) => ({ value: x.name, label: x.title }))]}
              onChange={(e) => {
                const next = columns.find((x) => x.name === e.currentTarget.value)
                if (next) set(i, fresh(next))
              }}
            />
            {column && <OperatorAndValue column={column} cond={c} n={n} onChange={(x) => set(i, x)} />}
            <ActionIcon variant="subtle" color="gray" aria-label={t.removeRow + n} onClick={() => setDraft(draft.filter((_, k) => k !== i))}>
              <Icon name="close" />
            </ActionIcon>
          </Group>
        )
      })}
      <Group gap="xs">
        <Button size="xs" variant="default" leftSection={<Icon name="plus" />} disabled={columns.length === 0 || draft.length >= 20} onClick={() => setDraft([...draft, fresh(columns.find((x) => !draft.some((c) => c.column === x.name) && x.default) ?? columns[0]!)])}>
          {t.add}
        </Button>
        {draft.length > 0 && (
          <Button size="xs" variant="subtle" onClick={() => setDraft([])}>
            {t.clear}
          </Button>
        )}
      </Group>
    </Box>
  )
}

function OperatorAndValue({ column, cond, n, onChange }: { column: Column; cond: Cond; n: string; onChange: (c: Cond) => void }) {
  const key = choiceOf(cond, column)
  const simple = column.type === 'enum' || column.type === 'bool' || (column.type === 'id' && !!column.refers)
  // Columns with a list of values offer All there, others among the operators.
  const shown = simple ? choices(column).filter((o) => o.key !== ALL) : choices(column)
  return (
    <>
      <NativeSelect
        size="xs"
        aria-label={t.operator + n}
        value={simple && key === ALL ? 'eq' : key}
        data={shown.map((o) => ({ value: o.key, label: o.label }))}
        onChange={(e) => onChange(change(cond, e.currentTarget.value))}
      />
      <Value column={column} cond={cond} choice={key} n={n} onChange={onChange} />
    </>
  )
}

function Value({ column, cond, choice, n, onChange }: { column: Column; cond: Cond; choice: string; n: string; onChange: (c: Cond) => void }) {
  const label = t.value + n
  const one = (v: string) => onChange({ ...cond, values: [v] })
  const listed = (values: { value: string; label: string }[]) => (
    <NativeSelect
      size="xs"
      aria-label={label}
      value={cond.op === ALL ? '' : (cond.values[0] ?? '')}
      data={[{ value: '', label: t.all }, ...values]}
      onChange={(e) => (e.currentTarget.value ? onChange({ ...cond, op: cond.op === ALL ? 'eq' : cond.op, values: [e.currentTarget.value] }) : onChange({ ...cond, op: ALL, values: [] }))}
    />
  )
  if (cond.op === 'in') {
    return <TextInput size="xs" aria-label={label} placeholder={t.commas} value={cond.values.join(',')} onChange={(e) => onChange({ ...cond, values: e.currentTarget.value.split(',') })} />
  }
  if (column.type === 'enum') return listed((column.values ?? []).map((v) => ({ value: v, label: words(v, column.name) })))
  if (column.type === 'bool') return listed([{ value: 'true', label: t.yes }, { value: 'false', label: t.no }])
  if (column.type === 'id' && column.refers) return <Reference column={column} cond={cond} label={label} onChange={onChange} />
  if (valueless.has(cond.op)) return null
  if (choice === 'next' || choice === 'past') {
    const days = Number((choice === 'next' ? cond.values[1] : cond.values[0])?.replace(/\D/g, '')) || 30
    const set = (v: number) => onChange({ ...cond, values: choice === 'next' ? ['now', `+${v}d`] : [`-${v}d`, 'now'] })
    return <NumberInput size="xs" w={110} aria-label={label} min={1} max={36500} value={days} suffix={' ' + t.days} onChange={(v) => Number(v) >= 1 && set(Math.floor(Number(v)))} />
  }
  if (column.type === 'time') {
    const set = (i: number, v: string) => onChange({ ...cond, values: cond.op === 'between' ? [0, 1].map((k) => (k === i ? v : (cond.values[k] ?? ''))) : [v] })
    return (
      <>
        <Instant label={label} value={cond.values[0] ?? ''} onChange={(v) => set(0, v)} />
        {cond.op === 'between' && <Instant label={t.valueTo + n} value={cond.values[1] ?? ''} onChange={(v) => set(1, v)} />}
      </>
    )
  }
  if (cond.op === 'between') {
    const set = (i: number, v: string) => onChange({ ...cond, values: [0, 1].map((k) => (k === i ? v : (cond.values[k] ?? ''))) })
    return (
      <>
        <TextInput size="xs" w={110} inputMode="numeric" aria-label={label} value={cond.values[0] ?? ''} onChange={(e) => set(0, e.currentTarget.value.trim())} />
        <TextInput size="xs" w={110} inputMode="numeric" aria-label={t.valueTo + n} value={cond.values[1] ?? ''} onChange={(e) => set(1, e.currentTarget.value.trim())} />
      </>
    )
  }
  return <TextInput size="xs" aria-label={label} value={cond.values[0] ?? ''} onChange={(e) => one(e.currentTarget.value)} inputMode={column.type === 'number' ? 'numeric' : undefined} />
}

/** A point in time: a date with time of day, or relative when a view or a tile made it so. */
function Instant({ label, value, onChange }: { label: string; value: string; onChange: (v: string) => void }) {
  if (/^(now|[+-]\d+[a-z]*)$/.test(value)) {
    return (
      <TextInput
        size="xs"
        w={120}
        aria-label={label}
        title={t.relative}
        value={value}
        onChange={(e) => onChange(e.currentTarget.value)}
        rightSection={
          <ActionIcon size="xs" variant="subtle" color="gray" aria-label={t.useDate} onClick={() => onChange(new Date().toISOString().slice(0, 19) + 'Z')}>
            <Icon name="calendar" />
          </ActionIcon>
        }
      />
    )
  }
  return <TextInput size="xs" type="datetime-local" aria-label={label} value={value ? toLocal(value) : ''} onChange={(e) => onChange(fromLocal(e.currentTarget.value))} />
}

/** What a column with ids refers to, found by its name. */
function Reference({ column, cond, label, onChange }: { column: Column; cond: Cond; label: string; onChange: (c: Cond) => void }) {
  const [typed, setTyped] = useState('')
  const [search] = useDebouncedValue(typed, 250)
  const value = cond.op === ALL ? '' : (cond.values[0] ?? '')
  const options = useReferences(column.refers!, search)
  const data = [{ value: '', label: t.all }, ...options.filter((o) => o.value)]
  if (value && !data.some((o) => o.value === value)) data.push({ value, label: value })
  return (
    <Select
      size="xs"
      aria-label={label}
      data={data}
      value={value}
      searchable
      allowDeselect={false}
      // What is chosen already is no search: opening the box offers everything.
      onSearchChange={(s) => setTyped(data.some((o) => o.label === s) ? '' : s)}
      filter={({ options }) => options}
      nothingFoundMessage={text.state.empty}
      onChange={(v) => (v ? onChange({ ...cond, op: cond.op === ALL ? 'eq' : cond.op, values: [v] }) : onChange({ ...cond, op: ALL, values: [] }))}
    />
  )
}

const nameOf: Record<string, string> = { users: 'login', credentials: 'label', products: 'code', orders: 'number', certificates: 'common_name' }

/** Things of a list by their names, for pickers. */
export function useReferences(list: string, search = '') {
  const field = nameOf[list] ?? 'name'
  const textual = field !== 'number'
  const q = useQuery({
    queryKey: ['references', list, search],
    queryFn: ({ signal }) => readList('/' + list, { limit: 50, filter: search && textual ? [writeCond({ column: field, op: 'contains', values: [search] })] : [] }, signal),
    staleTime: 30_000,
    placeholderData: (before) => before,
  })
  return (q.data?.items ?? []).map((r) => ({ value: String(r.id), label: String(r[field] ?? r.id) || String(r.id) }))
}
