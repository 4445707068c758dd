import { Alert } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { api, must } from '../../api/client'
import { text } from '../../text'
import { Block } from '../../ui/bits'
import { CSRInput } from '../../ui/CSRInput'
import { InlineForm } from '../../ui/InlineForm'
import { useChanged } from '../CertificateActions'
import { useMayChange, type Detail } from './steps'

const t = text.steps

/** The key of an order: what was given, and the form to give or change it. */
export function Key({ o }: { o: Detail }) {
  const changed = useChanged()
  const mayChange = useMayChange(o)
  const [csr, setCSR] = useState('')
  const given = o.csr || o.steps?.csr
  return (
    <>
      {given && <Block label={text.order.csr} value={given} />}
      {o.steps?.generate && (
        <Alert variant="outline" mb="sm">
          {t.madeHere}: {o.steps.generate}
        </Alert>
      )}
      {!given && !o.steps?.generate && !mayChange && <div className="empty">{t.noKey}</div>}
      {mayChange && (
        <>
          <h2 className="section">{given || o.steps?.generate ? t.changeKey : t.giveKey}</h2>
          <InlineForm
            label={t.setKey}
            disabled={!csr.trim()}
            run={async () => {
              await must(api.PUT('/orders/{id}/csr', { params: { path: { id: o.id } }, body: { csr } }))
              setCSR('')
              notifications.show({ message: t.keySet })
              await changed()
            }}
          >
            <CSRInput value={csr} onChange={setCSR} description={t.csrHint} />
          </InlineForm>
        </>
      )}
    </>
  )
}
