import { Button, Group, Tabs, TagsInput, Text, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation, useSearchParams } from 'wouter'
import { api, must, prefix, type Row, type Schemas } from '../api/client'
import { words } from '../lib/format'
import { useSession } from '../lib/session'
import { ListPage } from '../list/ListPage'
import { save } from '../list/frames'
import { sent, useListState } from '../list/query'
import { text } from '../text'
import { Block, Facts, Moment, PageHead, Status, Tags } from '../ui/bits'
import { Confirm, stay } from '../ui/Confirm'
import { Dialog } from '../ui/Dialog'
import { Name } from '../ui/Name'
import { Secret } from '../ui/Secret'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'
import { History } from './History'

const t = text.credentials
type Issued = Schemas['IssuedCredential']
type Credential = Schemas['CredentialDetail']

export function Credentials() {
  const session = useSession()
  const [, navigate] = useLocation()
  const [revoke, setRevoke] = useState<Row>()
  const [renew, setRenew] = useState<Row>()
  const may = (a: string, r: Row) => session.can(a, String(r.group ?? ''))
  const [state] = useListState()
  const exported = new URLSearchParams([['format', 'json'], ...(state.sort ? [['sort', state.sort]] : []), ...sent(state.filter).map((f) => ['filter', f])])
  const lives = (r: Row) => r.status !== 'revoked'
  return (
    <>
      <ListPage
        list="credentials"
        title={t.title}
        link={(r) => `/integrations/apis/${r.id}`}
        linkColumn="label"
        head={
          <>
            <Button component="a" href={`${prefix}/credentials/export?${exported}`} download size="xs" variant="default">
              {text.upkeep.exportJSON}
            </Button>
            {session.can('credential.create') && (
              <Button component={Link} href="/integrations/apis/new" size="xs">
                {t.new}
              </Button>
            )}
          </>
        }
        actions={[
          { label: text.action.view, run: (r) => navigate(`/integrations/apis/${r.id}`) },
          { label: t.export, run: (r) => void exportOne(String(r.id), String(r.label)) },
          { label: t.logs, run: (r) => navigate(`/integrations/apis/${r.id}?tab=logs`) },
          { label: t.regenerate, shown: (r) => lives(r) && r.auth !== 'client-certificate' && may('credential.regenerate', r), run: setRenew },
          { label: t.revoke, danger: true, shown: (r) => lives(r) && may('credential.revoke', r), run: setRevoke },
        ]}
      />
      {revoke && <Revoke id={String(revoke.id)} name={String(revoke.label)} close={() => setRevoke(undefined)} />}
      {renew && <Regenerate id={String(renew.id)} name={String(renew.label)} close={() => setRenew(undefined)} />}
    </>
  )
}

/** Everything about a credential but its secret, as a file. */
async function exportOne(id: string, name: string) {
  const c = await must(api.GET('/credentials/{id}', { params: { path: { id } } }))
  save(new Blob([JSON.stringify(c, null, 2) + '\n'], { type: 'application/json' }), `${name}.json`)
}

function Revoke({ id, name, close }: { id: string; name: string; close: () => void }) {
  const changed = useChanged()
  const [reason, setReason] = useState('')
  return (
    <Confirm
      opened
      danger
      title={`${t.revoke}: ${name}`}
      label={t.revoke}
      close={close}
      run={async () => {
        await must(api.POST('/credentials/{id}/revoke', { params: { path: { id } }, body: { reason: reason || undefined } }))
        notifications.show({ message: t.revoked })
        await changed()
      }}
    >
      <Text size="sm">{t.revokeHint}</Text>
      <TextInput label={text.certificate.reason} maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} data-autofocus />
    </Confirm>
  )
}

function Regenerate({ id, name, close }: { id: string; name: string; close: () => void }) {
  const changed = useChanged()
  const [made, setMade] = useState<Issued>()
  if (made) {
    return (
      <Dialog opened onClose={close} title={`${t.regenerate}: ${name}`} size="xl" keep>
        <Secret made={made} />
        <Group justify="flex-end" mt="sm">
          <Button onClick={close}>{t.kept}</Button>
        </Group>
      </Dialog>
    )
  }
  return (
    <Confirm
      opened
      danger
      title={`${t.regenerate}: ${name}`}
      label={t.regenerate}
      close={close}
      run={async () => {
        const got = await must(api.POST('/credentials/{id}/regenerate', { params: { path: { id } } }))
        setMade(got)
        await changed()
        return stay
      }}
    >
      {t.regenerateHint}
    </Confirm>
  )
}

export function CredentialPage({ id }: { id: string }) {
  const session = useSession()
  const [params, setParams] = useSearchParams()
  const [open, setOpen] = useState<'revoke' | 'renew' | 'edit'>()
  const q = useQuery({ queryKey: ['credential', id], queryFn: () => must(api.GET('/credentials/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const c = q.data
  const may = (a: string) => c.status !== 'revoked' && session.can(a, c.group)
  const close = () => setOpen(undefined)
  return (
    <>
      <PageHead title={c.label} badge={<Status value={c.status} />} back={{ to: '/integrations/apis', label: t.title }}>
        <Button size="xs" variant="default" onClick={() => void exportOne(c.id, c.label)}>
          {t.export}
        </Button>
        {may('credential.update') && (
          <Button size="xs" variant="default" onClick={() => setOpen('edit')}>
            {text.action.edit}
          </Button>
        )}
        {may('credential.regenerate') && c.auth !== 'client-certificate' && (
          <Button size="xs" variant="default" onClick={() => setOpen('renew')}>
            {t.regenerate}
          </Button>
        )}
        {may('credential.revoke') && (
          <Button size="xs" variant="outline" color="red" onClick={() => setOpen('revoke')}>
            {t.revoke}
          </Button>
        )}
      </PageHead>
      <Tabs value={params.get('tab') ?? 'details'} onChange={(v) => setParams(v && v !== 'details' ? { tab: v } : {}, { replace: true })} keepMounted={false}>
        <Tabs.List mb="sm" aria-label={c.label}>
          <Tabs.Tab value="details">{t.details}</Tabs.Tab>
          <Tabs.Tab value="use">{t.use}</Tabs.Tab>
          <Tabs.Tab value="logs">{t.logs}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="details">
          <Details c={c} />
        </Tabs.Panel>
        <Tabs.Panel value="use">
          <Block label={t.url} value={c.url} />
          {c.bare_url && <Block label={t.bareURL} value={c.bare_url} />}
          {c.commands && <Block label={t.commands} value={c.commands} />}
        </Tabs.Panel>
        <Tabs.Panel value="logs">
          <History path={`/credentials/${c.id}/usage`} />
        </Tabs.Panel>
      </Tabs>
      {open === 'revoke' && <Revoke id={c.id} name={c.label} close={close} />}
      {open === 'renew' && <Regenerate id={c.id} name={c.label} close={close} />}
      {open === 'edit' && <Edit c={c} close={close} />}
    </>
  )
}

function Details({ c }: { c: Credential }) {
  return (
    <Facts
      rows={[
        [t.type, words(c.type)],
        [t.auth, words(c.auth)],
        [text.certificate.number, c.number],
        [t.publicID, c.public_id],
        [t.description, c.description],
        [text.certificate.user, <Name list="users" id={c.user} />],
        [text.certificate.group, <Name list="groups" id={c.group} />],
        [t.organisation, c.organisation && <Name list="organisations" id={c.organisation} />],
        [t.products, c.products.map((p, i) => <span key={p}>{i > 0 && ', '}<Name list="products" id={p} /></span>)],
        [t.product, <Name list="products" id={c.product} />],
        [t.default, c.default ? text.list.yes : text.list.no],
        [t.expires, c.expires_at ? <Moment at={c.expires_at} relative /> : t.never],
        [t.sources, c.sources.length ? c.sources.join(', ') : t.anywhere],
        [t.allowed, c.allowed_names.length ? c.allowed_names.join(', ') : t.anyName],
        [t.proven, c.proven_names.join(', ')],
        [text.certificate.tags, c.tags.length > 0 && <Tags tags={c.tags} />],
        [t.secretSet, c.secret_set_at && <Moment at={c.secret_set_at} />],
        [text.certificate.created, <Moment at={c.created_at} />],
        [text.order.changed, <Moment at={c.updated_at} />],
        [text.certificate.revokedAt, c.revoked_at && <><Moment at={c.revoked_at} /> {c.revoked_reason}</>],
      ]}
    />
  )
}

function Edit({ c, close }: { c: Credential; close: () => void }) {
  const changed = useChanged()
  const [description, setDescription] = useState(c.description)
  const [tags, setTags] = useState(c.tags)
  const [sources, setSources] = useState(c.sources)
  const [allowed, setAllowed] = useState(c.allowed_names)
  return (
    <Confirm
      opened
      size="lg"
      title={`${text.action.edit}: ${c.label}`}
      label={text.action.save}
      close={close}
      run={async () => {
        await must(api.PATCH('/credentials/{id}', { params: { path: { id: c.id } }, body: { version: c.version, description, tags, sources, allowed_names: allowed } }))
        await changed()
      }}
    >
      <Textarea label={t.description} maxLength={500} value={description} onChange={(e) => setDescription(e.currentTarget.value)} autosize data-autofocus />
      <TagsInput label={text.certificate.tags} value={tags} onChange={setTags} description={text.certificate.tagsHint} />
      <TagsInput label={t.sources} description={t.sourcesHint} value={sources} onChange={setSources} />
      <TagsInput label={t.allowed} description={t.allowedHint} value={allowed} onChange={setAllowed} />
    </Confirm>
  )
}
