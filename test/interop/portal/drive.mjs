// Drives the portal in Debian's Chromium: every page with axe, in light and
// dark and on a tablet, and what one does on them. Settings come in the
// environment; what went wrong is printed as a JSON array.
import { chromium } from 'playwright-core'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const s = JSON.parse(process.env.CERTWRIGHT_DRIVE)
const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const problems = []
const bad = (text) => problems.push(text)

const context = await chromium.launchPersistentContext(s.profile, {
  executablePath: s.chromium, headless: true, ignoreHTTPSErrors: true, acceptDownloads: true, reducedMotion: 'reduce', viewport: { width: 1400, height: 900 },
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
context.setDefaultTimeout(15_000)
const page = await context.newPage()
let at = 'start'
page.on('console', (m) => ['error', 'warning'].includes(m.type()) && bad(`${at}: console: ${m.text()}`))
page.on('pageerror', (e) => bad(`${at}: ${e}`))
page.on('response', (r) => r.status() >= 400 && !expected.has(r.status()) && bad(`${at}: ${r.status()} ${r.url()}`))
const expected = new Set()

/** Runs one part; a failure there does not hide the others. */
async function part(name, f) {
  at = name
  try {
    await f()
  } catch (e) {
    bad(`${name}: ${String(e).split('\n').slice(0, 6).join(' ')}`)
    await page.screenshot({ path: path.join(s.dir, name.replace(/\W+/g, '_') + '.png') }).catch(() => undefined)
    await page.keyboard.press('Escape').catch(() => undefined)
  }
}

/** Fails the part unless something holds. */
function must(ok, text) {
  if (!ok) throw new Error(text)
}

async function open(to) {
  await page.goto(s.base + to)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await quiet()
}

/** Waits until the page has read what it shows. The network is never idle: the stream of events stays open. */
const quiet = () =>
  page.waitForFunction(() => {
    window.quietFor = document.documentElement.dataset.busy === 'false' ? (window.quietFor ?? 0) + 1 : 0
    return window.quietFor > 3
  }, undefined, { polling: 50 })

async function accessible(what) {
  const found = await page.evaluate(async (source) => {
    if (!window.axe) (0, eval)(source)
    const r = await window.axe.run(document)
    return r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(' ') + ' ' + (n.failureSummary ?? '').replace(/\s+/g, ' ')).join(' | ')}`)
  }, axe)
  for (const f of found) bad(`${what}: axe: ${f}`)
}

/** Waits until the list shows what its address says. */
const settled = () =>
  page.waitForFunction(() => {
    const l = document.querySelector('.list')
    return l?.dataset.shown !== undefined && decodeURIComponent(l.dataset.shown) === decodeURIComponent(location.search || '?')
  })

const counter = () => page.locator('.list [aria-live=polite]').first()

/** How many rows match, once the page says so. */
const rows = async () => {
  await settled()
  await counter().filter({ hasText: /of [\d,]+ rows?/ }).waitFor()
  return Number(/of ([\d,]+) rows?/.exec(await counter().innerText())[1].replaceAll(',', ''))
}

/** Waits until so many rows match. */
const match = (n) => counter().filter({ hasText: new RegExp(`of ${n} rows?$`) }).waitFor()

const button = (name, exact = true) => page.getByRole('button', { name, exact })
const item = (name) => page.getByRole('menuitem', { name, exact: true })
const dialog = () => page.getByRole('dialog')

// The sign-in page needs no script, so axe is run over it by the test of what it shows.
await part('sign in', async () => {
  await page.goto(s.base + '/certificates?filter=state:eq:active')
  must(new URL(page.url()).pathname === '/signin', 'a stranger sees ' + page.url())
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password').fill(s.password)
  await button('Sign in').click()
  await page.getByRole('heading', { name: 'Certificates', level: 1 }).waitFor()
  must(page.url().endsWith('/certificates?filter=state:eq:active'), 'the deep link led to ' + page.url())
})

for (const to of s.routes) {
  await part('page ' + to, async () => {
    await page.setViewportSize({ width: 1400, height: 900 })
    await page.emulateMedia({ colorScheme: 'light' })
    await open(to)
    const r = await page.request.get(s.base + to)
    const csp = r.headers()['content-security-policy'] ?? ''
    must(/style-src 'self' 'nonce-/.test(csp) && !csp.includes('unsafe'), 'CSP ' + csp)
    await accessible(to)
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.waitForFunction(() => document.documentElement.dataset.mantineColorScheme === 'dark')
    await accessible(to + ' dark')
    await page.setViewportSize({ width: 820, height: 1100 })
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    must(wide <= 0, `on a tablet ${wide} pixels stick out`)
    await page.emulateMedia({ colorScheme: 'light' })
  })
}
await page.setViewportSize({ width: 1400, height: 900 })

await part('tiles open the list they count', async () => {
  await open('/')
  const labels = await page.locator('[data-tile]').evaluateAll((l) => l.map((e) => e.dataset.tile))
  must(labels.length >= 10, labels.length + ' tiles')
  for (const label of labels) {
    await open('/')
    const link = page.locator(`[data-tile="${label}"] a.number`)
    const n = Number((await link.innerText()).replaceAll(',', ''))
    await link.click()
    await page.locator('.list').waitFor()
    const got = await rows()
    must(got === n, `${label}: ${n} on the tile, ${got} in the list`)
  }
})

await part('slices open the list they count', async () => {
  await open('/')
  const links = page.locator('.legend a, .weeks a')
  const count = await links.count()
  must(count >= 15, count + ' slices')
  for (let i = 0; i < count; i++) {
    await open('/')
    const n = Number((await links.nth(i).innerText()).replaceAll(',', ''))
    const name = await links.nth(i).getAttribute('aria-label')
    await links.nth(i).click()
    await page.locator('.list').waitFor()
    must((await rows()) === n, `${name}: ${n} in the chart, ${await rows()} in the list`)
  }
})

await part('filter', async () => {
  await open('/certificates')
  const all = await rows()
  await button('Add filter').click()
  await page.getByLabel('Column', { exact: true }).selectOption('common_name')
  const operators = await page.getByLabel('Operator', { exact: true }).locator('option').allInnerTexts()
  must(operators.slice(0, 2).join() === 'Contains,Equals' && operators.includes('All'), 'operators of a text: ' + operators)
  await page.getByLabel('Value', { exact: true }).fill('HOST1.')
  await page.waitForURL(/filter=common_name:contains:HOST1\./)
  await match(1)
  await button('Add filter').click()
  await page.getByLabel('Column 2').selectOption('state')
  must((await page.getByLabel('Value 2').locator('option').first().innerText()) === 'All', 'no All among the values of a state')
  await page.getByLabel('Value 2').selectOption('revoked')
  await page.getByText('No rows match the filter').waitFor()
  await page.getByLabel('Value 2').selectOption('')
  await page.waitForURL(/filter=state:all/)
  await match(1)
  await page.goBack()
  await open('/certificates?filter=not_after:between:now,%2B30d')
  must((await page.getByLabel('Value', { exact: true }).inputValue()) === '30 days', 'relative span')
  await button('Clear filters').click()
  await page.waitForURL((u) => !u.search.includes('filter'))
  await match(all)
  for (const f of ['not_after:lt:2000-01-01T00:00:00Z', 'key_algorithm:startswith:ECDSA', 'number:between:1,9', 'tags:empty', 'names:notcontains:host', 'replaced:eq:false', 'state:in:active,revoked', 'serial:notempty', 'common_name:endswith:internal', 'subject:ne:x']) {
    await open('/certificates?filter=' + f)
    must(Number.isInteger(await rows()), f)
  }
})

await part('sort, columns, pages', async () => {
  await open('/certificates?limit=25')
  await button('Common name').click()
  await page.waitForURL(/sort=common_name/)
  await page.locator('th[aria-sort=ascending]').waitFor()
  await button('Common name').click()
  await page.waitForURL(/sort=-common_name/)
  await settled()
  const first = await page.locator('tbody tr').first().innerText()
  await button('Next page').click()
  await page.waitForURL(/cursor=/)
  await settled()
  must((await page.locator('.list [aria-live=polite]').innerText()).startsWith('26–'), 'second page')
  await button('Previous page').click()
  await page.waitForURL((u) => !u.search.includes('cursor'))
  await settled()
  must((await page.locator('tbody tr').first().innerText()) === first, 'another first page')
  await button('Columns').click()
  await page.getByRole('checkbox', { name: 'Serial number' }).check()
  await page.getByRole('checkbox', { name: 'Protocol' }).uncheck()
  await page.waitForURL(/columns=/)
  await page.keyboard.press('Escape')
  const heads = await page.locator('th').allInnerTexts()
  must(heads.some((h) => h.startsWith('Serial number')) && !heads.some((h) => h.startsWith('Protocol')), 'columns: ' + heads)
})

await part('saved views', async () => {
  await open('/certificates?filter=state:eq:active&sort=not_after&columns=number,not_after')
  await button('Views').click()
  await item('Save this view…').click()
  await dialog().getByLabel('Name').fill('Soon')
  await dialog().getByLabel('Share with everybody').check()
  await dialog().getByRole('button', { name: 'Save' }).click()
  await dialog().waitFor({ state: 'hidden' })
  await open('/certificates')
  await button('Views').click()
  await item('Soon').click()
  await page.waitForURL(/filter=state:eq:active&sort=not_after&columns=number,not_after/)
  await button('Soon').click()
  await item('Delete: Soon').click()
  await dialog().getByRole('button', { name: 'Delete' }).click()
  await dialog().waitFor({ state: 'hidden' })
  await button('Views').waitFor()
})

await part('exports', async () => {
  await open('/certificates?filter=common_name:startswith:host&sort=number&columns=number,common_name,state,not_after,issuer')
  for (const [label, ext] of [['Export to Excel', 'xlsx'], ['Export to PDF', 'pdf'], ['Export to CSV', 'csv']]) {
    await button('Export').click()
    const download = page.waitForEvent('download')
    await item(label).click()
    await (await download).saveAs(path.join(s.dir, 'certificates.' + ext))
    await dialog().waitFor({ state: 'hidden' })
  }
})

await part('keyboard', async () => {
  await open('/certificates')
  await page.keyboard.press('Tab')
  must((await page.evaluate(() => document.activeElement.textContent)) === 'Skip to the content', 'the first stop is no skip link')
  await page.keyboard.press('Enter')
  const menu = page.locator('td.actions button').first()
  await menu.focus()
  await page.keyboard.press('Enter')
  await page.getByRole('menu').waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Escape')
  await page.getByRole('menu').waitFor({ state: 'hidden' })
  must(await menu.evaluate((e) => e === document.activeElement), 'the focus is lost after the menu')
})

await part('revoke', async () => {
  await open('/certificates?filter=common_name:eq:host2.example.internal')
  await page.getByRole('link', { name: 'host2.example.internal', exact: true }).click()
  await page.getByRole('heading', { name: 'host2.example.internal' }).waitFor()
  await button('Revoke').click()
  await dialog().getByLabel('Reason').selectOption('keyCompromise')
  await accessible('revoke dialog')
  await dialog().getByRole('button', { name: 'Revoke' }).click()
  await page.locator('.page-head .status', { hasText: 'Revoked' }).waitFor()
  await page.getByRole('tab', { name: 'History' }).click()
  await page.getByText('certificate.revoke', { exact: true }).first().waitFor()
})

await part('bulk', async () => {
  await open('/certificates?filter=common_name:in:host3.example.internal,host4.example.internal')
  await page.getByLabel('Select all rows of this page').check()
  await button('Revoke (Superseded)').click()
  await dialog().getByRole('button', { name: 'Revoke (Superseded)' }).click()
  await page.waitForFunction(() => document.querySelectorAll('tbody .status.bad').length === 2)
})

await part('credentials', async () => {
  await open('/integrations/apis')
  const before = await rows()
  await page.getByRole('link', { name: '+ New API Credentials' }).click()
  await page.getByRole('radio', { name: 'ACME' }).check()
  await button('Next').click()
  await accessible('wizard, authentication')
  await button('Next').click()
  await page.getByRole('combobox', { name: 'User' }).click()
  await page.getByRole('option', { name: 'owner' }).click()
  await page.getByRole('combobox', { name: 'Group' }).click()
  await page.getByRole('option').first().click()
  await page.getByRole('combobox', { name: 'Products' }).click()
  await page.getByRole('option', { name: 'tls-server' }).click()
  await page.keyboard.press('Escape')
  await accessible('wizard, owner')
  await button('Next').click()
  await page.getByLabel('Label', { exact: true }).fill('from-the-portal')
  await button('Generate API Credentials').click()
  await page.getByText('Shown this once').waitFor()
  await accessible('wizard, secret')
  const secret = await page.getByRole('region', { name: 'Secret' }).innerText()
  must(secret.length > 20, 'no secret')
  await page.getByRole('link', { name: 'I have kept it' }).click()
  await page.getByRole('heading', { name: 'from-the-portal' }).waitFor()
  must(!(await page.content()).includes(secret), 'the secret is shown again')
  await button('Regenerate').click()
  await dialog().getByRole('button', { name: 'Regenerate' }).click()
  const next = await dialog().getByRole('region', { name: 'Secret' }).innerText()
  must(next !== secret, 'the same secret')
  await dialog().getByRole('button', { name: 'I have kept it' }).click()
  await page.getByRole('tab', { name: 'Audit Logs' }).click()
  await page.getByText('credential.regenerate').first().waitFor()
  await button('Revoke').click()
  await dialog().getByRole('button', { name: 'Revoke' }).click()
  await page.locator('.page-head .status', { hasText: 'Revoked' }).waitFor()
  await open('/integrations/apis')
  must((await rows()) === before + 1, 'the list has no new row')
})

await part('order and approve', async () => {
  await open('/orders?filter=state:eq:pending-approval')
  must((await rows()) === 1, `${await rows()} orders wait`)
  await page.locator('tbody a').first().click()
  await button('Approve').click()
  await dialog().getByLabel('Comment').fill('fine')
  await dialog().getByRole('button', { name: 'Approve' }).click()
  await page.locator('.page-head .status', { hasText: 'Issued' }).waitFor()
})

await part('order with a key made here', async () => {
  await open('/orders')
  await page.getByRole('link', { name: '+ New order' }).click()
  await page.getByRole('combobox', { name: 'Product' }).click()
  await page.getByRole('option', { name: 'tls-server' }).click()
  await page.getByRole('radio', { name: 'Make the key here' }).check()
  await page.getByLabel('Common name').fill('portal.example.internal')
  await page.getByRole('combobox', { name: 'Names' }).fill('portal.example.internal')
  await page.keyboard.press('Enter')
  await button('Order').click()
  await page.getByText('The certificate is issued').waitFor()
  await accessible('an issued order')
  must((await page.getByRole('region', { name: 'Private key (PKCS#8)' }).innerText()).includes('PRIVATE KEY'), 'no key')
  await page.getByRole('link', { name: 'Open the certificate' }).click()
  await page.getByRole('heading', { name: 'portal.example.internal' }).waitFor()
})

await part('bad input', async () => {
  expected.add(422).add(400).add(409)
  await open('/domains')
  await button('Register domain').click()
  await dialog().getByLabel('Domain').fill('not a domain!')
  await dialog().getByRole('button', { name: 'Register' }).click()
  await dialog().getByRole('alert').waitFor()
  await accessible('a refused form')
  await dialog().getByRole('button', { name: 'Cancel' }).click()
  await open('/groups')
  await button('New group').click()
  await dialog().getByLabel('Name').fill(s.group)
  await dialog().getByRole('button', { name: 'Save' }).click()
  await dialog().getByRole('alert').waitFor()
  await dialog().getByRole('button', { name: 'Cancel' }).click()
  await open('/certificates?filter=nothing:eq:x')
  await page.getByRole('alert').waitFor()
  await button('Clear filters').click()
  await page.locator('tbody tr').first().waitFor()
  problems.splice(0, problems.length, ...problems.filter((p) => !p.startsWith('bad input: console: Failed to load resource')))
  expected.clear()
})

await part('product dry run', async () => {
  await open('/products?filter=code:eq:tls-server')
  await page.getByRole('link', { name: 'tls-server' }).click()
  await page.getByRole('tab', { name: 'Would this be issued?' }).click()
  await page.getByLabel('Common name').fill('a.example.internal')
  await page.getByRole('combobox', { name: 'Names' }).fill('a.example.internal')
  await page.keyboard.press('Enter')
  await button('Ask').click()
  await page.getByText('It would be issued').waitFor()
  await accessible('dry run')
})

await part('audit verify', async () => {
  await open('/audit')
  await button('Verify').click()
  await page.getByText('The log is complete and unchanged').waitFor()
  await accessible('verify dialog')
  await dialog().getByRole('button', { name: 'Cancel' }).click()
})

await part('sign out', async () => {
  await open('/')
  await button('Account of admin').click()
  await item('Sign out').click()
  await page.waitForURL(/\/signin$/)
  await accessible('sign-in page')
  await page.goto(s.base + '/certificates')
  must(new URL(page.url()).pathname === '/signin', 'still signed in')
})

await part('a requester', async () => {
  await page.getByLabel('User name').fill(s.requester.login)
  await page.getByLabel('Password').fill(s.requester.password)
  await button('Sign in').click()
  await page.getByRole('heading', { level: 1 }).waitFor()
  await quiet()
  const links = await page.getByRole('navigation', { name: 'Main navigation' }).getByRole('link').allInnerTexts()
  must(links.includes('Certificates') && !links.includes('Audit log') && !links.includes('Jobs') && !links.includes('APIs'), 'navigation: ' + links)
  await open('/groups')
  must((await button('New group').count()) === 0, 'a requester may make groups')
  await open('/')
  await accessible('a requester at home')
})

await context.close()
console.log(JSON.stringify(problems))
