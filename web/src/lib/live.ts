import { useQueryClient, type QueryClient, type QueryKey } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { prefix } from '../api/client'

/** How the portal hears of changes: by the stream, not just now, or only by asking. */
export type LiveState = 'live' | 'reconnecting' | 'polling'

/** Something that changed; an empty id stands for everything of that kind. */
export interface Change {
  kind: string
  id: string
}

/** Which list shows the things of a kind of event. */
const listOf: Record<string, string> = { order: 'orders', certificate: 'certificates', domain: 'domains', job: 'jobs', product: 'products', issuer: 'issuers' }

export const followed = new Set(Object.values(listOf))

const all: Change = { kind: 'reset', id: '' }

/** At most one round of reading again in this time, in milliseconds. */
const gap = 1000
const longestWait = 30_000
const busyWait = 60_000
/** A page that is hidden lets go of the stream after this time. */
const hiddenGrace = 5_000
const most = 500

type Message = { say: 'changes'; changes: Change[]; last: string } | { say: 'state'; state: LiveState } | { say: 'hello' }

/**
 * The one stream of events of all pages of this browser. A visible page that
 * gets the lock holds the stream and passes on what it hears; when it is closed
 * or hidden, the next one goes on behind the last event. So many tabs cost one
 * stream of the eight that a person may have and one of the six connections
 * that browsers open to a server.
 */
class Live {
  private state: LiveState = 'reconnecting'
  private watchers = new Set<() => void>()
  private listeners = new Set<(changes: Change[]) => void>()
  private pending = new Map<string, Change>()
  private timer?: number
  private flushed = 0
  private postponed = 0
  private client?: QueryClient

  private channel?: BroadcastChannel
  private source?: EventSource
  private again?: number
  private hide?: number
  private wanted?: AbortController // asks for the lock or holds it
  private last = ''
  private tries = 0
  private opened = false

  start(client: QueryClient) {
    this.client = client
    if (typeof EventSource === 'undefined') return this.become('polling')
    if (typeof BroadcastChannel !== 'undefined') {
      this.channel = new BroadcastChannel('certwright-events')
      this.channel.onmessage = (e: MessageEvent<Message>) => this.heard(e.data)
      this.channel.postMessage({ say: 'hello' } satisfies Message)
    }
    document.addEventListener('visibilitychange', this.seen)
    this.seen()
  }

  stop() {
    document.removeEventListener('visibilitychange', this.seen)
    window.clearTimeout(this.hide)
    window.clearTimeout(this.timer)
    this.timer = undefined
    this.release()
    this.channel?.close()
    this.channel = undefined
  }

  subscribe = (f: () => void) => {
    this.watchers.add(f)
    return () => void this.watchers.delete(f)
  }
  current = () => this.state

  listen(f: (changes: Change[]) => void) {
    this.listeners.add(f)
    return () => void this.listeners.delete(f)
  }

  // ---- who holds the stream

  private seen = () => {
    window.clearTimeout(this.hide)
    if (document.visibilityState === 'visible') {
      this.want()
      this.schedule()
    } else this.hide = window.setTimeout(() => this.release(), hiddenGrace)
  }

  private want() {
    if (this.wanted) return
    const mine = (this.wanted = new AbortController())
    if (!navigator.locks) return this.connect()
    navigator.locks
      .request('certwright-events', { signal: mine.signal }, () => {
        if (mine.signal.aborted) return
        this.connect()
        return new Promise<void>((done) => mine.signal.addEventListener('abort', () => done()))
      })
      .catch(() => undefined) // given up before it was ours
  }

  private release() {
    this.wanted?.abort()
    this.wanted = undefined
    this.source?.close()
    this.source = undefined
    window.clearTimeout(this.again)
  }

  // ---- the stream

  private connect() {
    this.source?.close()
    const source = (this.source = new EventSource(`${prefix}/events?quiet=true${this.last ? '&after=' + encodeURIComponent(this.last) : ''}`))
    source.onopen = () => {
      // Jobs are not told again after a gap, and without a place to go on from nothing is.
      if (this.opened) this.tell([this.last ? { kind: 'job', id: '' } : all])
      this.opened = true
      this.become('live', true)
    }
    source.onerror = () => {
      source.close()
      if (this.source !== source) return
      // An id that the server cannot go on from must not keep us away for ever.
      if (++this.tries > 3) this.last = ''
      this.become('reconnecting', true)
      this.later(Math.min(longestWait, 1000 * 2 ** (this.tries - 1)) * (0.5 + Math.random() / 2))
    }
    for (const kind of Object.keys(listOf).concat('reset')) {
      source.addEventListener(kind, (e: MessageEvent<string>) => {
        this.tries = 0
        if (e.lastEventId) this.last = e.lastEventId
        this.tell([{ kind, id: String((JSON.parse(e.data) as { id: string }).id) }])
      })
    }
    source.addEventListener('busy', () => {
      source.close()
      this.become('polling', true)
      this.later(busyWait * (0.75 + Math.random() / 2))
    })
    source.addEventListener('end', () => {
      // The session is over; the next question leads to the sign-in page.
      source.close()
      this.become('polling', true)
      void this.client?.invalidateQueries({ queryKey: ['me'] })
    })
  }

  private later(ms: number) {
    window.clearTimeout(this.again)
    this.again = window.setTimeout(() => this.connect(), ms)
  }

  // ---- between the pages

  private heard(m: Message) {
    switch (m.say) {
      case 'hello':
        if (this.source) this.channel?.postMessage({ say: 'state', state: this.state } satisfies Message)
        break
      case 'state':
        if (!this.source) this.become(m.state)
        break
      case 'changes':
        if (m.last) this.last = m.last
        this.opened = true
        this.gather(m.changes)
    }
  }

  private become(state: LiveState, ours = false) {
    if (ours) this.channel?.postMessage({ say: 'state', state } satisfies Message)
    if (state === 'live') window.setTimeout(() => this.state === 'live' && (this.tries = 0), gap * 5)
    if (this.state === state) return
    this.state = state
    this.watchers.forEach((f) => f())
  }

  private tell(changes: Change[]) {
    this.channel?.postMessage({ say: 'changes', changes, last: this.last } satisfies Message)
    this.gather(changes)
  }

  // ---- what the pages do about it

  private gather(changes: Change[]) {
    for (const c of changes) this.pending.set(c.kind + ':' + c.id, c)
    if (this.pending.size > most) this.pending = new Map([['reset:', all]])
    this.schedule()
  }

  /** Plans the next round: soon, but not more than one in a second, and not while the last one still runs. */
  private schedule() {
    if (this.timer || this.pending.size === 0 || document.visibilityState !== 'visible') return
    this.timer = window.setTimeout(() => this.flush(), Math.max(250, this.flushed + gap - Date.now()))
  }

  private flush() {
    this.timer = undefined
    if (this.client!.isFetching() > 0 && this.postponed++ < 20) return void (this.timer = window.setTimeout(() => this.flush(), 250))
    this.postponed = 0
    this.flushed = Date.now()
    const changes = [...this.pending.values()]
    this.pending.clear()
    const touched = touches(changes)
    void this.client!.invalidateQueries({ predicate: (q) => touched(q.queryKey) }, { cancelRefetch: false })
    this.listeners.forEach((f) => f(changes))
  }
}

/** Says of a query whether changes may make its answer another. Rows and totals of list pages decide for themselves. */
export function touches(changes: Change[]): (key: QueryKey) => boolean {
  if (changes.some((c) => c.kind === 'reset')) return (key) => key[0] !== 'rows' && key[0] !== 'total' && key[0] !== 'lists'
  const lists = new Set(changes.map((c) => listOf[c.kind]))
  // Jobs have numbers, which alone would be found anywhere.
  const marks = changes.filter((c) => c.id).map((c) => (c.kind === 'job' ? `job:${c.id}"` : c.id))
  const jobs = new Set(changes.filter((c) => c.kind === 'job').map((c) => c.id))
  return (key) => {
    switch (key[0]) {
      case 'rows':
      case 'total':
        return false
      case 'count':
        return lists.has(String(key[1]))
      case 'list':
        if (lists.has(String(key[1]).slice(1))) return true
    }
    const text = JSON.stringify(key)
    return marks.some((m) => text.includes(m)) || (key[0] === 'job' && (jobs.has('') || jobs.has(String(key[1]))))
  }
}

export const live = new Live()

export function useLiveState(): LiveState {
  return useSyncExternalStore(live.subscribe, live.current)
}

/** Opens the stream while the frame of the portal is there. */
export function useLive() {
  const client = useQueryClient()
  useEffect(() => {
    live.start(client)
    return () => live.stop()
  }, [client])
}

/** How often to ask: as said while there is no stream, seldom while there is. */
export function usePoll(ms: number): number {
  return useLiveState() === 'live' ? Math.max(ms, 120_000) : ms
}

/**
 * Follows the things of a list. While held() they are only counted, so that
 * nothing moves under somebody's hands; else refresh() is called.
 */
export function useLiveList(list: string, held: () => boolean, refresh: () => void): { waiting: number; settled: () => void } {
  const [ids, setIDs] = useState<ReadonlySet<string>>(none)
  const now = useRef({ held, refresh })
  now.current = { held, refresh }
  useEffect(() => {
    if (!followed.has(list)) return
    return live.listen((changes) => {
      const ours = changes.filter((c) => c.kind === 'reset' || listOf[c.kind] === list)
      if (ours.length === 0) return
      if (!now.current.held()) return now.current.refresh()
      setIDs((old) => new Set([...old, ...ours.map((c) => c.id)]))
    })
  }, [list])
  const settled = useCallback(() => setIDs((old) => (old.size ? none : old)), [])
  return { waiting: ids.size, settled }
}

const none: ReadonlySet<string> = new Set()
