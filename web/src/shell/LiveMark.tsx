import { useIsFetching } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useLive, useLiveState } from '../lib/live'
import { text } from '../text'

const t = text.live

/** Whether what is shown follows what happens, as a word and a mark. */
export function LiveMark() {
  useLive()
  const state = useLiveState()
  const busy = useIsFetching() > 0
  // For tests that must not look too early.
  useEffect(() => {
    document.documentElement.dataset.busy = String(busy)
  }, [busy])
  return (
    <span role="status" className={'status live-mark ' + (state === 'live' ? 'good' : 'open')} title={t.hints[state]} data-live={state}>
      <span aria-hidden="true" className="mark" />
      {t.states[state]}
    </span>
  )
}
