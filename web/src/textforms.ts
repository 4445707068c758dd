// The part of the catalogue (text.ts) for live updates and for the forms of
// products and CAs.
export const forms = {
  live: {
    states: { live: 'Live', reconnecting: 'Reconnecting', polling: 'Not live' },
    hints: { live: 'Changes are shown as they happen', reconnecting: 'The connection for live changes is being made again', polling: 'There is no connection for live changes; pages are read again from time to time' },
    change: 'change, refresh', changes: 'changes, refresh',
  },
  job: {
    title: 'Job', details: 'Details', progress: 'Progress', attempt: 'Attempt', of: 'of', error: 'Last error', args: 'Arguments', created: 'Created', scheduled: 'Scheduled', started: 'Started', finished: 'Finished', system: 'Of the server itself',
  },
} as const
