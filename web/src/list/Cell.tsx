import type { ReactNode } from 'react'
import type { Column, Row } from '../api/client'
import { sentence, words } from '../lib/format'
import { text } from '../text'
import { Go, Moment, Status, Tags } from '../ui/bits'

/** Where the things of a list have a page of their own. */
export const pageOf: Record<string, string> = {
  'acme-accounts': '/integrations/acme/acme-accounts',
  certificates: '/certificates', orders: '/orders', credentials: '/integrations/apis', products: '/products', issuers: '/issuers', groups: '/groups', users: '/users',
  organisations: '/organisations', domains: '/domains', vettings: '/organisations/vetting', 'sign-in-providers': '/settings/providers', 'agreement-texts': '/settings/agreements',
}

/** The names of a certificate without the kind where it goes without saying. */
export function bare(name: string): string {
  return name.replace(/^dns:/, '')
}

const status = new Set(['state', 'status', 'outcome', 'control', 'caa'])

/** The value of a column in a row, by the column's type. */
export function Cell({ column, row, names }: { column: Column; row: Row; names: Record<string, string> }): ReactNode {
  const v = row[column.field ?? '']
  if (v === undefined || v === null || v === '') return null
  if (Array.isArray(v)) {
    const parts = v.map((x) => plain(x, names, column))
    if (column.name === 'tags') return <Tags tags={parts} />
    const shown = parts.slice(0, 2).join(', ')
    return parts.length > 2 ? (
      <span title={parts.join('\n')}>
        {shown} <span className="quiet">+{parts.length - 2}</span>
      </span>
    ) : (
      shown
    )
  }
  if (column.words && typeof v === 'string') return status.has(column.name) ? <Status value={v} /> : words(v, column.name)
  switch (column.type) {
    case 'time':
      return <Moment at={String(v)} />
    case 'bool':
      return v ? text.list.yes : text.list.no
    case 'id': {
      const id = String(v)
      const to = column.refers && pageOf[column.refers]
      const label = names[id] ?? id
      return to && /^[0-9a-f-]{36}$/.test(id) ? <Go to={`${to}/${id}`}>{names[id] ?? id.slice(0, 8) + '…'}</Go> : label
    }
  }
  return column.name === 'failure' ? sentence(String(v)) : plain(v, names, column)
}

// What teller does in internal/api/words.go.
function plain(v: unknown, names: Record<string, string>, column: Column): string {
  if (typeof v === 'string') return names[v] ?? (column.words ? words(v, column.name) : bare(v))
  if (v && typeof v === 'object') {
    const o = v as Record<string, unknown>
    if (o.role) return words(String(o.role)) + (o.group ? ` (${names[String(o.group)] ?? words('group', 'grant')})` : '') + (o.provider ? `, ${words('provider', 'grant')}` : '')
    return String(o.value ?? o.detail ?? JSON.stringify(v))
  }
  return String(v)
}
