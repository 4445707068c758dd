import { Alert, Button, List, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, must, type Schemas } from '../../api/client'
import { words } from '../../lib/format'
import { useSession } from '../../lib/session'
import { text } from '../../text'
import { Copy, Facts, Go, Moment, PageHead, Status } from '../../ui/bits'
import { Name } from '../../ui/Name'
import { Rows } from '../../ui/Rows'
import { Failure, Nowhere, Waiting } from '../../ui/states'
import { History } from '../History'
import { AccountState, RevokeAuthorization } from './actions'
import { Pull } from './Pulls'

const t = text.acmeObjects
const base = '/integrations/acme'
type Authorization = Schemas['ACMEAuthorizationDetail']

/** The page of one thing of ACME, by the list that it is in. */
export function ACMEObject({ list, id }: { list: string; id: string }) {
  switch (list) {
    case 'acme-accounts':
      return <Account id={id} />
    case 'acme-orders':
      return <Order id={id} />
    case 'acme-authorizations':
      return <AuthorizationPage id={id} />
    case 'renewal-pulls':
      return <Pull id={id} />
  }
  return <Nowhere title={text.state.notFound} />
}

const back = (list: string, label: string) => ({ to: `${base}/${list}`, label: `${text.nav.acme}: ${label}` })

/** What the audit log says, for those who may see it. */
function Log({ object }: { object: string }) {
  const session = useSession()
  if (!session.can('audit.view')) return null
  return (
    <>
      <h2 className="section">{text.certificate.history}</h2>
      <History object={object} />
    </>
  )
}

/** Whether one may change what belongs to a credential: that depends on its group. */
function useMayUpdate(credential?: string) {
  const session = useSession()
  const q = useQuery({ queryKey: ['credential', credential], queryFn: () => must(api.GET('/credentials/{id}', { params: { path: { id: credential! } } })), enabled: !!credential })
  return !!q.data && session.can('credential.update', q.data.group)
}

function Account({ id }: { id: string }) {
  const [asked, setAsked] = useState(false)
  const q = useQuery({ queryKey: ['acme-account', id], queryFn: () => must(api.GET('/acme-accounts/{id}', { params: { path: { id } } })) })
  const may = useMayUpdate(q.data?.credential)
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const a = q.data
  return (
    <>
      <PageHead title={t.account} badge={<Status value={a.state} />} back={back('acme-accounts', text.system.acmeAccounts)}>
        {may && a.state === 'valid' && (
          <Button size="xs" variant="outline" color="red" onClick={() => setAsked(true)}>
            {t.revokeAccount}
          </Button>
        )}
        {may && a.state === 'revoked' && (
          <Button size="xs" onClick={() => setAsked(true)}>
            {t.restoreAccount}
          </Button>
        )}
      </PageHead>
      <Facts
        rows={[
          [text.certificate.credential, <Name list="credentials" id={a.credential} />],
          [t.contacts, a.contacts.join(', ')],
          [t.thumbprint, <span className="mono">{a.thumbprint} <Copy value={a.thumbprint} label={t.thumbprint} /></span>],
          [t.external, a.external],
          [t.terms, a.terms ? text.list.yes : text.list.no],
          [t.address, a.address],
          [t.accountOrders, <Go to={`${base}/acme-orders?filter=acme_account:eq:${a.id}`}>{t.accountOrders}</Go>],
          [t.accountAuthorizations, <Go to={`${base}/acme-authorizations?filter=acme_account:eq:${a.id}`}>{t.accountAuthorizations}</Go>],
          [text.certificate.created, <Moment at={a.created_at} />],
          [text.order.changed, <Moment at={a.updated_at} />],
        ]}
      />
      <Log object={`acme-account:${a.id}`} />
      {asked && <AccountState a={a} close={() => setAsked(false)} />}
    </>
  )
}

function Order({ id }: { id: string }) {
  const q = useQuery({ queryKey: ['acme-order', id], queryFn: () => must(api.GET('/acme-orders/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const o = q.data
  return (
    <>
      <PageHead title={`${t.order}: ${o.identifiers.map((i) => i.value).join(', ')}`} badge={<Status value={o.state} />} back={back('acme-orders', text.system.acmeOrders)} />
      {o.problem && (
        <Alert color="red" variant="outline" title={t.problem} mb="sm">
          <Text size="sm">{o.problem.detail}</Text>
          {!!o.problem.reasons?.length && (
            <List size="sm">
              {o.problem.reasons.map((r, i) => (
                <List.Item key={i}>
                  {r.detail}
                  {r.value ? ` (${r.value})` : ''}
                </List.Item>
              ))}
            </List>
          )}
        </Alert>
      )}
      <Facts
        rows={[
          [t.account, <Go to={`${base}/acme-accounts/${o.acme_account}`}>{t.account}</Go>],
          [text.certificate.credential, <Name list="credentials" id={o.credential} />],
          [text.certificate.product, <Name list="products" id={o.product} />],
          [t.profile, o.profile],
          [text.certificate.order, o.order && <Go to={`/orders/${o.order}`}>{text.certificate.openOrder}</Go>],
          [text.order.certificate, o.certificate && <Go to={`/certificates/${o.certificate}`}>{text.order.openCertificate}</Go>],
          [text.certificate.replaces, o.replaces && <Go to={`/certificates/${o.replaces}`}>{text.certificate.predecessor}</Go>],
          [text.certificate.notBefore, o.not_before && <Moment at={o.not_before} />],
          [text.certificate.notAfter, o.not_after && <Moment at={o.not_after} />],
          [t.ends, <Moment at={o.expires_at} relative />],
          [text.certificate.created, <Moment at={o.created_at} />],
          [text.order.changed, <Moment at={o.updated_at} />],
        ]}
      />
      <h2 className="section">{t.authorizations}</h2>
      <Rows
        label={t.authorizations}
        none={t.noAuthorizations}
        head={[t.identifiers, text.deploy.state, t.method, t.ends, t.tried]}
        rows={o.authorizations.map((a) => ({
          key: a.id,
          cells: [
            <Go key="name" to={`${base}/acme-authorizations/${a.id}`}>{nameOf(a)}</Go>,
            <Status key="state" value={a.state} />,
            a.method && words(a.method, 'method'),
            <Moment key="end" at={a.expires_at} />,
            a.challenges.filter((c) => c.failure).map((c) => <div key={c.method}>{words(c.method, 'method')}: {c.failure!.detail}</div>),
          ],
        }))}
      />
    </>
  )
}

const nameOf = (a: Schemas['ACMEAuthorization']) => (a.wildcard ? '*.' : '') + a.identifier.value.replace(/^\*\./, '')

function AuthorizationPage({ id }: { id: string }) {
  const [asked, setAsked] = useState(false)
  const q = useQuery({ queryKey: ['acme-authorization', id], queryFn: () => must(api.GET('/acme-authorizations/{id}', { params: { path: { id } } })) })
  const may = useMayUpdate(q.data?.credential)
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const a = q.data
  return (
    <>
      <PageHead title={`${t.authorization}: ${nameOf(a)}`} badge={<Status value={a.state} />} back={back('acme-authorizations', text.system.acmeAuthorizations)}>
        {may && (a.state === 'valid' || a.state === 'pending') && (
          <Button size="xs" variant="outline" color="red" onClick={() => setAsked(true)}>
            {t.revokeAuthorization}
          </Button>
        )}
      </PageHead>
      <Facts
        rows={[
          [t.account, <Go to={`${base}/acme-accounts/${a.acme_account}`}>{t.account}</Go>],
          [text.certificate.credential, <Name list="credentials" id={a.credential} />],
          [t.method, a.method && words(a.method, 'method')],
          [t.wildcard, a.wildcard ? text.list.yes : text.list.no],
          [t.subdomains, a.subdomains ? text.list.yes : text.list.no],
          [t.ends, <Moment at={a.expires_at} relative />],
          [text.certificate.created, <Moment at={a.created_at} />],
          [text.order.changed, <Moment at={a.updated_at} />],
        ]}
      />
      <h2 className="section">{t.tried}</h2>
      <Challenges list={a.challenges} />
      <Log object={`acme-authorization:${a.id}`} />
      {asked && <RevokeAuthorization a={a} close={() => setAsked(false)} />}
    </>
  )
}

function Challenges({ list }: { list: Authorization['challenges'] }) {
  return (
    <Rows
      label={t.tried}
      none={t.nothingTried}
      head={[t.method, text.deploy.state, t.tries, t.validated, t.seen]}
      rows={list.map((c) => ({
        key: c.method,
        cells: [
          words(c.method, 'method'),
          <Status key="state" value={c.state} />,
          c.tries,
          <Moment key="at" at={c.validated_at} />,
          <div key="seen">
            {c.failure && <Text size="sm">{c.failure.detail}</Text>}
            {c.records.map((r, i) => (
              <Text key={i} size="xs" className="mono">
                {[r.where, r.asked, r.answer].filter(Boolean).join(' → ')}
              </Text>
            ))}
          </div>,
        ],
      }))}
    />
  )
}
