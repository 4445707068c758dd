import { Button, Checkbox, NativeSelect, NumberInput, Stack, TagsInput, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Schemas } from '../../api/client'
import { text } from '../../text'
import { faultAt, type Faults } from '../../ui/faults'

export type Profile = Schemas['Profile']
const t = text.productForm

/** What every part of the form gets: the rules, how to change them, and what the server found wrong. */
export interface PartProps {
  value: Profile
  change: (c: Partial<Profile>) => void
  faults: Faults
}

/** Names of the fields whose values are of a type. */
type KeysOf<V> = { [K in keyof Profile]-?: NonNullable<Profile[K]> extends V ? K : never }[keyof Profile]

const hints: Partial<Record<keyof Profile, string>> = t.hints

export function Num({ p, k, max }: { p: PartProps; k: KeysOf<number>; max?: number }) {
  return <NumberInput label={t.fields[k]} description={hints[k]} min={0} max={max} allowDecimal={false} clampBehavior="none" value={p.value[k] ?? ''} onChange={(v) => p.change({ [k]: v === '' ? undefined : Number(v) })} error={faultAt(p.faults, 'profile.' + k)} />
}

export function Tick({ p, k }: { p: PartProps; k: KeysOf<boolean> }) {
  return <Checkbox label={t.fields[k]} description={hints[k]} checked={p.value[k] ?? false} onChange={(e) => p.change({ [k]: e.currentTarget.checked })} error={faultAt(p.faults, 'profile.' + k)} />
}

export function Words({ p, k, data }: { p: PartProps; k: KeysOf<string[]>; data?: string[] }) {
  return <TagsInput label={t.fields[k]} description={hints[k] ?? t.commas} value={p.value[k] ?? []} data={data} onChange={(v) => p.change({ [k]: v })} error={faultAt(p.faults, 'profile.' + k)} />
}

export function Choice<K extends 'validity_unit' | 'common_name' | 'unknown_subject' | 'unknown_names' | 'lint' | 'approval'>({ p, k }: { p: PartProps; k: K }) {
  return <NativeSelect label={t.fields[k]} data={options(t.choices[k])} value={p.value[k] ?? ''} onChange={(e) => p.change({ [k]: e.currentTarget.value })} error={faultAt(p.faults, 'profile.' + k)} />
}

export function options(words: Record<string, string>) {
  return Object.entries(words).map(([value, label]) => ({ value, label }))
}

/** Rows of a list of rules. */
export function Rules<T>(p: { label: string; rule: string; add: string; items: T[]; fresh: T; change: (items: T[]) => void; error?: string; children: (item: T, set: (c: Partial<T>) => void, index: number) => ReactNode }) {
  const { items } = p
  return (
    <Stack gap="xs">
      {p.label && (
        <Text size="sm" fw={500}>
          {p.label}
        </Text>
      )}
      {items.length === 0 && (
        <Text size="sm" className="quiet">
          {t.none}
        </Text>
      )}
      {items.map((item, i) => (
        <fieldset key={i} className="rule" aria-label={`${p.rule} ${i + 1}`}>
          <div className="fields">{p.children(item, (c) => p.change(items.map((x, k) => (k === i ? { ...x, ...c } : x))), i)}</div>
          <Button size="compact-xs" variant="default" aria-label={`${t.remove}: ${p.rule} ${i + 1}`} onClick={() => p.change(items.filter((_, k) => k !== i))}>
            {t.remove}
          </Button>
        </fieldset>
      ))}
      {p.error && (
        <Text size="sm" role="alert" className="fault">
          {p.error}
        </Text>
      )}
      <div>
        <Button size="compact-sm" variant="default" onClick={() => p.change([...items, p.fresh])}>
          {p.add}
        </Button>
      </div>
    </Stack>
  )
}
