import { ActionIcon, Button, Checkbox, Collapse, Group, Menu, NativeSelect, Table, Text, Tooltip } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { columnVisibilityFeature, rowSelectionFeature, tableFeatures, useTable, type RowSelectionState } from '@tanstack/react-table'
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { useSearch } from 'wouter'
import { api, must, readList, type Column, type Row } from '../api/client'
import { count } from '../lib/format'
import { followed, useLiveList, useLiveState } from '../lib/live'
import { useSession } from '../lib/session'
import { text } from '../text'
import { Go, PageHead } from '../ui/bits'
import { Icon } from '../ui/Icon'
import { Failure, Waiting } from '../ui/states'
import { Bulk, type BulkAction } from './Bulk'
import { bare, Cell } from './Cell'
import { ColumnChooser } from './ColumnChooser'
import { ExportMenu } from './ExportMenu'
import { FilterBar } from './FilterBar'
import { pageSizes, sent, useListState, type ListState } from './query'
import { ViewsMenu } from './ViewsMenu'

const t = text.list

/** Something that can be done with one row. */
export interface RowAction {
  label: string
  shown?: (row: Row) => boolean
  danger?: boolean
  run: (row: Row) => void
}

/** What a list page needs to know beyond what the server says of the list. */
export interface ListProps {
  list: string // name at the server
  title: string
  rowId?: (row: Row) => string
  link?: (row: Row) => string | undefined // the page of a row
  linkColumn?: string // the column that leads there; the first without
  cells?: Record<string, (row: Row) => ReactNode> // columns that look special
  actions?: RowAction[]
  bulk?: BulkAction[]
  head?: ReactNode // buttons beside the title
  note?: ReactNode // what the reader must know, below the title
  refresh?: number // milliseconds, for a list that no events tell of
  path?: string // where the rows are, when not where the list is; then without export, count and views
  embedded?: boolean // inside of another page: no title
}

const features = tableFeatures({ rowSelectionFeature, columnVisibilityFeature })
const none: Row[] = []

/** The one page of every list. */
export function ListPage(p: ListProps) {
  const session = useSession()
  const info = session.lists.get(p.list)
  if (!info) return <Failure error={new Error(text.state.notFound)} />
  return <Loaded {...p} columns={info.columns} path={p.path ?? info.path} own={!p.path} counted={info.counted} />
}

function Loaded(p: ListProps & { columns: Column[]; path: string; own: boolean; counted: boolean }) {
  const [state, change] = useListState()
  const root = useRef<HTMLDivElement>(null)
  const [selection, setSelection] = useState<RowSelectionState>({})
  // Nothing moves while somebody has rows selected, edits the filter or has a menu or a question open.
  const held = () => Object.values(selection).some(Boolean) || !!root.current?.querySelector('.filters :focus') || !!document.querySelector('[role=menu], [role=dialog]')
  const isLive = useLiveState() === 'live'
  const poll = () => (held() ? false : !followed.has(p.list) ? (p.refresh ?? false) : !p.own ? false : isLive ? 120_000 : 15_000)
  const rows = useQuery({
    queryKey: ['rows', p.path, sent(state.filter), state.sort, state.cursor, state.limit],
    queryFn: ({ signal }) => readList(p.path, { filter: sent(state.filter), sort: state.sort, cursor: state.cursor, limit: state.limit, names: true }, signal),
    placeholderData: keepPreviousData,
    refetchInterval: poll,
  })
  const total = useTotal(p.list, state, p.own && p.counted, poll)
  const { waiting, settled } = useLiveList(p.own ? p.list : '', held, () => void (rows.refetch({ cancelRefetch: false }), total.refetch({ cancelRefetch: false })))
  useEffect(settled, [settled, rows.dataUpdatedAt])
  const showable = useMemo(() => p.columns.filter((c) => c.field), [p.columns])
  const chosen = useMemo(() => {
    const named = state.columns.map((n) => showable.find((c) => c.name === n)).filter((c) => c !== undefined)
    return named.length ? named : showable.filter((c) => c.default)
  }, [state.columns, showable])
  const [open, setOpen] = useState(true)
  // What is shown, for tests that must not look too early.
  const search = useSearch()
  const busy = rows.isFetching || total.isFetching
  const pager = usePager(state, change, rows.data?.next)

  const id = p.rowId ?? ((r: Row) => String(r.id))
  const items = rows.data?.items ?? none
  const picked = items.filter((r) => selection[id(r)])
  return (
    <div className="list" ref={root} data-list={p.list} data-shown={busy ? undefined : '?' + search}>
      {!p.embedded && <PageHead title={p.title}>{p.head}</PageHead>}
      {p.note}
      <Group justify="space-between" gap="xs" mb="xs">
        <Button size="xs" variant="default" aria-expanded={open} onClick={() => setOpen(!open)} rightSection={<Icon name={open ? 'up' : 'down'} size={14} />}>
          {t.filter}
          {state.filter.length > 0 && ` (${state.filter.length})`}
        </Button>
        <Group gap="xs">
          {p.own && <ViewsMenu list={p.list} state={state} shown={chosen.map((c) => c.name)} change={change} />}
          <ColumnChooser columns={showable} chosen={chosen} onChange={(columns) => change({ columns, cursor: state.cursor })} />
          {p.own && <ExportMenu list={p.list} title={p.title} state={state} columns={chosen.map((c) => c.name)} />}
          <span role="status">
            {waiting > 0 && (
              <Button size="xs" variant="light" onClick={() => void (rows.refetch(), total.refetch())}>
                {count(waiting)} {waiting === 1 ? text.live.change : text.live.changes}
              </Button>
            )}
          </span>
          <Tooltip label={t.refresh}>
            <ActionIcon variant="default" size={30} aria-label={t.refresh} loading={rows.isFetching && !rows.isPending} onClick={() => void (rows.refetch(), total.refetch())}>
              <Icon name="refresh" />
            </ActionIcon>
          </Tooltip>
        </Group>
      </Group>
      <Collapse expanded={open}>
        <FilterBar columns={p.columns} filter={state.filter} onChange={(filter) => change({ filter }, true)} />
      </Collapse>
      {p.bulk && picked.length > 0 && <Bulk rows={picked} name={(r) => rowName(r)} actions={p.bulk} done={() => (setSelection({}), void rows.refetch())} clear={() => setSelection({})} />}
      {rows.error ? (
        <Failure error={rows.error} retry={() => void rows.refetch()} />
      ) : rows.isPending ? (
        <Waiting />
      ) : (
        <Rows {...p} chosen={chosen} items={items} names={rows.data.names ?? {}} id={id} state={state} change={change} selection={selection} setSelection={setSelection} stale={rows.isPlaceholderData} />
      )}
      <Group justify="space-between" mt="xs" gap="xs" role="group" aria-label={t.page}>
        <Text size="sm" aria-live="polite">
          {rows.data && counted(items.length, pager.page, state.limit, total.data, !rows.data.next)}
        </Text>
        <Group gap="xs">
          <NativeSelect size="xs" aria-label={t.pageSize} value={String(state.limit)} data={pageSizes.map((n) => ({ value: String(n), label: `${n} ${t.rows}` }))} onChange={(e) => change({ limit: Number(e.currentTarget.value) })} />
          <ActionIcon variant="default" size={30} aria-label={t.first} disabled={!state.cursor} onClick={pager.first}>
            <Icon name="first" />
          </ActionIcon>
          <ActionIcon variant="default" size={30} aria-label={t.previous} disabled={!state.cursor} onClick={pager.previous}>
            <Icon name="left" />
          </ActionIcon>
          <ActionIcon variant="default" size={30} aria-label={t.next} disabled={!rows.data?.next || rows.isPlaceholderData} onClick={pager.next}>
            <Icon name="right" />
          </ActionIcon>
        </Group>
      </Group>
    </div>
  )
}

/** A name for a row, for those who hear the page. */
function rowName(r: Row): string {
  return String(r.common_name || r.name || r.login || r.label || r.subject || (Array.isArray(r.names) && r.names[0] ? bare(String(r.names[0])) : '') || r.code || r.number || r.id || '')
}

function Rows(
  p: ListProps & {
    own: boolean
    chosen: Column[]
    items: Row[]
    names: Record<string, string>
    id: (r: Row) => string
    state: ListState
    change: (c: Partial<ListState>) => void
    selection: RowSelectionState
    setSelection: React.Dispatch<React.SetStateAction<RowSelectionState>>
    stale: boolean
  },
) {
  const defs = useMemo(() => p.chosen.map((c) => ({ id: c.name, accessorFn: (r: Row) => r[c.field!], header: c.title })), [p.chosen])
  const table = useTable({ features, columns: defs, data: p.items, getRowId: p.id, state: { rowSelection: p.selection }, onRowSelectionChange: p.setSelection, enableRowSelection: !!p.bulk })
  const byName = new Map(p.chosen.map((c) => [c.name, c]))
  const actions = p.actions ?? []
  if (p.items.length === 0) {
    return (
      <div className="empty" role="status">
        {p.state.filter.length ? text.state.emptyFiltered : ((p.own && text.empty[p.list]) || text.state.empty)}
      </div>
    )
  }
  const linked = p.chosen.some((c) => c.name === p.linkColumn) ? p.linkColumn : p.chosen[0]?.name
  return (
    <div className={'scroll' + (p.stale ? ' stale' : '')} tabIndex={0} role="region" aria-label={p.title}>
      <Table stickyHeader verticalSpacing={3} horizontalSpacing="xs" fz="sm" aria-busy={p.stale}>
        <Table.Thead>
          {table.getHeaderGroups().map((g) => (
            <Table.Tr key={g.id}>
              {p.bulk && (
                <Table.Th scope="col" w={36}>
                  <Checkbox size="xs" aria-label={t.selectAll} checked={table.getIsAllRowsSelected()} indeterminate={table.getIsSomeRowsSelected() && !table.getIsAllRowsSelected()} onChange={table.getToggleAllRowsSelectedHandler()} />
                </Table.Th>
              )}
              {g.headers.map((h) => (
                <Head key={h.id} column={byName.get(h.column.id)!} state={p.state} change={p.change} />
              ))}
              {actions.length > 0 && (
                <Table.Th scope="col" className="actions">
                  <span className="hidden">{t.actions}</span>
                </Table.Th>
              )}
            </Table.Tr>
          ))}
        </Table.Thead>
        <Table.Tbody>
          {table.getRowModel().rows.map((r) => (
            <Table.Tr key={r.id} bg={r.getIsSelected() ? 'var(--selected)' : undefined}>
              {p.bulk && (
                <Table.Td>
                  <Checkbox size="xs" aria-label={`${t.selectRow} ${rowName(r.original)}`} checked={r.getIsSelected()} onChange={r.getToggleSelectedHandler()} />
                </Table.Td>
              )}
              {r.getVisibleCells().map((c) => {
                const column = byName.get(c.column.id)!
                const shown = p.cells?.[column.name]?.(r.original) ?? <Cell column={column} row={r.original} names={p.names} />
                const to = column.name === linked ? p.link?.(r.original) : undefined
                return (
                  <Table.Td key={c.id} className={'cell ' + column.type}>
                    {to ? <Go to={to}>{hasText(column, r.original) ? shown : <span className="unnamed">{rowName(r.original)}</span>}</Go> : shown}
                  </Table.Td>
                )
              })}
              {actions.length > 0 && (
                <Table.Td className="actions">
                  <Actions row={r.original} actions={actions} />
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

function hasText(c: Column, r: Row): boolean {
  const v = r[c.field!]
  return v !== undefined && v !== null && v !== ''
}

function Head({ column, state, change }: { column: Column; state: ListState; change: (c: Partial<ListState>) => void }) {
  const up = state.sort === column.name
  const down = state.sort === '-' + column.name
  if (!column.sortable) return <Table.Th scope="col">{column.title}</Table.Th>
  return (
    <Table.Th scope="col" aria-sort={up ? 'ascending' : down ? 'descending' : 'none'}>
      <button type="button" className="sort" onClick={() => change({ sort: up ? '-' + column.name : down ? '' : column.name })}>
        {column.title}
        <span aria-hidden="true">{up ? ' ▲' : down ? ' ▼' : ''}</span>
      </button>
    </Table.Th>
  )
}

function Actions({ row, actions }: { row: Row; actions: RowAction[] }) {
  const shown = actions.filter((a) => a.shown?.(row) ?? true)
  if (shown.length === 0) return null
  return (
    <Menu shadow="md" position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`${t.actionsOf} ${rowName(row)}`}>
          <Icon name="dots" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t.actions}</Menu.Label>
        {shown.map((a) => (
          <Menu.Item key={a.label} color={a.danger ? 'red' : undefined} onClick={() => a.run(row)}>
            {a.label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}

const cap = 10_001

/** How many rows match, up to a limit; nothing where the server does not count. */
function useTotal(list: string, state: ListState, on: boolean, poll: () => number | false) {
  const filter = sent(state.filter)
  return useQuery({
    queryKey: ['total', list, filter],
    queryFn: async ({ signal }) => {
      const r = await api.GET('/lists/{name}/count', { params: { path: { name: list }, query: { filter, limit: cap } }, signal })
      return r.response.ok ? must(Promise.resolve(r)) : null
    },
    enabled: on,
    refetchInterval: poll,
    placeholderData: keepPreviousData,
  })
}

function counted(n: number, page: number, limit: number, total: { count: number; capped: boolean } | null | undefined, last: boolean): string {
  const from = (page - 1) * limit
  const shown = n === 0 ? '0' : page > 0 ? `${count(from + 1)}–${count(from + n)}` : count(n)
  if (total?.capped) return `${shown} ${t.of} ${t.atLeast} ${count(cap - 1)} ${t.rows}`
  if (total) return `${shown} ${t.of} ${count(total.count)} ${total.count === 1 ? t.row : t.rows}`
  if (last && page === 1) return `${count(n)} ${n === 1 ? t.row : t.rows}`
  return `${shown} ${t.rows}`
}

/** Goes from page to page. A cursor knows only what comes next, so the way back is remembered here; 0 is a page that was opened by its address. */
function usePager(state: ListState, change: (c: Partial<ListState>) => void, next?: string) {
  const trail = useRef<string[]>([''])
  if (!state.cursor) trail.current = ['']
  const at = trail.current.indexOf(state.cursor)
  return {
    page: at + 1,
    next: () => {
      if (!next) return
      trail.current = at < 0 ? [state.cursor, next] : [...trail.current.slice(0, at + 1), next]
      change({ cursor: next })
    },
    previous: () => change({ cursor: at > 0 ? trail.current[at - 1]! : '' }),
    first: () => change({ cursor: '' }),
  }
}
