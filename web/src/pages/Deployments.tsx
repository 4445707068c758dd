import { Alert, Button, Group, Table, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, must, readList, type Row, type Schemas } from '../api/client'
import { useSession } from '../lib/session'
import { ListPage } from '../list/ListPage'
import { listHref } from '../list/query'
import { text } from '../text'
import { Go, Moment, Status } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { Name } from '../ui/Name'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'

const t = text.deploy
const path = '/certificates/deployment-requests'

/** What somebody who asks must know (docs/operate/orders.md). */
function Waits() {
  return (
    <Alert variant="outline" color="yellow" mb="sm" title={t.waits}>
      {t.waitsHint}
    </Alert>
  )
}

/** All requests to put certificates on servers. */
export function Deployments() {
  const session = useSession()
  const [, navigate] = useLocation()
  const [cancel, setCancel] = useState<Row>()
  return (
    <>
      <ListPage
        list="deployment-requests"
        title={t.title}
        note={<Waits />}
        linkColumn="number"
        cells={{ certificate: (r) => <Name list="certificates" id={String(r.certificate)} /> }}
        link={(r) => `/certificates/${String(r.certificate)}?tab=deployment`}
        actions={[
          { label: t.certificate, run: (r) => navigate(`/certificates/${String(r.certificate)}`) },
          { label: t.cancel, danger: true, shown: (r) => r.state === 'waiting' && session.can('certificate.deploy', String(r.group ?? '')), run: setCancel },
        ]}
      />
      {cancel && <Cancel id={String(cancel.id)} number={Number(cancel.number)} close={() => setCancel(undefined)} />}
    </>
  )
}

function Cancel({ id, number, close }: { id: string; number: number; close: () => void }) {
  const changed = useChanged()
  return (
    <Confirm
      opened
      danger
      title={`${t.cancel}: ${number}`}
      label={t.cancel}
      close={close}
      run={async () => {
        await must(api.POST('/deployment-requests/{id}/cancel', { params: { path: { id } } }))
        await changed()
      }}
    >
      {t.cancelHint}
    </Confirm>
  )
}

/** The requests of one certificate, and the form to ask for another. */
export function CertificateDeployments({ c }: { c: Schemas['Certificate'] }) {
  const session = useSession()
  const [asked, setAsked] = useState(false)
  const [cancel, setCancel] = useState<Schemas['DeploymentRequest']>()
  const filter = [`certificate:eq:${c.id}`]
  const q = useQuery({ queryKey: ['list', '/deployment-requests', filter], queryFn: ({ signal }) => readList<Schemas['DeploymentRequest']>('/deployment-requests', { filter, sort: '-number', limit: 100 }, signal) })
  const may = session.can('certificate.deploy', c.group ?? '')
  return (
    <>
      <Waits />
      <Group gap="md" mb="sm">
        {may && c.state === 'active' && !c.expired && (
          <Button size="xs" onClick={() => setAsked(true)}>
            {t.ask}
          </Button>
        )}
        <Go to={listHref(path, filter)}>{t.all}</Go>
      </Group>
      {q.error ? <Failure error={q.error} retry={() => void q.refetch()} /> : !q.data ? <Waiting /> : q.data.items.length === 0 ? <div className="empty">{t.none}</div> : <Requests items={q.data.items} cancel={may ? setCancel : undefined} />}
      {asked && <Ask c={c} close={() => setAsked(false)} />}
      {cancel && <Cancel id={cancel.id} number={cancel.number} close={() => setCancel(undefined)} />}
    </>
  )
}

function Requests({ items, cancel }: { items: Schemas['DeploymentRequest'][]; cancel?: (d: Schemas['DeploymentRequest']) => void }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={t.title}>
      <Table fz="sm" verticalSpacing={4}>
        <Table.Thead>
          <Table.Tr>
            {[text.certificate.number, t.target, t.state, text.certificate.created].map((x) => (
              <Table.Th key={x} scope="col">
                {x}
              </Table.Th>
            ))}
            {cancel && (
              <Table.Th scope="col">
                <span className="hidden">{text.list.actions}</span>
              </Table.Th>
            )}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((d) => (
            <Table.Tr key={d.id}>
              <Table.Td>{d.number}</Table.Td>
              <Table.Td>{d.target}</Table.Td>
              <Table.Td>
                <Status value={d.state} />
              </Table.Td>
              <Table.Td>
                <Moment at={d.created_at} />
              </Table.Td>
              {cancel && (
                <Table.Td>
                  {d.state === 'waiting' && (
                    <Button size="compact-xs" variant="default" aria-label={`${t.cancel}: ${d.number}`} onClick={() => cancel(d)}>
                      {t.cancel}
                    </Button>
                  )}
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  )
}

function Ask({ c, close }: { c: Schemas['Certificate']; close: () => void }) {
  const changed = useChanged()
  const [target, setTarget] = useState('')
  return (
    <Confirm
      opened
      title={t.ask}
      label={t.ask}
      close={close}
      run={async () => {
        await must(api.POST('/certificates/{id}/deployment-requests', { params: { path: { id: c.id } }, body: { target } }))
        notifications.show({ message: t.asked })
        await changed()
      }}
    >
      <TextInput label={t.target} description={t.targetHint} required maxLength={200} value={target} onChange={(e) => setTarget(e.currentTarget.value)} data-autofocus />
    </Confirm>
  )
}
