import { Button, Checkbox, Menu, NativeSelect, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, must, type Row, type Schemas } from '../api/client'
import { words } from '../lib/format'
import { useSession } from '../lib/session'
import { ListPage } from '../list/ListPage'
import { text } from '../text'
import { Facts, Moment, PageHead, Status } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { Name } from '../ui/Name'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'
import { Attempts } from './domain/Attempts'
import { ChangeMethod, Challenge, methods, type Method } from './domain/Proof'
import { History } from './History'
import { Pick } from '../ui/Pick'

const t = text.domains
type Detail = Schemas['DomainDetail']

export function Domains() {
  const session = useSession()
  const [, navigate] = useLocation()
  const [adding, setAdding] = useState(false)
  return (
    <>
      <ListPage
        list="domains"
        title={text.nav.domains}
        link={(r) => `/domains/${r.id}`}
        linkColumn="name"
        head={session.can('domain.manage') && <Button size="xs" onClick={() => setAdding(true)}>{t.new}</Button>}
        actions={[
          { label: text.action.view, run: (r: Row) => navigate(`/domains/${String(r.id)}`) },
          { label: text.nav.certificates, run: (r: Row) => navigate(`/certificates?filter=names:contains:${String(r.name)}`) },
        ]}
      />
      {adding && <Register close={() => setAdding(false)} />}
    </>
  )
}

/** Registers a domain and opens its page, or stays where it was asked for. */
export function Register({ close, stay, ...given }: { close: () => void; name?: string; group?: string; organisation?: string; stay?: boolean }) {
  const changed = useChanged()
  const [, navigate] = useLocation()
  const [name, setName] = useState(given.name ?? '')
  const [method, setMethod] = useState<Method>('dns-txt')
  const [group, setGroup] = useState(given.group ?? '')
  const [organisation, setOrganisation] = useState(given.organisation ?? '')
  const [skip, setSkip] = useState(false)
  return (
    <Confirm
      opened
      title={t.new}
      label={t.register}
      close={close}
      run={async () => {
        const d = await must(api.POST('/domains', { body: { name, method, group: group || undefined, organisation: organisation || undefined, skip_caa: skip || undefined } }))
        await changed()
        if (!stay) navigate(`/domains/${d.id}`)
      }}
    >
      <TextInput label={t.name} description={t.nameHint} required maxLength={253} value={name} onChange={(e) => setName(e.currentTarget.value.trim())} data-autofocus />
      <NativeSelect label={t.method} value={method} data={methods} onChange={(e) => setMethod(e.currentTarget.value as Method)} />
      <Pick list="groups" label={text.certificate.group} required={false} value={group} onChange={setGroup} />
      <Pick list="organisations" label={text.people.organisation} required={false} value={organisation} onChange={setOrganisation} />
      <Checkbox label={t.skipCAA} checked={skip} onChange={(e) => setSkip(e.currentTarget.checked)} />
    </Confirm>
  )
}

export function Domain({ id }: { id: string }) {
  const session = useSession()
  const changed = useChanged()
  const [asked, setAsked] = useState<'method' | 'state' | 'renew' | 'reject'>()
  const q = useQuery({ queryKey: ['domain', id], queryFn: () => must(api.GET('/domains/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const d = q.data
  const path = { params: { path: { id: d.id } } }
  const manage = session.can('domain.manage', d.group ?? '')
  const close = () => setAsked(undefined)
  return (
    <>
      <PageHead title={d.name} badge={<><Status value={d.control} />{d.state === 'inactive' && <Status value="disabled" />}</>} back={{ to: '/domains', label: text.nav.domains }}>
        {manage && (
          <Menu position="bottom-end" shadow="md">
            <Menu.Target>
              <Button size="xs" variant="default">
                {text.list.actions}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => setAsked('method')}>{t.change}</Menu.Item>
              <Menu.Item onClick={() => setAsked('renew')}>{t.renew}</Menu.Item>
              <Menu.Item onClick={() => setAsked('state')}>{d.state === 'active' ? t.deactivate : t.activate}</Menu.Item>
              {session.can('domain.decide') && (
                <Menu.Item color="red" onClick={() => setAsked('reject')}>
                  {t.reject}
                </Menu.Item>
              )}
            </Menu.Dropdown>
          </Menu>
        )}
      </PageHead>
      <Facts
        rows={[
          [t.method, words(d.method, 'method')],
          [t.verified, d.verified_at && <Moment at={d.verified_at} />],
          [t.validUntil, d.valid_until && <Moment at={d.valid_until} relative />],
          [t.provenBy, d.proven_by && words(d.proven_by, 'method')],
          ['CAA', d.caa && words(d.caa)],
          [t.nextCheck, d.next_check && <Moment at={d.next_check} relative />],
          [text.certificate.group, d.group && <Name list="groups" id={d.group} />],
          [text.people.organisation, d.organisation && <Name list="organisations" id={d.organisation} />],
          [text.certificate.created, <Moment at={d.created_at} />],
        ]}
      />
      {d.state === 'active' && d.challenge && <Challenge key={d.challenge.method} d={d} manage={manage} />}
      <Attempts id={d.id} />
      {session.can('audit.view') && (
        <>
          <h2 className="section">{text.certificate.history}</h2>
          <History object={`domain:${d.id}`} />
        </>
      )}
      {asked === 'method' && <ChangeMethod d={d} close={close} />}
      {asked === 'reject' && <Reject d={d} close={close} />}
      <Confirm opened={asked === 'renew'} title={`${t.renew}: ${d.name}`} close={close} run={async () => { await must(api.POST('/domains/{id}/renew', path)); await changed() }}>
        {t.renewHint}
      </Confirm>
      <Confirm opened={asked === 'state'} danger={d.state === 'active'} title={`${d.state === 'active' ? t.deactivate : t.activate}: ${d.name}`} close={close} run={async () => { await (d.state === 'active' ? must(api.POST('/domains/{id}/deactivate', path)) : must(api.POST('/domains/{id}/activate', path))); await changed() }}>
        {d.state === 'active' ? t.deactivateHint : t.activateHint}
      </Confirm>
    </>
  )
}

function Reject({ d, close }: { d: Detail; close: () => void }) {
  const changed = useChanged()
  const [reason, setReason] = useState('')
  return (
    <Confirm opened danger title={`${t.reject}: ${d.name}`} label={t.reject} close={close} run={async () => { await must(api.POST('/domains/{id}/reject', { params: { path: { id: d.id } }, body: { reason } })); await changed() }}>
      <Text size="sm">{t.rejectHint}</Text>
      <TextInput label={text.certificate.reason} required maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} data-autofocus />
    </Confirm>
  )
}
