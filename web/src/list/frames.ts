import { APIError, fail, ownHeaders, prefix, type Problem } from '../api/client'
import { text } from '../text'

export interface Progress {
  rows: number
  total?: number
}

/**
 * Exports a list and reports the progress. The answer is a sequence of frames:
 * an octet that says what it is, four octets of length, and the content; r is
 * progress, d a piece of the file, e a problem, z the end. Without z the file
 * is not whole.
 */
export async function exportList(list: string, query: URLSearchParams, progress: (p: Progress) => void, signal: AbortSignal): Promise<Blob> {
  query.set('frames', 'true')
  const r = await fetch(`${prefix}/lists/${list}/export?${query}`, { headers: ownHeaders, signal })
  if (!r.ok || !r.body) fail(r.status, await r.json().catch(() => undefined))
  const reader = r.body.getReader()
  const parts: BlobPart[] = []
  let pending = new Uint8Array(0)
  for (;;) {
    const { value, done } = await reader.read()
    if (value) {
      const joined = new Uint8Array(pending.length + value.length)
      joined.set(pending)
      joined.set(value, pending.length)
      pending = joined
    }
    let at = 0
    while (pending.length - at >= 5) {
      const length = new DataView(pending.buffer, pending.byteOffset + at + 1, 4).getUint32(0)
      if (pending.length - at < 5 + length) break
      const kind = String.fromCharCode(pending[at]!)
      const body = pending.slice(at + 5, at + 5 + length)
      at += 5 + length
      if (kind === 'd') parts.push(body)
      else if (kind === 'r') progress(JSON.parse(new TextDecoder().decode(body)) as Progress)
      else if (kind === 'e') throw new APIError(JSON.parse(new TextDecoder().decode(body)) as Problem)
      else if (kind === 'z') return new Blob(parts)
    }
    pending = pending.slice(at)
    if (done) throw new Error(text.export.broken)
  }
}

/** Hands a file to the browser. */
export function save(blob: Blob, name: string) {
  const a = document.createElement('a')
  a.href = URL.createObjectURL(blob)
  a.download = name
  a.click()
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000)
}
