import { ActionIcon, Button, Checkbox, Divider, Group, Popover, ScrollArea, Stack, Text } from '@mantine/core'
import type { Column } from '../api/client'
import { text } from '../text'
import { Icon } from '../ui/Icon'

const t = text.list

/** Which columns are shown, and in which order. */
export function ColumnChooser({ columns, chosen, onChange }: { columns: Column[]; chosen: Column[]; onChange: (names: string[]) => void }) {
  const names = chosen.map((c) => c.name)
  const move = (i: number, by: number) => {
    const next = [...names]
    ;[next[i], next[i + by]] = [next[i + by]!, next[i]!]
    onChange(next)
  }
  const item = (c: Column) => {
    const i = names.indexOf(c.name)
    return (
      <Group key={c.name} justify="space-between" wrap="nowrap" gap="xs" mih={24}>
        <Checkbox size="xs" label={c.title} checked={i >= 0} disabled={i >= 0 && names.length === 1} onChange={(e) => onChange(e.currentTarget.checked ? [...names, c.name] : names.filter((n) => n !== c.name))} />
        {i >= 0 && (
          <Group gap={2} wrap="nowrap">
            <ActionIcon size="xs" variant="subtle" color="gray" aria-label={`${t.moveUp}: ${c.title}`} disabled={i === 0} onClick={() => move(i, -1)}>
              <Icon name="up" size={13} />
            </ActionIcon>
            <ActionIcon size="xs" variant="subtle" color="gray" aria-label={`${t.moveDown}: ${c.title}`} disabled={i === names.length - 1} onClick={() => move(i, 1)}>
              <Icon name="down" size={13} />
            </ActionIcon>
          </Group>
        )}
      </Group>
    )
  }
  const others = columns.filter((c) => !c.default)
  return (
    <Popover position="bottom-end" shadow="md" withArrow trapFocus>
      <Popover.Target>
        <Button size="xs" variant="default" leftSection={<Icon name="columns" size={14} />}>
          {t.columns}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t.columnsHint}>
        <ScrollArea.Autosize mah={420} type="auto">
          <Stack gap={4} miw={230} pr="sm">
            <Text size="xs" fw={700}>
              {t.defaultColumns}
            </Text>
            {columns.filter((c) => c.default).map(item)}
            {others.length > 0 && (
              <Text size="xs" fw={700} mt={6}>
                {t.otherColumns}
              </Text>
            )}
            {others.map(item)}
            <Divider my={4} />
            <Button size="compact-xs" variant="subtle" onClick={() => onChange([])}>
              {t.defaults}
            </Button>
          </Stack>
        </ScrollArea.Autosize>
      </Popover.Dropdown>
    </Popover>
  )
}
