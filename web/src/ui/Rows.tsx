import { Table } from '@mantine/core'
import type { ReactNode } from 'react'

/** A table of what belongs to a thing, where a whole list page would be too much. */
export function Rows({ label, head, rows, none }: { label: string; head: string[]; rows: { key: string; cells: ReactNode[] }[]; none: string }) {
  if (rows.length === 0) return <div className="empty">{none}</div>
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label}>
      <Table fz="sm" verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            {head.map((x) => (
              <Table.Th key={x} scope="col">
                {x}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((r) => (
            <Table.Tr key={r.key}>
              {r.cells.map((c, i) => (
                <Table.Td key={head[i]}>{c}</Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}
