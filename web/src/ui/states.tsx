import { Alert, Anchor, Button, Center, Group, List, Loader, Stack, Text } from '@mantine/core'
import { Component, type ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import { APIError } from '../api/client'
import { sentence } from '../lib/format'
import { PartError } from '../lib/lazily'
import { pageOf } from '../list/Cell'
import { text } from '../text'
import { PageHead } from './bits'

export function Waiting() {
  return (
    <Center mih={160} role="status" className="waiting">
      <Loader size="sm" aria-hidden />
      <Text ml="sm">{text.state.loading}</Text>
    </Center>
  )
}

/** What went wrong, as the API says it; with page it stands where a page would. */
export function Failure({ error, retry, page = false }: { error: unknown; retry?: () => void; page?: boolean }) {
  const p = error instanceof APIError ? error.problem : undefined
  // What a page is about is not there, or not for this reader: reading it again changes nothing, so lead away.
  if (p && retry && page && (p.status === 404 || p.status === 403)) return <Nowhere title={p.status === 404 ? text.state.nothing : p.title} detail={p.detail} />
  return (
    <Alert color="red" variant="outline" role="alert" title={p?.title ?? text.state.failed} my="sm" className="failure">
      <Stack gap="xs">
        {(p?.detail || !p) && <Text size="sm">{p?.detail ? sentence(p.detail) : String((error as Error)?.message ?? error)}</Text>}
        {!!p?.reasons?.length && (
          <List size="sm">
            {p.reasons.map((r, i) => (
              <List.Item key={i}>
                {sentence(r.detail)}
                {r.value ? ` (${r.value})` : ''}
              </List.Item>
            ))}
          </List>
        )}
        {p?.request_id && p.status >= 500 && <Text size="xs">{text.state.request + ' ' + p.request_id}</Text>}
        {retry && (
          <Group>
            <Button size="xs" variant="default" onClick={retry}>
              {text.state.retry}
            </Button>
          </Group>
        )}
      </Stack>
    </Alert>
  )
}

/** A page that is not there, with ways to one that is. */
export function Nowhere({ title, detail }: { title: string; detail?: string }) {
  const [path] = useLocation()
  const area = path.slice(0, path.lastIndexOf('/'))
  return (
    <Stack gap="xs" align="flex-start">
      <PageHead title={title} />
      <Text size="sm">{detail ? detail.charAt(0).toUpperCase() + detail.slice(1) + '.' : text.state.notFoundHint}</Text>
      {Object.values(pageOf).includes(area) && (
        <Anchor component={Link} href={area} size="sm">
          {text.state.list}
        </Anchor>
      )}
      <Anchor component={Link} href="/" size="sm">
        {text.state.home}
      </Anchor>
    </Stack>
  )
}

/** Keeps a fault of one page from taking the whole portal away. */
export class Boundary extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {}
  static getDerivedStateFromError(error: Error) {
    return { error }
  }
  override render() {
    if (!this.state.error) return this.props.children
    const part = this.state.error instanceof PartError
    return (
      <Alert color="red" variant="outline" role="alert" title={<h1>{part ? text.state.part : text.state.crash}</h1>} m="md" className="fault">
        <Stack gap="xs">
          <Text size="sm">{this.state.error.message}</Text>
          {!part && <Text size="sm">{text.state.crashHint}</Text>}
          <Group>
            <Button size="xs" variant="default" onClick={() => location.reload()}>
              {text.state.reload}
            </Button>
            <Anchor href="/" size="sm">
              {text.state.home}
            </Anchor>
          </Group>
        </Stack>
      </Alert>
    )
  }
}
