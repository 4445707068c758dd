import { Button, Checkbox, Group, MultiSelect, Paper, Radio, Stack, Stepper, TagsInput, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, must, type Schemas } from '../api/client'
import { fromLocal, words } from '../lib/format'
import { useReferences } from '../list/FilterBar'
import { text } from '../text'
import { Facts, PageHead } from '../ui/bits'
import { Pick } from '../ui/Pick'
import { Secret } from '../ui/Secret'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'

const t = text.credentials

/** + New API Credentials: type, authentication, user with group and products, generate. */
export function NewCredential() {
  const types = useQuery({ queryKey: ['credential-types'], queryFn: () => must(api.GET('/credential-types')) })
  const [made, setMade] = useState<Schemas['IssuedCredential']>()
  if (types.error) return <Failure error={types.error} retry={() => void types.refetch()} />
  if (!types.data) return <Waiting />
  return (
    <>
      <PageHead title={made ? t.made : t.newTitle} back={{ to: '/integrations/apis', label: t.title }} />
      <Paper withBorder p="md" maw={820}>
        {made ? (
          <>
            <Secret made={made} />
            <Group mt="md">
              <Button component={Link} href={`/integrations/apis/${made.credential.id}`}>
                {t.kept}
              </Button>
            </Group>
          </>
        ) : (
          <Wizard types={types.data.items} done={setMade} />
        )}
      </Paper>
    </>
  )
}

interface Draft {
  type: string
  auth: string
  trust: string
  publicID: string
  user: string
  group: string
  products: string[]
  label: string
  description: string
  expires: string
  standard: boolean
  sources: string[]
  allowed: string[]
}

const chosen = new Set(['password', 'shared-secret', 'reference-secret'])

/** The four steps; start fills some in, cancel leaves them. */
export function Wizard({ types, done, start, cancel }: { types: Schemas['CredentialType'][]; done: (m: Schemas['IssuedCredential']) => void; start?: Partial<Draft>; cancel?: () => void }) {
  const changed = useChanged()
  const [, navigate] = useLocation()
  const [step, setStep] = useState(0)
  const [d, setD] = useState<Draft>({ type: '', auth: '', trust: '', publicID: '', user: '', group: '', products: [], label: '', description: '', expires: '', standard: false, sources: [], allowed: [], ...start })
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const set = (c: Partial<Draft>) => setD({ ...d, ...c })
  const type = types.find((x) => x.name === d.type)
  const ready = [!!type, !!d.auth && (d.auth !== 'client-certificate' || d.trust !== ''), !!d.user && !!d.group && d.products.length > 0, true][step]

  const generate = async () => {
    setBusy(true)
    setError(undefined)
    try {
      const got = await must(
        api.POST('/credentials', {
          body: {
            type: d.type, auth: d.auth, user: d.user, group: d.group, products: d.products, label: d.label || undefined, description: d.description || undefined, default: d.standard || undefined,
            public_id: d.publicID || undefined, trust: d.trust || undefined, expires_at: d.expires ? fromLocal(d.expires) : undefined, sources: d.sources.length ? d.sources : undefined, allowed_names: d.allowed.length ? d.allowed : undefined,
          },
        }),
      )
      done(got)
      void changed()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        if (!ready) return
        if (step < 3) setStep(step + 1)
        else void generate()
      }}
    >
      <Stepper active={step} size="xs" allowNextStepsSelect={false} onStepClick={(n) => n < step && setStep(n)} iconSize={26}>
        <Stepper.Step label={t.steps.type}>
          <Radio.Group label={t.type} value={d.type} onChange={(v) => set({ type: v, auth: types.find((x) => x.name === v)?.auth[0] ?? '' })}>
            <Stack gap="xs" mt="xs">
              {types.map((x) => (
                <Radio key={x.name} value={x.name} label={x.title} description={x.served ? undefined : t.unserved} />
              ))}
            </Stack>
          </Radio.Group>
        </Stepper.Step>
        <Stepper.Step label={t.steps.auth}>
          <Stack gap="sm">
            <Radio.Group label={t.auth} value={d.auth} onChange={(auth) => set({ auth })}>
              <Stack gap="xs" mt="xs">
                {type?.auth.map((a) => (
                  <Radio key={a} value={a} label={words(a)} />
                ))}
              </Stack>
            </Radio.Group>
            {chosen.has(d.auth) && <TextInput label={t.publicID} description={t.publicIDHint} maxLength={128} value={d.publicID} onChange={(e) => set({ publicID: e.currentTarget.value })} />}
            {d.auth === 'client-certificate' && <Textarea label={t.trust} required autosize minRows={4} maxRows={12} classNames={{ input: 'mono' }} value={d.trust} onChange={(e) => set({ trust: e.currentTarget.value })} />}
            <TextInput label={t.expires} description={t.expiresHint} type="datetime-local" value={d.expires} onChange={(e) => set({ expires: e.currentTarget.value })} />
            <TagsInput label={t.sources} description={t.sourcesHint} value={d.sources} onChange={(sources) => set({ sources })} />
          </Stack>
        </Stepper.Step>
        <Stepper.Step label={t.steps.owner}>
          <Stack gap="sm">
            <Pick list="users" label={text.certificate.user} value={d.user} onChange={(user) => set({ user })} />
            <Pick list="groups" label={text.certificate.group} value={d.group} onChange={(group) => set({ group })} />
            <Products value={d.products} onChange={(products) => set({ products })} />
            <TagsInput label={t.allowed} description={t.allowedHint} value={d.allowed} onChange={(allowed) => set({ allowed })} />
          </Stack>
        </Stepper.Step>
        <Stepper.Step label={t.steps.generate}>
          <Stack gap="sm">
            <TextInput label={t.label} description={t.labelHint} maxLength={40} value={d.label} onChange={(e) => set({ label: e.currentTarget.value })} />
            <Textarea label={t.description} maxLength={500} autosize value={d.description} onChange={(e) => set({ description: e.currentTarget.value })} />
            <Checkbox label={t.default} checked={d.standard} onChange={(e) => set({ standard: e.currentTarget.checked })} />
            <Facts rows={[[t.type, type?.title], [t.auth, words(d.auth)]]} />
          </Stack>
        </Stepper.Step>
      </Stepper>
      {!!error && <Failure error={error} />}
      <Group justify="space-between" mt="md">
        <Button variant="default" onClick={() => (step > 0 ? setStep(step - 1) : cancel ? cancel() : navigate('/integrations/apis'))}>
          {step === 0 ? text.action.cancel : text.action.back}
        </Button>
        <Button type="submit" disabled={!ready} loading={busy}>
          {step < 3 ? text.action.next : t.generate}
        </Button>
      </Group>
    </form>
  )
}

function Products({ value, onChange }: { value: string[]; onChange: (v: string[]) => void }) {
  return <MultiSelect label={t.products} description={t.productsHint} required searchable data={useReferences('products')} value={value} onChange={onChange} />
}
