import { Button, Tabs } from '@mantine/core'
import { useState } from 'react'
import { useLocation } from 'wouter'
import type { Row } from '../../api/client'
import { useSession } from '../../lib/session'
import { ListPage, type RowAction } from '../../list/ListPage'
import { text } from '../../text'
import { PageHead } from '../../ui/bits'
import { AccountState, RevokeAuthorization, type Asked } from './actions'
import { CancelPull, NewPull } from './Pulls'

const t = text.acmeObjects
const s = text.system
export const acmePath = '/integrations/acme'

/** What ACME clients have and ask for, and early renewals. */
export function ACME({ list = 'acme-orders' }: { list?: string }) {
  const [, navigate] = useLocation()
  const session = useSession()
  const [asked, setAsked] = useState<{ what: 'account' | 'authorization' | 'pull'; row: Row }>()
  const [adding, setAdding] = useState(false)
  const lists = [['acme-orders', s.acmeOrders], ['acme-authorizations', s.acmeAuthorizations], ['acme-accounts', s.acmeAccounts], ['renewal-pulls', s.pulls]].filter(([n]) => session.lists.has(n!))
  const update = session.can('credential.update')
  const manage = session.can('renewal.manage')
  const close = () => setAsked(undefined)
  const ask = (what: NonNullable<typeof asked>['what']) => (row: Row) => setAsked({ what, row })
  const more: Record<string, RowAction[]> = {
    'acme-accounts': [
      { label: t.revokeAccount, danger: true, shown: (r) => update && r.state === 'valid', run: ask('account') },
      { label: t.restoreAccount, shown: (r) => update && r.state === 'revoked', run: ask('account') },
    ],
    'acme-authorizations': [{ label: t.revokeAuthorization, danger: true, shown: (r) => update && (r.state === 'pending' || r.state === 'valid'), run: ask('authorization') }],
    'renewal-pulls': [{ label: text.pulls.cancel, danger: true, shown: (r) => manage && (r.state === 'coming' || r.state === 'running'), run: ask('pull') }],
  }
  const row: Asked = { id: String(asked?.row.id), state: String(asked?.row.state) }
  return (
    <>
      <PageHead title={text.nav.acme}>
        {list === 'renewal-pulls' && manage && (
          <Button size="xs" onClick={() => setAdding(true)}>
            {text.pulls.new}
          </Button>
        )}
      </PageHead>
      <Tabs value={list} onChange={(v) => navigate(`${acmePath}/${v}`)} keepMounted={false}>
        <Tabs.List mb="sm" aria-label={text.nav.acme}>
          {lists.map(([n, label]) => (
            <Tabs.Tab key={n} value={n!}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {lists.map(([n, label]) => (
          <Tabs.Panel key={n} value={n!}>
            <ListPage
              embedded
              list={n!}
              title={label!}
              link={(r) => `${acmePath}/${n}/${String(r.id)}`}
              actions={[{ label: text.action.view, run: (r) => navigate(`${acmePath}/${n}/${String(r.id)}`) }, ...(more[n!] ?? [])]}
            />
          </Tabs.Panel>
        ))}
      </Tabs>
      {asked?.what === 'account' && <AccountState a={row} close={close} />}
      {asked?.what === 'authorization' && <RevokeAuthorization a={row} close={close} />}
      {asked?.what === 'pull' && <CancelPull id={row.id} close={close} />}
      {adding && <NewPull close={() => setAdding(false)} />}
    </>
  )
}
