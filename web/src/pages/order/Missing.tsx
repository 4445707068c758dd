import { Alert, Anchor, Group, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { sentence, words } from '../../lib/format'
import { bare } from '../../list/Cell'
import { text } from '../../text'
import { Go, Status } from '../../ui/bits'
import { certificateState } from '../Certificates'
import { useCertificate } from './After'
import { present, progress, stepsOf, type Detail, type Product, type Step } from './steps'

const t = text.steps

/** What an order waits for, and how far it is. tabs are the steps that have a panel of their own. */
export function Missing({ o, product, tabs, show }: { o: Detail; product?: Product; tabs: Set<string>; show: (tab: string) => void }) {
  const steps = stepsOf(o, product)
  const say = t.states[o.state as keyof typeof t.states]
  const ended = ['rejected', 'cancelled', 'failed'].includes(o.state)
  return (
    <div className="missing">
      <Alert variant="outline" role="status" color={o.state === 'issued' ? 'green' : ended ? 'red' : 'blue'} title={say.title}>
        <Text size="sm">{say.hint}</Text>
        {o.failure && <Text size="sm">{sentence(o.failure)}</Text>}
        {o.state === 'pending-documents' && o.steps?.note && (
          <Text size="sm">
            {t.note}: {o.steps.note}
          </Text>
        )}
        {o.state === 'draft' && o.steps && (
          <Anchor component={Link} href={`/orders/request?draft=${o.id}`} size="sm">
            {t.handIn}
          </Anchor>
        )}
        {o.certificate && <Issued id={o.certificate} />}
      </Alert>
      {!ended && o.state !== 'issued' && steps.length > 1 && (
        <ol className="checklist" aria-label={t.title}>
          {steps.map((x) => (
            <li key={x} aria-current={x === present(o) ? 'step' : undefined}>
              <span>
                {tabs.has(x) ? (
                  <Anchor component="button" type="button" size="sm" onClick={() => show(x)}>
                    {t.names[x]}
                  </Anchor>
                ) : (
                  t.names[x]
                )}
              </span>
              <Status value={progress(o, steps, x)} />
              <span className="quiet">{detail(o, x, product)}</span>
            </li>
          ))}
        </ol>
      )}
    </div>
  )
}

/** The certificate of an order, as it is now. */
function Issued({ id }: { id: string }) {
  const c = useCertificate(id)
  return (
    <Group gap="md" fz="sm">
      <Go to={`/certificates/${id}`}>{text.order.openCertificate}</Go>
      {c && <Status value={certificateState(c)} />}
    </Group>
  )
}

function detail(o: Detail, step: Step, product?: Product): ReactNode {
  const s = o.steps
  const of = (n: number, all: number) => `${n} ${text.list.of} ${all}`
  switch (step) {
    case 'organisation':
      return s?.organisation && <>{s.organisation_name} {s.vetting && <Go to={`/organisations/vetting/${s.vetting.id}`}>{words(s.vetting.purpose)}: {words(s.vetting.state)}</Go>} {s.consent && `${t.consent}: ${words(s.consent.state)}`}</>
    case 'documents':
      return of(s?.documents.length ?? 0, Math.max(product?.profile.terms?.documents ?? 0, s?.documents.length ?? 0))
    case 'domains':
      return s && s.domains.length > 0 && of(s.domains.filter((d) => d.control === 'verified').length, s.domains.length)
    case 'key':
      return s?.generate && `${t.madeHere}: ${s.generate}`
    case 'agreement':
      return s?.agreement?.signer_name
    case 'approval':
      return of(o.approvals.filter((a) => a.approved).length, o.approvals_needed)
    case 'certificate':
      return o.names.slice(0, 2).map(bare).join(', ') + (o.names.length > 2 ? ` +${o.names.length - 2}` : '')
  }
}
