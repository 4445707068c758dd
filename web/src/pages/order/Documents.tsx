import { Anchor, FileInput, Group, Table, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { fail, ownHeaders, prefix, type Schemas } from '../../api/client'
import { count } from '../../lib/format'
import { useSession } from '../../lib/session'
import { text } from '../../text'
import { Moment } from '../../ui/bits'
import { InlineForm } from '../../ui/InlineForm'
import { useChanged } from '../CertificateActions'
import { useMayChange, type Detail } from './steps'

const t = text.steps
/** The most octets of a document that the API takes. */
const most = 3 << 20

/** The documents of an order, and the form to bring another. */
export function Documents({ o }: { o: Detail }) {
  const session = useSession()
  const mayChange = useMayChange(o)
  const list = o.steps?.documents ?? []
  return (
    <>
      {list.length === 0 ? <div className="empty">{t.noDocuments}</div> : <Listed o={o} list={list} download={session.can('document.view', o.group ?? '')} />}
      {mayChange && (
        <>
          <h2 className="section">{t.bring}</h2>
          <Upload o={o} />
        </>
      )}
    </>
  )
}

function Listed({ o, list, download }: { o: Detail; list: Schemas['Document'][]; download: boolean }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={t.names.documents}>
      <Table fz="sm" verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            {[t.document, t.description, t.size, t.brought].map((x) => (
              <Table.Th key={x} scope="col">
                {x}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {list.map((d) => (
            <Table.Tr key={d.id}>
              <Table.Td>
                {download ? (
                  <Anchor size="sm" href={`${prefix}/orders/${o.id}/documents/${d.id}`} download={d.name}>
                    {d.name}
                  </Anchor>
                ) : (
                  d.name
                )}
              </Table.Td>
              <Table.Td>{d.description}</Table.Td>
              <Table.Td>{`${count(Math.max(1, Math.round(d.size / 1024)))} KiB`}</Table.Td>
              <Table.Td>
                <Moment at={d.created_at} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

function Upload({ o }: { o: Detail }) {
  const changed = useChanged()
  const [file, setFile] = useState<File | null>(null)
  const [name, setName] = useState('')
  const [description, setDescription] = useState('')
  const big = !!file && file.size > most
  return (
    <InlineForm
      label={t.upload}
      disabled={!file || big}
      run={async () => {
        const u = new URLSearchParams({ name })
        if (description) u.set('description', description)
        const r = await fetch(`${prefix}/orders/${o.id}/documents?${u}`, { method: 'POST', headers: { ...ownHeaders, 'Content-Type': 'application/pdf' }, body: file })
        if (!r.ok) fail(r.status, await r.json().catch(() => undefined))
        setFile(null)
        setName('')
        setDescription('')
        notifications.show({ message: t.uploaded })
        await changed()
      }}
    >
      <Text size="sm">{t.documentsHint}</Text>
      <FileInput label={t.file} description={t.fileHint} accept="application/pdf" clearable clearButtonProps={{ 'aria-label': t.clearFile }} value={file} error={big ? t.tooBig : undefined} placeholder={t.choose} onChange={(f) => (setFile(f), setName(f?.name ?? ''))} />
      <Group grow align="flex-start">
        <TextInput label={t.fileName} required maxLength={100} value={name} onChange={(e) => setName(e.currentTarget.value)} />
        <TextInput label={t.description} maxLength={200} value={description} onChange={(e) => setDescription(e.currentTarget.value)} />
      </Group>
    </InlineForm>
  )
}
