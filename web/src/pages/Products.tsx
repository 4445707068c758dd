import { Button, Tabs } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, useLocation, useSearchParams } from 'wouter'
import { api, must, type Row, type Schemas } from '../api/client'
import { words } from '../lib/format'
import { useSession } from '../lib/session'
import { ListPage } from '../list/ListPage'
import { text } from '../text'
import { Block, Facts, Go, Moment, PageHead, Status } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'
import { DryRun } from './DryRun'
import { History } from './History'

export { keys } from './DryRun'

const t = text.products

export function Products() {
  const session = useSession()
  const [, navigate] = useLocation()
  const [asked, setAsked] = useState<Row>()
  const changed = useChanged()
  const manage = session.can('product.manage')
  return (
    <>
      <ListPage
        list="products"
        title={text.nav.products}
        link={(r) => `/products/${r.id}`}
        linkColumn="code"
        head={
          manage && (
            <Button size="xs" component={Link} href="/products/new">
              {text.productForm.new}
            </Button>
          )
        }
        actions={[
          { label: t.details, run: (r) => navigate(`/products/${r.id}`) },
          { label: text.newOrder.title, shown: (r) => r.state === 'active' && session.can('order.create'), run: (r) => navigate(`/orders/new?product=${String(r.id)}`) },
          { label: t.certificates, run: (r) => navigate(`/certificates?filter=product:eq:${String(r.id)}`) },
          { label: text.productForm.edit, shown: () => manage, run: (r) => navigate(`/products/${String(r.id)}/edit`) },
          { label: text.productForm.clone, shown: () => manage, run: (r) => navigate(`/products/new?from=${String(r.id)}`) },
          { label: t.disable, danger: true, shown: (r) => manage && r.state === 'active', run: setAsked },
          { label: t.enable, shown: (r) => manage && r.state !== 'active', run: setAsked },
        ]}
      />
      <Confirm opened={!!asked} title={`${asked?.state === 'active' ? t.disable : t.enable}: ${String(asked?.code)}`} danger={asked?.state === 'active'} close={() => setAsked(undefined)} run={async () => { await setState(String(asked!.id), asked!.state !== 'active'); await changed() }}>
        {asked?.state === 'active' ? t.disableHint : t.enableHint}
      </Confirm>
    </>
  )
}

function setState(id: string, on: boolean): Promise<unknown> {
  const o = { params: { path: { id } } }
  return on ? must(api.POST('/products/{id}/enable', o)) : must(api.POST('/products/{id}/disable', o))
}

export function Product({ id }: { id: string }) {
  const [params, setParams] = useSearchParams()
  const session = useSession()
  const changed = useChanged()
  const [asked, setAsked] = useState(false)
  const q = useQuery({ queryKey: ['product', id], queryFn: () => must(api.GET('/products/{id}', { params: { path: { id } } })) })
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const p = q.data
  const on = p.state === 'active'
  return (
    <>
      <PageHead title={p.name} badge={<Status value={p.state} />} back={{ to: '/products', label: text.nav.products }}>
        {session.can('product.manage') && (
          <>
            <Button size="xs" variant="default" component={Link} href={`/products/${p.id}/edit`}>
              {text.productForm.edit}
            </Button>
            <Button size="xs" variant="default" component={Link} href={`/products/new?from=${p.id}`}>
              {text.productForm.clone}
            </Button>
            <Button size="xs" variant={on ? 'outline' : 'filled'} color={on ? 'red' : undefined} onClick={() => setAsked(true)}>
              {on ? t.disable : t.enable}
            </Button>
          </>
        )}
      </PageHead>
      <Tabs value={params.get('tab') ?? 'details'} onChange={(v) => setParams(v && v !== 'details' ? { tab: v } : {}, { replace: true })} keepMounted={false}>
        <Tabs.List mb="sm" aria-label={p.name}>
          <Tabs.Tab value="details">{t.details}</Tabs.Tab>
          <Tabs.Tab value="try">{t.dryRun}</Tabs.Tab>
          <Tabs.Tab value="rules">{t.rules}</Tabs.Tab>
          {session.can('audit.view') && <Tabs.Tab value="history">{text.certificate.history}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="details">
          <Details p={p} />
        </Tabs.Panel>
        <Tabs.Panel value="try">
          <DryRun ask={(body) => must(api.POST('/products/{id}/dry-run', { params: { path: { id: p.id } }, body }))} />
        </Tabs.Panel>
        <Tabs.Panel value="rules">
          <Block label={t.rulesHint} value={JSON.stringify(p.profile, null, 2)} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <History object={`product:${p.id}`} />
        </Tabs.Panel>
      </Tabs>
      <Confirm opened={asked} title={`${on ? t.disable : t.enable}: ${p.code}`} danger={on} close={() => setAsked(false)} run={async () => { await setState(p.id, !on); await changed() }}>
        {on ? t.disableHint : t.enableHint}
      </Confirm>
    </>
  )
}

function Details({ p }: { p: Schemas['Product'] }) {
  const f = p.profile
  const yes = (b?: boolean) => (b ? text.list.yes : text.list.no)
  return (
    <Facts
      rows={[
        [t.code, p.code],
        [text.certificate.number, p.number],
        [t.description, p.description],
        [text.certificate.issuer, p.issuer && <Go to={`/issuers/${p.issuer}`}>{p.issuer_name || p.issuer}</Go>],
        [t.validity, `${f.validity_amount} ${f.validity_unit}`],
        [t.approval, f.approval === 'manual' ? `${t.manual} (${Math.max(f.approvals ?? 0, 1)})` : t.automatic],
        [t.keyUsage, (f.key_usage ?? []).join(', ')],
        [t.extKeyUsage, (f.ext_key_usage ?? []).join(', ')],
        [t.serverKeys, yes(f.server_keys)],
        [t.keyExport, yes(f.key_export)],
        [t.validate, yes(f.validate_names)],
        [t.lint, words(f.lint ?? '', 'lint')],
        [t.version, p.version],
        [text.order.changed, <Moment at={p.updated_at} />],
      ]}
    />
  )
}
