import { Alert, Button, Menu, Tabs, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation, useSearchParams } from 'wouter'
import { api, must, prefix, readList, type Schemas } from '../api/client'
import { away, words } from '../lib/format'
import { useSession } from '../lib/session'
import { ListPage } from '../list/ListPage'
import { save } from '../list/frames'
import { text } from '../text'
import { Block, Facts, Go, Moment, PageHead, Status } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { Name } from '../ui/Name'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'
import { Decoded } from './Decoded'
import { History } from './History'
import { AddChain, Install } from './IssuerForm'

const t = text.issuers
const f = text.issuerForm

export function Issuers({ tree }: { tree?: boolean }) {
  const session = useSession()
  const [, navigate] = useLocation()
  return (
    <>
      <PageHead title={text.nav.issuers}>
        {session.can('issuer.manage') && (
          <Button size="xs" component={Link} href="/issuers/new">
            {f.new}
          </Button>
        )}
      </PageHead>
      <Tabs value={tree ? 'tree' : 'list'} onChange={(v) => navigate(v === 'tree' ? '/issuers/hierarchy' : '/issuers')} keepMounted={false}>
        <Tabs.List mb="sm" aria-label={text.nav.issuers}>
          <Tabs.Tab value="list">{t.list}</Tabs.Tab>
          <Tabs.Tab value="tree">{t.hierarchy}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="list">
          <ListPage
            embedded
            list="issuers"
            title={text.nav.issuers}
            link={(r) => `/issuers/${r.id}`}
            linkColumn="name"
            actions={[
              { label: t.details, run: (r) => navigate(`/issuers/${r.id}`) },
              { label: t.certificates, run: (r) => navigate(`/certificates?filter=issuer:eq:${String(r.id)}`) },
            ]}
          />
        </Tabs.Panel>
        <Tabs.Panel value="tree">
          <Hierarchy />
        </Tabs.Panel>
      </Tabs>
    </>
  )
}

/** Which CA signed which, with the state of CRLs. */
function Hierarchy() {
  const q = useQuery({ queryKey: ['list', '/issuers', 'tree'], queryFn: ({ signal }) => readList<Schemas['Issuer']>('/issuers', { limit: 500, sort: 'name' }, signal) })
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const all = q.data.items
  const below = (parent?: string): Schemas['Issuer'][] => all.filter((i) => (parent ? i.parent === parent : !i.parent || !all.some((x) => x.id === i.parent)))
  const branch = (list: Schemas['Issuer'][]) => (
    <ul className="tree">
      {list.map((i) => (
        <li key={i.id}>
          <Go to={`/issuers/${i.id}`}>{i.name}</Go> <Status value={i.state} />{' '}
          <span className="quiet">
            {i.algorithm}
            {i.not_after && `, ${t.expires} ${away(i.not_after)}`}
            {i.crl_next && `, ${t.crlEnds} ${away(i.crl_next)}`}
          </span>
          {below(i.id).length > 0 && branch(below(i.id))}
        </li>
      ))}
    </ul>
  )
  return branch(below())
}

export function Issuer({ id }: { id: string }) {
  const [params, setParams] = useSearchParams()
  const session = useSession()
  const changed = useChanged()
  const [asked, setAsked] = useState<'state' | 'crl' | 'install' | 'chain' | 'unchain'>()
  const q = useQuery({ queryKey: ['issuer', id], queryFn: () => must(api.GET('/issuers/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const i = q.data
  const on = i.state === 'active'
  const manage = session.can('issuer.manage')
  const path = { params: { path: { id: i.id } } }
  const own = i.connector === 'builtin'
  const late = i.crl_next && new Date(i.crl_next) < new Date()
  return (
    <>
      <PageHead title={i.name} badge={<Status value={i.state} />} back={{ to: '/issuers', label: text.nav.issuers }}>
        {i.pem && (
          <Menu position="bottom-end" shadow="md">
            <Menu.Target>
              <Button size="xs" variant="default">
                {text.action.download}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => save(new Blob([i.pem!]), `${i.slug}.pem`)}>{t.pem}</Menu.Item>
              <Menu.Item onClick={() => save(new Blob([i.pem!, ...i.chain]), `${i.slug}-chain.pem`)}>{t.pemChain}</Menu.Item>
              <Menu.Item onClick={() => save(der(i.pem!), `${i.slug}.cer`)}>{f.der}</Menu.Item>
              {own && (
                <Menu.Item component="a" href={`${prefix}/issuers/${i.id}/crl`} download>
                  {f.crl}
                </Menu.Item>
              )}
            </Menu.Dropdown>
          </Menu>
        )}
        {i.csr && (
          <Button size="xs" variant="default" onClick={() => save(new Blob([i.csr!]), `${i.slug}.csr`)}>
            {f.saveCSR}
          </Button>
        )}
        {manage && own && i.pem && (
          <Button size="xs" variant="default" onClick={() => setAsked('crl')}>
            {t.publish}
          </Button>
        )}
        {manage && own && !i.root && (
          <Button size="xs" variant={i.csr ? 'filled' : 'default'} onClick={() => setAsked('install')}>
            {f.install}
          </Button>
        )}
        {manage && i.pem && (
          <Button size="xs" variant="default" onClick={() => setAsked('chain')}>
            {f.addChain}
          </Button>
        )}
        {manage && !!i.alternates?.length && (
          <Button size="xs" variant="outline" color="red" onClick={() => setAsked('unchain')}>
            {f.removeChains}
          </Button>
        )}
        {manage && i.state !== 'pending' && (
          <Button size="xs" variant="outline" color={on ? 'red' : undefined} onClick={() => setAsked('state')}>
            {on ? t.disable : t.enable}
          </Button>
        )}
      </PageHead>
      {i.csr && (
        <Alert variant="outline" color="blue" mb="sm" title={f.waits}>
          <Text size="sm">{f.waitsHint}</Text>
        </Alert>
      )}
      {late && (
        <Alert color="red" variant="outline" role="alert" mb="sm">
          {t.crlLate}
        </Alert>
      )}
      <Tabs value={params.get('tab') ?? 'details'} onChange={(v) => setParams(v && v !== 'details' ? { tab: v } : {}, { replace: true })} keepMounted={false}>
        <Tabs.List mb="sm" aria-label={i.name}>
          <Tabs.Tab value="details">{t.details}</Tabs.Tab>
          {i.decoded && <Tabs.Tab value="x509">{text.certificate.x509}</Tabs.Tab>}
          {(i.pem || i.csr) && <Tabs.Tab value="chain">{text.certificate.chainTab}</Tabs.Tab>}
          {session.can('audit.view') && <Tabs.Tab value="history">{text.certificate.history}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="details">
          <Facts
            rows={[
              [t.subject, i.subject],
              [t.slug, i.slug],
              [t.connector, words(i.connector, 'connector')],
              [t.parent, i.parent && <Name list="issuers" id={i.parent} />],
              [text.certificate.root, i.root ? text.list.yes : text.list.no],
              [text.certificate.key, i.algorithm],
              [t.place, words(i.key_place ?? '', 'place')],
              [text.certificate.notAfter, <Moment at={i.not_after} relative />],
              [t.crlNumber, i.crl_number],
              [t.crlThis, i.crl_this && <Moment at={i.crl_this} relative />],
              [t.crlNext, i.crl_next && <Moment at={i.crl_next} relative />],
              [f.crlURL, i.crl_url],
              [f.ocspURL, i.ocsp_url],
              [f.ocspSigner, i.ocsp_url && (i.ocsp_signer_not_after ? <Moment at={i.ocsp_signer_not_after} relative /> : f.ocspNone)],
              [f.status, own && i.pem && !i.crl_url && f.noStatus],
              [t.certificates, <Go to={`/certificates?filter=issuer:eq:${i.id}`}>{t.openCertificates}</Go>],
              [text.certificate.created, <Moment at={i.created_at} />],
            ]}
          />
        </Tabs.Panel>
        <Tabs.Panel value="x509">{i.decoded && <Decoded c={i.decoded} />}</Tabs.Panel>
        <Tabs.Panel value="chain">
          {i.csr && <Block label={text.certificate.csr} value={i.csr} />}
          {i.pem && <Block label={i.name} value={i.pem} />}
          {i.chain.map((p, k) => (
            <Block key={k} label={k === i.chain.length - 1 ? text.certificate.root : text.certificate.intermediate} value={p} />
          ))}
          {(i.alternates ?? []).map((chain, n) => (
            <Block key={'a' + n} label={`${f.further} ${n + 1}`} value={(chain ?? []).join('')} />
          ))}
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <History object={`issuer:${i.id}`} />
        </Tabs.Panel>
      </Tabs>
      <Confirm opened={asked === 'crl'} title={t.publish} close={() => setAsked(undefined)} run={async () => { await must(api.POST('/issuers/{id}/crl', path)); await changed() }}>
        {t.publishHint}
      </Confirm>
      {asked === 'install' && <Install issuer={i} close={() => setAsked(undefined)} />}
      {asked === 'chain' && <AddChain id={i.id} close={() => setAsked(undefined)} />}
      <Confirm opened={asked === 'unchain'} danger title={f.removeChains} close={() => setAsked(undefined)} run={async () => { await must(api.POST('/issuers/{id}/chains/remove', path)); await changed() }}>
        {f.removeChainsHint}
      </Confirm>
      <Confirm opened={asked === 'state'} title={`${on ? t.disable : t.enable}: ${i.name}`} danger={on} close={() => setAsked(undefined)} run={async () => { await (on ? must(api.POST('/issuers/{id}/disable', path)) : must(api.POST('/issuers/{id}/enable', path))); await changed() }}>
        {on ? t.disableHint : t.enableHint}
      </Confirm>
    </>
  )
}

/** The octets inside of PEM. */
function der(pem: string): Blob {
  return new Blob([Uint8Array.from(atob(pem.replace(/-----[^-]+-----|\s/g, '')), (c) => c.charCodeAt(0))])
}
