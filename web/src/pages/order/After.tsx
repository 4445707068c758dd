import { Button, NativeSelect, TagsInput, Text, Textarea } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, must, type Schemas } from '../../api/client'
import { useSession } from '../../lib/session'
import { text } from '../../text'
import { Confirm } from '../../ui/Confirm'
import { CSRInput } from '../../ui/CSRInput'
import { reasonLabels, useChanged } from '../CertificateActions'
import type { Detail, Product } from './steps'

const t = text.steps
const certificate = text.certificate

interface Props {
  o: Detail
  family: string
  close: () => void
}

/** The certificate of an order, once there is one and it may be seen. */
export function useCertificate(id?: string) {
  return useQuery({ queryKey: ['certificate', id], queryFn: () => must(api.GET('/certificates/{id}', { params: { path: { id: id! } } })), enabled: !!id }).data
}

/** What can be done with an order once its certificate stands. */
export function AfterActions({ o, product }: { o: Detail; product?: Product }) {
  const session = useSession()
  const [asked, setAsked] = useState<'renew' | 'reissue' | 'revoke' | 'resume'>()
  const c = useCertificate(o.certificate)
  if (!c) return null
  const family = o.steps?.family ?? product?.profile.terms?.family ?? (product?.profile.validate_names ? 'dv' : 'private-pki')
  const may = (a: string) => session.can(a, o.group ?? '')
  const again = c.state === 'active' && !c.replaced_by && may('certificate.renew')
  const close = () => setAsked(undefined)
  return (
    <>
      {again && (
        <>
          <Button size="xs" onClick={() => setAsked('renew')}>
            {certificate.renew}
          </Button>
          <Button size="xs" variant="default" onClick={() => setAsked('reissue')}>
            {t.reissue}
          </Button>
        </>
      )}
      {c.state === 'on-hold' && may('certificate.revoke') && (
        <Button size="xs" variant="default" onClick={() => setAsked('resume')}>
          {t.resume}
        </Button>
      )}
      {(c.state === 'active' || c.state === 'on-hold') && may('certificate.revoke') && (
        <Button size="xs" variant="outline" color="red" onClick={() => setAsked('revoke')}>
          {certificate.revoke}
        </Button>
      )}
      {asked === 'renew' && <Renew o={o} family={family} close={close} />}
      {asked === 'reissue' && <Reissue o={o} family={family} close={close} />}
      {asked === 'revoke' && <Revoke o={o} family={family} close={close} />}
      {asked === 'resume' && <Resume o={o} family={family} close={close} />}
    </>
  )
}

/** Opens the order that follows another. */
function useFollow() {
  const changed = useChanged()
  const [, navigate] = useLocation()
  return async (next: Detail) => {
    await changed()
    notifications.show({ message: next.state === 'issued' ? certificate.renewed : certificate.renewOpen })
    navigate(`/orders/${next.id}`)
  }
}

function Renew({ o, close }: Props) {
  const follow = useFollow()
  const [csr, setCSR] = useState('')
  const [once] = useState(() => crypto.randomUUID())
  return (
    <Confirm opened size="lg" title={`${certificate.renew}: ${o.number}`} label={certificate.renew} close={close} run={async () => follow(await must(api.POST('/orders/{id}/renew', { params: { path: { id: o.id }, header: { 'Idempotency-Key': once } }, body: { csr: csr.trim() || undefined } })))}>
      <Text size="sm">{t.renewHint}</Text>
      <CSRInput value={csr} onChange={setCSR} description={t.csrLater} />
    </Confirm>
  )
}

function Reissue({ o, family, close }: Props) {
  const follow = useFollow()
  const [mode, setMode] = useState<Schemas['Reissue']['mode']>('rekey')
  const [reason, setReason] = useState('')
  const [csr, setCSR] = useState('')
  // The first name stays; the others are replaced as a whole.
  const [names, setNames] = useState(o.names.filter((n) => /^(dns|ip):/.test(n)).slice(1).map((n) => n.slice(n.indexOf(':') + 1)))
  const [revoke, setRevoke] = useState('')
  const [code, setCode] = useState('4')
  const [once] = useState(() => crypto.randomUUID())
  const named = tls.has(family) || family === 'private-pki'
  return (
    <Confirm
      opened
      size="lg"
      danger={!!revoke}
      title={`${t.reissue}: ${o.number}`}
      label={t.reissue}
      close={close}
      run={async () =>
        follow(
          await must(
            api.POST('/orders/{id}/reissue', {
              params: { path: { id: o.id }, header: { 'Idempotency-Key': once } },
              body: { mode, reason, csr: csr.trim() || undefined, additional: mode === 'update-sans' ? names : undefined, revoke_previous: revoke === 'previous' || undefined, revoke_all: revoke === 'all' || undefined, revoke_reason: revoke ? Number(code) : undefined },
            }),
          ),
        )
      }
    >
      <Text size="sm">{t.reissueHint}</Text>
      {named && <NativeSelect label={t.mode} value={mode} onChange={(e) => setMode(e.currentTarget.value as typeof mode)} data={[{ value: 'rekey', label: t.rekey }, { value: 'update-sans', label: t.updateSANs }]} />}
      {mode === 'update-sans' && <TagsInput label={t.additional} description={t.additionalHint} value={names} onChange={setNames} maxTags={1000} acceptValueOnBlur />}
      <Textarea label={certificate.reason} required maxLength={2000} autosize minRows={2} value={reason} onChange={(e) => setReason(e.currentTarget.value)} data-autofocus />
      <CSRInput value={csr} onChange={setCSR} description={t.csrReissue} />
      <NativeSelect label={t.old} value={revoke} onChange={(e) => setRevoke(e.currentTarget.value)} data={[{ value: '', label: t.keepOld }, { value: 'previous', label: t.revokeOld }, { value: 'all', label: t.revokeAll }]} />
      {revoke && <NativeSelect label={t.revokeReason} value={code} onChange={(e) => setCode(e.currentTarget.value)} data={reasons(family).filter((r) => r.value !== '6' && r.value !== '10')} />}
    </Confirm>
  )
}

const tls = new Set(['dv', 'ov', 'ev'])
const codes: Record<string, string> = {
  '0': reasonLabels.unspecified!, '1': reasonLabels.keyCompromise!, '3': reasonLabels.affiliationChanged!, '4': reasonLabels.superseded!, '5': reasonLabels.cessationOfOperation!,
  '6': reasonLabels.certificateHold!, '9': reasonLabels.privilegeWithdrawn!, '10': t.aaCompromise,
}

/** The reasons that the API takes for a family: public TLS knows fewer (CA/B BR 7.2.2). */
const reasons = (family: string) => (tls.has(family) ? ['1', '3', '4', '5', '9'] : Object.keys(codes)).map((value) => ({ value, label: codes[value]! }))

function Revoke({ o, family, close }: Props) {
  const changed = useChanged()
  const [code, setCode] = useState('4')
  const [remarks, setRemarks] = useState('')
  const hold = code === '6'
  return (
    <Confirm
      opened
      danger
      title={`${certificate.revoke}: ${o.number}`}
      label={hold ? certificate.hold : certificate.revoke}
      close={close}
      run={async () => {
        await must(api.POST('/orders/{id}/revoke', { params: { path: { id: o.id } }, body: { reason: Number(code), remarks: remarks || undefined } }))
        notifications.show({ message: hold ? t.held : certificate.revoked })
        await changed()
      }}
    >
      <Text size="sm">{certificate.revokeHint}</Text>
      <NativeSelect label={certificate.reason} value={code} onChange={(e) => setCode(e.currentTarget.value)} data={reasons(family)} data-autofocus />
      <Textarea label={t.remarks} description={certificate.commentHint} maxLength={2000} autosize minRows={2} value={remarks} onChange={(e) => setRemarks(e.currentTarget.value)} />
    </Confirm>
  )
}

function Resume({ o, close }: Props) {
  const changed = useChanged()
  return (
    <Confirm
      opened
      title={`${t.resume}: ${o.number}`}
      label={t.resume}
      close={close}
      run={async () => {
        await must(api.POST('/orders/{id}/resume', { params: { path: { id: o.id } } }))
        await changed()
      }}
    >
      {certificate.releaseHint}
    </Confirm>
  )
}
