import { ActionIcon, Anchor, Badge, Button, Code, CopyButton, Group, Popover, Stack, Text, Title, Tooltip } from '@mantine/core'
import { useEffect, type ReactNode } from 'react'
import { Link } from 'wouter'
import { away, instant, moment, words } from '../lib/format'
import { text } from '../text'
import { Icon } from './Icon'

const good = new Set(['active', 'issued', 'valid', 'success', 'done', 'verified', 'passed', 'approved', 'ok', 'given', 'created', 'imported', 'validated'])
const bad = new Set(['revoked', 'failed', 'rejected', 'invalid', 'expired', 'refused', 'cancelled', 'disabled', 'abandoned', 'withdrawn', 'declined', 'discrepancy'])

/** A state as a word with a mark whose shape, not only its colour, says what it means. */
export function Status({ value }: { value: string }) {
  const kind = good.has(value) ? 'good' : bad.has(value) ? 'bad' : 'open'
  return (
    <span className={'status ' + kind}>
      <span aria-hidden="true" className="mark" />
      {words(value)}
    </span>
  )
}

/** A point in time in the reader's zone, with the exact one to point at. */
export function Moment({ at, relative }: { at?: string; relative?: boolean }) {
  if (!at) return null
  return (
    <time dateTime={at} title={instant(at)}>
      {moment(at)}
      {relative && <span className="quiet"> ({away(at)})</span>}
    </time>
  )
}

export function Go({ to, children }: { to: string; children: ReactNode }) {
  return (
    <Anchor component={Link} href={to} size="sm" inherit>
      {children}
    </Anchor>
  )
}

export function Copy({ value, label }: { value: string; label: string }) {
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? text.action.copied : text.action.copy}>
          <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`${text.action.copy}: ${label}`} onClick={copy}>
            <Icon name={copied ? 'check' : 'copy'} />
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  )
}

/** Text to copy: keys, commands, certificates. */
export function Block({ value, label }: { value: string; label: string }) {
  return (
    <div className="block">
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={600}>
          {label}
        </Text>
        <CopyButton value={value}>
          {({ copied, copy }) => (
            <Button size="compact-xs" variant="default" leftSection={<Icon name={copied ? 'check' : 'copy'} size={14} />} aria-label={`${text.action.copy}: ${label}`} onClick={copy}>
              {copied ? text.action.copied : text.action.copy}
            </Button>
          )}
        </CopyButton>
      </Group>
      <Code block tabIndex={0} role="region" aria-label={label}>
        {value}
      </Code>
    </div>
  )
}

/** What a number or a field means and what to do about it. */
export function Info({ about, children }: { about: string; children: ReactNode }) {
  return (
    <Popover width={320} withArrow shadow="md" position="bottom">
      <Popover.Target>
        <ActionIcon variant="subtle" color="gray" size="sm" aria-label={`About: ${about}`}>
          <Icon name="info" size={15} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <Text size="sm">{children}</Text>
      </Popover.Dropdown>
    </Popover>
  )
}

/** The head of every page: its title, which is also the window's, and what can be done. */
export function PageHead({ title, badge, back, children }: { title: string; badge?: ReactNode; back?: { to: string; label: string }; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · ${text.product}`
  }, [title])
  return (
    <Group justify="space-between" align="flex-end" gap="sm" mb="sm" className="page-head">
      <Stack gap={2}>
        {back && (
          <Anchor component={Link} href={back.to} size="xs">
            ‹ {back.label}
          </Anchor>
        )}
        <Group gap="sm">
          <Title order={1} size="h3">
            {title}
          </Title>
          {badge}
        </Group>
      </Stack>
      <Group gap="xs">{children}</Group>
    </Group>
  )
}

/** Names and values of a thing, two columns. Rows without a value are left out. */
export function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {rows
        .filter(([, v]) => v !== undefined && v !== null && v !== '' && v !== false)
        .map(([k, v]) => (
          <div key={k}>
            <dt>{k}</dt>
            <dd>{v}</dd>
          </div>
        ))}
    </dl>
  )
}

export function Tags({ tags }: { tags: string[] }) {
  return (
    <Group gap={4}>
      {tags.map((x) => (
        <Badge key={x} variant="default" size="sm" tt="none" fw={500}>
          {x}
        </Badge>
      ))}
    </Group>
  )
}
