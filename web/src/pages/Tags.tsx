import { Checkbox, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, must, type Row, type Schemas } from '../api/client'
import { count } from '../lib/format'
import { useSession } from '../lib/session'
import { ListPage } from '../list/ListPage'
import { listHref, writeCond } from '../list/query'
import { text } from '../text'
import { Confirm } from '../ui/Confirm'
import { Go } from '../ui/bits'
import { useChanged } from './CertificateActions'

const t = text.tags

/** The tags in use: each number opens the list that it counts. */
export function Tags() {
  const session = useSession()
  const [, navigate] = useLocation()
  const [rename, setRename] = useState<Row>()
  const [remove, setRemove] = useState<Row>()
  const number = (field: string, path: string) => (r: Row) => {
    const n = Number(r[field] ?? 0)
    return n > 0 ? <Go to={href(path, String(r.tag))}>{count(n)}</Go> : '0'
  }
  const manage = () => session.can('tag.manage')
  return (
    <>
      <ListPage
        list="tags"
        title={text.nav.tags}
        link={(r) => href(Number(r.certificates) ? '/certificates' : Number(r.credentials) ? '/integrations/apis' : '/orders', String(r.tag))}
        linkColumn="tag"
        cells={{ certificates: number('certificates', '/certificates'), credentials: number('credentials', '/integrations/apis'), orders: number('orders', '/orders') }}
        actions={[
          { label: t.show, shown: (r) => Number(r.certificates) > 0, run: (r) => navigate(href('/certificates', String(r.tag))) },
          { label: t.rename, shown: manage, run: setRename },
          { label: t.remove, danger: true, shown: manage, run: setRemove },
        ]}
      />
      {rename && <Rename row={rename} close={() => setRename(undefined)} />}
      {remove && <Remove row={remove} close={() => setRemove(undefined)} />}
    </>
  )
}

function href(path: string, tag: string): string {
  return listHref(path, [writeCond({ column: 'tags', op: 'eq', values: [tag] })])
}

function told(got: Schemas['TagChanged']) {
  notifications.show({ message: got.job ? `${count(got.things)} ${t.job} ${got.job}` : `${count(got.things)} ${t.done}` })
}

function Rename({ row, close }: { row: Row; close: () => void }) {
  const changed = useChanged()
  const [key, setKey] = useState(false)
  const [to, setTo] = useState(String(row.tag))
  const compound = String(row.value ?? '') !== ''
  const from = key ? String(row.name) : String(row.tag)
  return (
    <Confirm
      opened
      title={`${t.rename}: ${from}`}
      label={t.rename}
      close={close}
      run={async () => {
        told(await must(api.POST('/tags/rename', { body: { from, to, key: key || undefined } })))
        await changed()
      }}
    >
      {compound && (
        <Checkbox
          label={`${t.wholeKey} ${String(row.name)}`}
          checked={key}
          onChange={(e) => {
            setKey(e.currentTarget.checked)
            setTo(e.currentTarget.checked ? String(row.name) : String(row.tag))
          }}
        />
      )}
      <TextInput label={key ? t.newKey : t.newName} description={t.renameHint} required maxLength={100} value={to} onChange={(e) => setTo(e.currentTarget.value)} data-autofocus />
    </Confirm>
  )
}

function Remove({ row, close }: { row: Row; close: () => void }) {
  const changed = useChanged()
  const tag = String(row.tag)
  const things = Number(row.certificates ?? 0) + Number(row.credentials ?? 0) + Number(row.orders ?? 0)
  return (
    <Confirm
      opened
      danger
      title={`${t.remove}: ${tag}`}
      label={t.remove}
      close={close}
      run={async () => {
        told(await must(api.POST('/tags/delete', { body: { tag } })))
        await changed()
      }}
    >
      <Text size="sm">
        {t.removeHint} {count(things)}
      </Text>
    </Confirm>
  )
}
