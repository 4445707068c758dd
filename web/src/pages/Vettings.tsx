import { Anchor, Button, MultiSelect, NativeSelect, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, must, prefix, type Row, type Schemas } from '../api/client'
import { words } from '../lib/format'
import { useSession } from '../lib/session'
import { ListPage } from '../list/ListPage'
import { text } from '../text'
import { Facts, Moment, PageHead, Status } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { Name } from '../ui/Name'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'
import { History } from './History'
import { Pick } from '../ui/Pick'
import { useEvidence } from './organisation/Evidence'

const t = text.vetting
const o = text.organisation
type Vetting = Schemas['Vetting']
type Decision = Schemas['VettingDecision']

export function Vettings() {
  const session = useSession()
  const [, navigate] = useLocation()
  const [adding, setAdding] = useState(false)
  return (
    <>
      <ListPage
        list="vettings"
        title={t.title}
        link={(r: Row) => `/organisations/vetting/${String(r.id)}`}
        linkColumn="purpose"
        head={session.can('vetting.ask') && <Button size="xs" onClick={() => setAdding(true)}>{t.new}</Button>}
        actions={[{ label: text.action.view, run: (r) => navigate(`/organisations/vetting/${String(r.id)}`) }]}
      />
      {adding && <Ask close={() => setAdding(false)} />}
    </>
  )
}

function Ask({ close }: { close: () => void }) {
  const changed = useChanged()
  const [organisation, setOrganisation] = useState('')
  const [purpose, setPurpose] = useState<Vetting['purpose']>('ov')
  return (
    <Confirm opened title={t.new} label={t.ask} close={close} run={async () => { await must(api.POST('/vettings', { body: { organisation, purpose } })); await changed() }}>
      <Pick list="organisations" label={text.people.organisation} value={organisation} onChange={setOrganisation} />
      <NativeSelect label={t.purpose} value={purpose} onChange={(e) => setPurpose(e.currentTarget.value as Vetting['purpose'])} data={[{ value: 'ov', label: 'OV' }, { value: 'ev', label: 'EV' }, { value: 'smime', label: 'S/MIME' }]} />
    </Confirm>
  )
}

export function VettingPage({ id }: { id: string }) {
  const session = useSession()
  const [asked, setAsked] = useState<'decide' | 'cancel'>()
  const changed = useChanged()
  const q = useQuery({ queryKey: ['vetting', id], queryFn: () => must(api.GET('/vettings/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const v = q.data
  const open = v.state === 'pending' || v.state === 'discrepancy'
  return (
    <>
      <PageHead title={`${t.title}: ${words(v.purpose)}`} badge={<Status value={v.state} />} back={{ to: '/organisations/vetting', label: t.title }}>
        {open && session.can('vetting.decide') && (
          <Button size="xs" onClick={() => setAsked('decide')}>
            {t.decide}
          </Button>
        )}
        {open && session.can('vetting.ask') && (
          <Button size="xs" variant="outline" color="red" onClick={() => setAsked('cancel')}>
            {t.cancel}
          </Button>
        )}
      </PageHead>
      <Facts
        rows={[
          [text.people.organisation, <Name list="organisations" id={v.organisation} />],
          [t.askedBy, v.asked_by && <Name list="users" id={v.asked_by} />],
          [t.validator, v.validator && <Name list="users" id={v.validator} />],
          [t.method, v.method && words(v.method)],
          [t.source, v.source],
          [o.evidenceUsed, v.evidence.length > 0 && <Used v={v} />],
          [text.order.comment, v.comment],
          [t.expires, v.expires_at && <Moment at={v.expires_at} relative />],
          [t.decidedAt, v.decided_at && <Moment at={v.decided_at} />],
          [text.certificate.created, <Moment at={v.created_at} />],
        ]}
      />
      {session.can('audit.view') && (
        <>
          <h2 className="section">{text.certificate.history}</h2>
          <History object={`vetting:${v.id}`} />
        </>
      )}
      {asked === 'decide' && <Decide v={v} close={() => setAsked(undefined)} />}
      <Confirm opened={asked === 'cancel'} danger title={t.cancel} close={() => setAsked(undefined)} run={async () => { await must(api.POST('/vettings/{id}/cancel', { params: { path: { id: v.id } }, body: {} })); await changed() }}>
        {t.cancelHint}
      </Confirm>
    </>
  )
}

/** The documents that a decision rests on, by name as far as the reader may see them. */
function Used({ v }: { v: Vetting }) {
  const names = new Map(useEvidence(v.organisation).data?.items.map((d) => [d.id, d.name]))
  return (
    <>
      {v.evidence.map((id) => (
        <div key={id}>{names.has(id) ? <Anchor size="sm" href={`${prefix}/organisations/${v.organisation}/documents/${id}`} download={names.get(id)}>{names.get(id)}</Anchor> : id}</div>
      ))}
    </>
  )
}

const methods = ['register', 'site-visit', 'attestation-letter', 'reliable-data-source', 'face-to-face', 'other'] as const

function Decide({ v, close }: { v: Vetting; close: () => void }) {
  const changed = useChanged()
  const [state, setState] = useState<Decision['state']>('validated')
  const [method, setMethod] = useState<Decision['method']>('register')
  const [source, setSource] = useState('')
  const [comment, setComment] = useState('')
  const [evidence, setEvidence] = useState(v.evidence)
  const documents = useEvidence(v.organisation).data?.items ?? []
  const good = state === 'validated'
  return (
    <Confirm
      opened
      size="lg"
      title={t.decide}
      label={t.decide}
      danger={!good}
      close={close}
      run={async () => {
        await must(api.POST('/vettings/{id}/decide', { params: { path: { id: v.id } }, body: { state, version: v.version, method: good ? method : undefined, source: (good && source) || undefined, evidence: good ? evidence : undefined, comment: comment || undefined } }))
        await changed()
      }}
    >
      <NativeSelect label={t.decision} value={state} onChange={(e) => setState(e.currentTarget.value as Decision['state'])} data={(['validated', 'discrepancy', 'rejected'] as const).map((x) => ({ value: x, label: words(x) }))} data-autofocus />
      {good && <NativeSelect label={t.method} value={method} onChange={(e) => setMethod(e.currentTarget.value as Decision['method'])} data={methods.map((x) => ({ value: x, label: words(x) }))} />}
      {good && <TextInput label={t.source} description={t.sourceHint} value={source} onChange={(e) => setSource(e.currentTarget.value)} />}
      {good && documents.length > 0 && <MultiSelect searchable label={o.evidenceUsed} description={o.evidenceUsedHint} data={documents.map((d) => ({ value: d.id, label: d.description ? `${d.name} (${d.description})` : d.name }))} value={evidence} onChange={setEvidence} />}
      <Textarea label={text.order.comment} required={!good} autosize minRows={2} value={comment} onChange={(e) => setComment(e.currentTarget.value)} />
    </Confirm>
  )
}
