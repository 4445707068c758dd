import { Button, Menu, Tabs, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useSearchParams } from 'wouter'
import { api, must, prefix, type Schemas } from '../api/client'
import { away, pairs, words } from '../lib/format'
import { useSession } from '../lib/session'
import { bare } from '../list/Cell'
import { text } from '../text'
import { Block, Copy, Facts, Go, Moment, PageHead, Status, Tags } from '../ui/bits'
import { Icon } from '../ui/Icon'
import { Name } from '../ui/Name'
import { Failure, Waiting } from '../ui/states'
import { ExportKey, Release, Renew, Revoke } from './CertificateActions'
import { certificateState } from './Certificates'
import { CertificateDeployments } from './Deployments'
import { History } from './History'
import { EditTags } from './EditTags'
import { Decoded } from './Decoded'

const t = text.certificate

export function Certificate({ id }: { id: string }) {
  const session = useSession()
  const [params, setParams] = useSearchParams()
  const q = useQuery({ queryKey: ['certificate', id], queryFn: () => must(api.GET('/certificates/{id}', { params: { path: { id } } })) })
  const [open, setOpen] = useState<'renew' | 'revoke' | 'release' | 'export' | 'tags'>()
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const c = q.data
  const name = c.common_name || bare(c.names[0] ?? '') || c.serial
  const live = c.state === 'active' || c.state === 'on-hold'
  const may = (a: string) => session.can(a, c.group ?? '')
  const close = () => setOpen(undefined)
  const file = (query: string) => `${prefix}/certificates/${c.id}/download?${query}`
  return (
    <>
      <PageHead title={name} badge={<Status value={certificateState(c)} />} back={{ to: '/certificates', label: text.nav.certificates }}>
        {c.pem && may('certificate.download') && (
          <Menu position="bottom-end" shadow="md">
            <Menu.Target>
              <Button size="xs" variant="default" leftSection={<Icon name="download" size={14} />}>
                {t.download}
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {downloads.map(([label, query]) => (
                <Menu.Item key={query} component="a" href={file(query)} download>
                  {label}
                </Menu.Item>
              ))}
              {c.key_stored && may('certificate.export-key') && (
                <>
                  <Menu.Divider />
                  <Menu.Item onClick={() => setOpen('export')}>{t.exportKey}</Menu.Item>
                </>
              )}
            </Menu.Dropdown>
          </Menu>
        )}
        {c.state === 'active' && c.order && may('certificate.renew') && (
          <Button size="xs" onClick={() => setOpen('renew')}>
            {t.renew}
          </Button>
        )}
        {c.state === 'on-hold' && may('certificate.revoke') && (
          <Button size="xs" variant="default" onClick={() => setOpen('release')}>
            {t.release}
          </Button>
        )}
        {live && !c.issuer_dn && may('certificate.revoke') && (
          <Button size="xs" variant="outline" color="red" onClick={() => setOpen('revoke')}>
            {t.revoke}
          </Button>
        )}
      </PageHead>
      <Tabs value={params.get('tab') ?? 'details'} onChange={(v) => setParams(v && v !== 'details' ? { tab: v } : {}, { replace: true })} keepMounted={false}>
        <Tabs.List mb="sm" aria-label={name}>
          <Tabs.Tab value="details">{t.details}</Tabs.Tab>
          {c.decoded && <Tabs.Tab value="x509">{t.x509}</Tabs.Tab>}
          <Tabs.Tab value="chain">{t.chainTab}</Tabs.Tab>
          <Tabs.Tab value="deployment">{text.deploy.tab}</Tabs.Tab>
          {session.can('audit.view') && <Tabs.Tab value="history">{t.history}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="details">
          <Details c={c} tags={may('certificate.update') ? () => setOpen('tags') : undefined} />
        </Tabs.Panel>
        <Tabs.Panel value="x509">{c.decoded && <Decoded c={c.decoded} />}</Tabs.Panel>
        <Tabs.Panel value="chain">
          <Chain c={c} name={name} />
        </Tabs.Panel>
        <Tabs.Panel value="deployment">
          <CertificateDeployments c={c} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <History object={`certificate:${c.id}`} />
        </Tabs.Panel>
      </Tabs>
      {open === 'renew' && <Renew id={c.id} name={name} close={close} />}
      {open === 'revoke' && <Revoke id={c.id} name={name} close={close} />}
      {open === 'release' && <Release id={c.id} name={name} close={close} />}
      {open === 'export' && <ExportKey id={c.id} name={name} close={close} />}
      {open === 'tags' && <EditTags tags={c.tags} close={close} save={(tags) => must(api.PUT('/certificates/{id}/tags', { params: { path: { id: c.id } }, body: { tags } }))} />}
    </>
  )
}

const downloads: [string, string][] = [
  ['PEM with chain (.pem)', 'format=pem&chain=full'],
  ['PEM without the root (.pem)', 'format=pem&chain=intermediates'],
  ['PEM, certificate only (.pem)', 'format=pem&chain=none'],
  ['DER (.cer)', 'format=der&chain=none'],
  ['PKCS#7 with chain (.p7b)', 'format=p7b&chain=full'],
]

function Details({ c, tags }: { c: Schemas['CertificateDetail']; tags?: () => void }) {
  return (
    <Facts
      rows={[
        [t.number, c.number],
        [t.subject, c.subject],
        [t.names, c.names.length > 0 && <span>{c.names.map(bare).join(', ')}</span>],
        [t.notBefore, <Moment at={c.not_before} />],
        [t.notAfter, <Moment at={c.not_after} relative />],
        [t.key, c.key_algorithm],
        [t.serial, <span className="mono">{c.serial} <Copy value={c.serial} label={t.serial} /></span>],
        [t.fingerprint, <span className="mono">{pairs(c.fingerprint)} <Copy value={c.fingerprint} label={t.fingerprint} /></span>],
        [t.issuer, c.issuer_dn || <Go to={`/issuers/${c.issuer}`}>{c.issuer_name || c.issuer}</Go>],
        [t.product, c.product && <Go to={`/products/${c.product}`}>{c.product_code || c.product}</Go>],
        [t.order, c.order && <Go to={`/orders/${c.order}`}>{t.openOrder}</Go>],
        [t.protocol, words(c.protocol)],
        [t.credential, c.credential && <Name list="credentials" id={c.credential} />],
        [t.user, c.user && <Name list="users" id={c.user} />],
        [t.group, c.group && <Name list="groups" id={c.group} />],
        [t.replaces, c.replaces && <Go to={`/certificates/${c.replaces}`}>{t.predecessor}</Go>],
        [t.replacedBy, c.replaced_by && <Go to={`/certificates/${c.replaced_by}`}>{t.successor}</Go>],
        [t.revokedAt, c.revoked_at && <><Moment at={c.revoked_at} /> ({c.reason})</>],
        [t.keyStored, c.key_stored ? text.list.yes : text.list.no],
        [t.tags, <>{c.tags.length > 0 ? <Tags tags={c.tags} /> : null} {tags && <Button size="compact-xs" variant="subtle" onClick={tags}>{t.editTags}</Button>}</>],
        [t.created, <Moment at={c.created_at} />],
      ]}
    />
  )
}

function Chain({ c, name }: { c: Schemas['CertificateDetail']; name: string }) {
  return (
    <>
      <Text size="sm" mb="xs">
        {t.chainHint}
      </Text>
      {c.pem && <Block label={`1. ${name} (${away(c.not_after)})`} value={c.pem} />}
      {c.chain.map((pem, i) => (
        <Block key={i} label={`${i + 2}. ${i === 0 ? c.issuer_name : i === c.chain.length - 1 ? t.root : t.intermediate}`} value={pem} />
      ))}
    </>
  )
}
