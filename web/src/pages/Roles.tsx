import { Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, must, type Schemas } from '../api/client'
import { words } from '../lib/format'
import { text } from '../text'
import { Facts, PageHead } from '../ui/bits'
import { Icon } from '../ui/Icon'
import { Failure, Waiting } from '../ui/states'

const t = text.roleTable
const nameOf = (role: string) => t.names[role] ?? words(role)
const scopes: Record<string, string> = { group: t.group, account: t.account, any: t.any }

/** The access table of the server: which role may do what, and where. */
export function Roles() {
  const q = useQuery({ queryKey: ['roles'], queryFn: () => must(api.GET('/roles')), staleTime: Infinity })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const rules = q.data.items
  // The order of the texts, and behind them what they do not know.
  const roles = [...new Set([...Object.keys(t.roles), ...rules.flatMap((r) => r.roles)])].filter((r) => rules.some((x) => x.roles.includes(r)))
  return (
    <>
      <PageHead title={t.title} back={{ to: '/users', label: text.nav.users }} />
      <Text size="sm">{t.hint}</Text>
      <h2 className="section">{t.for}</h2>
      <Facts rows={roles.map((r) => [nameOf(r), t.roles[r] ?? ''])} />
      <h2 className="section">{t.table}</h2>
      <Text size="sm" mb="xs">
        {t.scopeHint}
      </Text>
      <Matrix rules={rules} roles={roles} />
    </>
  )
}

function Matrix({ rules, roles }: { rules: Schemas['Rule'][]; roles: string[] }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={t.table}>
      <Table fz="sm" verticalSpacing={3} stickyHeader>
        <Table.Thead>
          <Table.Tr>
            {[t.action, t.scope, ...roles.map(nameOf)].map((x) => (
              <Table.Th key={x} scope="col">
                {x}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rules.map((r) => (
            <Table.Tr key={r.action}>
              <Table.Th scope="row" fw={400}>
                <span className="mono">{r.action}</span>
              </Table.Th>
              <Table.Td>{scopes[r.scope] ?? r.scope}</Table.Td>
              {roles.map((x) => (
                <Table.Td key={x}>
                  {r.roles.includes(x) && (
                    <>
                      <Icon name="check" size={14} />
                      <span className="hidden">{t.may}</span>
                    </>
                  )}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}
