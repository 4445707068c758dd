import { Checkbox, MultiSelect, NativeSelect, NumberInput, TagsInput, TextInput } from '@mantine/core'
import type { Schemas } from '../../api/client'
import { text } from '../../text'
import { faultAt } from '../../ui/faults'
import { options, Rules, type PartProps } from './inputs'

const t = text.productForm.order
const c = text.productForm.choices
type Terms = Schemas['OrderTerms']
const tls = new Set(['dv', 'ov', 'ev'])

/** What order APIs and the portal ask for on top of the rules. */
export function OrderTerms({ p }: { p: PartProps }) {
  const terms = p.value.terms
  const set = (x: Partial<Terms>) => p.change({ terms: { ...terms!, ...x } })
  const at = (k: string) => faultAt(p.faults, 'profile.terms.' + k)
  // What is not for TLS has one code, under single.
  const shapes = terms && tls.has(terms.family) ? options(c.shape) : options({ single: c.shape.single })
  return (
    <>
      <Checkbox label={t.sold} checked={!!terms} onChange={(e) => p.change({ terms: e.currentTarget.checked ? { family: 'private-pki' } : undefined })} />
      {terms && (
        <>
          <div className="fields">
            <NativeSelect label={t.family} data={options(c.family)} value={terms.family} onChange={(e) => set({ family: e.currentTarget.value as Terms['family'], shapes: undefined, codes: undefined, variant: undefined })} error={at('family')} />
            {terms.family === 'private-pki' && <TextInput label={t.variant} description={t.variantHint} value={terms.variant ?? ''} onChange={(e) => set({ variant: e.currentTarget.value || undefined })} error={at('variant')} />}
            {tls.has(terms.family) && <MultiSelect label={t.shapes} description={t.shapesHint} data={options(c.shape)} value={terms.shapes ?? []} onChange={(shapes) => set({ shapes: shapes.length ? shapes : undefined })} error={at('shapes')} />}
            {shapes.map((s) => (
              <NumberInput key={s.value} label={shapes.length > 1 ? `${t.code}: ${s.label}` : t.code} description={t.codeHint} min={1} max={9_999_999_999} allowDecimal={false} value={terms.codes?.[s.value] ?? ''} error={s.value === 'single' ? at('codes') : undefined} onChange={(v) => {
                const { [s.value]: _, ...others } = terms.codes ?? {}
                set({ codes: v === '' ? others : { ...others, [s.value]: Number(v) } })
              }} />
            ))}
            <NumberInput label={t.documents} min={0} max={20} allowDecimal={false} value={terms.documents ?? ''} onChange={(v) => set({ documents: v === '' ? undefined : Number(v) })} error={at('documents')} />
            <NumberInput label={t.years} min={0} max={10} allowDecimal={false} value={terms.max_years ?? ''} onChange={(v) => set({ max_years: v === '' ? undefined : Number(v) })} error={at('max_years')} />
            <Checkbox label={t.agreement} checked={terms.agreement ?? false} onChange={(e) => set({ agreement: e.currentTarget.checked || undefined })} />
          </div>
          <Questions terms={terms} set={set} p={p} />
        </>
      )}
    </>
  )
}

function Questions({ terms, set: setTerms, p }: { terms: Terms; set: (x: Partial<Terms>) => void; p: PartProps }) {
  const at = (i: number, k: string) => faultAt(p.faults, `profile.terms.fields[${i}].${k}`)
  return (
    <Rules<Schemas['CustomField']> label={t.fields} rule={t.question} add={t.add} items={terms.fields ?? []} fresh={{ id: '', name: '', type: 'text' }} change={(fields) => setTerms({ fields })} error={p.faults['profile.terms.fields']}>
      {(f, set, i) => (
        <>
          <TextInput label={t.id} value={f.id} onChange={(e) => set({ id: e.currentTarget.value })} error={at(i, 'id')} />
          <TextInput label={t.label} value={f.name} onChange={(e) => set({ name: e.currentTarget.value })} error={at(i, 'name')} />
          <NativeSelect label={t.type} data={options(c.fieldType)} value={f.type} onChange={(e) => set({ type: e.currentTarget.value as typeof f.type, values: undefined })} error={at(i, 'type')} />
          <NativeSelect label={t.section} data={options(c.section)} value={f.section ?? 'certificate'} onChange={(e) => set({ section: e.currentTarget.value as NonNullable<typeof f.section> })} error={at(i, 'section')} />
          {f.type === 'text' && <NumberInput label={t.length} min={0} value={f.max_length ?? ''} onChange={(v) => set({ max_length: v === '' ? undefined : Number(v) })} error={at(i, 'max_length')} />}
          {f.type === 'dropdown' && <TagsInput label={t.values} value={f.values ?? []} onChange={(values) => set({ values })} error={at(i, 'values')} />}
          <Checkbox label={t.required} checked={f.required ?? false} onChange={(e) => set({ required: e.currentTarget.checked || undefined })} />
        </>
      )}
    </Rules>
  )
}
