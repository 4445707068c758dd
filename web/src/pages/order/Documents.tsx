import { useSession } from '../../lib/session'
import { text } from '../../text'
import { DocumentTable, UploadPDF } from '../../ui/Documents'
import { useMayChange, type Detail } from './steps'

const t = text.steps

/** The documents of an order, and the form to bring another. */
export function Documents({ o }: { o: Detail }) {
  const session = useSession()
  const mayChange = useMayChange(o)
  const path = `/orders/${o.id}/documents`
  return (
    <>
      <DocumentTable path={path} list={o.steps?.documents ?? []} download={session.can('document.view', o.group ?? '')} label={t.names.documents} />
      {mayChange && (
        <>
          <h2 className="section">{t.bring}</h2>
          <UploadPDF path={path} hint={t.documentsHint} />
        </>
      )}
    </>
  )
}
