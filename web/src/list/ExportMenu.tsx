import { Button, Group, Menu, Progress, Stack, Text } from '@mantine/core'
import { useRef, useState } from 'react'
import { count } from '../lib/format'
import { text } from '../text'
import { Icon } from '../ui/Icon'
import { Dialog } from '../ui/Dialog'
import { Failure } from '../ui/states'
import { exportList, save, type Progress as Step } from './frames'
import { sent, type ListState } from './query'

const t = text.export
const formats = ['csv', 'xlsx', 'pdf'] as const

/** Exports the filtered rows with the chosen columns, with progress. */
export function ExportMenu({ list, title, state, columns }: { list: string; title: string; state: ListState; columns: string[] }) {
  const [running, setRunning] = useState(false)
  const [step, setStep] = useState<Step>({ rows: 0 })
  const [error, setError] = useState<unknown>()
  const abort = useRef<AbortController>(null)

  const run = async (format: (typeof formats)[number]) => {
    const q = new URLSearchParams({ format })
    for (const f of sent(state.filter)) q.append('filter', f)
    for (const c of columns) q.append('column', c)
    if (state.sort) q.set('sort', state.sort)
    abort.current = new AbortController()
    setError(undefined)
    setStep({ rows: 0 })
    setRunning(true)
    try {
      const blob = await exportList(list, q, setStep, abort.current.signal)
      save(blob, `${list}.${format}`)
      setRunning(false)
    } catch (e) {
      if (abort.current.signal.aborted) setRunning(false)
      else setError(e)
    }
  }
  const close = () => {
    abort.current?.abort()
    setRunning(false)
    setError(undefined)
  }
  return (
    <>
      <Menu position="bottom-end" shadow="md">
        <Menu.Target>
          <Button size="xs" variant="default" leftSection={<Icon name="download" size={14} />}>
            {t.title}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {(['xlsx', 'pdf', 'csv'] as const).map((f) => (
            <Menu.Item key={f} onClick={() => void run(f)}>
              {t[f]}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Text size="xs" px="sm" pb={4} maw={260}>
            {t.hint}
          </Text>
        </Menu.Dropdown>
      </Menu>
      <Dialog opened={running} onClose={close} title={`${t.running}: ${title}`} closeLabel={t.cancel}>
        <Stack gap="sm">
          {error ? (
            <Failure error={error} />
          ) : (
            <>
              <Progress value={step.total ? (100 * step.rows) / step.total : 100} animated={!step.total} aria-label={t.running} />
              <Text size="sm" aria-live="polite">
                {count(step.rows)} {step.total ? `${t.of} ${count(step.total)} ` : ''}
                {t.rows}
              </Text>
            </>
          )}
          <Group justify="flex-end">
            <Button variant="default" size="xs" onClick={close}>
              {error ? text.action.close : t.cancel}
            </Button>
          </Group>
        </Stack>
      </Dialog>
    </>
  )
}
