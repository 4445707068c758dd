import { Alert, Button, List, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, must, type Row, type Schemas } from '../../api/client'
import { words } from '../../lib/format'
import { useSession } from '../../lib/session'
import { ListPage } from '../../list/ListPage'
import { text } from '../../text'
import { Block, PageHead, Status } from '../../ui/bits'
import { Confirm } from '../../ui/Confirm'
import { Dialog } from '../../ui/Dialog'
import { Failure, Waiting } from '../../ui/states'
import { useChanged } from '../CertificateActions'
import { ProviderForm } from './ProviderForm'

const t = text.providers
type What = 'enable' | 'disable' | 'delete' | 'test'

/** The list of an organisation's own identities through which people sign in. */
export function Providers() {
  const session = useSession()
  const [, navigate] = useLocation()
  const [asked, setAsked] = useState<{ what: What; row: Row }>()
  const manage = session.can('provider.manage')
  const ask = (what: What) => (row: Row) => setAsked({ what, row })
  return (
    <>
      <ListPage
        list="sign-in-providers"
        title={t.title}
        link={(r) => `/settings/providers/${String(r.id)}`}
        linkColumn="name"
        head={manage && <Button size="xs" onClick={() => navigate('/settings/providers/new')}>{t.new}</Button>}
        actions={[
          { label: text.action.view, run: (r) => navigate(`/settings/providers/${String(r.id)}`) },
          { label: t.test, shown: () => manage, run: ask('test') },
          { label: t.enable, shown: (r) => manage && !r.enabled, run: ask('enable') },
          { label: t.disable, danger: true, shown: (r) => manage && !!r.enabled, run: ask('disable') },
          { label: text.action.remove, danger: true, shown: () => manage, run: ask('delete') },
        ]}
      />
      {asked && <Asked what={asked.what} id={String(asked.row.id)} name={String(asked.row.name)} close={() => setAsked(undefined)} />}
    </>
  )
}

/** A question before a provider is switched or deleted, or the outcome of trying it. */
function Asked({ what, id, name, close }: { what: What; id: string; name: string; close: (gone?: boolean) => void }) {
  const changed = useChanged()
  const path = { params: { path: { id } } }
  if (what === 'test') return <Tried id={id} name={name} close={close} />
  const run = async () => {
    if (what === 'enable') await must(api.POST('/sign-in-providers/{id}/enable', path))
    else if (what === 'disable') await must(api.POST('/sign-in-providers/{id}/disable', path))
    else await must(api.DELETE('/sign-in-providers/{id}', path))
    if (what === 'delete') close(true)
    await changed()
  }
  const label = what === 'delete' ? text.action.remove : t[what]
  return (
    <Confirm opened title={`${label}: ${name}`} label={label} danger={what !== 'enable'} close={() => close()} run={run}>
      {{ enable: t.enableHint, disable: t.disableHint, delete: t.deleteHint }[what]}
    </Confirm>
  )
}

function Tried({ id, name, close }: { id: string; name: string; close: () => void }) {
  const q = useQuery({ queryKey: ['provider-test', id], queryFn: () => must(api.POST('/sign-in-providers/{id}/test', { params: { path: { id } } })), gcTime: 0, staleTime: Infinity, retry: false })
  return (
    <Dialog opened onClose={close} title={`${t.test}: ${name}`}>
      <div aria-live="polite">
        {q.error && <Failure error={q.error} retry={() => void q.refetch()} />}
        {q.isFetching && <Waiting />}
        {q.data && (
          <Alert variant="outline" color={q.data.ok ? 'green' : 'red'} title={q.data.ok ? t.works : t.fails}>
            <List size="sm">
              {q.data.steps.map((s, i) => (
                <List.Item key={i}>
                  <Status value={s.ok ? 'ok' : 'failed'} /> {s.name}: {s.detail}
                </List.Item>
              ))}
            </List>
          </Alert>
        )}
      </div>
    </Dialog>
  )
}

export function NewProvider() {
  const [, navigate] = useLocation()
  return (
    <>
      <PageHead title={t.new} back={{ to: '/settings/providers', label: t.title }} />
      <ProviderForm saved={(p) => navigate(`/settings/providers/${p.id}`)} />
    </>
  )
}

export function ProviderPage({ id }: { id: string }) {
  const session = useSession()
  const [, navigate] = useLocation()
  const [asked, setAsked] = useState<What>()
  const q = useQuery({ queryKey: ['provider', id], queryFn: () => must(api.GET('/sign-in-providers/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const p: Schemas['SignInProvider'] = q.data
  return (
    <>
      <PageHead title={p.name} badge={<Status value={p.enabled ? 'active' : 'disabled'} />} back={{ to: '/settings/providers', label: t.title }}>
        {session.can('provider.manage') && (
          <>
            <Button size="xs" variant="default" onClick={() => setAsked('test')}>{t.test}</Button>
            <Button size="xs" color={p.enabled ? 'red' : undefined} onClick={() => setAsked(p.enabled ? 'disable' : 'enable')}>{p.enabled ? t.disable : t.enable}</Button>
            <Button size="xs" color="red" variant="outline" onClick={() => setAsked('delete')}>{text.action.remove}</Button>
          </>
        )}
      </PageHead>
      <Text size="sm" c="dimmed" mb="xs">{words(p.kind)}: {t.about[p.kind]}</Text>
      {p.callback_url && <Block label={t.callback} value={p.callback_url} />}
      {p.signed_out_url && p.config.oidc?.logout && <Block label={t.signedOut} value={p.signed_out_url} />}
      {p.metadata_url && <Block label={t.metadataHere} value={p.metadata_url} />}
      {p.acs_url && <Block label={t.acs} value={p.acs_url} />}
      <ProviderForm key={p.version} provider={p} saved={() => undefined} />
      {asked && <Asked what={asked} id={id} name={p.name} close={(gone) => (gone ? navigate('/settings/providers') : setAsked(undefined))} />}
    </>
  )
}
