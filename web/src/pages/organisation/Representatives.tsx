import { Button, Group, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must, type Schemas } from '../../api/client'
import { useSession } from '../../lib/session'
import { text } from '../../text'
import { Confirm } from '../../ui/Confirm'
import { Rows } from '../../ui/Rows'
import { Failure, Waiting } from '../../ui/states'
import { useChanged } from '../CertificateActions'
import { AskConsent } from './Consents'

const t = text.organisation
type Representative = Schemas['Representative']

export function useRepresentatives(organisation: string) {
  return useQuery({ queryKey: ['representatives', organisation], queryFn: () => must(api.GET('/organisations/{id}/representatives', { params: { path: { id: organisation } } })) })
}

/** Who may speak for an organisation. */
export function Representatives({ o }: { o: Schemas['Organisation'] }) {
  const session = useSession()
  const changed = useChanged()
  const [open, setOpen] = useState<{ what: 'edit' | 'remove' | 'ask'; r?: Representative }>()
  const q = useRepresentatives(o.id)
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const manage = session.can('organisation.legal')
  const ask = session.can('consent.send')
  const close = () => setOpen(undefined)
  const act = (what: 'edit' | 'remove' | 'ask', r: Representative, label: string, danger?: boolean) => (
    <Button size="compact-xs" variant="subtle" color={danger ? 'red' : undefined} aria-label={`${label}: ${r.name}`} onClick={() => setOpen({ what, r })}>
      {label}
    </Button>
  )
  return (
    <>
      {manage && (
        <Group justify="flex-end" mb="xs">
          <Button size="xs" onClick={() => setOpen({ what: 'edit' })}>
            {t.addRepresentative}
          </Button>
        </Group>
      )}
      <Rows
        label={t.representatives}
        none={t.noRepresentatives}
        head={[text.people.name, t.designation, text.people.email, t.phone, text.upkeep.actions]}
        rows={q.data.items.map((r) => ({
          key: r.id,
          cells: [
            r.name,
            r.designation,
            r.email,
            r.phone,
            <Group key="act" gap={4} wrap="nowrap">
              {ask && act('ask', r, t.askConsent)}
              {manage && act('edit', r, text.action.edit)}
              {manage && act('remove', r, text.action.remove, true)}
            </Group>,
          ],
        }))}
      />
      {open?.what === 'edit' && <RepresentativeForm o={o} r={open.r} close={close} />}
      {open?.what === 'ask' && <AskConsent o={o} representative={open.r!.id} close={close} />}
      <Confirm
        opened={open?.what === 'remove'}
        danger
        title={`${text.action.remove}: ${open?.r?.name}`}
        label={text.action.remove}
        close={close}
        run={async () => {
          await must(api.DELETE('/organisations/{id}/representatives/{representative}', { params: { path: { id: o.id, representative: open!.r!.id } } }))
          await changed()
        }}
      >
        {t.removeRepresentative}
      </Confirm>
    </>
  )
}

function RepresentativeForm({ o, r, close }: { o: Schemas['Organisation']; r?: Representative; close: () => void }) {
  const changed = useChanged()
  const [f, setF] = useState({ name: r?.name ?? '', email: r?.email ?? '', designation: r?.designation ?? '', phone: r?.phone ?? '' })
  return (
    <Confirm
      opened
      size="lg"
      title={r ? `${text.action.edit}: ${r.name}` : t.addRepresentative}
      label={text.action.save}
      close={close}
      run={async () => {
        const body = { name: f.name, email: f.email, designation: f.designation || undefined, phone: f.phone || undefined }
        if (r) await must(api.PUT('/organisations/{id}/representatives/{representative}', { params: { path: { id: o.id, representative: r.id } }, body }))
        else await must(api.POST('/organisations/{id}/representatives', { params: { path: { id: o.id } }, body }))
        notifications.show({ message: text.people.saved })
        await changed()
      }}
    >
      {r && <Text size="sm">{t.changeMail}</Text>}
      <Group grow align="flex-start">
        <TextInput label={text.people.name} required maxLength={200} value={f.name} onChange={(e) => setF({ ...f, name: e.currentTarget.value })} data-autofocus />
        <TextInput label={t.designation} description={t.designationHint} inputWrapperOrder={['label', 'input', 'description', 'error']} maxLength={128} value={f.designation} onChange={(e) => setF({ ...f, designation: e.currentTarget.value })} />
      </Group>
      <Group grow align="flex-start">
        <TextInput label={text.people.email} required maxLength={254} value={f.email} onChange={(e) => setF({ ...f, email: e.currentTarget.value })} />
        <TextInput label={t.phone} description={t.phoneHint} inputWrapperOrder={['label', 'input', 'description', 'error']} maxLength={16} value={f.phone} onChange={(e) => setF({ ...f, phone: e.currentTarget.value })} />
      </Group>
    </Confirm>
  )
}
