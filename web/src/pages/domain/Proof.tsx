import { Alert, Button, Group, NativeSelect, Paper, Text, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { api, must, type Schemas } from '../../api/client'
import { words } from '../../lib/format'
import { text } from '../../text'
import { Block, Moment } from '../../ui/bits'
import { Confirm } from '../../ui/Confirm'
import { Failure } from '../../ui/states'
import { useChanged } from '../CertificateActions'

// How control of a domain is shown: on the domain's own page, and on those of
// the orders that wait for it.

const t = text.domains
type Detail = Schemas['DomainDetail']
export type Method = Detail['method']

export const methods = (['dns-txt', 'dns-cname', 'http-url', 'email', 'dns-contact'] as const).map((value) => ({ value, label: words(value, 'method') }))

/** What to publish, and a look whether it is there. */
export function Challenge({ d, manage, change }: { d: Detail; manage: boolean; change?: () => void }) {
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
      const got = await must(api.POST('/domains/{id}/verify', { params: { path: { id: d.id } }, body: { address: mail ? address : undefined } }))
      setOutcome(got)
      // What was to be published goes away with the proof, and this message with it.
      if (got.domain.control === 'verified') notifications.show({ message: `${t.passed}: ${d.name}` })
      await changed()
    } catch (e) {
      setError(e)
      void changed() // the challenge may have run out, and a new one stands
    } finally {
      setBusy(false)
    }
  }
  return (
    <Paper withBorder p="sm" mt="md">
      <Title order={2} size="h5">
        {t.publish}: {words(c.method, 'method')}
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
          {change && (
            <Button size="sm" variant="default" onClick={change}>
              {t.change}
            </Button>
          )}
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

/** What a look saw, why that is no proof, and what to do. */
export function AttemptText({ a }: { a: Schemas['DomainAttempt'] }) {
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

export function ChangeMethod({ d, close }: { d: Detail; close: () => void }) {
  const changed = useChanged()
  const [method, setMethod] = useState<Method>(d.method)
  return (
    <Confirm opened title={`${t.change}: ${d.name}`} label={text.action.save} close={close} run={async () => { await must(api.POST('/domains/{id}/challenge', { params: { path: { id: d.id } }, body: { method } })); await changed() }}>
      <NativeSelect label={t.method} value={method} data={methods} onChange={(e) => setMethod(e.currentTarget.value as Method)} data-autofocus />
    </Confirm>
  )
}
