import { ListPage } from '../list/ListPage'
import type { Row } from '../api/client'
import { api, must } from '../api/client'
import { Go, Status } from '../ui/bits'
import { useSession } from '../lib/session'
import { text } from '../text'
import { useState } from 'react'
import { Download, ExportKey, Renew, Revoke, Release, reasonLabels } from './CertificateActions'
import { useLocation } from 'wouter'

/** A certificate's state in one word: expiry counts. */
export function certificateState(r: { state?: unknown; expired?: unknown }): string {
  return r.state === 'active' && r.expired ? 'expired' : String(r.state)
}

export function Certificates() {
  const session = useSession()
  const [, navigate] = useLocation()
  const [renew, setRenew] = useState<Row>()
  const [revoke, setRevoke] = useState<Row>()
  const [release, setRelease] = useState<Row>()
  const [file, setFile] = useState<Row>()
  const [key, setKey] = useState<Row>()
  const live = (r: Row) => r.state === 'active' || r.state === 'on-hold'
  const group = (r: Row) => String(r.group ?? '')
  const t = text.certificate
  return (
    <>
      <ListPage
        list="certificates"
        title={text.nav.certificates}
        link={(r) => `/certificates/${r.id}`}
        linkColumn="common_name"
        cells={{
          state: (r) => <Status value={certificateState(r)} />,
          issuer: (r) => (r.issuer_dn ? String(r.issuer_dn) : <Go to={`/issuers/${r.issuer}`}>{String(r.issuer_name)}</Go>),
        }}
        actions={[
          { label: t.details, run: (r) => navigate(`/certificates/${r.id}`) },
          { label: t.viewDecoded, run: (r) => navigate(`/certificates/${r.id}?tab=x509`) },
          { label: t.download, shown: (r) => (live(r) || r.state === 'revoked') && session.can('certificate.download', group(r)), run: setFile },
          { label: t.exportKey, shown: (r) => r.key_stored === true && session.can('certificate.export-key', group(r)), run: setKey },
          { label: t.renew, shown: (r) => r.state === 'active' && !!r.order && session.can('certificate.renew', group(r)), run: setRenew },
          { label: t.release, shown: (r) => r.state === 'on-hold' && session.can('certificate.revoke', group(r)), run: setRelease },
          { label: t.revoke, danger: true, shown: (r) => live(r) && !r.issuer_dn && session.can('certificate.revoke', group(r)), run: setRevoke },
        ]}
        bulk={
          session.can('certificate.revoke')
            ? [
                { label: `${t.revoke} (${reasonLabels.superseded})`, danger: true, question: t.bulkRevoke, run: (r) => must(api.POST('/certificates/{id}/revoke', { params: { path: { id: String(r.id) } }, body: { reason: 'superseded' } })) },
                { label: `${t.revoke} (${reasonLabels.cessationOfOperation})`, danger: true, question: t.bulkRevoke, run: (r) => must(api.POST('/certificates/{id}/revoke', { params: { path: { id: String(r.id) } }, body: { reason: 'cessationOfOperation' } })) },
              ]
            : undefined
        }
      />
      {renew && <Renew id={String(renew.id)} name={String(renew.common_name || renew.number)} close={() => setRenew(undefined)} />}
      {revoke && <Revoke id={String(revoke.id)} name={String(revoke.common_name || revoke.number)} close={() => setRevoke(undefined)} />}
      {release && <Release id={String(release.id)} name={String(release.common_name || release.number)} close={() => setRelease(undefined)} />}
      {file && <Download id={String(file.id)} name={String(file.common_name || file.number)} close={() => setFile(undefined)} />}
      {key && <ExportKey id={String(key.id)} name={String(key.common_name || key.number)} close={() => setKey(undefined)} />}
    </>
  )
}
