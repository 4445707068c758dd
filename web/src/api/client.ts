import createClient from 'openapi-fetch'
import type { components, paths } from './schema'

export type Schemas = components['schemas']
export type Problem = Schemas['Problem']
export type Column = Schemas['Column']
export type Row = Record<string, unknown>

export const prefix = '/api/certwright/v1'
// The header proves to the server that a request comes from its own pages.
export const ownHeaders = { 'X-Requested-With': 'certwright' }

export const api = createClient<paths>({ baseUrl: prefix, headers: ownHeaders, querySerializer: { array: { style: 'form', explode: true } } })

// What the portal asks by itself, long after somebody last did something, must
// not keep his session alive.
const unattendedAfter = 60_000
let acted = Date.now()
for (const e of ['pointerdown', 'keydown', 'wheel']) addEventListener(e, () => void (acted = Date.now()), { capture: true, passive: true })
const unattended = () => Date.now() - acted > unattendedAfter

api.use({
  onRequest({ request }) {
    if (request.method === 'GET' && unattended()) request.headers.set('X-Unattended', 'true')
  },
})

/** A refusal or failure of the API: its problem document, or that there was no answer. */
export class APIError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title)
  }
  get kind() {
    return this.problem.type.replace('urn:certwright:problem:', '')
  }
}

/** Sends the browser to the sign-in page, and back here afterwards. */
export function toSignIn(): never {
  location.assign('/signin?next=' + encodeURIComponent(location.pathname + location.search))
  throw new Error('signing in')
}

/** Turns an answer of the API into its data, or throws. */
export async function must<T>(answer: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let got
  try {
    got = await answer
  } catch (e) {
    if (e instanceof DOMException && e.name === 'AbortError') throw e
    throw new APIError({ type: 'urn:certwright:problem:unavailable', title: 'The server does not answer', status: 0 })
  }
  if (got.response.ok) return got.data as T
  fail(got.response.status, got.error)
}

/** Throws what a problem document says. */
export function fail(status: number, problem: unknown): never {
  if (status === 401) toSignIn()
  if (problem && typeof problem === 'object' && 'type' in problem) throw new APIError(problem as Problem)
  throw new APIError({ type: 'urn:certwright:problem:internal', title: 'The server answered with status ' + status, status })
}

export interface Page<T = Row> {
  items: T[]
  next?: string
  columns?: Column[]
  names?: Record<string, string>
}

export interface ListQuery {
  filter?: string[]
  sort?: string
  cursor?: string
  limit?: number
  columns?: boolean
  names?: boolean
}

/** Reads a page of any list, by its path below the prefix. */
export async function readList<T = Row>(path: string, q: ListQuery, signal?: AbortSignal): Promise<Page<T>> {
  const u = new URLSearchParams()
  for (const f of q.filter ?? []) u.append('filter', f)
  for (const k of ['sort', 'cursor', 'limit', 'columns', 'names'] as const) if (q[k]) u.set(k, String(q[k]))
  let r
  try {
    r = await fetch(prefix + path + '?' + u, { headers: unattended() ? { ...ownHeaders, 'X-Unattended': 'true' } : ownHeaders, signal })
  } catch (e) {
    if (signal?.aborted) throw e
    throw new APIError({ type: 'urn:certwright:problem:unavailable', title: 'The server does not answer', status: 0 })
  }
  const body = await r.json().catch(() => undefined)
  if (!r.ok) fail(r.status, body)
  return body as Page<T>
}
