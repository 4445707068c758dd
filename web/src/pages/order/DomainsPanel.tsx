import { Accordion, Alert, Button, Group, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, APIError, must, type Schemas } from '../../api/client'
import { words } from '../../lib/format'
import { useSession } from '../../lib/session'
import { text } from '../../text'
import { Facts, Go, Moment, Status } from '../../ui/bits'
import { Failure, Waiting } from '../../ui/states'
import { useChanged } from '../CertificateActions'
import { Challenge, ChangeMethod } from '../domain/Proof'
import { Register } from '../Domains'
import type { Detail } from './steps'

const t = text.steps
type Needed = Schemas['OrderDomain']

/** The DNS name whose control stands for a name of an order: a wildcard's without the star, a mailbox's domain. */
function host(name: string): string {
  const [kind, v = ''] = [name.slice(0, name.indexOf(':')), name.slice(name.indexOf(':') + 1)]
  if (kind === 'dns') return v.replace(/^\*\./, '')
  return kind === 'email' ? v.slice(v.lastIndexOf('@') + 1).toLowerCase() : ''
}

/** Names of an order for which there is no domain, neither their own nor one above. */
function without(o: Detail, domains: Needed[]): string[] {
  const hosts = o.names.map(host).filter((h) => h && !domains.some((d) => h === d.name || h.endsWith('.' + d.name)))
  return [...new Set(hosts)]
}

/** The domains of an order: what to publish for each, and a look whether it is there. */
export function DomainsPanel({ o, waiting }: { o: Detail; waiting: boolean }) {
  const session = useSession()
  const domains = o.steps?.domains ?? []
  const unproven = domains.filter((d) => d.control !== 'verified')
  const [opened, setOpened] = useState<string | null>(unproven[0]?.id ?? null)
  const [register, setRegister] = useState<string>()
  const missing = waiting ? without(o, domains) : []
  const manage = session.can('domain.manage', o.group ?? '') || session.can('domain.manage')
  return (
    <>
      {waiting && unproven.length > 1 && manage && <CheckAll domains={unproven} />}
      {waiting && domains.length > 0 && unproven.length === 0 && missing.length === 0 && (
        <Alert variant="outline" color="yellow" role="status" mb="sm">
          {t.notCovered}
        </Alert>
      )}
      {domains.length === 0 && missing.length === 0 && <div className="empty">{t.noDomains}</div>}
      <Accordion variant="separated" keepMounted={false} value={opened} onChange={setOpened} order={2}>
        {domains.map((d) => (
          <Accordion.Item key={d.id} value={d.id}>
            <Accordion.Control>
              <Group gap="md" fz="sm">
                <Text size="sm" fw={600}>
                  {d.name}
                </Text>
                <Status value={d.control} />
                <Text size="sm" c="dimmed">
                  {words(d.method, 'method')}
                </Text>
              </Group>
            </Accordion.Control>
            <Accordion.Panel>
              <Proof id={d.id} />
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
      {missing.map((name) => (
        <Group key={name} gap="md" mt="xs">
          <Text size="sm" fw={600}>
            {name}
          </Text>
          <Text size="sm">{t.unregistered}</Text>
          {manage && (
            <Button size="compact-sm" variant="default" aria-label={`${text.domains.new}: ${name}`} onClick={() => setRegister(name)}>
              {text.domains.new}
            </Button>
          )}
        </Group>
      ))}
      {register && <Register name={register} group={o.steps?.organisation ? '' : o.group} organisation={o.steps?.organisation} stay close={() => setRegister(undefined)} />}
    </>
  )
}

/** One domain with its challenge. */
function Proof({ id }: { id: string }) {
  const session = useSession()
  const [asked, setAsked] = useState(false)
  const q = useQuery({ queryKey: ['domain', id], queryFn: () => must(api.GET('/domains/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const d = q.data
  const manage = session.can('domain.manage', d.group ?? '') || (!d.group && session.can('domain.manage'))
  return (
    <>
      <Facts
        rows={[
          [text.domains.provenBy, d.proven_by && words(d.proven_by, 'method')],
          [text.domains.validUntil, d.valid_until && <Moment at={d.valid_until} relative />],
          ['CAA', d.caa && words(d.caa)],
          [text.domains.nextCheck, d.next_check && <Moment at={d.next_check} relative />],
          [text.domains.attempts, <Go to={`/domains/${d.id}`}>{d.name}</Go>],
        ]}
      />
      {d.state === 'inactive' && <Alert variant="outline" color="yellow" mt="sm">{t.inactive}</Alert>}
      {d.state === 'active' && d.challenge && <Challenge key={d.challenge.method} d={d} manage={manage} change={() => setAsked(true)} />}
      {d.state === 'active' && !d.challenge && manage && (
        <Button mt="sm" size="sm" variant="default" onClick={() => setAsked(true)}>
          {text.domains.change}
        </Button>
      )}
      {asked && <ChangeMethod d={d} close={() => setAsked(false)} />}
    </>
  )
}

/** Looks at all domains that are proven by something published, one after the other. */
function CheckAll({ domains }: { domains: Needed[] }) {
  const changed = useChanged()
  const [at, setAt] = useState<number>()
  const [found, setFound] = useState<{ name: string; passed: boolean; detail: string }[]>()
  const looked = domains.filter((d) => d.method !== 'email' && d.method !== 'dns-contact')
  const run = async () => {
    const got: typeof found = []
    for (const [i, d] of looked.entries()) {
      setAt(i + 1)
      try {
        const r = await must(api.POST('/domains/{id}/verify', { params: { path: { id: d.id } }, body: {} }))
        got.push({ name: d.name, passed: r.domain.control === 'verified', detail: r.attempt?.failure?.detail ?? '' })
      } catch (e) {
        got.push({ name: d.name, passed: false, detail: e instanceof APIError ? e.message : String(e) })
      }
    }
    setAt(undefined)
    setFound(got)
    await changed()
  }
  if (looked.length < 2) return null
  return (
    <div className="check-all">
      <Button size="sm" loading={at !== undefined} onClick={() => void run()}>
        {t.checkAll} ({looked.length})
      </Button>
      {at !== undefined && (
        <Text size="sm" role="status" mt={4}>
          {at} {text.list.of} {looked.length}
        </Text>
      )}
      {found && (
        <Alert mt="sm" mb="sm" role="status" variant="outline" color={found.every((f) => f.passed) ? 'green' : 'red'} title={`${text.domains.passed}: ${found.filter((f) => f.passed).length} ${text.list.of} ${found.length}`}>
          {found
            .filter((f) => !f.passed)
            .map((f) => (
              <Text key={f.name} size="sm">
                {f.name}: {f.detail}
              </Text>
            ))}
        </Alert>
      )}
    </div>
  )
}
