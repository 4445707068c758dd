import { Alert, Anchor, Button, Group, MultiSelect, NativeSelect, Stack, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, must, type Row, type Schemas } from '../api/client'
import { useSession } from '../lib/session'
import { useReferences } from '../list/FilterBar'
import { ListPage } from '../list/ListPage'
import { words } from '../lib/format'
import { text } from '../text'
import { Block, Facts, Go, Moment, PageHead, Status } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { Dialog } from '../ui/Dialog'
import { Name } from '../ui/Name'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'
import { Pick } from '../ui/Pick'
import { Identities } from './providers/Identities'
import { ResetFactor, SignOut } from './UserActions'

const t = text.people

export const roles = ['administrator', 'ca-administrator', 'approver', 'validator', 'operator', 'auditor', 'requester']

// ---- users

type Password = Schemas['IssuedPassword']

export function Users() {
  const session = useSession()
  const [, navigate] = useLocation()
  const [open, setOpen] = useState<{ what: 'edit' | 'password' | 'state' | 'delete' | 'sign-out' | 'factor'; row: Row }>()
  const [adding, setAdding] = useState(false)
  const [issued, setIssued] = useState<Password>()
  const changed = useChanged()
  const manage = session.can('user.manage')
  const ask = (what: NonNullable<typeof open>['what']) => (row: Row) => setOpen({ what, row })
  const r = open?.row
  const path = { params: { path: { id: String(r?.id) } } }
  const close = () => setOpen(undefined)
  return (
    <>
      <ListPage
        list="users"
        title={text.nav.users}
        link={(r) => `/users/${r.id}`}
        linkColumn="login"
        head={
          <>
            <Button component={Link} href="/users/roles" size="xs" variant="default">
              {text.roleTable.title}
            </Button>
            {manage && (
              <Button size="xs" onClick={() => setAdding(true)}>
                {t.newUser}
              </Button>
            )}
          </>
        }
        actions={[
          { label: text.action.view, run: (r) => navigate(`/users/${r.id}`) },
          { label: text.action.edit, shown: () => manage, run: ask('edit') },
          { label: t.resetPassword, shown: (r) => manage && r.id !== session.me.user, run: ask('password') },
          { label: text.userActions.signOut, danger: true, shown: (r) => manage || r.id === session.me.user, run: ask('sign-out') },
          { label: text.userActions.resetFactor, danger: true, shown: (r) => manage && r.second_factor === true, run: ask('factor') },
          { label: t.disable, danger: true, shown: (r) => manage && r.state === 'active' && r.id !== session.me.user, run: ask('state') },
          { label: t.enable, shown: (r) => manage && r.state === 'disabled', run: ask('state') },
          { label: text.action.remove, danger: true, shown: (r) => manage && r.state === 'disabled', run: ask('delete') },
        ]}
      />
      {adding && <EditUser close={() => setAdding(false)} issued={setIssued} />}
      {open?.what === 'edit' && <EditUser id={String(r!.id)} close={close} issued={setIssued} />}
      <Confirm opened={open?.what === 'password'} title={`${t.resetPassword}: ${String(r?.login)}`} danger close={close} run={async () => { const got = await must(api.POST('/users/{id}/password', path)); setIssued(got) }}>
        {t.resetHint}
      </Confirm>
      <Confirm opened={open?.what === 'state'} title={`${r?.state === 'active' ? t.disable : t.enable}: ${String(r?.login)}`} danger={r?.state === 'active'} close={close} run={async () => { await (r?.state === 'active' ? must(api.POST('/users/{id}/disable', path)) : must(api.POST('/users/{id}/enable', path))); await changed() }}>
        {r?.state === 'active' ? t.disableHint : t.enableHint}
      </Confirm>
      <Confirm opened={open?.what === 'delete'} title={`${text.action.remove}: ${String(r?.login)}`} danger label={text.action.remove} close={close} run={async () => { await must(api.DELETE('/users/{id}', path)); await changed() }}>
        {t.deleteHint}
      </Confirm>
      {open?.what === 'sign-out' && <SignOut id={String(r!.id)} login={String(r!.login)} close={close} />}
      {open?.what === 'factor' && <ResetFactor id={String(r!.id)} login={String(r!.login)} close={close} />}
      <OneTime issued={issued} close={() => setIssued(undefined)} />
    </>
  )
}

/** A one-time password, shown this once. */
function OneTime({ issued, close }: { issued?: Password; close: () => void }) {
  return (
    <Dialog opened={!!issued?.password} onClose={close} title={`${t.oneTime}: ${issued?.user.login}`} keep>
      <Stack gap="sm">
        <Alert color="yellow" variant="outline" role="status">
          {t.oneTimeHint}
        </Alert>
        <Block label={t.oneTime} value={issued?.password ?? ''} />
        <Group justify="flex-end">
          <Button onClick={close}>{text.credentials.kept}</Button>
        </Group>
      </Stack>
    </Dialog>
  )
}

function EditUser({ id, close, issued }: { id?: string; close: () => void; issued: (p: Password) => void }) {
  const q = useQuery({ queryKey: ['user', id], queryFn: () => must(api.GET('/users/{id}', { params: { path: { id: id! } } })), enabled: !!id })
  if (id && !q.data) return null
  return <UserForm user={q.data} close={close} issued={issued} />
}

function UserForm({ user, close, issued }: { user?: Schemas['User']; close: () => void; issued: (p: Password) => void }) {
  const changed = useChanged()
  const groups = useReferences('groups')
  const [login, setLogin] = useState(user?.login ?? '')
  const [name, setName] = useState(user?.name ?? '')
  const [email, setEmail] = useState(user?.email ?? '')
  const [members, setMembers] = useState<string[]>(user?.groups ?? [])
  const [grants, setGrants] = useState<Schemas['Grant'][]>(user?.grants ?? [{ role: 'requester' }])
  const set = (i: number, g: Schemas['Grant']) => setGrants(grants.map((x, k) => (k === i ? g : x)))
  return (
    <Confirm
      opened
      size="lg"
      title={user ? `${text.action.edit}: ${user.login}` : t.newUser}
      label={text.action.save}
      close={close}
      run={async () => {
        if (user) await must(api.PATCH('/users/{id}', { params: { path: { id: user.id } }, body: { name, email, groups: members, grants } }))
        else issued(await must(api.POST('/users', { body: { login, name: name || undefined, email: email || undefined, groups: members, grants } })))
        notifications.show({ message: t.saved })
        await changed()
      }}
    >
      {!user && <TextInput label={t.login} required maxLength={128} value={login} onChange={(e) => setLogin(e.currentTarget.value)} data-autofocus />}
      <Group grow>
        <TextInput label={t.name} maxLength={200} value={name} onChange={(e) => setName(e.currentTarget.value)} />
        <TextInput label={t.email} type="email" maxLength={254} value={email} onChange={(e) => setEmail(e.currentTarget.value)} />
      </Group>
      <MultiSelect label={text.nav.groups} data={groups} value={members} onChange={setMembers} searchable />
      <fieldset className="plain">
        <legend>{t.roles}</legend>
        <Anchor href="/users/roles" target="_blank" size="xs">
          {text.roleTable.open}
        </Anchor>
        {grants.map((g, i) => g.provider ? <p key={i} className="quiet">{words(g.role)}, {words('provider', 'grant')}</p> : (
          <Group key={i} gap="xs" mb={4}>
            <NativeSelect size="xs" aria-label={`${t.role} ${i + 1}`} value={g.role} data={roles.map((r) => ({ value: r, label: words(r) }))} onChange={(e) => set(i, { ...g, role: e.currentTarget.value })} />
            <NativeSelect size="xs" aria-label={`${t.where} ${i + 1}`} value={g.group ?? ''} data={[{ value: '', label: t.everywhere }, ...groups]} onChange={(e) => set(i, e.currentTarget.value ? { role: g.role, group: e.currentTarget.value } : { role: g.role })} />
            <Button size="compact-xs" variant="subtle" color="red" aria-label={`${text.action.remove}: ${t.role} ${i + 1}`} onClick={() => setGrants(grants.filter((_, k) => k !== i))}>
              {text.action.remove}
            </Button>
          </Group>
        ))}
        <Button size="compact-xs" variant="default" onClick={() => setGrants([...grants, { role: 'requester' }])}>
          {t.addRole}
        </Button>
      </fieldset>
    </Confirm>
  )
}

export function UserPage({ id }: { id: string }) {
  const session = useSession()
  const [asked, setAsked] = useState<'sign-out' | 'factor'>()
  const q = useQuery({ queryKey: ['user', id], queryFn: () => must(api.GET('/users/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const u = q.data
  return (
    <>
      <PageHead title={u.login} badge={<Status value={u.state} />} back={{ to: '/users', label: text.nav.users }}>
        {(session.can('user.manage') || u.id === session.me.user) && (
          <Button size="xs" variant="outline" color="red" onClick={() => setAsked('sign-out')}>
            {text.userActions.signOut}
          </Button>
        )}
        {session.can('user.manage') && u.second_factor && (
          <Button size="xs" variant="outline" color="red" onClick={() => setAsked('factor')}>
            {text.userActions.resetFactor}
          </Button>
        )}
      </PageHead>
      <Facts
        rows={[
          [t.name, u.name],
          [t.email, u.email],
          [text.certificate.number, u.number],
          [t.roles, u.grants.map((g, i) => <div key={i}>{words(g.role)} {g.group ? <>({t.in} <Name list="groups" id={g.group} />)</> : `(${t.everywhere.toLowerCase()})`}{g.provider && <span className="quiet">, {words('provider', 'grant')}</span>}</div>)],
          [text.nav.groups, u.groups.map((g, i) => <span key={g}>{i > 0 && ', '}<Name list="groups" id={g} />{u.provided_groups?.[g] && <span className="quiet"> ({words('provider', 'grant')})</span>}</span>)],
          [t.mustChange, u.must_change && text.list.yes],
          [t.factors, u.factors.map((f) => t.factor[f] ?? f).join(', ') || t.passwordOnly],
          [t.lockedUntil, u.locked && <Moment at={u.locked_until} />],
          [t.lastSignIn, u.last_sign_in ? <Moment at={u.last_sign_in} /> : text.credentials.never],
          [text.certificate.created, <Moment at={u.created_at} />],
          [text.nav.certificates, <Go to={`/certificates?filter=user:eq:${u.id}`}>{t.openCertificates}</Go>],
        ]}
      />
      <Identities user={u.id} login={u.login} />
      {asked === 'sign-out' && <SignOut id={u.id} login={u.login} close={() => setAsked(undefined)} />}
      {asked === 'factor' && <ResetFactor id={u.id} login={u.login} close={() => setAsked(undefined)} />}
    </>
  )
}

// ---- groups

export function Groups() {
  const session = useSession()
  const [, navigate] = useLocation()
  const [edit, setEdit] = useState<Row | 'new'>()
  const [gone, setGone] = useState<Row>()
  const changed = useChanged()
  const may = (r: Row) => session.can('group.manage', String(r.id))
  return (
    <>
      <ListPage
        list="groups"
        title={text.nav.groups}
        link={(r) => `/groups/${r.id}`}
        linkColumn="name"
        head={session.can('group.manage') && <Button size="xs" onClick={() => setEdit('new')}>{t.newGroup}</Button>}
        actions={[
          { label: text.action.view, run: (r) => navigate(`/groups/${r.id}`) },
          { label: text.action.edit, shown: may, run: setEdit },
          { label: text.action.remove, danger: true, shown: may, run: setGone },
        ]}
      />
      {edit && <GroupForm row={edit === 'new' ? undefined : edit} close={() => setEdit(undefined)} />}
      <Confirm opened={!!gone} danger title={`${text.action.remove}: ${String(gone?.name)}`} label={text.action.remove} close={() => setGone(undefined)} run={async () => { await must(api.DELETE('/groups/{id}', { params: { path: { id: String(gone!.id) } } })); await changed() }}>
        {t.deleteGroup}
      </Confirm>
    </>
  )
}

function GroupForm({ row, close }: { row?: Row; close: () => void }) {
  const changed = useChanged()
  const [name, setName] = useState(String(row?.name ?? ''))
  const [email, setEmail] = useState(String(row?.email ?? ''))
  const [organisation, setOrganisation] = useState(String(row?.organisation ?? ''))
  return (
    <Confirm
      opened
      title={row ? `${text.action.edit}: ${String(row.name)}` : t.newGroup}
      label={text.action.save}
      close={close}
      run={async () => {
        const body = { name, email: email || undefined, organisation: organisation || undefined }
        if (row) await must(api.PUT('/groups/{id}', { params: { path: { id: String(row.id) } }, body }))
        else await must(api.POST('/groups', { body }))
        await changed()
      }}
    >
      <TextInput label={t.name} required maxLength={200} value={name} onChange={(e) => setName(e.currentTarget.value)} data-autofocus />
      <TextInput label={t.email} description={t.groupEmail} type="email" maxLength={254} value={email} onChange={(e) => setEmail(e.currentTarget.value)} />
      <Pick list="organisations" label={t.organisation} required={false} value={organisation} onChange={setOrganisation} />
    </Confirm>
  )
}

export function GroupPage({ id }: { id: string }) {
  const session = useSession()
  const changed = useChanged()
  const [adding, setAdding] = useState(false)
  const [user, setUser] = useState('')
  const [out, setOut] = useState<Row>()
  const q = useQuery({ queryKey: ['group', id], queryFn: () => must(api.GET('/groups/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const g = q.data
  const manage = session.can('group.manage', g.id)
  return (
    <>
      <PageHead title={g.name} back={{ to: '/groups', label: text.nav.groups }}>
        {manage && (
          <Button size="xs" onClick={() => (setUser(''), setAdding(true))}>
            {t.addMember}
          </Button>
        )}
      </PageHead>
      <Facts
        rows={[
          [text.certificate.number, g.number],
          [t.email, g.email],
          [t.organisation, g.organisation && <Name list="organisations" id={g.organisation} />],
          [text.nav.certificates, <Go to={`/certificates?filter=group:eq:${g.id}`}>{t.openCertificates}</Go>],
          [text.certificate.created, <Moment at={g.created_at} />],
        ]}
      />
      {session.can('user.view', g.id) && session.lists.has('users') && (
        <>
          <h2 className="section">{t.members}</h2>
          <ListPage embedded list="users" title={t.members} path={`/groups/${g.id}/members`} link={(r) => `/users/${r.id}`} linkColumn="login" actions={manage ? [{ label: t.takeOut, danger: true, run: setOut }] : []} />
        </>
      )}
      <Confirm opened={adding} title={t.addMember} label={t.addMember} close={() => setAdding(false)} run={async () => { await must(api.PUT('/groups/{id}/members/{user}', { params: { path: { id: g.id, user } } })); await changed() }}>
        <Pick list="users" label={text.certificate.user} value={user} onChange={setUser} />
      </Confirm>
      <Confirm opened={!!out} danger title={`${t.takeOut}: ${String(out?.login)}`} label={t.takeOut} close={() => setOut(undefined)} run={async () => { await must(api.DELETE('/groups/{id}/members/{user}', { params: { path: { id: g.id, user: String(out!.id) } } })); await changed() }}>
        {t.takeOutHint}
      </Confirm>
    </>
  )
}

// ---- organisations

export function Organisations() {
  const session = useSession()
  const [, navigate] = useLocation()
  const [edit, setEdit] = useState<string>()
  const [gone, setGone] = useState<Row>()
  const changed = useChanged()
  const manage = session.can('organisation.manage')
  return (
    <>
      <ListPage
        list="organisations"
        title={text.nav.organisations}
        link={(r) => `/organisations/${r.id}`}
        linkColumn="name"
        cells={{ state: (r) => String(r.state ?? '') }}
        head={manage && <Button size="xs" onClick={() => setEdit('')}>{t.newOrganisation}</Button>}
        actions={[
          { label: text.action.view, run: (r) => navigate(`/organisations/${r.id}`) },
          { label: text.action.edit, shown: () => manage, run: (r) => setEdit(String(r.id)) },
          { label: text.action.remove, danger: true, shown: () => manage, run: setGone },
        ]}
      />
      {edit !== undefined && <EditOrganisation id={edit} close={() => setEdit(undefined)} />}
      <Confirm opened={!!gone} danger title={`${text.action.remove}: ${String(gone?.name)}`} label={text.action.remove} close={() => setGone(undefined)} run={async () => { await must(api.DELETE('/organisations/{id}', { params: { path: { id: String(gone!.id) } } })); await changed() }}>
        {t.deleteOrganisation}
      </Confirm>
    </>
  )
}

function EditOrganisation({ id, close }: { id: string; close: () => void }) {
  const q = useQuery({ queryKey: ['organisation', id], queryFn: () => must(api.GET('/organisations/{id}', { params: { path: { id } } })), enabled: !!id })
  if (id && !q.data) return null
  return <OrganisationForm o={q.data} close={close} />
}

export function OrganisationForm({ o, close }: { o?: Schemas['Organisation']; close: () => void }) {
  const changed = useChanged()
  const [f, setF] = useState({ name: o?.name ?? '', country: o?.country ?? '', state: o?.state ?? '', locality: o?.locality ?? '', email: o?.email ?? '' })
  const field = (k: keyof typeof f, label: string, most: number, more = {}) => <TextInput label={label} maxLength={most} value={f[k]} onChange={(e) => setF({ ...f, [k]: e.currentTarget.value })} {...more} />
  return (
    <Confirm
      opened
      size="lg"
      title={o ? `${text.action.edit}: ${o.name}` : t.newOrganisation}
      label={text.action.save}
      close={close}
      run={async () => {
        // What the form does not show stays as it was.
        const body = { name: f.name, country: f.country || undefined, state: f.state || undefined, locality: f.locality || undefined, email: f.email || undefined, legal: o?.legal }
        if (o) await must(api.PUT('/organisations/{id}', { params: { path: { id: o.id } }, body }))
        else await must(api.POST('/organisations', { body }))
        await changed()
      }}
    >
      {field('name', t.name, 200, { required: true, 'data-autofocus': true })}
      <Group grow>
        {field('country', t.country, 2, { description: t.countryHint })}
        {field('state', t.state, 128, { description: ' ' })}
        {field('locality', t.locality, 128, { description: ' ' })}
      </Group>
      {field('email', t.email, 254, { type: 'email' })}
    </Confirm>
  )
}
