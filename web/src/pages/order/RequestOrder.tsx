import { Button, Checkbox, Group, NativeSelect, NumberInput, Paper, Select, Stack, TagsInput, Text, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation, useSearchParams } from 'wouter'
import { api, must, type Schemas } from '../../api/client'
import { bare } from '../../list/Cell'
import { text } from '../../text'
import { PageHead } from '../../ui/bits'
import { CSRInput } from '../../ui/CSRInput'
import { Failure, Waiting } from '../../ui/states'
import { useChanged } from '../CertificateActions'
import { Pick } from '../../ui/Pick'
import { keys } from '../Products'
import type { Detail } from './steps'

const t = text.requestOrder

/** Begins an order that is put together step by step, or hands a draft in. */
export function RequestOrder() {
  const [params] = useSearchParams()
  const draft = params.get('draft')
  const catalogue = useQuery({ queryKey: ['catalogue'], queryFn: () => must(api.GET('/catalogue')) })
  const order = useQuery({ queryKey: ['order', draft], queryFn: () => must(api.GET('/orders/{id}', { params: { path: { id: draft! } } })), enabled: !!draft })
  const error = catalogue.error ?? order.error
  const loading = !catalogue.data || (!!draft && !order.data)
  return (
    <>
      <PageHead title={draft && order.data ? `${t.draft} ${order.data.steps?.request ?? ''}` : t.title} back={{ to: '/orders', label: text.nav.orders }} />
      {error ? <Failure error={error} retry={() => (void catalogue.refetch(), draft && void order.refetch())} /> : loading ? <Waiting /> : <Form offers={catalogue.data!.items} draft={order.data} />}
    </>
  )
}

interface Wish {
  product: string
  group: string
  organisation: string
  domain: string
  additional: string[]
  www: boolean
  names: string[]
  subject: string
  years: number | string
  key: string
  csr: string
  autoRenew: boolean
  requestor: Schemas['Contact']
  tags: string[]
  fields: Record<string, string>
  remarks: string
}

/** What a draft holds. The twin with www. in front is not among the names that make its shape. */
function wishOf(o?: Detail): Wish {
  const s = o?.steps
  const hosts = (o?.names ?? []).filter((n) => /^(dns|ip):/.test(n)).map((n) => n.slice(n.indexOf(':') + 1))
  const www = (s?.shape === 'single' || s?.shape === 'wildcard') && hosts.includes('www.' + s.domain)
  return {
    product: o?.product ?? '', group: o?.group ?? '', organisation: s?.organisation ?? '', domain: s?.domain ?? '', additional: hosts.filter((n) => n !== s?.domain && !(www && n === 'www.' + s?.domain)), www,
    names: (o?.names ?? []).filter((n) => !/^(dns|ip):/.test(n)), subject: (o?.subject ?? '').split(/(?<!\\), /).join('\n'), years: s?.years ?? '', key: s?.generate ?? '', csr: s?.csr ?? '', autoRenew: !!s?.auto_renew,
    requestor: s?.requestor ?? {}, tags: s?.tags ?? [], fields: Object.fromEntries((s?.fields ?? []).map((f) => [f.id, f.value])), remarks: s?.remarks ?? '',
  }
}

/** CN=Ann Example, one attribute per line. A backslash takes the special meaning off a character. */
function subjectOf(lines: string): { type: string; value: string }[] {
  return lines
    .split('\n')
    .map((l) => l.trim())
    .filter(Boolean)
    .map((l) => {
      const at = l.indexOf('=')
      if (at < 1) throw new Error(t.badLine)
      return { type: l.slice(0, at).trim(), value: l.slice(at + 1).replace(/\\(.)/g, '$1').trim() }
    })
}

const tls = new Set<string>(['dv', 'ov', 'ev'])

function bodyOf(w: Wish, offer: Schemas['Offer'], draft: boolean, from?: Detail): Schemas['NewOrderRequest'] {
  const web = tls.has(offer.family)
  const fields = Object.entries(w.fields).filter(([id, v]) => v !== '' && offer.fields.some((f) => f.id === id))
  return {
    product: w.product, group: w.group || undefined, organisation: w.organisation || undefined, draft: draft || undefined, promote: from?.steps?.request,
    domain: w.domain || undefined, additional: w.additional.length ? w.additional : undefined, auto_www: (web && w.www) || undefined, names: !web && w.names.length ? w.names : undefined,
    subject: !web && w.subject.trim() ? subjectOf(w.subject) : undefined, years: Number(w.years) || undefined, generate: w.key || undefined, csr: w.key ? undefined : w.csr.trim() || undefined, auto_renew: (!!w.key && w.autoRenew) || undefined,
    requestor: Object.values(w.requestor).some(Boolean) ? w.requestor : undefined, technical: from?.steps?.technical, recipients: from?.steps?.recipients, tags: w.tags.length ? w.tags : undefined,
    fields: fields.length ? fields.map(([id, value]) => ({ id, value })) : undefined, remarks: w.remarks || undefined,
  }
}

function Form({ offers, draft }: { offers: Schemas['Offer'][]; draft?: Detail }) {
  const changed = useChanged()
  const [, navigate] = useLocation()
  const [w, setW] = useState(() => wishOf(draft))
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState<'order' | 'draft'>()
  // Repeats of the same content are one order; other content is another one.
  const [once, setOnce] = useState(() => crypto.randomUUID())
  const set = (c: Partial<Wish>) => (setW({ ...w, ...c }), setOnce(crypto.randomUUID()))
  const offer = offers.find((o) => o.product === w.product)
  const product = useQuery({ queryKey: ['product', w.product], queryFn: () => must(api.GET('/products/{id}', { params: { path: { id: w.product } } })), enabled: !!w.product })
  const family = offer?.family ?? ''
  const web = tls.has(family)
  const hosts = web || family === 'private-pki'
  const profile = product.data?.profile
  const send = async (kind: 'order' | 'draft') => {
    setBusy(kind)
    setError(undefined)
    try {
      const made = await must(api.POST('/order-requests', { params: { header: { 'Idempotency-Key': `${once}-${kind}` } }, body: bodyOf(w, offer!, kind === 'draft', draft) }))
      if (kind === 'draft') notifications.show({ message: t.kept })
      await changed()
      navigate(`/orders/${made.id}`)
    } catch (e) {
      setError(e)
    } finally {
      setBusy(undefined)
    }
  }
  const products = [...new Map(offers.map((o) => [o.product, { value: o.product, label: offers.find((x) => x.product === o.product)!.name }])).values()]
  return (
    <Paper withBorder p="md" maw={820}>
      <form onSubmit={(e) => (e.preventDefault(), void send('order'))}>
        <Stack gap="sm">
          <Text size="sm">{draft ? t.mine : t.hint}</Text>
          <Group grow align="flex-start">
            <Select label={t.product} required searchable data={products} value={w.product || null} onChange={(v) => set({ product: v ?? '' })} nothingFoundMessage={text.state.empty} />
            <Pick list="groups" label={text.certificate.group} required={false} value={w.group} onChange={(group) => set({ group })} />
          </Group>
          {offer && (
            <>
              <Pick list="organisations" label={text.people.organisation} required={false} value={w.organisation} onChange={(organisation) => set({ organisation })} />
              {hosts && (
                <>
                  <TextInput label={t.domain} description={text.domains.nameHint} maxLength={255} value={w.domain} onChange={(e) => set({ domain: e.currentTarget.value.trim() })} />
                  <TagsInput label={t.additional} description={t.additionalHint} value={w.additional} onChange={(additional) => set({ additional })} maxTags={1000} acceptValueOnBlur />
                </>
              )}
              {web && <Checkbox label={t.www} checked={w.www} onChange={(e) => set({ www: e.currentTarget.checked })} />}
              {!web && (
                <>
                  <Textarea label={t.subject} description={t.subjectHint} autosize minRows={2} value={w.subject} onChange={(e) => set({ subject: e.currentTarget.value })} />
                  <TagsInput label={t.emails} description={text.products.namesHint} value={w.names.map(bare)} onChange={(names) => set({ names })} maxTags={1000} acceptValueOnBlur />
                </>
              )}
              {offer.max_years > 1 && <NumberInput label={t.years} min={1} max={offer.max_years} value={w.years} onChange={(years) => set({ years })} />}
              {profile?.server_keys && profile.key_export && <NativeSelect label={t.generate} value={w.key} onChange={(e) => set({ key: e.currentTarget.value })} data={[{ value: '', label: t.keyLater }, ...keys]} />}
              {w.key && <Checkbox label={t.autoRenew} checked={w.autoRenew} onChange={(e) => set({ autoRenew: e.currentTarget.checked })} />}
              {!w.key && <CSRInput value={w.csr} onChange={(csr) => set({ csr })} description={text.steps.csrHint} />}
              <fieldset className="plain">
                <legend>{t.requestor}</legend>
                <Group grow align="flex-start">
                  {(['name', 'email', 'phone'] as const).map((k) => (
                    <TextInput key={k} label={t[k]} maxLength={254} value={w.requestor[k] ?? ''} onChange={(e) => set({ requestor: { ...w.requestor, [k]: e.currentTarget.value || undefined } })} />
                  ))}
                </Group>
              </fieldset>
              {offer.fields.length > 0 && (
                <fieldset className="plain">
                  <legend>{t.questions}</legend>
                  <Stack gap="xs">
                    {offer.fields.map((f) => (
                      <Question key={f.id} f={f} value={w.fields[f.id] ?? ''} onChange={(v) => set({ fields: { ...w.fields, [f.id]: v } })} />
                    ))}
                  </Stack>
                </fieldset>
              )}
              <TagsInput label={t.tags} description={text.certificate.tagsHint} value={w.tags} onChange={(tags) => set({ tags })} maxTags={50} acceptValueOnBlur />
              <TextInput label={t.remarks} description={text.newOrder.commentHint} maxLength={2000} value={w.remarks} onChange={(e) => set({ remarks: e.currentTarget.value })} />
            </>
          )}
          {!!error && <Failure error={error} />}
          <Group justify="space-between">
            <Button variant="default" onClick={() => navigate(draft ? `/orders/${draft.id}` : '/orders')}>
              {text.action.cancel}
            </Button>
            <Group gap="xs">
              <Button variant="default" loading={busy === 'draft'} disabled={!offer || !!busy} onClick={() => void send('draft')}>
                {t.keep}
              </Button>
              <Button type="submit" loading={busy === 'order'} disabled={!offer || !!busy}>
                {t.order}
              </Button>
            </Group>
          </Group>
        </Stack>
      </form>
    </Paper>
  )
}

/** A question that a product asks beyond the usual ones. */
function Question({ f, value, onChange }: { f: Schemas['CustomField']; value: string; onChange: (v: string) => void }) {
  switch (f.type) {
    case 'dropdown':
      return <NativeSelect label={f.name} required={f.required} value={value} onChange={(e) => onChange(e.currentTarget.value)} data={['', ...(f.values ?? [])]} />
    case 'checkbox':
      return <Checkbox label={f.name} checked={value === 'true'} onChange={(e) => onChange(e.currentTarget.checked ? 'true' : '')} />
    case 'datePicker':
      return <TextInput type="date" label={f.name} required={f.required} value={value} onChange={(e) => onChange(e.currentTarget.value)} />
  }
  return <TextInput label={f.name} required={f.required} maxLength={f.max_length || 1000} value={value} onChange={(e) => onChange(e.currentTarget.value)} />
}
