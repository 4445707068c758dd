import { Autocomplete, Checkbox, MultiSelect, NativeSelect, NumberInput, TagsInput, TextInput } from '@mantine/core'
import type { Schemas } from '../../api/client'
import { text } from '../../text'
import { faultAt } from '../../ui/faults'
import { Choice, Num, options, Rules, Tick, Words, type PartProps } from './inputs'

const t = text.productForm

const algorithms = ['ECDSA', 'RSA', 'Ed25519']
const curves = ['P-256', 'P-384', 'P-521']
const attributes = ['CN', 'O', 'OU', 'C', 'ST', 'L', 'STREET', 'postalCode', 'serialNumber', 'UID', 'DC', 'GN', 'SN', 'title', 'pseudonym', 'emailAddress', 'organizationIdentifier', 'businessCategory', 'jurisdictionC', 'jurisdictionST', 'jurisdictionL']
const usages = ['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'dataEncipherment', 'keyAgreement', 'encipherOnly', 'decipherOnly']
const purposes = ['serverAuth', 'clientAuth', 'emailProtection', 'codeSigning', 'timeStamping', 'documentSigning', 'ipsecIKE', 'secureShellClient', 'secureShellServer', 'msSmartcardLogin', 'pkInitClientAuth', 'pkInitKDC', 'msRemoteDesktop', 'adobePDFSigning']

/** A number of a rule; an empty one is left out. */
function num(v: number | string): number | undefined {
  return v === '' ? undefined : Number(v)
}

export function Validity(p: { p: PartProps }) {
  return (
    <div className="fields">
      <Num {...p} k="validity_amount" />
      <Choice {...p} k="validity_unit" />
      <Num {...p} k="backdate_minutes" />
      <Num {...p} k="renew_days" />
      <Num {...p} k="renew_grace_days" />
      <Num {...p} k="quota" />
      <Tick {...p} k="renew_same_key" />
    </div>
  )
}

export function Keys({ p }: { p: PartProps }) {
  const at = (i: number, k: string) => faultAt(p.faults, `profile.keys[${i}].${k}`)
  return (
    <>
      <Rules<Schemas['KeyRule']> label="" rule={t.key.rule} add={t.key.add} items={p.value.keys ?? []} fresh={{ algorithm: 'ECDSA' }} change={(keys) => p.change({ keys })} error={p.faults['profile.keys']}>
        {(r, set, i) => (
          <>
            <Autocomplete label={t.key.algorithm} data={algorithms} value={r.algorithm} onChange={(algorithm) => set(algorithm === 'RSA' ? { algorithm, curves: undefined } : { algorithm, min_bits: undefined, max_bits: undefined })} error={at(i, 'algorithm')} />
            {r.algorithm === 'RSA' && <NumberInput label={t.key.min} min={0} value={r.min_bits ?? ''} onChange={(v) => set({ min_bits: num(v) })} error={at(i, 'min_bits')} />}
            {r.algorithm === 'RSA' && <NumberInput label={t.key.max} min={0} value={r.max_bits ?? ''} onChange={(v) => set({ max_bits: num(v) })} error={at(i, 'max_bits')} />}
            {r.algorithm === 'ECDSA' && <MultiSelect label={t.key.curves} data={curves} value={r.curves ?? []} placeholder={r.curves?.length ? undefined : text.list.all} onChange={(curves) => set({ curves: curves.length ? curves : undefined })} error={at(i, 'curves')} />}
          </>
        )}
      </Rules>
      <div className="fields">
        <Tick p={p} k="server_keys" />
        <Tick p={p} k="key_export" />
      </div>
    </>
  )
}

export function Subject({ p }: { p: PartProps }) {
  const at = (i: number, k: string) => faultAt(p.faults, `profile.subject[${i}].${k}`)
  return (
    <>
      <div className="fields">
        <Choice p={p} k="common_name" />
        <Choice p={p} k="unknown_subject" />
      </div>
      <Rules<Schemas['SubjectRule']> label={t.fields.subject} rule={t.attribute.rule} add={t.attribute.add} items={p.value.subject ?? []} fresh={{ type: '', mode: 'optional' }} change={(subject) => p.change({ subject })} error={p.faults['profile.subject']}>
        {(r, set, i) => (
          <>
            <Autocomplete label={t.attribute.type} data={attributes} value={r.type} onChange={(type) => set({ type })} error={at(i, 'type')} />
            <NativeSelect label={t.attribute.mode} data={options(t.choices.mode)} value={r.mode} onChange={(e) => set({ mode: e.currentTarget.value as typeof r.mode })} error={at(i, 'mode')} />
            <TagsInput label={t.attribute.values} description={r.mode === 'fixed' ? t.attribute.written : t.attribute.allowed} value={r.values ?? []} onChange={(values) => set({ values })} error={at(i, 'values')} />
            {r.mode !== 'fixed' && <TextInput label={t.attribute.pattern} value={r.pattern ?? ''} onChange={(e) => set({ pattern: e.currentTarget.value || undefined })} error={at(i, 'pattern')} spellCheck={false} />}
          </>
        )}
      </Rules>
    </>
  )
}

export function Names({ p }: { p: PartProps }) {
  const at = (i: number, k: string) => faultAt(p.faults, `profile.names[${i}].${k}`)
  return (
    <>
      <Rules<Schemas['NameRule']> label="" rule={t.san.rule} add={t.san.add} items={p.value.names ?? []} fresh={{ kind: 'dns' }} change={(names) => p.change({ names })} error={p.faults['profile.names']}>
        {(r, set, i) => (
          <>
            <NativeSelect label={t.san.kind} data={options(t.choices.kind)} value={r.kind} onChange={(e) => set({ kind: e.currentTarget.value as typeof r.kind, suffixes: undefined, patterns: undefined, ranges: undefined, oids: undefined, wildcards: undefined })} error={at(i, 'kind')} />
            {r.kind !== 'ip' && r.kind !== 'other' && <TagsInput label={t.san.suffixes} description={t.san.suffixesHint} value={r.suffixes ?? []} onChange={(suffixes) => set({ suffixes })} error={at(i, 'suffixes')} />}
            {r.kind === 'ip' && <TagsInput label={t.san.ranges} description={t.commas} value={r.ranges ?? []} onChange={(ranges) => set({ ranges })} error={at(i, 'ranges')} />}
            {r.kind === 'other' && <TagsInput label={t.san.oids} description={t.commas} value={r.oids ?? []} onChange={(oids) => set({ oids })} error={at(i, 'oids')} />}
            {r.kind !== 'other' && <TagsInput label={t.san.patterns} description={t.commas} value={r.patterns ?? []} onChange={(patterns) => set({ patterns })} error={at(i, 'patterns')} />}
            <NumberInput label={t.san.max} min={0} max={1000} value={r.max ?? ''} placeholder="100" onChange={(v) => set({ max: num(v) })} error={at(i, 'max')} />
            <Checkbox label={t.san.required} checked={r.required ?? false} onChange={(e) => set({ required: e.currentTarget.checked || undefined })} />
            {r.kind === 'dns' && <Checkbox label={t.san.wildcards} checked={r.wildcards ?? false} onChange={(e) => set({ wildcards: e.currentTarget.checked || undefined })} error={at(i, 'wildcards')} />}
          </>
        )}
      </Rules>
      <div className="fields">
        <Choice p={p} k="unknown_names" />
      </div>
    </>
  )
}

export function Usage({ p }: { p: PartProps }) {
  const at = (i: number, k: string) => faultAt(p.faults, `profile.extensions[${i}].${k}`)
  return (
    <>
      <div className="fields wide">
        <MultiSelect label={t.fields.key_usage} description={t.hints.key_usage} data={usages} value={p.value.key_usage ?? []} onChange={(key_usage) => p.change({ key_usage })} error={faultAt(p.faults, 'profile.key_usage')} />
        <Words p={p} k="ext_key_usage" data={purposes} />
        <Words p={p} k="policies" />
        <Words p={p} k="pass_through" />
      </div>
      <Rules<Schemas['ExtensionRule']> label={t.fields.extensions} rule={t.extension.rule} add={t.extension.add} items={p.value.extensions ?? []} fresh={{ oid: '', value: '' }} change={(extensions) => p.change({ extensions })} error={p.faults['profile.extensions']}>
        {(r, set, i) => (
          <>
            <TextInput label={t.extension.oid} value={r.oid} onChange={(e) => set({ oid: e.currentTarget.value })} error={at(i, 'oid')} />
            <TextInput label={t.extension.value} value={r.value} onChange={(e) => set({ value: e.currentTarget.value })} error={at(i, 'value')} spellCheck={false} />
            <Checkbox label={t.extension.critical} checked={r.critical ?? false} onChange={(e) => set({ critical: e.currentTarget.checked || undefined })} />
          </>
        )}
      </Rules>
    </>
  )
}

export function Control(p: { p: PartProps }) {
  return (
    <div className="fields">
      <Tick {...p} k="validate_names" />
      <Tick {...p} k="ancestors" />
      <Num {...p} k="reuse_days" />
      <Words {...p} k="caa" />
    </div>
  )
}

export function Checks(p: { p: PartProps }) {
  return (
    <div className="fields">
      <Choice {...p} k="approval" />
      {p.p.value.approval === 'manual' && <Num {...p} k="approvals" max={10} />}
      <Choice {...p} k="lint" />
      <Words {...p} k="lint_exclude" />
      <Words {...p} k="notify" />
    </div>
  )
}
