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
  const [n, unit] = abs < 3600e3 ? [Math.round(abs / 60e3), 'minute'] : abs < 48 * 3600e3 ? [Math.round(abs / 3600e3), 'hour'] : [Math.floor(abs / 86400e3), 'day']
  const words = `${n} ${unit}${n === 1 ? '' : 's'}`
  return ms >= 0 ? `in ${words}` : `${words} ago`
}

export function count(n: number): string {
  return n.toLocaleString('en-GB')
}

/** Hex in pairs, as people compare it. */
export function pairs(hex: string): string {
  return (hex.match(/../g) ?? []).join(':').toUpperCase()
}

/** on-hold → On hold */
export function words(s: string): string {
  const t = s.replaceAll(/[-_]/g, ' ')
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
