import { Autocomplete, Button, FileButton, Group, NativeSelect, NumberInput, Radio, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { useLocation } from 'wouter'
import { api, must, readList, type Schemas } from '../api/client'
import { text } from '../text'
import { PageHead } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { faultAt, faultsOf, toFirstFault, type Faults } from '../ui/faults'
import { Failure } from '../ui/states'
import { useChanged } from './CertificateActions'
import { options, Rules } from './product/inputs'

const t = text.issuerForm
type Kind = Schemas['NewIssuer']['kind']
type Attribute = { type: string; value: string }

const keys = ['ECDSA P-256', 'ECDSA P-384', 'ECDSA P-521', 'Ed25519', 'RSA 3072', 'RSA 4096']
const types = ['OU', 'ST', 'L', 'STREET', 'postalCode', 'organizationIdentifier', 'serialNumber', 'DC']
const slugOf = (name: string) => name.toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 60)

/** Makes a CA: a root, one below a CA of ours, or one for a foreign root to sign. */
export function NewIssuer() {
  const changed = useChanged()
  const [, navigate] = useLocation()
  const [kind, setKind] = useState<Kind>('issuing')
  const [name, setName] = useState('')
  const [slug, setSlug] = useState<string>() // as the name says until it is typed
  const [cn, setCN] = useState('')
  const [o, setO] = useState('')
  const [c, setC] = useState('')
  const [more, setMore] = useState<Attribute[]>([])
  const [key, setKey] = useState('ECDSA P-384')
  const [uri, setURI] = useState('')
  const [parent, setParent] = useState('')
  const [years, setYears] = useState<number | string>('')
  const [below, setBelow] = useState<number | string>(0)
  const [faults, setFaults] = useState<Faults>({})
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const subject = [{ type: 'C', value: c }, { type: 'O', value: o }, ...more, { type: 'CN', value: cn }].filter((a) => a.value.trim() !== '')
  const make = async () => {
    setBusy(true)
    setError(undefined)
    setFaults({})
    try {
      const made = await must(api.POST('/issuers', { body: {
        kind, name, slug: slug ?? slugOf(name), subject, algorithm: key || uri, parent: kind === 'issuing' ? parent : undefined,
        validity_years: kind === 'pending' ? undefined : Number(years) || undefined, path_length: kind === 'root' || below === '' ? undefined : Number(below),
      } }))
      notifications.show({ message: t.made })
      await changed()
      navigate(`/issuers/${made.id}`)
    } catch (e) {
      setError(e)
      setFaults(faultsOf(e))
      toFirstFault(form.current)
      setBusy(false)
    }
  }
  return (
    <>
      <PageHead title={t.title} back={{ to: '/issuers', label: text.nav.issuers }} />
      {!!error && <Failure error={error} />}
      <form ref={form} noValidate onSubmit={(e) => (e.preventDefault(), void make())}>
        <Stack gap="sm" maw={900}>
          <Radio.Group label={t.kind} description={t.kindHints[kind]} value={kind} onChange={(v) => setKind(v as Kind)}>
            <Group gap="md" mt={6}>
              {options(t.kinds).map((k) => (
                <Radio key={k.value} value={k.value} label={k.label} />
              ))}
            </Group>
          </Radio.Group>
          <div className="fields">
            <TextInput label={t.name} description={t.nameHint} required maxLength={200} value={name} onChange={(e) => setName(e.currentTarget.value)} error={faults.name} />
            <TextInput label={t.slug} description={t.slugHint} required value={slug ?? slugOf(name)} onChange={(e) => setSlug(e.currentTarget.value)} error={faults.slug} spellCheck={false} />
            {kind === 'issuing' && <Parents value={parent} change={setParent} error={faults.parent} />}
          </div>
          <div className="fields">
            <TextInput label={t.cn} required value={cn} onChange={(e) => setCN(e.currentTarget.value)} error={faultAt(faults, 'subject') ?? faults['template.subject']} />
            <TextInput label={t.o} value={o} onChange={(e) => setO(e.currentTarget.value)} />
            <TextInput label={t.c} description={t.cHint} maxLength={2} value={c} onChange={(e) => setC(e.currentTarget.value.toUpperCase())} />
          </div>
          <Rules<Attribute> label={t.more} rule={t.attribute} add={t.add} items={more} fresh={{ type: '', value: '' }} change={setMore}>
            {(a, set) => (
              <>
                <Autocomplete label={t.type} data={types} value={a.type} onChange={(type) => set({ type })} />
                <TextInput label={t.value} value={a.value} onChange={(e) => set({ value: e.currentTarget.value })} />
              </>
            )}
          </Rules>
          <div className="fields">
            <NativeSelect label={t.key} value={key} onChange={(e) => setKey(e.currentTarget.value)} data={[...keys, { value: '', label: t.hsm }]} error={key ? faults.algorithm : undefined} />
            {!key && <TextInput label={t.uri} description={t.uriHint} required value={uri} onChange={(e) => setURI(e.currentTarget.value)} error={faults.algorithm} spellCheck={false} />}
            {kind !== 'pending' && <NumberInput label={t.years} description={t.yearsHint} min={1} max={50} allowDecimal={false} clampBehavior="none" value={years} onChange={setYears} error={faults.validity_years} />}
            {kind !== 'root' && <NumberInput label={t.pathLength} description={t.pathHint} min={0} max={10} allowDecimal={false} clampBehavior="none" value={below} onChange={setBelow} error={faults.path_length} />}
          </div>
          <div>
            <Button type="submit" size="sm" loading={busy}>
              {t.make}
            </Button>
          </div>
        </Stack>
      </form>
    </>
  )
}

/** The CAs of ours that can sign another. */
function Parents({ value, change, error }: { value: string; change: (v: string) => void; error?: string }) {
  const q = useQuery({ queryKey: ['list', '/issuers', 'choice'], queryFn: ({ signal }) => readList<Schemas['Issuer']>('/issuers', { limit: 500, sort: 'name' }, signal) })
  const all = (q.data?.items ?? []).filter((i) => i.state === 'active' && i.connector === 'builtin').sort((a, b) => Number(b.root) - Number(a.root))
  return <NativeSelect label={t.parent} required value={value} onChange={(e) => change(e.currentTarget.value)} error={error} data={[{ value: '', label: t.choose, disabled: true }, ...all.map((i) => ({ value: i.id, label: i.name }))]} />
}

/** Text that is PEM, typed, pasted or read from a file. */
function PEM({ value, change, error }: { value: string; change: (v: string) => void; error?: string }) {
  return (
    <>
      <Textarea label={t.pem} required value={value} onChange={(e) => change(e.currentTarget.value)} autosize minRows={5} maxRows={14} spellCheck={false} classNames={{ input: 'mono' }} error={error} data-autofocus />
      <Group>
        <FileButton accept=".pem,.crt,.cer,.txt" onChange={(f) => void f?.text().then(change)}>
          {(props) => (
            <Button size="compact-sm" variant="default" {...props}>
              {t.file}
            </Button>
          )}
        </FileButton>
      </Group>
    </>
  )
}

/** Brings the certificate that a foreign root made, or a renewed one. */
export function Install({ issuer, close }: { issuer: Schemas['IssuerDetail']; close: () => void }) {
  const changed = useChanged()
  const [pem, setPEM] = useState('')
  const [faults, setFaults] = useState<Faults>({})
  return (
    <Confirm
      opened
      size="lg"
      title={`${t.install}: ${issuer.name}`}
      label={t.install}
      close={close}
      run={async () => {
        setFaults({})
        try {
          await must(api.POST('/issuers/{id}/certificate', { params: { path: { id: issuer.id } }, body: { pem } }))
        } catch (e) {
          setFaults(faultsOf(e))
          throw e
        }
        await changed()
      }}
    >
      <Text size="sm">{issuer.csr ? t.installHint : t.replaceHint}</Text>
      <PEM value={pem} change={setPEM} error={faults.pem} />
    </Confirm>
  )
}

/** Adds a chain to another root. */
export function AddChain({ id, close }: { id: string; close: () => void }) {
  const changed = useChanged()
  const [certificates, setCertificates] = useState('')
  const [faults, setFaults] = useState<Faults>({})
  return (
    <Confirm
      opened
      size="lg"
      title={t.addChain}
      label={t.addChain}
      close={close}
      run={async () => {
        setFaults({})
        try {
          await must(api.POST('/issuers/{id}/chains', { params: { path: { id } }, body: { certificates } }))
        } catch (e) {
          setFaults(faultsOf(e))
          throw e
        }
        await changed()
      }}
    >
      <Text size="sm">{t.addChainHint}</Text>
      <PEM value={certificates} change={setCertificates} error={faults.certificates} />
    </Confirm>
  )
}
