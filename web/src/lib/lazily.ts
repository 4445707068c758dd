import { lazy, type ComponentType, type LazyExoticComponent } from 'react'
import { text } from '../text'

/** The script of a page did not come. */
export class PartError extends Error {}

/**
 * A page whose script is loaded when it is opened first. The names of scripts hold a digest of their content, so a
 * browser that was open during an upgrade asks for one that is gone: then the whole portal is loaded anew, once for
 * each page, and only when there is a server to load it from. What fails after that is said.
 */
export function lazily<M, P>(name: string, load: () => Promise<M>, pick: (m: M) => ComponentType<P>): LazyExoticComponent<ComponentType<P>> {
  const mark = 'certwright-reloaded-' + name
  return lazy(async () => {
    try {
      const part = await load()
      remembered(mark, false)
      return { default: pick(part) }
    } catch {
      if (remembered(mark) || !(await answers()) || !remembered(mark, true)) throw new PartError(text.state.partHint)
      location.reload()
      return new Promise<never>(() => undefined) // the page goes away
    }
  })
}

/** Says whether a mark is set, or sets it, for this tab; false when the browser keeps nothing. */
function remembered(mark: string, set?: boolean): boolean {
  try {
    if (set) sessionStorage.setItem(mark, '1')
    else if (set === false) sessionStorage.removeItem(mark)
    return sessionStorage.getItem(mark) !== null
  } catch {
    return false
  }
}

async function answers(): Promise<boolean> {
  try {
    return (await fetch(location.href, { cache: 'no-store' })).ok
  } catch {
    return false
  }
}
