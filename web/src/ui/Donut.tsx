import { Group } from '@mantine/core'
import { Link } from 'wouter'
import { count } from '../lib/format'
import { text } from '../text'

export interface Slice {
  label: string
  value: number
  href?: string
}

// Told apart in light and dark, and by people who do not see all colours: the
// legend says everything, too.
const colours = ['#1971c2', '#e8590c', '#2b8a3e', '#ae3ec9', '#f08c00', '#0c8599', '#c2255c', '#5f3dc4', '#868e96']
const most = colours.length - 1

/** Shares of a whole. The legend is the accessible form, and where one clicks. */
export function Donut({ slices, label }: { slices: Slice[]; label: string }) {
  const shown = slices.length > most ? [...slices.slice(0, most), { label: text.home.others, value: slices.slice(most).reduce((n, s) => n + s.value, 0) }] : slices
  const total = shown.reduce((n, s) => n + s.value, 0)
  const round = 2 * Math.PI * 40
  let at = 0
  return (
    <Group wrap="nowrap" gap="md" align="flex-start">
      <svg width="120" height="120" viewBox="0 0 100 100" role="img" aria-label={`${label}: ${count(total)}`}>
        <circle cx="50" cy="50" r="40" fill="none" stroke="var(--mantine-color-default-border)" strokeWidth="14" />
        {total > 0 &&
          shown.map((s, i) => {
            const length = (round * s.value) / total
            const arc = <circle key={s.label} cx="50" cy="50" r="40" fill="none" stroke={colours[i % colours.length]} strokeWidth="14" strokeDasharray={`${length} ${round - length}`} strokeDashoffset={-at} transform="rotate(-90 50 50)" />
            at += length
            return arc
          })}
        <text x="50" y="50" textAnchor="middle" dominantBaseline="central" fontSize="16" fontWeight="650" fill="currentColor">
          {count(total)}
        </text>
      </svg>
      <ul className="legend">
        {shown.map((s, i) => (
          <li key={s.label}>
            <svg className="swatch" viewBox="0 0 10 10" aria-hidden="true">
              <rect width="10" height="10" fill={colours[i % colours.length]} />
            </svg>
            <span className="label" title={s.label}>
              {s.label}
            </span>
            {s.href ? (
              <Link href={s.href} aria-label={`${s.label}: ${count(s.value)}`}>
                {count(s.value)}
              </Link>
            ) : (
              <span>{count(s.value)}</span>
            )}
          </li>
        ))}
      </ul>
    </Group>
  )
}
