import { Anchor, FileInput, Group, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { fail, ownHeaders, prefix, type Schemas } from '../api/client'
import { count } from '../lib/format'
import { useChanged } from '../pages/CertificateActions'
import { text } from '../text'
import { Moment } from './bits'
import { InlineForm } from './InlineForm'
import { Rows } from './Rows'

// Documents of orders and evidence about organisations are kept and shown alike.

const t = text.steps
/** The most octets of a document that the API takes. */
const most = 3 << 20

/** Documents at a path of the API, each a link to its file for those who may fetch it. */
export function DocumentTable({ path, list, download, label }: { path: string; list: Schemas['Document'][]; download: boolean; label: string }) {
  return (
    <Rows
      label={label}
      none={t.noDocuments}
      head={[t.document, t.description, t.size, t.brought]}
      rows={list.map((d) => ({
        key: d.id,
        cells: [
          download ? (
            <Anchor key="name" size="sm" href={`${prefix}${path}/${d.id}`} download={d.name}>
              {d.name}
            </Anchor>
          ) : (
            d.name
          ),
          d.description,
          `${count(Math.max(1, Math.round(d.size / 1024)))} KiB`,
          <Moment key="at" at={d.created_at} />,
        ],
      }))}
    />
  )
}

/** The form to bring a PDF file to a path of the API. */
export function UploadPDF({ path, hint }: { path: string; hint: string }) {
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
        const r = await fetch(`${prefix}${path}?${u}`, { method: 'POST', headers: { ...ownHeaders, 'Content-Type': 'application/pdf' }, body: file })
        if (!r.ok) fail(r.status, await r.json().catch(() => undefined))
        setFile(null)
        setName('')
        setDescription('')
        notifications.show({ message: t.uploaded })
        await changed()
      }}
    >
      <Text size="sm">{hint}</Text>
      <FileInput label={t.file} description={t.fileHint} accept="application/pdf" clearable clearButtonProps={{ 'aria-label': t.clearFile }} value={file} error={big ? t.tooBig : undefined} placeholder={t.choose} onChange={(f) => (setFile(f), setName(f?.name ?? ''))} />
      <Group grow align="flex-start">
        <TextInput label={t.fileName} required maxLength={100} value={name} onChange={(e) => setName(e.currentTarget.value)} />
        <TextInput label={t.description} maxLength={200} value={description} onChange={(e) => setDescription(e.currentTarget.value)} />
      </Group>
    </InlineForm>
  )
}
