import { useQuery } from '@tanstack/react-query'
import { readList } from '../api/client'
import { writeCond } from '../list/query'
import { useSession } from '../lib/session'
import { pageOf } from '../list/Cell'
import { Go } from './bits'

const field: Record<string, string> = { users: 'login', credentials: 'label', products: 'code', certificates: 'common_name' }
// Lists whose rows can be asked for by id.
const byID = new Set(['groups', 'users'])

/** The name of a thing by its id, as a link where it has a page. */
export function Name({ list, id }: { list: string; id: string }) {
  const session = useSession()
  const open = session.lists.get(list)
  const q = useQuery({
    queryKey: ['name', list, id],
    queryFn: async ({ signal }) => {
      if (byID.has(list)) return (await readList(open!.path, { filter: [writeCond({ column: 'id', op: 'eq', values: [id] })], limit: 1 }, signal)).items[0] ?? null
      const r = await fetch(`/api/certwright/v1${open!.path}/${id}`, { signal })
      return r.ok ? ((await r.json()) as Record<string, unknown>) : null
    },
    enabled: !!open && !!id,
    staleTime: 60_000,
  })
  const name = String(q.data?.[field[list] ?? 'name'] || id.slice(0, 8) + '…')
  return open && pageOf[list] ? <Go to={`${pageOf[list]}/${id}`}>{name}</Go> : name
}
