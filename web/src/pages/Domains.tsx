import { Alert, Button, Checkbox, Group, Menu, NativeSelect, Paper, Table, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, must, type Row, type Schemas } from '../api/client'
import { useSession } from '../lib/session'
import { ListPage } from '../list/ListPage'
import { text } from '../text'
import { Block, Facts, Moment, PageHead, Status } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { Name } from '../ui/Name'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'
import { History } from './History'
import { Pick } from './NewCredential'

const t = text.domains
type Detail = Schemas['DomainDetail']
type Method = Detail['method']

export const methods = Object.entries(t.methods).map(([value, label]) => ({ value, label }))

export function Domains() {
  const session = useSession()
  const [, navigate] = useLocation()
  const [adding, setAdding] = useState(false)
  return (
    <>
      <ListPage
        list="domains"
        title={text.nav.domains}
        link={(r) => `/domains/${r.id}`}
        linkColumn="name"
        cells={{ method: (r) => t.methods[r.method as Method] ?? String(r.method) }}
        head={session.can('domain.manage') && <Button size="xs" onClick={() => setAdding(true)}>{t.new}</Button>}
        actions={[
          { label: text.action.view, run: (r: Row) => navigate(`/domains/${String(r.id)}`) },
          { label: text.nav.certificates, run: (r: Row) => navigate(`/certificates?filter=names:contains:${String(r.name)}`) },
        ]}
      />
      {adding && <Register close={() => setAdding(false)} />}
    </>
  )
}

function Register({ close }: { close: () => void }) {
  const changed = useChanged()
  const [, navigate] = useLocation()
  const [name, setName] = useState('')
  const [method, setMethod] = useState<Method>('dns-txt')
  const [group, setGroup] = useState('')
  const [organisation, setOrganisation] = useState('')
  const [skip, setSkip] = useState(false)
  return (
    <Confirm
      opened
      title={t.new}
      label={t.register}
      close={close}
      run={async () => {
        const d = await must(api.POST('/domains', { body: { name, method, group: group || undefined, organisation: organisation || undefined, skip_caa: skip || undefined } }))
        await changed()
        navigate(`/domains/${d.id}`)
      }}
    >
      <TextInput label={t.name} description={t.nameHint} required maxLength={253} value={name} onChange={(e) => setName(e.currentTarget.value.trim())} data-autofocus />
      <NativeSelect label={t.method} value={method} data={methods} onChange={(e) => setMethod(e.currentTarget.value as Method)} />
      <Pick list="groups" label={text.certificate.group} required={false} value={group} onChange={setGroup} />
      <Pick list="organisations" label={text.people.organisation} required={false} value={organisation} onChange={setOrganisation} />
      <Checkbox label={t.skipCAA} checked={skip} onChange={(e) => setSkip(e.currentTarget.checked)} />
    </Confirm>
  )
}

export function Domain({ id }: { id: string }) {
  const session = useSession()
  const changed = useChanged()
  const [asked, setAsked] = useState<'method' | 'state' | 'renew' | 'reject'>()
  const q = useQuery({ queryKey: ['domain', id], queryFn: () => must(api.GET('/domains/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const d = q.data
  const path = { params: { path: { id: d.id } } }
  const manage = session.can('domain.manage', d.group ?? '')
  const close = () => setAsked(undefined)
  return (
    <>
      <PageHead title={d.name} badge={<><Status value={d.control} />{d.state === 'inactive' && <Status value="disabled" />}</>} back={{ to: '/domains', label: text.nav.domains }}>
        {manage && (
          <Menu position="bottom-end" shadow="md">
            <Menu.Target>
              <Button size="xs" variant="default">
                {text.list.actions}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => setAsked('method')}>{t.change}</Menu.Item>
              <Menu.Item onClick={() => setAsked('renew')}>{t.renew}</Menu.Item>
              <Menu.Item onClick={() => setAsked('state')}>{d.state === 'active' ? t.deactivate : t.activate}</Menu.Item>
              {session.can('domain.decide') && (
                <Menu.Item color="red" onClick={() => setAsked('reject')}>
                  {t.reject}
                </Menu.Item>
              )}
            </Menu.Dropdown>
          </Menu>
        )}
      </PageHead>
      <Facts
        rows={[
          [t.method, t.methods[d.method]],
          [t.verified, d.verified_at && <Moment at={d.verified_at} />],
          [t.validUntil, d.valid_until && <Moment at={d.valid_until} relative />],
          [t.provenBy, d.proven_by],
          ['CAA', d.caa],
          [t.nextCheck, d.next_check && <Moment at={d.next_check} relative />],
          [text.certificate.group, d.group && <Name list="groups" id={d.group} />],
          [text.people.organisation, d.organisation && <Name list="organisations" id={d.organisation} />],
          [text.certificate.created, <Moment at={d.created_at} />],
        ]}
      />
      {d.state === 'active' && d.challenge && <Challenge d={d} manage={manage} />}
      <Attempts id={d.id} />
      {session.can('audit.view') && (
        <>
          <h2 className="section">{text.certificate.history}</h2>
          <History object={`domain:${d.id}`} />
        </>
      )}
      {asked === 'method' && <ChangeMethod d={d} close={close} />}
      {asked === 'reject' && <Reject d={d} close={close} />}
      <Confirm opened={asked === 'renew'} title={`${t.renew}: ${d.name}`} close={close} run={async () => { await must(api.POST('/domains/{id}/renew', path)); await changed() }}>
        {t.renewHint}
      </Confirm>
      <Confirm opened={asked === 'state'} danger={d.state === 'active'} title={`${d.state === 'active' ? t.deactivate : t.activate}: ${d.name}`} close={close} run={async () => { await (d.state === 'active' ? must(api.POST('/domains/{id}/deactivate', path)) : must(api.POST('/domains/{id}/activate', path))); await changed() }}>
        {d.state === 'active' ? t.deactivateHint : t.activateHint}
      </Confirm>
    </>
  )
}

/** What to publish, and a look whether it is there. */
function Challenge({ d, manage }: { d: Detail; manage: boolean }) {
  const c = d.challenge!
  const changed = useChanged()
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [outcome, setOutcome] = useState<Schemas['DomainOutcome']>()
  const [address, setAddress] = useState(c.emails?.[0] ?? '')
  const mail = c.method === 'email' || c.method === 'dns-contact'
  const look = async () => {
    setBusy(true)
    setError(undefined)
    try {
      setOutcome(await must(api.POST('/domains/{id}/verify', { params: { path: { id: d.id } }, body: { address: mail ? address : undefined } })))
      await changed()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Paper withBorder p="sm" mt="md">
      <Title order={2} size="h5">
        {t.publish}
      </Title>
      <Text size="sm" c="dimmed">
        {t.until} <Moment at={c.until} relative />
      </Text>
      {c.record_name && <Block label={`${c.record_type} ${t.recordName}`} value={c.record_name} />}
      {c.value && <Block label={t.recordValue} value={c.value} />}
      {c.file_url && <Block label={t.fileURL} value={c.file_url} />}
      {c.file_url && c.token && <Block label={t.fileContent} value={c.token} />}
      {mail && manage && <NativeSelect label={t.mailTo} data={c.emails ?? []} value={address} onChange={(e) => setAddress(e.currentTarget.value)} mt="xs" />}
      {c.sent_to && (
        <Text size="sm" mt="xs">
          {t.sentTo} {c.sent_to}
        </Text>
      )}
      {manage && (
        <Group mt="sm">
          <Button size="sm" loading={busy} onClick={() => void look()} disabled={mail && !address}>
            {mail ? t.send : t.check}
          </Button>
        </Group>
      )}
      {!!error && <Failure error={error} />}
      {outcome && (
        <Alert mt="sm" role="status" variant="outline" color={outcome.domain.control === 'verified' ? 'green' : outcome.sent ? 'blue' : 'red'} title={outcome.already ? t.already : outcome.sent ? t.sent : outcome.attempt?.passed ? t.passed : t.notYet}>
          {outcome.attempt && <AttemptText a={outcome.attempt} />}
        </Alert>
      )}
    </Paper>
  )
}

function AttemptText({ a }: { a: Schemas['DomainAttempt'] }) {
  return (
    <>
      {a.failure && <Text size="sm">{a.failure.detail}</Text>}
      {a.next && <Text size="sm">{a.next}</Text>}
      {a.records.map((r, i) => (
        <Text key={i} size="xs" className="mono">
          {[r.where, r.asked, r.answer].filter(Boolean).join(' → ')}
        </Text>
      ))}
    </>
  )
}

function Attempts({ id }: { id: string }) {
  const q = useQuery({ queryKey: ['domain-attempts', id], queryFn: () => must(api.GET('/domains/{id}/attempts', { params: { path: { id } } })) })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data || q.data.items.length === 0) return null
  return (
    <>
      <h2 className="section">{t.attempts}</h2>
      <div className="scroll" tabIndex={0} role="region" aria-label={t.attempts}>
        <Table fz="sm" verticalSpacing={4}>
          <Table.Thead>
            <Table.Tr>
              {[text.history.time, t.method, text.history.outcome, t.agreed, text.history.detail].map((x) => (
                <Table.Th key={x} scope="col">
                  {x}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {q.data.items.map((a) => (
              <Table.Tr key={a.id}>
                <Table.Td>
                  <Moment at={a.at} />
                </Table.Td>
                <Table.Td>{t.methods[a.method as Method] ?? a.method}</Table.Td>
                <Table.Td>
                  <Status value={a.passed ? 'passed' : a.failure ? 'failed' : 'sent'} />
                </Table.Td>
                <Table.Td>
                  {a.agreed} / {a.perspectives}
                </Table.Td>
                <Table.Td>
                  <AttemptText a={a} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </>
  )
}

function ChangeMethod({ d, close }: { d: Detail; close: () => void }) {
  const changed = useChanged()
  const [method, setMethod] = useState<Method>(d.method)
  return (
    <Confirm opened title={`${t.change}: ${d.name}`} label={text.action.save} close={close} run={async () => { await must(api.POST('/domains/{id}/challenge', { params: { path: { id: d.id } }, body: { method } })); await changed() }}>
      <NativeSelect label={t.method} value={method} data={methods} onChange={(e) => setMethod(e.currentTarget.value as Method)} data-autofocus />
    </Confirm>
  )
}

function Reject({ d, close }: { d: Detail; close: () => void }) {
  const changed = useChanged()
  const [reason, setReason] = useState('')
  return (
    <Confirm opened danger title={`${t.reject}: ${d.name}`} label={t.reject} close={close} run={async () => { await must(api.POST('/domains/{id}/reject', { params: { path: { id: d.id } }, body: { reason } })); await changed() }}>
      <Text size="sm">{t.rejectHint}</Text>
      <TextInput label={text.certificate.reason} required maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} data-autofocus />
    </Confirm>
  )
}
