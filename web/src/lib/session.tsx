import { useQuery } from '@tanstack/react-query'
import { createContext, useContext, type ReactNode } from 'react'
import { api, must, type Schemas } from '../api/client'
import { Failure, Waiting } from '../ui/states'

export interface Session {
  me: Schemas['Me']
  lists: Map<string, Schemas['List']>
  /** May the person do this somewhere? The API decides again. */
  can(action: string, group?: string): boolean
}

const Context = createContext<Session | null>(null)

export function useSession(): Session {
  const s = useContext(Context)
  if (!s) throw new Error('no session')
  return s
}

/** Reads who is signed in and which lists he may open, before anything else is shown. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const me = useQuery({ queryKey: ['me'], queryFn: () => must(api.GET('/session')), staleTime: 60_000 })
  const lists = useQuery({ queryKey: ['lists'], queryFn: () => must(api.GET('/lists')), staleTime: Infinity })
  const error = me.error ?? lists.error
  if (error) return <Failure error={error} retry={() => (me.refetch(), lists.refetch())} />
  if (!me.data || !lists.data) return <Waiting />
  const permissions = new Map(me.data.permissions.map((p) => [p.action, p]))
  const session: Session = {
    me: me.data,
    lists: new Map(lists.data.items.map((l) => [l.name, l])),
    can: (action, group) => {
      const p = permissions.get(action)
      return !!p && (p.all || group === undefined || !!p.groups?.includes(group))
    },
  }
  return <Context.Provider value={session}>{children}</Context.Provider>
}
