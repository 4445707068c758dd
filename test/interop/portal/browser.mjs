// Debian's Chromium and how parts of the tests use it. Settings come in the
// environment; what went wrong is printed as a JSON array.
import { chromium } from 'playwright-core'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

export const s = JSON.parse(process.env.CERTWRIGHT_DRIVE)
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
export const problems = []
export const bad = (text) => problems.push(text)

export const context = await chromium.launchPersistentContext(s.profile, {
  executablePath: s.chromium, headless: true, ignoreHTTPSErrors: true, acceptDownloads: true, reducedMotion: 'reduce', viewport: { width: 1400, height: 900 },
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
context.setDefaultTimeout(15_000)
/** Refusals that a part brings about on purpose: their statuses. */
export const expected = new Set()
let at = 'start'

/** Opens a page on which every message on the console and every refusal counts as a fault. */
export async function newPage() {
  const p = await context.newPage()
  p.on('console', (m) => ['error', 'warning'].includes(m.type()) && !(expected.size && m.text().startsWith('Failed to load resource')) && bad(`${at}: console: ${m.text()}`))
  p.on('pageerror', (e) => bad(`${at}: ${e}`))
  p.on('response', (r) => r.status() >= 400 && !expected.has(r.status()) && bad(`${at}: ${r.status()} ${r.url()}`))
  return p
}

/** The page that the helpers below work on. */
export let page = await newPage()
export function goOnWith(p) {
  page = p
}

/** While a test is written: only the parts whose names match, and signing in. */
const only = new RegExp(process.env.CERTWRIGHT_PARTS ?? '')

/** Runs one part; a failure there does not hide the others. */
export async function part(name, f) {
  if (!only.test(name) && name !== 'sign in') return
  at = name
  try {
    await f()
  } catch (e) {
    bad(`${name}: ${String(e).split('\n').slice(0, 6).join(' ')}`)
    await page.screenshot({ path: path.join(s.dir, name.replace(/\W+/g, '_') + '.png') }).catch(() => undefined)
    await page.keyboard.press('Escape').catch(() => undefined)
  }
}

/** A part in which the server is to refuse something. */
export const refusedPart = (name, f) =>
  part(name, async () => {
    for (const status of [400, 403, 404, 409, 413, 415, 422, 429]) expected.add(status)
    await f().finally(() => quiet())
    expected.clear()
  }).finally(() => expected.clear())

/** Fails the part unless something holds. */
export function must(ok, text) {
  if (!ok) throw new Error(text)
}

/** Waits until the page has read what it shows. The network is never idle: the stream of events stays open. */
export const quiet = () =>
  page.waitForFunction(() => {
    const busy = document.getElementById('root') && (document.documentElement.dataset.busy !== 'false' || document.querySelector('.waiting'))
    window.quietFor = busy ? 0 : (window.quietFor ?? 0) + 1
    return window.quietFor > 3
  }, undefined, { polling: 50 })

export async function open(to) {
  await page.goto(s.base + to)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await quiet()
}

export async function accessible(what) {
  const found = await page.evaluate(async (source) => {
    if (!window.axe) (0, eval)(source)
    const r = await window.axe.run(document)
    return r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + (n.failureSummary ?? '').replace(/\s+/g, ' ')).join(' | ')}`)
  }, axe)
  for (const f of found) bad(`${what}: axe: ${f}`)
}

/** Waits until the list shows what its address says. */
export const settled = () =>
  page.waitForFunction(() => {
    const l = document.querySelector('.list')
    return l?.dataset.shown !== undefined && decodeURIComponent(l.dataset.shown) === decodeURIComponent(location.search || '?')
  })

export const counter = () => page.locator('.list [aria-live=polite]').first()

/** How many rows match, once the page says so. */
export const rows = async () => {
  await settled()
  await counter().filter({ hasText: /of [\d,]+ rows?/ }).waitFor()
  return Number(/of ([\d,]+) rows?/.exec(await counter().innerText())[1].replaceAll(',', ''))
}

/** Waits until so many rows match. */
export const match = (n) => counter().filter({ hasText: new RegExp(`of ${n} rows?$`) }).waitFor()

export const button = (name, exact = true) => page.getByRole('button', { name, exact })
export const item = (name) => page.getByRole('menuitem', { name, exact: true })
export const dialog = () => page.getByRole('dialog')

/** Signs in on the page that is open. */
export async function signIn(login, password) {
  await page.getByLabel('User name').fill(login)
  await page.getByLabel('Password').fill(password)
  await button('Sign in').click()
  await page.getByRole('heading', { level: 1 }).waitFor()
  await quiet()
}

/** The end: what went wrong. */
export async function finish() {
  await context.close()
  console.log(JSON.stringify(problems))
}
