import { Alert, Button, Group, List, Text } from '@mantine/core'
import { useState } from 'react'
import { APIError, type Row } from '../api/client'
import { text } from '../text'
import { Confirm } from '../ui/Confirm'

/** Something that can be done with several rows. */
export interface BulkAction {
  label: string
  danger?: boolean
  question: string // asked before
  run: (row: Row) => Promise<unknown>
}

/** What can be done with the selected rows: one after the other, and then what failed. */
export function Bulk({ rows, name, actions, done, clear }: { rows: Row[]; name: (r: Row) => string; actions: BulkAction[]; done: () => void; clear: () => void }) {
  const [asked, setAsked] = useState<BulkAction>()
  const [at, setAt] = useState(0)
  const [failures, setFailures] = useState<string[]>()
  const run = async (a: BulkAction) => {
    const bad: string[] = []
    for (const [i, r] of rows.entries()) {
      setAt(i + 1)
      try {
        await a.run(r)
      } catch (e) {
        bad.push(`${name(r)}: ${e instanceof APIError ? e.message : String(e)}`)
      }
    }
    setAt(0)
    setAsked(undefined)
    if (bad.length) setFailures(bad)
    else done()
  }
  return (
    <>
      <Group gap="xs" className="bulk" role="toolbar" aria-label={text.list.actions}>
        <Text size="sm" fw={600}>
          {rows.length} {text.list.selected}
        </Text>
        {actions.map((a) => (
          <Button key={a.label} size="compact-sm" variant={a.danger ? 'outline' : 'default'} color={a.danger ? 'red' : undefined} onClick={() => setAsked(a)}>
            {a.label}
          </Button>
        ))}
        <Button size="compact-sm" variant="subtle" onClick={clear}>
          {text.list.clearSelection}
        </Button>
      </Group>
      {failures && (
        <Alert color="red" variant="outline" role="alert" title={text.state.failed} withCloseButton closeButtonLabel={text.action.close} onClose={() => (setFailures(undefined), done())} mb="xs">
          <List size="sm">
            {failures.map((f) => (
              <List.Item key={f}>{f}</List.Item>
            ))}
          </List>
        </Alert>
      )}
      <Confirm opened={!!asked} title={asked?.label ?? ''} danger={asked?.danger} close={() => setAsked(undefined)} run={() => run(asked!)} label={at ? `${at} / ${rows.length}` : asked?.label}>
        {asked?.question} ({rows.length})
      </Confirm>
    </>
  )
}
