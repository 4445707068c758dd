import { Checkbox, Group, NativeSelect, PasswordInput, Select, TagsInput, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { api, must, type Schemas } from '../../api/client'
import { words } from '../../lib/format'
import { useSession } from '../../lib/session'
import { text } from '../../text'
import { InlineForm } from '../../ui/InlineForm'
import { useChanged } from '../CertificateActions'
import { Rules } from './Rules'

const t = text.providers
type Provider = Schemas['SignInProvider']
type Config = Provider['config']
export type Set = (change: Partial<Config>) => void

const first: Config = { create: true, link: 'none', oidc: { issuer: '', client_id: '', client_auth: 'basic' } }

/** Leaves out what is empty: the API takes it for not said. */
function trimmed<T extends object>(o: T): T {
  return Object.fromEntries(Object.entries(o).filter(([, v]) => v !== '' && v !== false && !(Array.isArray(v) && v.length === 0))) as T
}

/** The form of a provider, new or not. */
export function ProviderForm({ provider, saved }: { provider?: Provider; saved: (p: Provider) => void }) {
  const changed = useChanged()
  const manage = useSession().can('provider.manage')
  const [kind, setKind] = useState<Provider['kind']>(provider?.kind ?? 'oidc')
  const [label, setLabel] = useState(provider?.label ?? '')
  const [name, setName] = useState(provider?.name ?? '')
  const [secret, setSecret] = useState('')
  const [c, setConfig] = useState<Config>(provider?.config ?? first)
  const set: Set = (change) => setConfig({ ...c, ...change })
  const choose = (k: Provider['kind']) => {
    setKind(k)
    set({ oidc: k === 'oidc' ? first.oidc : undefined, saml: k === 'saml' ? { metadata_url: '' } : undefined, ldap: k === 'ldap' ? { urls: [], base_dn: '' } : undefined })
  }
  const run = async () => {
    const config: Config = { ...c, attributes: c.attributes && trimmed(c.attributes), rules: (c.rules ?? []).map(trimmed), oidc: c.oidc && trimmed(c.oidc), saml: c.saml && trimmed(c.saml), ldap: c.ldap && trimmed(c.ldap) }
    const p = provider
      ? await must(api.PUT('/sign-in-providers/{id}', { params: { path: { id: provider.id } }, body: { version: provider.version, name, config, secret: secret || undefined } }))
      : await must(api.POST('/sign-in-providers', { body: { label, kind, name, config, secret: secret || undefined } }))
    notifications.show({ message: text.people.saved })
    await changed()
    saved(p)
  }
  return (
    <InlineForm label={text.action.save} disabled={!manage} run={run}>
      {!provider && (
        <Group grow align="start">
          <NativeSelect label={t.kind} value={kind} onChange={(e) => choose(e.currentTarget.value as Provider['kind'])} data={(['oidc', 'saml', 'ldap'] as const).map((k) => ({ value: k, label: t.kinds[k] }))} />
          <TextInput label={t.label} description={t.labelHint} required maxLength={40} value={label} onChange={(e) => setLabel(e.currentTarget.value)} />
        </Group>
      )}
      <TextInput label={t.name} description={t.nameHint} required maxLength={100} value={name} onChange={(e) => setName(e.currentTarget.value)} />
      {c.oidc && <OIDC c={c.oidc} set={(x) => set({ oidc: { ...c.oidc!, ...x } })} />}
      {c.saml && <SAML c={c.saml} set={(x) => set({ saml: { ...c.saml!, ...x } })} />}
      {c.ldap && <LDAP c={c.ldap} set={(x) => set({ ldap: { ...c.ldap!, ...x } })} />}
      {!c.saml && <PasswordInput label={c.oidc ? t.clientSecret : t.bindPassword} description={provider?.has_secret ? t.secretKept : t.secretHint} autoComplete="off" maxLength={1000} value={secret} onChange={(e) => setSecret(e.currentTarget.value)} />}
      <fieldset className="plain">
        <legend>{t.attributes}</legend>
        <Group grow>
          {(['login', 'name', 'email', 'groups'] as const).map((a) => (
            <TextInput key={a} label={t.attribute[a]} placeholder={t.usual} maxLength={200} value={c.attributes?.[a] ?? ''} onChange={(e) => set({ attributes: { ...c.attributes, [a]: e.currentTarget.value } })} />
          ))}
        </Group>
      </fieldset>
      <Rules rules={c.rules ?? []} onChange={(rules) => set({ rules })} />
      <fieldset className="plain">
        <legend>{t.people}</legend>
        <Checkbox label={t.create} checked={c.create} onChange={(e) => set({ create: e.currentTarget.checked })} mb="xs" />
        <Checkbox label={t.matched} checked={!!c.matched_only} onChange={(e) => set({ matched_only: e.currentTarget.checked })} mb="xs" />
        <Checkbox label={t.factor} checked={!!c.second_factor} onChange={(e) => set({ second_factor: e.currentTarget.checked })} mb="xs" />
        <NativeSelect label={t.link} description={t.linkHint} value={c.link ?? 'none'} onChange={(e) => set({ link: e.currentTarget.value as Config['link'] })} data={(['none', 'login', 'email'] as const).map((v) => ({ value: v, label: t.links[v] }))} />
      </fieldset>
    </InlineForm>
  )
}

function OIDC({ c, set }: { c: NonNullable<Config['oidc']>; set: (x: Partial<NonNullable<Config['oidc']>>) => void }) {
  return (
    <>
      <TextInput label={t.issuer} description={t.issuerHint} required type="url" maxLength={500} value={c.issuer} onChange={(e) => set({ issuer: e.currentTarget.value })} />
      <Group grow>
        <TextInput label={t.clientID} required maxLength={500} value={c.client_id} onChange={(e) => set({ client_id: e.currentTarget.value })} />
        <NativeSelect label={t.clientAuth} value={c.client_auth ?? 'basic'} onChange={(e) => set({ client_auth: e.currentTarget.value as typeof c.client_auth })} data={(['basic', 'post', 'none'] as const).map((v) => ({ value: v, label: t.clientAuths[v] }))} />
        <NativeSelect label={t.prompt} value={c.prompt ?? ''} onChange={(e) => set({ prompt: (e.currentTarget.value || undefined) as typeof c.prompt })} data={[{ value: '', label: t.promptNone }, ...(['login', 'select_account', 'consent'] as const).map((v) => ({ value: v, label: words(v) }))]} />
      </Group>
      <TagsInput label={t.scopes} description={t.scopesHint} value={c.scopes ?? []} onChange={(scopes) => set({ scopes })} />
      <Checkbox label={t.userinfo} checked={!!c.userinfo} onChange={(e) => set({ userinfo: e.currentTarget.checked })} />
      <Checkbox label={t.logout} description={t.logoutHint} checked={!!c.logout} onChange={(e) => set({ logout: e.currentTarget.checked })} />
    </>
  )
}

function SAML({ c, set }: { c: NonNullable<Config['saml']>; set: (x: Partial<NonNullable<Config['saml']>>) => void }) {
  return (
    <>
      <TextInput label={t.metadataURL} description={t.metadataHint} type="url" maxLength={500} value={c.metadata_url ?? ''} onChange={(e) => set({ metadata_url: e.currentTarget.value })} />
      <Textarea label={t.metadata} autosize minRows={2} maxRows={8} maxLength={200000} value={c.metadata ?? ''} onChange={(e) => set({ metadata: e.currentTarget.value })} />
      <Select label={t.nameID} allowDeselect={false} value={c.name_id_format ?? 'persistent'} onChange={(v) => set({ name_id_format: v as typeof c.name_id_format })} data={['persistent', 'email', 'unspecified'].map((v) => ({ value: v, label: words(v) }))} />
      <Checkbox label={t.signRequests} checked={!!c.sign_requests} onChange={(e) => set({ sign_requests: e.currentTarget.checked })} />
      <Checkbox label={t.idpInitiated} checked={!!c.idp_initiated} onChange={(e) => set({ idp_initiated: e.currentTarget.checked })} />
    </>
  )
}

function LDAP({ c, set }: { c: NonNullable<Config['ldap']>; set: (x: Partial<NonNullable<Config['ldap']>>) => void }) {
  const line = (k: 'bind_dn' | 'user_template' | 'base_dn' | 'filter' | 'subject' | 'group_base' | 'group_filter' | 'group_name', label: string, description?: string, required = false) => (
    <TextInput label={label} description={description} required={required} maxLength={k.endsWith('filter') ? 1000 : 500} value={c[k] ?? ''} onChange={(e) => set({ [k]: e.currentTarget.value })} />
  )
  return (
    <>
      <TagsInput label={t.urls} description={t.urlsHint} value={c.urls} onChange={(urls) => set({ urls })} />
      <Group>
        <Checkbox label={t.startTLS} checked={!!c.start_tls} onChange={(e) => set({ start_tls: e.currentTarget.checked })} />
        <Checkbox label={t.plain} checked={!!c.plain} onChange={(e) => set({ plain: e.currentTarget.checked })} />
        <Checkbox label={t.activeDirectory} checked={!!c.active_directory} onChange={(e) => set({ active_directory: e.currentTarget.checked })} />
        <Checkbox label={t.nested} checked={!!c.nested} onChange={(e) => set({ nested: e.currentTarget.checked })} />
      </Group>
      {line('base_dn', t.baseDN, undefined, true)}
      {line('bind_dn', t.bindDN, t.bindDNHint)}
      {line('user_template', t.template, t.templateHint)}
      {line('filter', t.filter, t.filterHint)}
      {line('subject', t.subject, t.subjectHint)}
      {line('group_base', t.groupBase, t.groupBaseHint)}
      {line('group_filter', t.groupFilter, t.groupFilterHint)}
      {line('group_name', t.groupName, t.groupNameHint)}
    </>
  )
}
