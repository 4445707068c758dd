import { Alert, Button, Group, NativeSelect, NumberInput, Paper, Radio, Stack, TagsInput, TextInput } from '@mantine/core'
import { useState } from 'react'
import { Link, useLocation, useSearchParams } from 'wouter'
import { api, must, type Schemas } from '../api/client'
import { save } from '../list/frames'
import { text } from '../text'
import { Block, PageHead, Status } from '../ui/bits'
import { CSRInput } from '../ui/CSRInput'
import { Failure } from '../ui/states'
import { useChanged } from './CertificateActions'
import { Pick } from '../ui/Pick'
import { keys } from './Products'

const t = text.newOrder

/** Orders a certificate: with a request of one's own, or with a key made here. */
export function NewOrder() {
  const [made, setMade] = useState<Schemas['IssuedOrder']>()
  return (
    <>
      <PageHead title={made ? `${text.order.title} ${made.order.number}` : t.title} badge={made && <Status value={made.order.state} />} back={{ to: '/orders', label: text.nav.orders }} />
      {made ? <Made made={made} /> : <Form done={setMade} />}
    </>
  )
}

function Form({ done }: { done: (o: Schemas['IssuedOrder']) => void }) {
  const changed = useChanged()
  const [, navigate] = useLocation()
  const [params] = useSearchParams()
  const [product, setProduct] = useState(params.get('product') ?? '')
  const [own, setOwn] = useState('csr')
  const [csr, setCSR] = useState('')
  const [key, setKey] = useState('ECDSA P-256')
  const [cn, setCN] = useState('')
  const [names, setNames] = useState<string[]>([])
  const [days, setDays] = useState<number | string>('')
  const [group, setGroup] = useState('')
  const [comment, setComment] = useState('')
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  // The same content is the same order, however often the button is pressed.
  const [once] = useState(() => crypto.randomUUID())
  const order = async () => {
    setBusy(true)
    setError(undefined)
    try {
      const got = await must(
        api.POST('/orders', {
          params: { header: { 'Idempotency-Key': `${once}-${await digest(JSON.stringify([product, own, csr, key, cn, names, days, group, comment]))}` } },
          body: {
            product, csr: own === 'csr' ? csr : undefined, generate: own === 'csr' ? undefined : key, subject: cn ? [{ type: 'CN', value: cn }] : undefined, names: names.length ? names : undefined,
            validity_days: Number(days) || undefined, group: group || undefined, comment: comment || undefined,
          },
        }),
      )
      done(got)
      void changed()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Paper withBorder p="md" maw={820}>
      <form onSubmit={(e) => (e.preventDefault(), void order())}>
        <Stack gap="sm">
          <Group grow align="flex-start">
            <Pick list="products" label={text.certificate.product} value={product} onChange={setProduct} />
            <Pick list="groups" label={text.certificate.group} required={false} value={group} onChange={setGroup} />
          </Group>
          <Radio.Group label={t.key} value={own} onChange={setOwn}>
            <Group mt={4}>
              <Radio value="csr" label={t.own} />
              <Radio value="generate" label={t.generate} />
            </Group>
          </Radio.Group>
          {own === 'csr' ? (
            <CSRInput value={csr} onChange={setCSR} description={t.csrHint} required />
          ) : (
            <NativeSelect label={t.algorithm} description={t.generateHint} data={keys} value={key} onChange={(e) => setKey(e.currentTarget.value)} />
          )}
          <TextInput label={text.products.subjectCN} description={own === 'csr' ? t.replaces : undefined} value={cn} onChange={(e) => setCN(e.currentTarget.value)} />
          <TagsInput label={text.certificate.names} description={text.products.namesHint + (own === 'csr' ? '. ' + t.replaces : '')} value={names} onChange={setNames} maxTags={1000} acceptValueOnBlur />
          <Group grow align="flex-start">
            <NumberInput label={text.products.days} description={t.daysHint} min={1} max={36500} value={days} onChange={setDays} />
            <TextInput label={text.order.comment} description={t.commentHint} maxLength={2000} value={comment} onChange={(e) => setComment(e.currentTarget.value)} />
          </Group>
          {!!error && <Failure error={error} />}
          <Group justify="space-between">
            <Button variant="default" onClick={() => navigate('/orders')}>
              {text.action.cancel}
            </Button>
            <Button type="submit" loading={busy} disabled={!product}>
              {t.order}
            </Button>
          </Group>
        </Stack>
      </form>
    </Paper>
  )
}

async function digest(s: string): Promise<string> {
  const sum = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(s))
  return Array.from(new Uint8Array(sum).slice(0, 8), (b) => b.toString(16).padStart(2, '0')).join('')
}

function Made({ made }: { made: Schemas['IssuedOrder'] }) {
  const c = made.certificate
  const name = c?.common_name || String(made.order.number)
  return (
    <Paper withBorder p="md" maw={820}>
      <Stack gap="xs">
        {c ? <Alert variant="outline" color="green" role="status" title={t.issued} /> : <Alert variant="outline" role="status" title={t.open}>{t.openHint}</Alert>}
        {made.private_key && (
          <>
            <Alert variant="outline" color="yellow" role="status" title={text.credentials.once}>
              {t.keyHint}
            </Alert>
            <Block label={t.privateKey} value={made.private_key} />
          </>
        )}
        {made.pem && <Block label={text.order.certificate} value={made.pem} />}
        <Group>
          {made.pem && (
            <Button size="xs" variant="default" onClick={() => save(new Blob([made.private_key ?? '', made.pem!, ...made.chain]), `${name}.pem`)}>
              {made.private_key ? t.saveKey : t.save}
            </Button>
          )}
          <Button size="xs" component={Link} href={c ? `/certificates/${c.id}` : `/orders/${made.order.id}`}>
            {c ? text.order.openCertificate : text.certificate.openOrder}
          </Button>
        </Group>
      </Stack>
    </Paper>
  )
}
