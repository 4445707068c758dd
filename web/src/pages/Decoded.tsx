import { Table, Title } from '@mantine/core'
import type { Schemas } from '../api/client'
import { instant, pairs } from '../lib/format'
import { text } from '../text'
import { Facts } from '../ui/bits'

const t = text.decoded

/** The fields of an X.509 certificate. */
export function Decoded({ c }: { c: Schemas['Contents'] }) {
  const lines = (list: string[]) => list.length > 0 && list.map((x) => <div key={x}>{x}</div>)
  const mono = (s?: string) => s && <span className="mono">{pairs(s)}</span>
  return (
    <>
      <Facts
        rows={[
          [t.version, c.version],
          [t.serial, mono(c.serial)],
          [t.signature, c.signature_algorithm],
          [t.issuer, c.issuer],
          [t.subject, c.subject.length > 0 && c.subject.map((a, i) => <div key={i}>{a.type} = {a.value}</div>)],
          [t.notBefore, instant(c.not_before)],
          [t.notAfter, instant(c.not_after)],
          [t.key, c.key_algorithm],
          [t.names, lines(c.names)],
          [t.keyUsage, c.key_usage.join(', ')],
          [t.extKeyUsage, c.ext_key_usage.join(', ')],
          [t.ca, c.ca ? `${text.list.yes}${c.path_length >= 0 ? `, ${t.pathLength} ${c.path_length}` : ''}` : text.list.no],
          [t.policies, lines(c.policies)],
          [t.ski, mono(c.subject_key_id)],
          [t.aki, mono(c.authority_key_id)],
          [t.crl, lines(c.crl)],
          [t.ocsp, lines(c.ocsp)],
          [t.issuerURLs, lines(c.issuer_urls)],
          ['SHA-256', mono(c.sha256)],
          ['SHA-1', mono(c.sha1)],
        ]}
      />
      <Title order={2} size="h5" mt="md" mb={4}>
        {t.extensions}
      </Title>
      <div className="scroll" tabIndex={0} role="region" aria-label={t.extensions}>
        <Table fz="sm" verticalSpacing={3}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">OID</Table.Th>
              <Table.Th scope="col">{t.name}</Table.Th>
              <Table.Th scope="col">{t.critical}</Table.Th>
              <Table.Th scope="col">{t.value}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {c.extensions.map((e) => (
              <Table.Tr key={e.oid}>
                <Table.Td className="mono oid">{e.oid}</Table.Td>
                <Table.Td>{e.name}</Table.Td>
                <Table.Td>{e.critical ? text.list.yes : text.list.no}</Table.Td>
                <Table.Td className="mono">{hex(e.value)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </>
  )
}

function hex(base64: string): string {
  return Array.from(atob(base64), (c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('')
}
