import catalogue from '../../../internal/api/words.json'

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (n: number) => String(n).padStart(2, '0')

/** 05-Feb-2026, in the reader's time zone. */
export function day(s?: string | null): string {
  if (!s) return ''
  const d = new Date(s)
  return isNaN(+d) ? s : `${two(d.getDate())}-${months[d.getMonth()]}-${d.getFullYear()}`
}

/** 05-Feb-2026 13:14, in the reader's time zone. */
export function moment(s?: string | null): string {
  if (!s) return ''
  const d = new Date(s)
  return isNaN(+d) ? s : `${day(s)} ${two(d.getHours())}:${two(d.getMinutes())}`
}

/** The whole instant, for a tooltip. */
export function instant(s?: string | null): string {
  if (!s) return ''
  const d = new Date(s)
  return isNaN(+d) ? s : d.toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC')
}

/** How far an instant lies from now, in words: in 12 days, 3 hours ago. */
export function away(s?: string | null, now = Date.now()): string {
  if (!s) return ''
  const ms = +new Date(s) - now
  const abs = Math.abs(ms)
  const [n, unit] = abs >= 730 * 86400e3 ? [Math.round(abs / (365.25 * 86400e3)), 'year'] : abs < 3600e3 ? [Math.round(abs / 60e3), 'minute'] : abs < 48 * 3600e3 ? [Math.round(abs / 3600e3), 'hour'] : [Math.floor(abs / 86400e3), 'day']
  const words = `${n} ${unit}${n === 1 ? '' : 's'}`
  return ms >= 0 ? `in ${words}` : `${words} ago`
}

/** A sentence of the server with its instants as people read them here. */
export function sentence(s: string): string {
  return s.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, (x) => moment(x))
}

const browsers = [['Edg/', 'Edge'], ['OPR/', 'Opera'], ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Version/', 'Safari']] as const
const systems = [['Windows', 'Windows'], ['Android', 'Android'], ['iPhone', 'iOS'], ['iPad', 'iPadOS'], ['Mac OS X', 'macOS'], ['CrOS', 'ChromeOS'], ['Linux', 'Linux']] as const

/** What a browser calls itself, in short: Chrome 140, Linux. Others stay as they are. */
export function browser(agent: string): string {
  const b = browsers.find(([mark]) => agent.includes(mark))
  if (!b || !agent.startsWith('Mozilla/')) return agent
  const version = /^\d+/.exec(agent.split(b[0])[1] ?? '')?.[0]
  const system = systems.find(([mark]) => agent.includes(mark))?.[1]
  return b[1] + (version ? ' ' + version : '') + (system ? ', ' + system : '')
}

export function count(n: number): string {
  return n.toLocaleString('en-GB')
}

/** Hex in pairs, as people compare it. */
export function pairs(hex: string): string {
  return (hex.match(/../g) ?? []).join(':').toUpperCase()
}

// Parts of code words that are not written like words. The server writes its
// files for people with the same catalogue (internal/api/words.go).
const parts: Record<string, string> = { ...catalogue.parts }
for (const a of catalogue.capitals.split(' ')) parts[a] = a.toUpperCase()
const values: Record<string, string> = catalogue.values

/**
 * A code word of the server as people read it: on-hold → On hold, pending-dcv →
 * Pending DCV. The catalogue's values say what is written otherwise, also for
 * one column only. What is no code word stays as it is.
 */
export function words(s: string, column = ''): string {
  const own = values[`${column}:${s}`] ?? values[s]
  if (own !== undefined) return own
  if (!/^[a-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*$/.test(s)) return s
  const t = s
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .split(/[-_]/)
    .map((w) => parts[w.toLowerCase()] ?? w.toLowerCase())
    .join(' ')
  return t.charAt(0).toUpperCase() + t.slice(1)
}

/** A value for <input type="datetime-local"> and back to the wire. */
export function toLocal(iso: string): string {
  const d = new Date(iso)
  return isNaN(+d) ? '' : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`
}
export function fromLocal(v: string): string {
  const d = new Date(v)
  return isNaN(+d) ? '' : d.toISOString().replace('.000Z', 'Z')
}
