import { Button, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must } from '../api/client'
import { useSession } from '../lib/session'
import { text } from '../text'
import { Facts, Moment } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'

const t = text.upkeep

/** The account that everything belongs to, and its name. */
export function AccountName() {
  const session = useSession()
  const [renaming, setRenaming] = useState(false)
  const q = useQuery({ queryKey: ['account'], queryFn: () => must(api.GET('/account')) })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  return (
    <>
      <h2 className="section">{t.account}</h2>
      <Facts rows={[[text.people.name, q.data.name], [text.certificate.number, q.data.number], [text.certificate.created, <Moment at={q.data.created_at} />]]} />
      {session.can('account.manage') && (
        <Button size="xs" variant="default" mt="xs" onClick={() => setRenaming(true)}>
          {t.renameAccount}
        </Button>
      )}
      {renaming && <Rename now={q.data.name} close={() => setRenaming(false)} />}
    </>
  )
}

function Rename({ now, close }: { now: string; close: () => void }) {
  const changed = useChanged()
  const [name, setName] = useState(now)
  return (
    <Confirm
      opened
      title={t.renameAccount}
      label={text.action.save}
      close={close}
      run={async () => {
        await must(api.PATCH('/account', { body: { name } }))
        notifications.show({ message: t.renamed })
        await changed()
      }}
    >
      <TextInput label={t.accountName} required maxLength={200} value={name} onChange={(e) => setName(e.currentTarget.value)} data-autofocus />
    </Confirm>
  )
}
