import { Button, Group, NativeSelect, Stack, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must, type Schemas } from '../../api/client'
import { useSession } from '../../lib/session'
import { useReferences } from '../../list/FilterBar'
import { text } from '../../text'
import { Facts, Moment } from '../../ui/bits'
import { Confirm } from '../../ui/Confirm'
import { Failure } from '../../ui/states'
import { useChanged } from '../CertificateActions'

const t = text.providers
type Identity = Schemas['ExternalIdentity']

/** Whom of sign-in providers a user is, and how that is changed. */
export function Identities({ user, login }: { user: string; login: string }) {
  const session = useSession()
  const changed = useChanged()
  const [gone, setGone] = useState<Identity>()
  const [adding, setAdding] = useState(false)
  const path = { params: { path: { id: user } } }
  const q = useQuery({ queryKey: ['identities', user], queryFn: () => must(api.GET('/users/{id}/identities', path)) })
  const manage = session.can('user.manage') && session.lists.has('sign-in-providers')
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data || (!manage && q.data.items.length === 0)) return null
  return (
    <Stack gap="xs" mt="md">
      <Title order={2} size="h4">{t.identities}</Title>
      {q.data.items.length === 0 && <Text size="sm" c="dimmed">{t.noIdentity}</Text>}
      {q.data.items.map((i) => (
        <Group key={i.provider + i.subject} align="end">
          <Facts rows={[[t.provider, i.provider_name], [t.subjectOf, i.subject], [text.people.login, i.login], [t.linked, <Moment at={i.linked_at} />], [text.people.lastSignIn, <Moment at={i.last_sign_in} />]]} />
          {manage && <Button size="compact-xs" variant="subtle" color="red" aria-label={`${t.unlink}: ${i.provider_name} ${i.subject}`} onClick={() => setGone(i)}>{t.unlink}</Button>}
        </Group>
      ))}
      {manage && <Group><Button size="xs" variant="default" onClick={() => setAdding(true)}>{t.linkUser}</Button></Group>}
      <Confirm opened={!!gone} danger title={`${t.unlink}: ${login}`} label={t.unlink} close={() => setGone(undefined)} run={async () => { await must(api.POST('/users/{id}/identities/unlink', { ...path, body: { provider: gone!.provider, subject: gone!.subject } })); await changed() }}>
        {t.unlinkHint}
      </Confirm>
      {adding && <Link user={user} close={() => setAdding(false)} />}
    </Stack>
  )
}

function Link({ user, close }: { user: string; close: () => void }) {
  const changed = useChanged()
  const providers = useReferences('sign-in-providers')
  const [chosen, setChosen] = useState('')
  const [subject, setSubject] = useState('')
  const provider = chosen || providers[0]?.value || ''
  return (
    <Confirm opened title={t.linkUser} label={text.action.save} close={close} run={async () => { await must(api.POST('/users/{id}/identities/link', { params: { path: { id: user } }, body: { provider, subject } })); await changed() }}>
      <NativeSelect label={t.provider} required value={provider} onChange={(e) => setChosen(e.currentTarget.value)} data={providers} />
      <TextInput label={t.subjectOf} description={t.subjectOfHint} required maxLength={256} value={subject} onChange={(e) => setSubject(e.currentTarget.value)} />
    </Confirm>
  )
}
