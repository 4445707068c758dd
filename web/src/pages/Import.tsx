import { Tabs } from '@mantine/core'
import { useSearchParams } from 'wouter'
import { useSession } from '../lib/session'
import { text } from '../text'
import { PageHead } from '../ui/bits'
import { Failure } from '../ui/states'
import { ImportCertificates } from './ImportCertificates'
import { ImportLists, importable } from './ImportLists'

const t = text.imports

/** Brings certificates and lists in from files. */
export function Import() {
  const session = useSession()
  const [params, setParams] = useSearchParams()
  const certificates = session.can('certificate.import')
  const lists = importable.some((l) => session.can(l.action))
  const tab = params.get('tab') ?? (certificates ? 'certificates' : 'lists')
  if (!certificates && !lists) return <Failure error={new Error(text.state.notFound)} />
  return (
    <>
      <PageHead title={text.nav.import} />
      <Tabs value={tab} onChange={(v) => setParams(v ? { tab: v } : {}, { replace: true })} keepMounted={false}>
        <Tabs.List mb="sm" aria-label={text.nav.import}>
          {certificates && <Tabs.Tab value="certificates">{t.certificates}</Tabs.Tab>}
          {lists && <Tabs.Tab value="lists">{t.lists}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="certificates">{certificates && <ImportCertificates />}</Tabs.Panel>
        <Tabs.Panel value="lists">{lists && <ImportLists />}</Tabs.Panel>
      </Tabs>
    </>
  )
}
