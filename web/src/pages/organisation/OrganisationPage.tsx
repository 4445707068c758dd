import { Button, Tabs } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useSearchParams } from 'wouter'
import { api, must, type Schemas } from '../../api/client'
import { useSession } from '../../lib/session'
import { text } from '../../text'
import { Facts, Go, Moment, PageHead } from '../../ui/bits'
import { Failure, Waiting } from '../../ui/states'
import { History } from '../History'
import { OrganisationForm } from '../People'
import { Consents } from './Consents'
import { Evidence } from './Evidence'
import { Legal } from './Legal'
import { Representatives } from './Representatives'
import { Token } from './Token'
import { OrganisationVettings } from './Vettings'

const t = text.organisation

/** An organisation with what is known, claimed and decided about it. */
export function OrganisationPage({ id }: { id: string }) {
  const session = useSession()
  const [params, setParams] = useSearchParams()
  const q = useQuery({ queryKey: ['organisation', id], queryFn: () => must(api.GET('/organisations/{id}', { params: { path: { id } } })) })
  const [edit, setEdit] = useState(false)
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const o = q.data
  const evidence = session.can('document.view') || session.can('evidence.add')
  return (
    <>
      <PageHead title={o.name} back={{ to: '/organisations', label: text.nav.organisations }}>
        {session.can('organisation.manage') && (
          <Button size="xs" variant="default" onClick={() => setEdit(true)}>
            {text.action.edit}
          </Button>
        )}
      </PageHead>
      <Tabs value={params.get('tab') ?? 'details'} onChange={(v) => setParams(v && v !== 'details' ? { tab: v } : {}, { replace: true })} keepMounted={false}>
        <Tabs.List mb="sm" aria-label={o.name}>
          <Tabs.Tab value="details">{t.details}</Tabs.Tab>
          {session.lists.has('vettings') && <Tabs.Tab value="vetting">{t.vettings}</Tabs.Tab>}
          {evidence && <Tabs.Tab value="evidence">{t.evidence}</Tabs.Tab>}
          <Tabs.Tab value="representatives">{t.representatives}</Tabs.Tab>
          {session.lists.has('consents') && <Tabs.Tab value="consents">{t.consents}</Tabs.Tab>}
          {session.can('audit.view') && <Tabs.Tab value="history">{text.certificate.history}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="details">
          <Details o={o} />
          <Legal o={o} />
          {session.can('organisation.manage') && <Token o={o} />}
        </Tabs.Panel>
        <Tabs.Panel value="vetting">
          <OrganisationVettings o={o} />
        </Tabs.Panel>
        <Tabs.Panel value="evidence">
          <Evidence o={o} />
        </Tabs.Panel>
        <Tabs.Panel value="representatives">
          <Representatives o={o} />
        </Tabs.Panel>
        <Tabs.Panel value="consents">
          <Consents o={o} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <History object={`organisation:${o.id}`} />
        </Tabs.Panel>
      </Tabs>
      {edit && <OrganisationForm o={o} close={() => setEdit(false)} />}
    </>
  )
}

function Details({ o }: { o: Schemas['Organisation'] }) {
  const p = text.people
  return (
    <Facts
      rows={[
        [text.certificate.number, o.number],
        [p.country, o.country],
        [p.state, o.state],
        [p.locality, o.locality],
        [p.email, o.email],
        [text.nav.groups, <Go to={`/groups?filter=organisation:eq:${o.id}`}>{p.openGroups}</Go>],
        [text.certificate.created, <Moment at={o.created_at} />],
        [text.order.changed, <Moment at={o.updated_at} />],
      ]}
    />
  )
}
