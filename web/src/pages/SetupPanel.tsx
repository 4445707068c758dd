import { Button, Group, Paper, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, must, type Schemas } from '../api/client'
import { text } from '../text'
import { Confirm } from '../ui/Confirm'

const t = text.setup

export const useSetup = () => useQuery({ queryKey: ['setup'], queryFn: () => must(api.GET('/setup')) })

/** Keeps what the server answers, so that every part of the page sees it. */
export function useKeep() {
  const client = useQueryClient()
  return (s: Schemas['Setup']) => client.setQueryData(['setup'], s)
}

/** On the start page until the assistant is done or closed; opens it by itself the first time. */
export function SetupPanel() {
  const q = useSetup()
  const keep = useKeep()
  const [, navigate] = useLocation()
  const [closing, setClosing] = useState(false)
  const s = q.data
  const first = !!s && s.known && !s.started && !s.closed
  useEffect(() => {
    if (first) navigate('/setup', { replace: true })
  }, [first, navigate])
  if (!s || !s.known || s.closed || first) return null
  const open = s.steps.filter((x) => !x.state).length
  if (!open) return null
  return (
    <Paper withBorder p="md" mb="md" component="section" aria-label={t.panel}>
      <Group justify="space-between">
        <div>
          <Text fw={600}>{t.panel}</Text>
          <Text size="sm">{t.panelHint(s.steps.length - open, s.steps.length)}</Text>
        </div>
        <Group gap="xs">
          <Button size="xs" component={Link} href="/setup">
            {t.go}
          </Button>
          <Button size="xs" variant="default" onClick={() => setClosing(true)}>
            {t.close}
          </Button>
        </Group>
      </Group>
      <Confirm opened={closing} title={t.closeTitle} label={t.close} close={() => setClosing(false)} run={async () => keep(await must(api.POST('/setup/close')))}>
        {t.closeHint}
      </Confirm>
    </Paper>
  )
}
