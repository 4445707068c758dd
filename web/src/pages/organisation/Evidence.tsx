import { useQuery } from '@tanstack/react-query'
import { api, must, type Schemas } from '../../api/client'
import { useSession } from '../../lib/session'
import { text } from '../../text'
import { DocumentTable, UploadPDF } from '../../ui/Documents'
import { Failure, Waiting } from '../../ui/states'

const t = text.organisation

/** The documents about an organisation that the reader may see. */
export function useEvidence(organisation: string) {
  const session = useSession()
  return useQuery({
    queryKey: ['evidence', organisation],
    queryFn: () => must(api.GET('/organisations/{id}/documents', { params: { path: { id: organisation } } })),
    enabled: session.can('document.view'),
  })
}

export function Evidence({ o }: { o: Schemas['Organisation'] }) {
  const session = useSession()
  const q = useEvidence(o.id)
  const path = `/organisations/${o.id}/documents`
  if (q.error) return <Failure error={q.error} retry={() => void q.refetch()} />
  if (q.isLoading) return <Waiting />
  return (
    <>
      {q.data && <DocumentTable path={path} list={q.data.items} download label={t.evidence} />}
      {session.can('evidence.add') && (
        <>
          <h2 className="section">{t.bring}</h2>
          <UploadPDF path={path} hint={t.evidenceHint} />
        </>
      )}
    </>
  )
}
