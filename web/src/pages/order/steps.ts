import type { Schemas } from '../../api/client'
import { useSession } from '../../lib/session'
import { text } from '../../text'

export type Detail = Schemas['OrderDetail']
export type Product = Schemas['Product']
export type Step = keyof typeof text.steps.names

/** States in which an order is still put together, decided over or signed. */
export const open = new Set(['draft', 'pending-organization-verification', 'pending-documents', 'pending-dcv', 'pending-csr', 'pending-agreement', 'pending-approval', 'issuing', 'pending-ca'])

const stepOf: Record<string, Step> = {
  'pending-organization-verification': 'organisation', 'pending-documents': 'documents', 'pending-dcv': 'domains', 'pending-csr': 'key', 'pending-agreement': 'agreement', 'pending-approval': 'approval',
  issuing: 'certificate', 'pending-ca': 'certificate', issued: 'certificate',
}

/** The step at which an order stands; none of a draft and of what ended without a certificate. */
export const present = (o: { state: string }): Step | undefined => stepOf[o.state]

const vetted = new Set(['ov', 'ev', 'document-signer-legal-person', 'document-signer-legal-entity'])
const lines: Record<'signer' | 'other', Step[]> = {
  signer: ['documents', 'organisation', 'approval', 'key', 'agreement', 'certificate'],
  other: ['organisation', 'documents', 'domains', 'key', 'agreement', 'approval', 'certificate'],
}

/** The steps that an order takes, in their order (docs/operate/orders.md). */
export function stepsOf(o: Detail, product?: Product): Step[] {
  const s = o.steps
  if (!s) return o.approvals_needed > 0 ? ['approval', 'certificate'] : ['certificate']
  const terms = product?.profile.terms
  const wanted: Record<Step, boolean> = {
    organisation: vetted.has(s.family),
    documents: (terms?.documents ?? 0) > 0 || s.documents.length > 0,
    domains: !!product?.profile.validate_names || s.domains.length > 0,
    key: true,
    agreement: !!terms?.agreement || !!s.agreement,
    approval: o.approvals_needed > 0,
    certificate: true,
  }
  return lines[s.family.startsWith('document-signer') ? 'signer' : 'other'].filter((x) => wanted[x] || x === present(o))
}

/** How far a step is: the server passes over what is there already. */
export function progress(o: Detail, steps: Step[], step: Step): 'done' | 'missing' | 'later' {
  const at = present(o)
  if (step === at) return o.state === 'issued' ? 'done' : 'missing'
  if (at && steps.indexOf(step) < steps.indexOf(at)) return 'done'
  const given = (step === 'key' && o.steps?.key_given) || (step === 'agreement' && o.steps?.agreement)
  return given ? 'done' : 'later'
}

/** May the person put the order together now? A document signer's may also be changed while people look at it. */
export function useMayChange(o: Detail): boolean {
  const session = useSession()
  const unfinished = !!o.steps && (['draft', 'pending-organization-verification', 'pending-documents', 'pending-dcv', 'pending-csr', 'pending-agreement'].includes(o.state) || (o.state === 'pending-approval' && o.steps.family.startsWith('document-signer') && !o.csr))
  return unfinished && session.can('order.create', o.group ?? '')
}
