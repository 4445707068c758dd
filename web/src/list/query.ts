import { useCallback, useMemo } from 'react'
import { useLocation, useSearch } from 'wouter'
import type { Column } from '../api/client'

/** One row of a filter, as in the URL: column:operator:value. */
export interface Cond {
  column: string
  op: string
  values: string[]
}

/** The operator of a row that restricts nothing. It stands in the URL, so that the row stays, and is never sent. */
export const ALL = 'all'

const lists = new Set(['in', 'between'])
export const valueless = new Set(['empty', 'notempty', ALL])

/** Reads a row. A backslash takes the meaning from the next character. */
export function parseCond(row: string): Cond {
  const [column = '', op = '', ...rest] = row.split(':')
  if (rest.length === 0) return { column, op, values: [] }
  const values = ['']
  const text = rest.join(':')
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (c === '\\') values[values.length - 1] += text[++i] ?? ''
    else if (c === ',' && lists.has(op)) values.push('')
    else values[values.length - 1] += c
  }
  return { column, op, values }
}

export function writeCond(c: Cond): string {
  if (valueless.has(c.op)) return `${c.column}:${c.op}`
  return `${c.column}:${c.op}:${c.values.map((v) => v.replace(/[\\%,]/g, (x) => '\\' + x)).join(',')}`
}

/** Is the row complete enough to be sent? */
export function complete(c: Cond, columns: Column[]): boolean {
  // A column that the list does not have is the server's to refuse: a filter must never vanish.
  if (!columns.some((x) => x.name === c.column)) return true
  return valueless.has(c.op) || (c.values.length > 0 && c.values.every((v) => v !== ''))
}

/** Everything about a list that stands in the URL. */
export interface ListState {
  filter: Cond[]
  sort: string
  columns: string[] // empty: the defaults
  limit: number
  cursor: string
}

export const pageSizes = [25, 50, 100, 200, 500]
export const defaultSize = 50

export function parseState(search: string): ListState {
  const u = new URLSearchParams(search)
  const limit = Number(u.get('limit'))
  return {
    filter: u.getAll('filter').map(parseCond),
    sort: u.get('sort') ?? '',
    columns: u.get('columns')?.split(',').filter(Boolean) ?? [],
    limit: pageSizes.includes(limit) ? limit : defaultSize,
    cursor: u.get('cursor') ?? '',
  }
}

export function writeState(s: Partial<ListState>): string {
  const u = new URLSearchParams()
  for (const c of s.filter ?? []) u.append('filter', writeCond(c))
  if (s.sort) u.set('sort', s.sort)
  if (s.columns?.length) u.set('columns', s.columns.join(','))
  if (s.limit && s.limit !== defaultSize) u.set('limit', String(s.limit))
  if (s.cursor) u.set('cursor', s.cursor)
  return u.toString().replaceAll('%3A', ':').replaceAll('%2C', ',')
}

/** The address of a page with a list that a filter narrows. */
export function listHref(path: string, filter: string[], sort?: string): string {
  const q = writeState({ filter: filter.map(parseCond), sort })
  return q ? path + '?' + q : path
}

/** The rows that go to the server. */
export function sent(filter: Cond[]): string[] {
  return filter.filter((c) => c.op !== ALL).map(writeCond)
}

export function useListState(): [ListState, (change: Partial<ListState>, replace?: boolean) => void] {
  const [path, navigate] = useLocation()
  const search = useSearch()
  const state = useMemo(() => parseState(search), [search])
  const change = useCallback(
    (c: Partial<ListState>, replace = false) => {
      // Whatever changes which rows there are, or their order, begins at the first page.
      const next = { ...state, cursor: '', ...c }
      const q = writeState(next)
      navigate(q ? path + '?' + q : path, { replace })
    },
    [navigate, path, state],
  )
  return [state, change]
}
