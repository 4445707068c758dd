import { Button, FileInput, Text, Textarea } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, must, prefix, readList, type Row, type Schemas } from '../api/client'
import { useSession } from '../lib/session'
import { ListPage } from '../list/ListPage'
import { text } from '../text'
import { Facts, Moment, PageHead } from '../ui/bits'
import { Confirm } from '../ui/Confirm'
import { Icon } from '../ui/Icon'
import { InlineForm } from '../ui/InlineForm'
import { Name } from '../ui/Name'
import { Pick } from '../ui/Pick'
import { Failure, Waiting } from '../ui/states'
import { useChanged } from './CertificateActions'

const t = text.agreements
const home = '/settings/agreements'
type AgreementText = Schemas['AgreementText']

/** The versions of subscriber agreements. */
export function Agreements() {
  const { can } = useSession()
  const [, navigate] = useLocation()
  const [gone, setGone] = useState<Row>()
  const changed = useChanged()
  const manage = can('settings.manage')
  const edit = (r: Row) => navigate(`${home}/new${r.product ? `?product=${String(r.product)}` : ''}`)
  return (
    <>
      <ListPage
        list="agreement-texts"
        title={t.title}
        link={(r) => `${home}/${String(r.id)}`}
        linkColumn="version"
        cells={{ product: (r) => (r.product ? undefined : t.others) }}
        head={manage && <Button size="xs" onClick={() => navigate(`${home}/new`)}>{t.new}</Button>}
        actions={[
          { label: text.action.view, run: (r) => navigate(`${home}/${String(r.id)}`) },
          { label: t.edit, shown: (r) => manage && !!r.present, run: edit },
          { label: t.remove, danger: true, shown: (r) => manage && !!r.present && Number(r.size) > 0, run: setGone },
        ]}
      />
      <Confirm
        opened={!!gone}
        title={t.remove}
        label={t.remove}
        danger
        close={() => setGone(undefined)}
        run={async () => {
          await must(api.POST('/agreement-texts', { body: { product: String(gone!.product ?? '') || undefined, version: Number(gone!.version), body: '' } }))
          notifications.show({ message: t.removed })
          await changed()
        }}
      >
        {gone?.product ? t.removeOwnHint : t.removeHint}
      </Confirm>
    </>
  )
}

/** Reads the text in force of a product, or with "" of the account; null: there is none. */
async function present(product: string, signal: AbortSignal): Promise<AgreementText | null> {
  const all = await readList<AgreementText>('/agreement-texts', { filter: ['present:eq:true', ...(product ? ['product:eq:' + product] : [])], limit: 500 }, signal)
  const one = all.items.find((x) => x.product === product)
  return one ? must(api.GET('/agreement-texts/{id}', { params: { path: { id: one.id } }, signal })) : null
}

/** Publishes a version: of the account, or of a product that has its own. */
export function NewAgreement() {
  const [product, setProduct] = useState(new URLSearchParams(location.search).get('product') ?? '')
  const q = useQuery({ queryKey: ['agreement-texts', 'present', product], queryFn: ({ signal }) => present(product, signal), gcTime: 0, staleTime: Infinity })
  return (
    <>
      <PageHead title={t.new} back={{ to: home, label: t.title }} />
      <div className="narrow">
        <Text size="sm" mb="sm">
          {t.hint}
        </Text>
        <Pick list="products" label={t.product} required={false} value={product} onChange={setProduct} />
      </div>
      {q.error ? <Failure error={q.error} retry={() => void q.refetch()} /> : q.data === undefined ? <Waiting /> : <Edit key={product + (q.data?.id ?? '')} product={product} was={q.data} />}
    </>
  )
}

function Edit({ product, was }: { product: string; was: AgreementText | null }) {
  const [, navigate] = useLocation()
  const changed = useChanged()
  const [body, setBody] = useState(was?.body ?? '')
  return (
    <InlineForm
      label={t.publish}
      disabled={!body.trim()}
      run={async () => {
        const made = await must(api.POST('/agreement-texts', { body: { product: product || undefined, version: was?.version ?? 0, body } }))
        notifications.show({ message: made.id === was?.id ? t.same : t.published })
        await changed()
        navigate(`${home}/${made.id}`)
      }}
    >
      <Text size="sm" mt="xs">
        {was ? `${t.replaces} ${was.version}.` : t.first}
      </Text>
      <FileInput label={t.file} accept=".txt,text/plain" clearable onChange={(f) => void f?.text().then(setBody)} />
      <Textarea label={t.text} description={t.textHint} required autosize minRows={12} maxRows={30} value={body} onChange={(e) => setBody(e.currentTarget.value)} />
    </InlineForm>
  )
}

/** One version. */
export function AgreementPage({ id }: { id: string }) {
  const { can } = useSession()
  const [, navigate] = useLocation()
  const q = useAgreementText(id)
  if (q.error) return <Failure page error={q.error} retry={() => void q.refetch()} />
  if (!q.data) return <Waiting />
  const a = q.data
  return (
    <>
      <PageHead title={`${t.version} ${a.version}`} back={{ to: home, label: t.title }}>
        {can('settings.manage') && a.present && (
          <Button size="xs" onClick={() => navigate(`${home}/new${a.product ? `?product=${a.product}` : ''}`)}>
            {t.edit}
          </Button>
        )}
      </PageHead>
      <Facts
        rows={[
          [text.certificate.product, a.product ? <Name list="products" id={a.product} /> : t.others],
          [t.inForce, a.present ? text.list.yes : text.list.no],
          [t.author, <Name list="users" id={a.author} />],
          [t.since, <Moment at={a.created_at} />],
          [t.until, a.superseded_at && <Moment at={a.superseded_at} />],
          ['SHA-256', <span className="mono">{a.digest}</span>],
        ]}
      />
      {a.body ? <AgreementBody a={a} /> : <div className="empty">{t.none}</div>}
    </>
  )
}

export function useAgreementText(id: string) {
  return useQuery({ queryKey: ['agreement-text', id], queryFn: () => must(api.GET('/agreement-texts/{id}', { params: { path: { id } } })), enabled: !!id })
}

/** The text as it was published, plain, and as a file. */
export function AgreementBody({ a }: { a: AgreementText }) {
  return (
    <>
      <div className="agreement" tabIndex={0} role="region" aria-label={t.text}>
        {a.body}
      </div>
      <Button component="a" href={`${prefix}/agreement-texts/${a.id}/download`} download size="xs" variant="default" mt="xs" leftSection={<Icon name="download" size={14} />}>
        {t.download}
      </Button>
    </>
  )
}
