import { APIError } from '../api/client'

/** What the server said about single fields of a form, by their path in the request. */
export type Faults = Record<string, string>

/** Reads the fields out of a refusal: the one it names, and those of its reasons. */
export function faultsOf(e: unknown): Faults {
  const out: Faults = {}
  if (!(e instanceof APIError)) return out
  for (const r of e.problem.reasons ?? []) if (r.field && !out[r.field]) out[r.field] = [r.detail, r.value && `(${r.value})`].filter(Boolean).join(' ')
  if (e.problem.field && !out[e.problem.field]) out[e.problem.field] = e.message
  return out
}

/** What is wrong with a field, or with one of the values that it lists. */
export function faultAt(faults: Faults, path: string): string | undefined {
  if (faults[path]) return faults[path]
  const inside = Object.keys(faults).find((k) => k.startsWith(path + '[') && !k.slice(path.length).includes('.'))
  return inside && faults[inside]
}

/** Brings whoever filled in the form to its first faulty field. */
export function toFirstFault(form: HTMLElement | null) {
  window.setTimeout(() => form?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus(), 50)
}
