import { Alert, Group, NativeSelect, PasswordInput, Text, Textarea, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation } from 'wouter'
import { api, fail, must, ownHeaders, prefix, type Schemas } from '../api/client'
import { save } from '../list/frames'
import { text } from '../text'
import { Confirm } from '../ui/Confirm'
import { CSRInput } from '../ui/CSRInput'

const t = text.certificate

/** Reasons of a revocation that a person can give (RFC 5280 section 5.3.1). */
export const reasonLabels: Record<string, string> = {
  unspecified: 'Unspecified', keyCompromise: 'Key compromise', affiliationChanged: 'Affiliation changed', superseded: 'Superseded', cessationOfOperation: 'Cessation of operation',
  certificateHold: 'Certificate hold (can be released)', privilegeWithdrawn: 'Privilege withdrawn',
}

interface Props {
  id: string
  name: string
  close: () => void
}

/** Everything that may look different after a certificate has changed. */
export function useChanged() {
  const client = useQueryClient()
  return () => client.invalidateQueries()
}

export function Revoke({ id, name, close }: Props) {
  const changed = useChanged()
  const [reason, setReason] = useState('superseded')
  const [comment, setComment] = useState('')
  return (
    <Confirm
      opened
      danger
      title={`${t.revoke}: ${name}`}
      label={reason === 'certificateHold' ? t.hold : t.revoke}
      close={close}
      run={async () => {
        await must(api.POST('/certificates/{id}/revoke', { params: { path: { id } }, body: { reason, comment: comment || undefined } }))
        notifications.show({ message: t.revoked })
        await changed()
      }}
    >
      <Text size="sm">{t.revokeHint}</Text>
      <NativeSelect label={t.reason} value={reason} data={Object.entries(reasonLabels).map(([value, label]) => ({ value, label }))} onChange={(e) => setReason(e.currentTarget.value)} />
      <Textarea label={t.comment} description={t.commentHint} maxLength={500} value={comment} onChange={(e) => setComment(e.currentTarget.value)} autosize minRows={2} />
    </Confirm>
  )
}

export function Release({ id, name, close }: Props) {
  const changed = useChanged()
  return (
    <Confirm
      opened
      title={`${t.release}: ${name}`}
      label={t.release}
      close={close}
      run={async () => {
        await must(api.POST('/certificates/{id}/release', { params: { path: { id } } }))
        await changed()
      }}
    >
      {t.releaseHint}
    </Confirm>
  )
}

export function Renew({ id, name, close }: Props) {
  const changed = useChanged()
  const [, navigate] = useLocation()
  const [csr, setCSR] = useState('')
  return (
    <Confirm
      opened
      size="lg"
      title={`${t.renew}: ${name}`}
      label={t.renew}
      close={close}
      run={async () => {
        const got: Schemas['IssuedOrder'] = await must(api.POST('/certificates/{id}/renew', { params: { path: { id } }, body: { csr: csr || undefined } }))
        await changed()
        notifications.show({ message: got.certificate ? t.renewed : t.renewOpen })
        navigate(got.certificate ? `/certificates/${got.certificate.id}` : `/orders/${got.order.id}`)
      }}
    >
      <Text size="sm">{t.renewHint}</Text>
      <CSRInput value={csr} onChange={setCSR} description={t.csrHint} />
    </Confirm>
  )
}

/** Fetches the certificate in one of the formats. */
export function Download({ id, name, close }: Props) {
  const d = text.downloads
  const [format, setFormat] = useState('pem')
  const [chain, setChain] = useState('full')
  return (
    <Confirm
      opened
      title={`${d.title}: ${name}`}
      label={text.action.download}
      close={close}
      run={async () => {
        const r = await fetch(`${prefix}/certificates/${id}/download?${new URLSearchParams({ format, chain: format === 'der' ? 'none' : chain })}`, { headers: ownHeaders })
        if (!r.ok) fail(r.status, await r.json().catch(() => undefined))
        save(await r.blob(), fileName(r, `certificate.${format}`))
      }}
    >
      <NativeSelect label={d.format} value={format} onChange={(e) => setFormat(e.currentTarget.value)} data={(['pem', 'der', 'p7b'] as const).map((value) => ({ value, label: d[value] }))} data-autofocus />
      {format !== 'der' && <NativeSelect label={d.chain} value={chain} onChange={(e) => setChain(e.currentTarget.value)} data={chainChoices} />}
    </Confirm>
  )
}

/** The name that the server gives a file. */
const fileName = (r: Response, otherwise: string) => /filename="([^"]+)"/.exec(r.headers.get('Content-Disposition') ?? '')?.[1] ?? otherwise

/** Fetches the private key with the certificate into a keystore. */
export function ExportKey({ id, name, close }: Props) {
  const [format, setFormat] = useState('p12')
  const [password, setPassword] = useState('')
  const [alias, setAlias] = useState('')
  const [chain, setChain] = useState('full')
  return (
    <Confirm
      opened
      title={`${t.exportKey}: ${name}`}
      label={text.action.download}
      close={close}
      run={async () => {
        const r = await fetch(`${prefix}/certificates/${id}/export`, {
          method: 'POST', headers: { ...ownHeaders, 'Content-Type': 'application/json' }, body: JSON.stringify({ format, password: password || undefined, alias: alias || undefined, chain }),
        })
        if (!r.ok) fail(r.status, await r.json().catch(() => undefined))
        save(await r.blob(), fileName(r, 'keystore'))
      }}
    >
      <Alert color="yellow" variant="outline">{t.exportHint}</Alert>
      <NativeSelect label={t.format} value={format} onChange={(e) => setFormat(e.currentTarget.value)} data={[{ value: 'p12', label: 'PKCS#12 (.p12)' }, { value: 'p12-legacy', label: 'PKCS#12 for old Windows and Java' }, { value: 'jks', label: 'Java keystore (.jks)' }, { value: 'pem', label: 'PEM' }]} />
      <PasswordInput label={t.password} required={format !== 'pem'} value={password} onChange={(e) => setPassword(e.currentTarget.value)} autoComplete="new-password" visibilityToggleButtonProps={{ 'aria-label': t.showPassword }} />
      <Group grow>
        <TextInput label={t.alias} maxLength={100} value={alias} onChange={(e) => setAlias(e.currentTarget.value)} />
        <NativeSelect label={t.chain} value={chain} onChange={(e) => setChain(e.currentTarget.value)} data={chainChoices} />
      </Group>
    </Confirm>
  )
}

export const chainChoices = [{ value: 'full', label: 'Whole chain' }, { value: 'intermediates', label: 'Without the root' }, { value: 'none', label: 'Certificate only' }]
