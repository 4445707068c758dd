import { Button, Checkbox, Menu, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must, readList, type Schemas } from '../api/client'
import { useSession } from '../lib/session'
import { text } from '../text'
import { Confirm } from '../ui/Confirm'
import { Icon } from '../ui/Icon'
import { parseCond, sent, writeCond, type ListState } from './query'

const t = text.views
type View = Schemas['View']

/** Saved views of a list: filter, sort order and columns under a name. */
export function ViewsMenu({ list, state, shown, change }: { list: string; state: ListState; shown: string[]; change: (c: Partial<ListState>) => void }) {
  const session = useSession()
  const client = useQueryClient()
  const [saving, setSaving] = useState(false)
  const [name, setName] = useState('')
  const [shared, setShared] = useState(false)
  const [removing, setRemoving] = useState<View>()
  const views = useQuery({
    queryKey: ['views', list],
    queryFn: ({ signal }) => readList<View>('/views', { filter: [writeCond({ column: 'list', op: 'eq', values: [list] })], sort: 'name', limit: 500 }, signal),
  })
  if (!session.can('view.own')) return null
  const items = views.data?.items ?? []
  const filter = sent(state.filter)
  const present = items.find((v) => JSON.stringify(v.filter) === JSON.stringify(filter) && (v.sort ?? '') === state.sort && (v.columns.length ? JSON.stringify(v.columns) === JSON.stringify(shown) : state.columns.length === 0))
  const open = (v: View) => change({ filter: v.filter.map(parseCond), sort: v.sort ?? '', columns: v.columns })
  const renew = () => client.invalidateQueries({ queryKey: ['views', list] })
  const content = { filter, sort: state.sort || undefined, columns: state.columns }
  const mayChange = (v: View) => v.own || session.can('view.share')

  const group = (label: string, some: View[]) =>
    some.length > 0 && (
      <>
        <Menu.Label>{label}</Menu.Label>
        {some.map((v) => (
          <Menu.Item key={v.id} onClick={() => open(v)} leftSection={v.id === present?.id ? <Icon name="check" size={14} /> : <span className="blank" />}>
            {v.name}
          </Menu.Item>
        ))}
      </>
    )
  return (
    <>
      <Menu position="bottom-end" shadow="md">
        <Menu.Target>
          <Button size="xs" variant="default" leftSection={<Icon name="bookmark" size={14} />}>
            {present ? present.name : text.list.views}
          </Button>
        </Menu.Target>
        <Menu.Dropdown mah={480} className="tall">
          <Menu.Item onClick={() => change({ filter: [], sort: '', columns: [] })} leftSection={<span className="blank" />}>
            {t.reset}
          </Menu.Item>
          {group(t.own, items.filter((v) => v.own))}
          {group(t.shared, items.filter((v) => !v.own))}
          <Menu.Divider />
          <Menu.Item onClick={() => (setName(''), setShared(false), setSaving(true))}>{t.save}</Menu.Item>
          {present && mayChange(present) && (
            <Menu.Item color="red" onClick={() => setRemoving(present)}>
              {text.action.remove}: {present.name}
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <Confirm
        opened={saving}
        title={t.saveTitle}
        label={text.action.save}
        close={() => setSaving(false)}
        run={async () => {
          const same = items.find((v) => v.name === name.trim() && v.own)
          if (same) await must(api.PUT('/views/{id}', { params: { path: { id: same.id } }, body: { ...content, name: name.trim(), shared, version: same.version } }))
          else await must(api.POST('/views', { body: { ...content, list, name: name.trim(), shared } }))
          notifications.show({ message: t.saved })
          await renew()
        }}
      >
        <TextInput label={t.name} required maxLength={100} value={name} onChange={(e) => setName(e.currentTarget.value)} data-autofocus description={items.some((v) => v.own && v.name === name.trim()) ? t.update : undefined} />
        {session.can('view.share') && <Checkbox label={t.share} checked={shared} onChange={(e) => setShared(e.currentTarget.checked)} />}
      </Confirm>
      <Confirm
        opened={!!removing}
        title={`${text.action.remove}: ${removing?.name}`}
        danger
        label={text.action.remove}
        close={() => setRemoving(undefined)}
        run={async () => {
          await must(api.DELETE('/views/{id}', { params: { path: { id: removing!.id } } }))
          notifications.show({ message: t.removed })
          await renew()
        }}
      />
    </>
  )
}
