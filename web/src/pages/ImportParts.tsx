import { Button, FileInput, Group, Table } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { save } from '../list/frames'
import { text } from '../text'
import { Status } from '../ui/bits'

const t = text.imports

/** Files to choose or to drop. */
export function Files(p: { label: string; description: string; multiple?: boolean; accept?: string; files: File[]; onChange: (files: File[]) => void }) {
  const [over, setOver] = useState(false)
  const drop = (e: React.DragEvent) => {
    e.preventDefault()
    setOver(false)
    const got = Array.from(e.dataTransfer.files)
    if (got.length) p.onChange(p.multiple ? got : got.slice(0, 1))
  }
  const common = { label: p.label, description: p.description, placeholder: t.choose, accept: p.accept, clearable: true, clearButtonProps: { 'aria-label': t.clear } }
  return (
    <div className={over ? 'drop over' : 'drop'} onDragOver={(e) => (e.preventDefault(), setOver(true))} onDragLeave={() => setOver(false)} onDrop={drop}>
      {p.multiple ? (
        <FileInput {...common} multiple value={p.files} onChange={p.onChange} />
      ) : (
        <FileInput {...common} value={p.files[0] ?? null} onChange={(f) => p.onChange(f ? [f] : [])} />
      )}
    </div>
  )
}

/** The content of a file in Base64, as JSON carries it. */
export function base64(f: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const r = new FileReader()
    r.onload = () => resolve(String(r.result).replace(/^[^,]*,/, ''))
    r.onerror = () => reject(new Error(t.unreadable + ' ' + f.name))
    r.readAsDataURL(f)
  })
}

export interface ResultColumn<T> {
  title: string
  value: (row: T) => string // as the file for download has it
  shown?: (row: T) => ReactNode
  status?: boolean
}

/** What became of each item, with a button that saves it as CSV. */
export function Results<T>({ name, rows, columns }: { name: string; rows: T[]; columns: ResultColumn<T>[] }) {
  return (
    <div>
      <Group justify="flex-end" mb="xs">
        <Button size="xs" variant="default" onClick={() => save(new Blob(['\ufeff', csv(rows, columns)], { type: 'text/csv;charset=utf-8' }), name + '.csv')}>
          {t.saveResult}
        </Button>
      </Group>
      <div className="scroll" tabIndex={0} role="region" aria-label={t.result}>
        <Table data-results={rows.length} withColumnBorders={false} stickyHeader fz="sm">
          <Table.Thead>
            <Table.Tr>
              {columns.map((c) => (
                <Table.Th key={c.title}>{c.title}</Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((r, i) => (
              <Table.Tr key={i}>
                {columns.map((c) => (
                  <Table.Td key={c.title}>{c.status ? <Status value={c.value(r)} /> : c.shown ? c.shown(r) : c.value(r)}</Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </div>
  )
}

/** Rows as CSV. No cell is taken for a formula by a spreadsheet. */
export function csv<T>(rows: T[], columns: ResultColumn<T>[]): string {
  const cell = (s: string) => {
    const safe = /^[=+\-@\t\r]/.test(s) ? "'" + s : s
    return /[",\r\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe
  }
  return [columns.map((c) => cell(c.title)), ...rows.map((r) => columns.map((c) => cell(c.value(r))))].map((l) => l.join(',') + '\r\n').join('')
}
