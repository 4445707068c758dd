import { Button, Checkbox, Group, Stack, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, must, type Schemas } from '../api/client'
import { useSession } from '../lib/session'
import { words } from '../lib/format'
import { text } from '../text'
import { InlineForm } from '../ui/InlineForm'
import { Failure, Waiting } from '../ui/states'
import { roles } from './People'

const t = text.policy

/** Settings: which roles need a second factor, and the assistant again. */
export function SignInPolicy() {
  const { can } = useSession()
  const q = useQuery({ queryKey: ['signin-policy'], queryFn: () => must(api.GET('/signin-policy')) })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  return (
    <section aria-labelledby="policy">
      <h2 className="section" id="policy">
        {t.title}
      </h2>
      <Text size="sm" mb="sm">
        {t.hint}
      </Text>
      {can('settings.manage') ? <Form key={q.data.version} p={q.data} /> : <Text size="sm">{q.data.roles.map((r) => words(r)).join(', ') || text.list.no}</Text>}
      {can('settings.manage') && <Again />}
    </section>
  )
}

function Form({ p }: { p: Schemas['SignInPolicy'] }) {
  const client = useQueryClient()
  const [chosen, setChosen] = useState<string[]>(p.roles)
  return (
    <InlineForm
      label={text.action.save}
      run={async () => {
        const got = await must(api.PUT('/signin-policy', { body: { roles: chosen as typeof p.roles, version: p.version } }))
        client.setQueryData(['signin-policy'], got)
        notifications.show({ message: t.saved })
      }}
    >
      <Checkbox.Group label={t.roles} value={chosen} onChange={setChosen}>
        <Stack gap={6} mt="xs">
          {roles.map((r) => (
            <Checkbox key={r} value={r} label={words(r)} />
          ))}
        </Stack>
      </Checkbox.Group>
    </InlineForm>
  )
}

/** Opens the assistant of the first days again. */
function Again() {
  const q = useQuery({ queryKey: ['setup'], queryFn: () => must(api.GET('/setup')) })
  const client = useQueryClient()
  const [, navigate] = useLocation()
  if (!q.data?.known) return null
  const open = async () => {
    client.setQueryData(['setup'], await must(api.POST('/setup/open')))
    navigate('/setup')
  }
  return (
    <Group mt="lg">
      {q.data.closed ? (
        <Button size="xs" variant="default" onClick={() => void open()}>
          {text.setup.again}
        </Button>
      ) : (
        <Button size="xs" variant="default" component={Link} href="/setup">
          {text.setup.title}
        </Button>
      )}
    </Group>
  )
}
