import { Button, Checkbox, Group, NativeSelect, Text, TextInput } from '@mantine/core'
import type { Schemas } from '../../api/client'
import { words } from '../../lib/format'
import { useReferences } from '../../list/FilterBar'
import { text } from '../../text'
import { roles } from '../People'

const t = text.providers
type Rule = Schemas['ProviderRule']

/** What the provider's groups give: a row for each rule. */
export function Rules({ rules, onChange }: { rules: Rule[]; onChange: (r: Rule[]) => void }) {
  const groups = useReferences('groups')
  const set = (i: number, change: Partial<Rule>) => onChange(rules.map((r, k) => (k === i ? { ...r, ...change } : r)))
  return (
    <fieldset className="plain">
      <legend>{t.rules}</legend>
      <Text size="sm" c="dimmed" mb="xs">{t.rulesHint}</Text>
      {rules.map((r, i) => (
        <Group key={i} gap="xs" mb={4} align="center">
          <TextInput size="xs" required aria-label={`${t.external} ${i + 1}`} placeholder={t.external} maxLength={500} value={r.external} onChange={(e) => set(i, { external: e.currentTarget.value })} />
          <NativeSelect size="xs" aria-label={`${text.people.role} ${i + 1}`} value={r.role ?? ''} onChange={(e) => set(i, { role: e.currentTarget.value || undefined })} data={[{ value: '', label: t.noRole }, ...roles.map((v) => ({ value: v, label: words(v) }))]} />
          <NativeSelect size="xs" aria-label={`${text.people.where} ${i + 1}`} value={r.group ?? ''} onChange={(e) => set(i, { group: e.currentTarget.value || undefined })} data={[{ value: '', label: text.people.everywhere }, ...groups]} />
          <Checkbox size="xs" label={t.member} checked={!!r.member} onChange={(e) => set(i, { member: e.currentTarget.checked })} />
          <Button size="compact-xs" variant="subtle" color="red" aria-label={`${text.action.remove}: ${t.rule} ${i + 1}`} onClick={() => onChange(rules.filter((_, k) => k !== i))}>
            {text.action.remove}
          </Button>
        </Group>
      ))}
      <Button size="compact-xs" variant="default" onClick={() => onChange([...rules, { external: '', role: 'requester' }])}>
        {t.addRule}
      </Button>
    </fieldset>
  )
}
