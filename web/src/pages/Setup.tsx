import { Alert, Anchor, Badge, Button, Group, NativeSelect, Paper, Stack, Stepper, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { api, must, readList, type Schemas } from '../api/client'
import { useSession } from '../lib/session'
import { save } from '../list/frames'
import { text } from '../text'
import { Block, Facts, PageHead } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { InlineForm } from '../ui/InlineForm'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'
import { Secret } from '../ui/Secret'
import { Wizard } from './NewCredential'
import { useKeep, useSetup } from './SetupPanel'

const t = text.setup

type State = Schemas['Setup']
type Step = State['steps'][number]['step']

/** The assistant. Which step is next comes from the server. */
export function Setup() {
  const q = useSetup()
  const keep = useKeep()
  const { can } = useSession()
  const [chosen, setChosen] = useState<number>()
  const s = q.data
  const unstarted = !!s?.known && !s.started
  useEffect(() => {
    if (unstarted) void must(api.POST('/setup/start')).then(keep, () => undefined)
    // keep changes with every render and does the same
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [unstarted])
  if (!can('settings.manage')) return <Failure error={new Error(t.forbidden)} />
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!s) return <Waiting />
  if (!s.known) return <PageHead title={t.unknown} back={{ to: '/', label: t.back }} />
  const next = s.steps.findIndex((x) => !x.state)
  const active = chosen ?? (next < 0 ? s.steps.length : next)
  const step: State['steps'][number] | undefined = s.steps[active]
  const mark = async (state: 'done' | 'skipped') => {
    keep(await must(api.POST('/setup/steps', { body: { step: step!.step, state } })))
    setChosen(undefined)
  }
  return (
    <>
      <PageHead title={t.title} back={{ to: '/', label: t.back }} />
      <Text size="sm" mb="md">
        {t.hint}
      </Text>
      <Stepper active={active} size="xs" iconSize={26} onStepClick={setChosen}>
        {s.steps.map((x) => (
          <Stepper.Step key={x.step} label={t.steps[x.step]} description={x.state === 'skipped' ? t.skipped : x.state === 'done' ? t.done : ' '} />
        ))}
      </Stepper>
      <Paper withBorder p="md" mt="md" maw={860}>
        {step ? (
          <One key={step.step} step={step.step} s={s} mark={mark} />
        ) : (
          <Stack gap="sm">
            <Text>{t.allDone}</Text>
            <Group>
              <Button component={Link} href="/">
                {t.finish}
              </Button>
            </Group>
          </Stack>
        )}
      </Paper>
    </>
  )
}

interface StepProps {
  s: State
  mark: (state: 'done' | 'skipped') => Promise<void>
}

function One({ step, ...p }: StepProps & { step: Step }) {
  switch (step) {
    case 'organisation':
      return <OrganisationStep {...p} />
    case 'ca':
      return <CAStep {...p} />
    case 'trust':
      return <TrustStep {...p} />
    case 'credential':
      return <CredentialStep {...p} />
    default:
      return <SecurityStep {...p} />
  }
}

const Head = ({ title, hint }: { title: string; hint: string }) => (
  <>
    <h2 className="section">{title}</h2>
    <Text size="sm" mb="sm">
      {hint}
    </Text>
  </>
)

/** Leaves a step without doing it. */
const Skip = ({ mark }: { mark: StepProps['mark'] }) => (
  <Button size="sm" variant="default" onClick={() => void mark('skipped')}>
    {t.skip}
  </Button>
)

const useFirstOrganisation = () =>
  useQuery({ queryKey: ['list', '/organisations', 'first'], queryFn: ({ signal }) => readList<Schemas['Organisation']>('/organisations', { limit: 1, sort: 'number' }, signal).then((p) => p.items[0] ?? null) })

function OrganisationStep({ mark }: StepProps) {
  const q = useFirstOrganisation()
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (q.data === undefined) return <Waiting />
  return <OrganisationFields o={q.data} mark={mark} />
}

function OrganisationFields({ o, mark }: { o: Schemas['Organisation'] | null; mark: StepProps['mark'] }) {
  const changed = useChanged()
  const [v, setV] = useState({ name: o?.name ?? '', country: o?.country ?? '', state: o?.state ?? '', locality: o?.locality ?? '', email: o?.email ?? '' })
  const field = (name: keyof typeof v, label: string, max: number, more = {}) => <TextInput label={label} maxLength={max} value={v[name]} onChange={(e) => setV({ ...v, [name]: e.currentTarget.value })} {...more} />
  return (
    <>
      <Head title={t.organisation} hint={t.organisationHint} />
      <InlineForm
        label={t.save}
        buttons={<Skip mark={mark} />}
        run={async () => {
          const body = { name: v.name, country: v.country || undefined, state: v.state || undefined, locality: v.locality || undefined, email: v.email || undefined, legal: o?.legal }
          if (o) await must(api.PUT('/organisations/{id}', { params: { path: { id: o.id } }, body }))
          else await must(api.POST('/organisations', { body }))
          await changed()
          await mark('done')
        }}
      >
        {field('name', t.name, 200, { required: true })}
        <Group grow align="flex-start">
          {field('country', t.country, 2, { description: t.countryHint })}
          {field('state', t.state, 128, { description: ' ' })}
          {field('locality', t.locality, 128, { description: ' ' })}
        </Group>
        {field('email', t.email, 254, { type: 'email' })}
      </InlineForm>
    </>
  )
}

const useCAs = () => useQuery({ queryKey: ['list', '/issuers', 'setup'], queryFn: ({ signal }) => readList<Schemas['Issuer']>('/issuers', { limit: 100, sort: 'name', filter: ['state:eq:active'] }, signal).then((p) => p.items) })

const keys = ['ECDSA P-256', 'ECDSA P-384', 'RSA 3072', 'RSA 4096'] as const

function CAStep({ s, mark }: StepProps) {
  const cas = useCAs()
  const o = useFirstOrganisation()
  const error = cas.error ?? o.error
  if (error) return <Failure error={error} retry={() => (cas.refetch(), o.refetch())} />
  if (!cas.data || o.data === undefined) return <Waiting />
  return (
    <>
      <Head title={t.ca} hint={t.caHint} />
      <Facts rows={cas.data.map((i) => [i.name, i.algorithm])} />
      {s.ca_fixed ? (
        <Text size="sm" mt="sm">
          {t.fixed}: {s.ca_fixed}.
        </Text>
      ) : (
        <OwnCAs s={s} o={o.data} />
      )}
      <Group mt="md">
        <Button size="sm" variant={s.ca_begun ? 'default' : 'filled'} disabled={s.ca_begun} onClick={() => void mark('done')}>
          {t.keep}
        </Button>
        <Skip mark={mark} />
      </Group>
    </>
  )
}

function OwnCAs({ s, o }: { s: State; o: Schemas['Organisation'] | null }) {
  const keep = useKeep()
  const changed = useChanged()
  const [asking, setAsking] = useState(false)
  const [v, setV] = useState({ organisation: o?.name ?? '', country: o?.country ?? '', root: `${o?.name ?? ''} Root CA`.trim(), issuing: `${o?.name ?? ''} Issuing CA`.trim() })
  const [k, setK] = useState<{ root_key: (typeof keys)[number]; issuing_key: (typeof keys)[number] }>({ root_key: 'ECDSA P-384', issuing_key: 'ECDSA P-256' })
  const field = (name: keyof typeof v, label: string, max: number, required = false) => <TextInput label={label} required={required} maxLength={max} value={v[name]} onChange={(e) => setV({ ...v, [name]: e.currentTarget.value })} />
  const key = (name: keyof typeof k, label: string) => <NativeSelect label={label} data={[...keys]} value={k[name]} onChange={(e) => setK({ ...k, [name]: e.currentTarget.value as (typeof keys)[number] })} />
  return (
    <Stack gap="sm" mt="md">
      <Text component="h3" fw={600} m={0}>
        {t.own}
      </Text>
      <Text size="sm">{t.ownHint}</Text>
      {s.ca_begun && (
        <Alert color="yellow" variant="outline" role="status">
          {t.begun}
        </Alert>
      )}
      <form
        onSubmit={(e) => {
          e.preventDefault()
          setAsking(true)
        }}
      >
        <Stack gap="sm">
          <Group grow>
            {field('root', t.root, 64, true)}
            {key('root_key', t.rootKey)}
          </Group>
          <Group grow>
            {field('issuing', t.issuing, 60, true)}
            {key('issuing_key', t.issuingKey)}
          </Group>
          <Group grow>
            {field('organisation', t.caOrganisation, 64)}
            {field('country', t.country, 2)}
          </Group>
          <Group>
            <Button type="submit" size="sm" variant="default">
              {t.make}
            </Button>
          </Group>
        </Stack>
      </form>
      <Confirm
        opened={asking}
        title={t.confirmCA}
        label={t.make}
        close={() => setAsking(false)}
        run={async () => {
          const got = await must(api.POST('/setup/cas', { body: { ...v, organisation: v.organisation || undefined, country: v.country || undefined, ...k } }))
          await changed()
          keep(got)
        }}
      >
        {t.ownHint}
      </Confirm>
    </Stack>
  )
}

function TrustStep({ mark }: StepProps) {
  const cas = useCAs()
  const about = useQuery({ queryKey: ['about'], queryFn: () => must(api.GET('/about')) })
  const roots = (cas.data ?? []).filter((i) => !i.parent)
  const error = cas.error ?? about.error
  if (error) return <Failure error={error} retry={() => (cas.refetch(), about.refetch())} />
  if (!cas.data || !about.data) return <Waiting />
  const a = about.data
  return (
    <>
      <Head title={t.trust} hint={t.trustHint} />
      <Facts rows={[[t.base, a.base_url]]} />
      <Text size="sm">{t.baseHint}</Text>
      {a.base_url !== location.origin && (
        <Alert color="yellow" variant="outline" mt="xs" title={t.other}>
          {location.origin}
        </Alert>
      )}
      {roots.map((r) => (
        <Root key={r.id} id={r.id} />
      ))}
      {a.status_url && <Block label={t.getRoot} value={`curl -fsS -o certwright-root.pem ${a.status_url}/root.crt`} />}
      <Group mt="md">
        <Button size="sm" onClick={() => void mark('done')}>
          {t.trusted}
        </Button>
        <Skip mark={mark} />
      </Group>
    </>
  )
}

function Root({ id }: { id: string }) {
  const q = useQuery({ queryKey: ['issuer', id], queryFn: () => must(api.GET('/issuers/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const pem = q.data.pem ?? ''
  return (
    <Stack gap="xs" my="sm">
      <Text fw={600}>{q.data.name}</Text>
      {q.data.decoded && <Block label={t.fingerprint} value={q.data.decoded.sha256.toUpperCase().replace(/..(?=.)/g, '$&:')} />}
      <Group>
        <Button size="xs" variant="default" onClick={() => save(new Blob([pem]), `${q.data.slug}.pem`)}>
          {t.download}
        </Button>
      </Group>
    </Stack>
  )
}

function CredentialStep({ mark }: StepProps) {
  const [, navigate] = useLocation()
  const { me } = useSession()
  const types = useQuery({ queryKey: ['credential-types'], queryFn: () => must(api.GET('/credential-types')) })
  const start = useQuery({
    queryKey: ['list', 'setup', 'owner'],
    queryFn: async ({ signal }) => {
      const groups = await readList<Schemas['Group']>('/groups', { limit: 1, sort: 'number' }, signal)
      const products = await readList<Schemas['Product']>('/products', { limit: 1, filter: ['code:eq:tls-server'] }, signal)
      return { user: me.user, group: groups.items[0]?.id ?? '', products: products.items.map((p) => p.id) }
    },
  })
  const [made, setMade] = useState<Schemas['IssuedCredential']>()
  const error = types.error ?? start.error
  if (error) return <Failure error={error} retry={() => (types.refetch(), start.refetch())} />
  if (!types.data || !start.data) return <Waiting />
  return (
    <>
      <Head title={t.credential} hint={t.credentialHint} />
      {made ? (
        <>
          <Secret made={made} />
          <Group mt="md">
            <Button size="sm" onClick={() => void mark('done')}>
              {t.next}
            </Button>
            <Button size="sm" variant="default" onClick={() => setMade(undefined)}>
              {t.another}
            </Button>
          </Group>
        </>
      ) : (
        <>
          <Wizard types={types.data.items} start={start.data} done={setMade} cancel={() => navigate('/')} />
          <Group mt="md">
            <Skip mark={mark} />
          </Group>
        </>
      )}
    </>
  )
}

function SecurityStep({ mark }: StepProps) {
  const { me } = useSession()
  const q = useQuery({ queryKey: ['user', me.user], queryFn: () => must(api.GET('/users/{id}', { params: { path: { id: me.user } } })) })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const names = q.data.factors.map((f) => text.people.factor[f] ?? f)
  return (
    <>
      <Head title={t.security} hint={t.securityHint} />
      <Group gap="xs">
        <Text size="sm">{t.factors}:</Text>
        {names.length ? names.map((n) => <Badge key={n}>{n}</Badge>) : <Text size="sm">{t.none}</Text>}
      </Group>
      <Text size="sm" my="sm">
        <Anchor href="/security">{t.openSecurity}</Anchor>
      </Text>
      <Text component="h3" fw={600} m={0}>
        {t.mail}
      </Text>
      <Text size="sm">{t.mailHint}</Text>
      <Group mt="md">
        <Button size="sm" onClick={() => void mark('done')}>
          {t.finish}
        </Button>
        <Skip mark={mark} />
      </Group>
    </>
  )
}
