import { Alert, Button, NativeSelect, Textarea, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useRef, useState, type ComponentType } from 'react'
import { useLocation, useSearch } from 'wouter'
import { api, APIError, must, readList, type Schemas } from '../../api/client'
import { text } from '../../text'
import { PageHead } from '../../ui/bits'
import { faultAt, faultsOf, toFirstFault, type Faults } from '../../ui/faults'
import { Failure, Waiting } from '../../ui/states'
import { useChanged } from '../CertificateActions'
import { DryRun } from '../DryRun'
import type { PartProps, Profile } from './inputs'
import { Checks, Control, Keys, Names, Subject, Usage, Validity } from './parts'
import { OrderTerms } from './Terms'

const t = text.productForm

/** Where a new product begins: like the ones that the server ships. */
const fresh: Profile = {
  validity_amount: 200, validity_unit: 'days', backdate_minutes: 10, renew_days: 0, renew_same_key: true, keys: [{ algorithm: 'ECDSA' }, { algorithm: 'RSA', min_bits: 2048, max_bits: 4096 }], common_name: 'in-san', unknown_subject: 'drop',
  names: [{ kind: 'dns' }], unknown_names: 'refuse', key_usage: ['digitalSignature', 'keyEncipherment'], ext_key_usage: ['serverAuth'], lint: 'private', approval: 'automatic',
}

const parts: [keyof typeof t.sections, ComponentType<{ p: PartProps }>][] = [
  ['validity', Validity], ['keys', Keys], ['subject', Subject], ['names', Names], ['usage', Usage], ['control', Control], ['approval', Checks], ['terms', OrderTerms],
]

export function NewProduct() {
  const from = new URLSearchParams(useSearch()).get('from')
  return from ? <Existing id={from} clone /> : <Form />
}

export function EditProduct({ id }: { id: string }) {
  return <Existing id={id} />
}

function Existing({ id, clone }: { id: string; clone?: boolean }) {
  const [round, setRound] = useState(0)
  const q = useQuery({ queryKey: ['product', id], queryFn: () => must(api.GET('/products/{id}', { params: { path: { id } } })) })
  // What is being edited stays as it is when the saved one changes meanwhile.
  const [base, setBase] = useState<Schemas['Product']>()
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (q.data && !base && !q.isFetching) setBase(q.data)
  if (!base) return <Waiting />
  const again = async () => {
    setBase((await q.refetch()).data)
    setRound(round + 1)
  }
  return <Form key={round} base={base} clone={clone} again={() => void again()} />
}

/** Removes what stands for "nothing said", so that the server's defaults hold. */
function tidy(p: Profile): Profile {
  const empty = (v: unknown) => v === '' || v === null || (Array.isArray(v) && v.length === 0)
  const said = Object.fromEntries(Object.entries(p).filter(([, v]) => !empty(v))) as Profile
  return { ...said, keys: p.keys ?? [], key_usage: p.key_usage ?? [], approvals: p.approval === 'manual' ? p.approvals : undefined, validity_amount: p.validity_amount ?? 0, renew_days: p.renew_days ?? 0 }
}

function Form({ base, clone, again }: { base?: Schemas['Product']; clone?: boolean; again?: () => void }) {
  const changed = useChanged()
  const [, navigate] = useLocation()
  const edit = base && !clone
  const [code, setCode] = useState(edit ? base.code : base ? `${base.code}-${t.copy}` : '')
  const [name, setName] = useState(edit ? base.name : base ? `${base.name} (${t.copy})` : '')
  const [description, setDescription] = useState(base?.description ?? '')
  const [issuer, setIssuer] = useState(base?.issuer ?? '')
  const [profile, setProfile] = useState<Profile>(() => {
    const p = base?.profile ?? fresh
    // The copy cannot be ordered under the codes of the original.
    return clone && p.terms ? { ...p, terms: { ...p.terms, codes: undefined } } : p
  })
  const [faults, setFaults] = useState<Faults>({})
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const part: PartProps = { value: profile, change: (c) => setProfile((old) => ({ ...old, ...c })), faults }

  const refused = (e: unknown) => {
    setFaults(faultsOf(e))
    toFirstFault(form.current)
  }
  const save = async () => {
    setBusy(true)
    setError(undefined)
    setFaults({})
    try {
      const body = { code, name, description: description || undefined, issuer, profile: tidy(profile) }
      const made = edit ? await must(api.PUT('/products/{id}', { params: { path: { id: base.id } }, body: { ...body, version: base.version, state: base.state } })) : await must(api.POST('/products', { body }))
      notifications.show({ message: t.saved })
      await changed()
      navigate(`/products/${made.id}`)
    } catch (e) {
      setError(e)
      refused(e)
      setBusy(false)
    }
  }
  const ask = async (request: Schemas['DryRun']) => {
    setFaults({})
    try {
      return await must(api.POST('/products/dry-run', { body: { product: edit ? base.id : undefined, issuer, profile: tidy(profile), request } }))
    } catch (e) {
      setFaults(faultsOf(e))
      throw e
    }
  }
  const title = edit ? `${t.editTitle}: ${base.name}` : base ? `${t.cloneOf} ${base.name}` : t.newTitle
  return (
    <>
      <div className="sticky-head">
        <PageHead title={title} back={base ? { to: `/products/${base.id}`, label: base.name } : { to: '/products', label: text.nav.products }}>
          <Button size="xs" type="submit" form="product" loading={busy}>
            {t.save}
          </Button>
        </PageHead>
      </div>
      {!!error && <Failure error={error} />}
      {error instanceof APIError && error.problem.field === 'version' && again && (
        <Button size="xs" variant="default" mb="sm" onClick={again}>
          {t.stale}
        </Button>
      )}
      {!error && Object.keys(faults).length > 0 && (
        <Alert color="red" variant="outline" role="alert" mb="sm" title={t.faults}>
          {Object.values(faults).join(' ')}
        </Alert>
      )}
      <form id="product" ref={form} noValidate onSubmit={(e) => (e.preventDefault(), void save())}>
        <Section title={t.sections.general}>
          <div className="fields">
            <TextInput label={t.code} description={t.codeHint} required value={code} onChange={(e) => setCode(e.currentTarget.value)} error={faults.code} spellCheck={false} />
            <TextInput label={t.name} required maxLength={200} value={name} onChange={(e) => setName(e.currentTarget.value)} error={faults.name} />
            <Issuers value={issuer} change={setIssuer} error={faults.issuer} />
          </div>
          <Textarea label={t.description} maxLength={4000} autosize minRows={2} value={description} onChange={(e) => setDescription(e.currentTarget.value)} error={faultAt(faults, 'description')} />
        </Section>
        {parts.map(([k, Part]) => (
          <Section key={k} title={t.sections[k]}>
            <Part p={part} />
          </Section>
        ))}
      </form>
      <Section title={text.products.dryRun}>
        <DryRun ask={ask} />
      </Section>
    </>
  )
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section className="form-part" aria-label={title}>
      <Title order={2} size="h5">
        {title}
      </Title>
      {children}
    </section>
  )
}

/** The CAs that issue now, and the one that is chosen already. */
function Issuers({ value, change, error }: { value: string; change: (v: string) => void; error?: string }) {
  const q = useQuery({ queryKey: ['list', '/issuers', 'choice'], queryFn: ({ signal }) => readList<Schemas['Issuer']>('/issuers', { limit: 500, sort: 'name' }, signal) })
  const all = (q.data?.items ?? []).filter((i) => i.id === value || (i.state === 'active' && !i.root))
  return <NativeSelect label={t.issuer} required value={value} onChange={(e) => change(e.currentTarget.value)} error={error} data={[{ value: '', label: t.chooseIssuer, disabled: true }, ...all.map((i) => ({ value: i.id, label: i.name }))]} />
}
