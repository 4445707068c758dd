import { Button, Group, NativeSelect, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must, readList, type Schemas } from '../../api/client'
import { words } from '../../lib/format'
import { useSession } from '../../lib/session'
import { writeCond, listHref } from '../../list/query'
import { text } from '../../text'
import { Go, Moment, Status } from '../../ui/bits'
import { Confirm } from '../../ui/Confirm'
import { Name } from '../../ui/Name'
import { Rows } from '../../ui/Rows'
import { Failure, Waiting } from '../../ui/states'
import { useChanged } from '../CertificateActions'

const t = text.organisation
type Vetting = Schemas['Vetting']

/** The vettings of an organisation, newest first. */
export function OrganisationVettings({ o }: { o: Schemas['Organisation'] }) {
  const session = useSession()
  const [asking, setAsking] = useState(false)
  const filter = [writeCond({ column: 'organisation', op: 'eq', values: [o.id] })]
  const q = useQuery({ queryKey: ['list', '/vettings', filter], queryFn: ({ signal }) => readList<Vetting>('/vettings', { filter, sort: '-created_at', limit: 50 }, signal) })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  return (
    <>
      <Group justify="space-between" mb="xs">
        <Go to={listHref('/organisations/vetting', filter)}>{t.allVettings}</Go>
        {session.can('vetting.ask') && (
          <Button size="xs" onClick={() => setAsking(true)}>
            {t.askVetting}
          </Button>
        )}
      </Group>
      <Rows
        label={t.vettings}
        none={t.noVettings}
        head={[text.vetting.purpose, text.deploy.state, text.vetting.askedBy, text.vetting.validator, text.vetting.expires, text.certificate.created]}
        rows={q.data.items.map((v) => ({
          key: v.id,
          cells: [
            <Go key="to" to={`/organisations/vetting/${v.id}`}>{words(v.purpose)}</Go>,
            <Status key="state" value={v.state} />,
            v.asked_by && <Name key="by" list="users" id={v.asked_by} />,
            v.validator && <Name key="validator" list="users" id={v.validator} />,
            <Moment key="end" at={v.expires_at} />,
            <Moment key="at" at={v.created_at} />,
          ],
        }))}
      />
      {asking && <AskVetting organisation={o.id} name={o.name} close={() => setAsking(false)} />}
    </>
  )
}

function AskVetting({ organisation, name, close }: { organisation: string; name: string; close: () => void }) {
  const changed = useChanged()
  const [purpose, setPurpose] = useState<Vetting['purpose']>('ov')
  return (
    <Confirm opened title={`${t.askVetting}: ${name}`} label={text.vetting.ask} close={close} run={async () => { await must(api.POST('/vettings', { body: { organisation, purpose } })); await changed() }}>
      <Text size="sm">{t.askHint}</Text>
      <NativeSelect label={text.vetting.purpose} description={t.smimeHint} value={purpose} onChange={(e) => setPurpose(e.currentTarget.value as Vetting['purpose'])} data={(['ov', 'ev', 'smime'] as const).map((value) => ({ value, label: words(value) }))} data-autofocus />
    </Confirm>
  )
}
