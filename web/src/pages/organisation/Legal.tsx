import { Button, Group, NativeSelect, Text, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { api, must, type Schemas } from '../../api/client'
import { words } from '../../lib/format'
import { useSession } from '../../lib/session'
import { text } from '../../text'
import { Facts } from '../../ui/bits'
import { Confirm } from '../../ui/Confirm'
import { useChanged } from '../CertificateActions'

const t = text.organisation
type LegalData = Schemas['LegalData']
type Organisation = Schemas['Organisation']
const categories = ['private', 'government', 'business', 'non-commercial'] as const

/** What the register says of the organisation. */
export function Legal({ o }: { o: Organisation }) {
  const session = useSession()
  const [edit, setEdit] = useState(false)
  const d = o.legal
  return (
    <>
      <h2 className="section">{t.legal}</h2>
      {Object.keys(d).length === 0 && <Text size="sm">{t.noLegal}</Text>}
      <Facts
        rows={[
          [t.legalName, d.legal_name],
          [t.category, d.business_category && words(d.business_category)],
          [t.registration, d.registration],
          [t.registrar, d.registrar],
          [t.identifier, d.organization_identifier],
          [t.jurisdiction, [d.jurisdiction_locality, d.jurisdiction_state, d.jurisdiction_country].filter(Boolean).join(', ')],
          [t.street, [d.street_1, d.street_2].filter(Boolean).join(', ')],
          [t.postalCode, d.postal_code],
          [t.stateCode, d.state_code],
          [t.phone, d.phone],
        ]}
      />
      {session.can('organisation.legal') && (
        <Button size="xs" variant="default" mt="xs" onClick={() => setEdit(true)}>
          {t.editLegal}
        </Button>
      )}
      {edit && <LegalForm o={o} close={() => setEdit(false)} />}
    </>
  )
}

function LegalForm({ o, close }: { o: Organisation; close: () => void }) {
  const changed = useChanged()
  const [d, setD] = useState<LegalData>(o.legal)
  const field = (k: Exclude<keyof LegalData, 'business_category'>, label: string, most: number, description?: string) => (
    <TextInput label={label} description={description} inputWrapperOrder={['label', 'input', 'description', 'error']} maxLength={most} value={d[k] ?? ''} onChange={(e) => setD({ ...d, [k]: e.currentTarget.value || undefined })} />
  )
  return (
    <Confirm
      opened
      size="xl"
      title={`${t.legal}: ${o.name}`}
      label={text.action.save}
      close={close}
      run={async () => {
        await must(api.PUT('/organisations/{id}/legal', { params: { path: { id: o.id } }, body: d }))
        notifications.show({ message: text.people.saved })
        await changed()
      }}
    >
      <Text size="sm">{t.legalHint}</Text>
      <Group grow align="flex-start">
        {field('legal_name', t.legalName, 200)}
        <NativeSelect label={t.category} value={d.business_category ?? ''} data={[{ value: '', label: t.noCategory }, ...categories.map((value) => ({ value, label: words(value) }))]} onChange={(e) => setD({ ...d, business_category: (e.currentTarget.value || undefined) as LegalData['business_category'] })} />
      </Group>
      <Group grow align="flex-start">
        {field('registration', t.registration, 64)}
        {field('registrar', t.registrar, 200)}
      </Group>
      <Group grow align="flex-start">
        {field('jurisdiction_country', t.jurisdictionCountry, 2, text.people.countryHint)}
        {field('jurisdiction_state', t.jurisdictionState, 128)}
        {field('jurisdiction_locality', t.jurisdictionLocality, 128)}
      </Group>
      <Group grow align="flex-start">
        {field('street_1', t.street, 128)}
        {field('street_2', t.street2, 128)}
      </Group>
      <Group grow align="flex-start">
        {field('postal_code', t.postalCode, 40)}
        {field('state_code', t.stateCode, 10, t.stateCodeHint)}
        {field('phone', t.phone, 16, t.phoneHint)}
      </Group>
      {field('organization_identifier', t.identifier, 128, t.identifierHint)}
    </Confirm>
  )
}
