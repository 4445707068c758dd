// A browser for scripts that drive pages. Settings come in the environment; what
// went wrong is printed by finish() as a JSON array.
import { chromium } from 'playwright-core'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

export const s = JSON.parse(process.env.CERTWRIGHT_DRIVE)
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const problems = []
export const bad = (text) => problems.push(text)
export const expected = new Set()

export const context = await chromium.launchPersistentContext(s.profile, {
  executablePath: s.chromium, headless: true, ignoreHTTPSErrors: true, reducedMotion: 'reduce', viewport: { width: 1200, height: 900 },
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
context.setDefaultTimeout(15_000)
export const page = await context.newPage()
let at = 'start'
// Chromium reports an answer of 400 and above on the console as well.
page.on('console', (m) => ['error', 'warning'].includes(m.type()) && !m.text().startsWith('Failed to load resource') && bad(`${at}: console: ${m.text()}`))
page.on('pageerror', (e) => bad(`${at}: ${e}`))
page.on('response', (r) => r.status() >= 400 && !expected.has(r.status()) && bad(`${at}: ${r.status()} ${r.url()}`))

/** Runs one part; a failure there does not hide the others. */
export async function part(name, f) {
  at = name
  try {
    await f()
  } catch (e) {
    bad(`${name}: ${String(e).split('\n').slice(0, 6).join(' ')}`)
    await page.screenshot({ path: path.join(s.dir, name.replace(/\W+/g, '_') + '.png') }).catch(() => undefined)
  }
}

/** Fails the part unless something holds. */
export function must(ok, text) {
  if (!ok) throw new Error(text)
}

/** Judges the present page with axe, in light and dark. */
export async function accessible(what) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    const found = await page.evaluate(async (source) => {
      if (!window.axe) (0, eval)(source)
      const r = await window.axe.run(document)
      return r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + (n.failureSummary ?? '').replace(/\s+/g, ' ')).join(' | ')}`)
    }, axe)
    for (const f of found) bad(`${what}, ${colorScheme}: axe: ${f}`)
    if (s.pictures) await page.screenshot({ path: path.join(s.pictures, `${what.replace(/\W+/g, '_')}_${colorScheme}.png`), fullPage: true })
  }
  await page.emulateMedia({ colorScheme: 'light' })
}

export const button = (name) => page.getByRole('button', { name, exact: true })
export const at_ = (to) => page.waitForURL((u) => u.pathname === to)

export async function finish() {
  await context.close()
  process.stdout.write(JSON.stringify(problems))
}
