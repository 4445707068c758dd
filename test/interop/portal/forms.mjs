// Drives live updates and the forms of products and CAs in Debian's Chromium.
// Settings come in the environment; what went wrong is printed as a JSON array.
import { chromium } from 'playwright-core'
import fs from 'node:fs'
import https from 'node:https'
import { createRequire } from 'node:module'
import path from 'node:path'

const s = JSON.parse(process.env.CERTWRIGHT_DRIVE)
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const problems = []
const bad = (text) => problems.push(text)
const prefix = '/api/certwright/v1'

const context = await chromium.launchPersistentContext(s.profile, {
  executablePath: s.chromium, headless: true, ignoreHTTPSErrors: true, acceptDownloads: true, reducedMotion: 'reduce', viewport: { width: 1400, height: 900 },
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
context.setDefaultTimeout(15_000)
let at = 'start'
const expected = new Set() // statuses that are no fault now; 0: requests that fail
let streams = 0
function watch(p) {
  p.on('console', (m) => {
    if (!['error', 'warning'].includes(m.type())) return
    if (expected.size > 0 && m.text().startsWith('Failed to load resource')) return
    bad(`${at}: console: ${m.text()}`)
  })
  p.on('pageerror', (e) => bad(`${at}: ${e}`))
  p.on('response', (r) => r.status() >= 400 && !expected.has(r.status()) && bad(`${at}: ${r.status()} ${r.url()}`))
  p.on('request', (r) => r.url().includes('/events?') && streams++)
  return p
}
let page = watch(await context.newPage())

async function part(name, f) {
  at = name
  try {
    await f()
  } catch (e) {
    bad(`${name}: ${String(e).split('\n').slice(0, 6).join(' ')}`)
    await page.screenshot({ path: path.join(s.dir, name.replace(/\W+/g, '_') + '.png') }).catch(() => undefined)
    await page.keyboard.press('Escape').catch(() => undefined)
  }
  expected.clear()
}

function must(ok, text) {
  if (!ok) throw new Error(text)
}

const quiet = (p = page) =>
  p.waitForFunction(() => {
    window.quietFor = document.documentElement.dataset.busy === 'false' ? (window.quietFor ?? 0) + 1 : 0
    return window.quietFor > 3
  }, undefined, { polling: 50 })

async function open(to, p = page) {
  await p.goto(s.base + to)
  await p.getByRole('heading', { level: 1 }).waitFor()
  await quiet(p)
}

/** Judges the page in light and in dark. */
async function accessible(what) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme })
    await page.waitForFunction((x) => document.documentElement.dataset.mantineColorScheme === x, scheme)
    const found = await page.evaluate(async (source) => {
      if (!window.axe) (0, eval)(source)
      const r = await window.axe.run(document)
      return r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + (n.failureSummary ?? '').replace(/\s+/g, ' ')).join(' | ')}`)
    }, axe)
    for (const f of found) bad(`${what}, ${scheme}: axe: ${f}`)
  }
  await page.emulateMedia({ colorScheme: 'light' })
}

const button = (name, exact = true) => page.getByRole('button', { name, exact })
const item = (name) => page.getByRole('menuitem', { name, exact: true })
const dialog = () => page.getByRole('dialog')
const live = (p, state) => p.locator(`[data-live=${state}]`).waitFor()

/** Calls the API as the browser's user, without the page. */
async function call(method, to, data) {
  const r = await page.request.fetch(s.base + prefix + to, { method, data, headers: { 'X-Requested-With': 'certwright' } })
  if (!r.ok()) throw new Error(`${method} ${to}: ${r.status()} ${await r.text()}`)
  return r.status() === 204 ? undefined : r.json()
}
const order = (name) => call('POST', '/orders', { product: 'tls-server', generate: 'ECDSA P-256', names: [name], subject: [{ type: 'CN', value: name }], group: s.group })

await part('sign in', async () => {
  await page.goto(s.base + '/signin')
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password').fill(s.password)
  await button('Sign in').click()
  await page.getByRole('heading', { level: 1 }).waitFor()
})

const list = '/certificates?filter=common_name:endswith:live.internal&sort=common_name'
const row = (p, name) => p.locator('tbody').getByRole('link', { name, exact: true })

await part('a change appears by itself', async () => {
  await open(list)
  await live(page, 'live')
  const made = await order('a.live.internal')
  await row(page, 'a.live.internal').waitFor()
  await open('/certificates/' + made.certificate.id)
  await live(page, 'live')
  await call('POST', `/certificates/${made.certificate.id}/revoke`, { reason: 'superseded' })
  await page.locator('.page-head .status', { hasText: 'Revoked' }).waitFor()
})

await part('nothing moves under a selection', async () => {
  await open(list)
  await live(page, 'live')
  await page.getByLabel('Select a.live.internal').check()
  await order('b.live.internal')
  const waiting = button('1 change, refresh')
  await waiting.waitFor()
  must((await row(page, 'b.live.internal').count()) === 0, 'the list moved')
  await accessible('changes wait')
  await waiting.click()
  await row(page, 'b.live.internal').waitFor()
  await waiting.waitFor({ state: 'hidden' })
  must(await page.getByLabel('Select a.live.internal').isChecked(), 'the selection is lost')
})

await part('counts follow', async () => {
  await open('/')
  await live(page, 'live')
  const tile = page.locator('[data-tile="Active certificates"] a.number')
  const before = Number((await tile.innerText()).replaceAll(',', ''))
  await order('c.live.internal')
  await page.waitForFunction((n) => Number(document.querySelector('[data-tile="Active certificates"] a.number')?.textContent.replaceAll(',', '')) === n, before + 1)
})

await part('two pages, one stream', async () => {
  await open(list)
  await live(page, 'live')
  const before = streams
  const second = watch(await context.newPage())
  await open(list, second)
  await live(second, 'live')
  must(streams - before <= 1, `${streams - before} new streams`)
  await order('d.live.internal')
  await row(second, 'd.live.internal').waitFor()
  await page.close()
  page = second
  await order('e.live.internal')
  await row(second, 'e.live.internal').waitFor()
})

await part('reconnect', async () => {
  expected.add(0)
  await page.route('**/events?*', (r) => r.abort())
  await open(list)
  await live(page, 'reconnecting')
  await accessible('reconnecting')
  await page.unroute('**/events?*')
  await live(page, 'live')
})

await part('no stream is free', async () => {
  await page.goto('about:blank')
  const cookie = (await context.cookies(s.base)).map((c) => c.name + '=' + c.value).join('; ')
  const held = []
  // The stream of the page that was left may still count for a moment.
  while (held.length < 8) {
    const r = await new Promise((done, fail) => https.get(s.base + prefix + '/events', { headers: { cookie }, rejectUnauthorized: false, agent: false }, done).on('error', fail))
    if (r.statusCode === 200) held.push(r.resume())
    else r.destroy()
  }
  await page.clock.install()
  await open(list)
  await live(page, 'polling')
  await accessible('polling')
  await order('f.live.internal')
  await page.clock.fastForward(16_000)
  await row(page, 'f.live.internal').waitFor()
  for (const r of held) r.destroy()
  await page.clock.fastForward(90_000)
  await live(page, 'live')
  await page.close()
  page = watch(await context.newPage())
})

await part('a job', async () => {
  await open('/jobs')
  await page.locator('tbody a').first().click()
  await page.getByRole('heading', { level: 1, name: /^Job \d+: / }).waitFor()
  await quiet()
  await accessible('a job')
})

await context.close()
console.log(JSON.stringify(problems))
