// Drives live updates and the forms of products and CAs in Debian's Chromium.
// Settings come in the environment; what went wrong is printed as a JSON array.
import https from 'node:https'
import path from 'node:path'
import { accessible as judge, button, context, dialog, expected, finish, goOnWith, item, must, newPage, open, page, part as anyPart, quiet, s, signIn } from './browser.mjs'

const prefix = '/api/certwright/v1'
let streams = 0
context.on('request', (r) => r.url().includes('/events?') && streams++)

/** A part after which every refusal is a fault again. */
const part = (name, f) => anyPart(name, f).finally(() => expected.clear())

/** Judges the page in light and in dark. */
async function accessible(what) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme })
    await page.waitForFunction((x) => document.documentElement.dataset.mantineColorScheme === x, scheme)
    await judge(`${what}, ${scheme}`)
  }
  await page.emulateMedia({ colorScheme: 'light' })
}

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
  await signIn('admin', s.password)
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

await part('a storm of changes', async () => {
  await open('/certificates?filter=common_name:contains:storm&sort=common_name')
  await live(page, 'live')
  let reads = 0
  page.on('request', (r) => r.url().includes(prefix + '/certificates?') && reads++)
  const made = 12
  const began = Date.now()
  await Promise.all(Array.from({ length: made }, (_, i) => order(`storm${i}.example.internal`)))
  await page.waitForFunction((n) => document.querySelectorAll('tbody tr').length === n, made)
  const seconds = (Date.now() - began) / 1000
  must(reads <= 2 + seconds, `${made} changes in ${seconds} s, the list was read ${reads} times`)
})

await part('two pages, one stream', async () => {
  await open(list)
  await live(page, 'live')
  const before = streams
  const first = page
  const second = await newPage()
  goOnWith(second)
  await open(list)
  await live(second, 'live')
  must(streams - before <= 1, `${streams - before} new streams`)
  await order('d.live.internal')
  await row(second, 'd.live.internal').waitFor()
  await first.close()
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
  const timed = page
  goOnWith(await newPage())
  await timed.close()
})

await part('a job', async () => {
  await open('/jobs')
  await page.locator('tbody a').first().click()
  await page.getByRole('heading', { level: 1, name: /^Job \d+: / }).waitFor()
  await quiet()
  await accessible('a job')
})

/** A field by its whole label, with the mark of those that must be filled in. */
const field = (label, within = page) => within.getByLabel(new RegExp('^' + label.replace(/[()]/g, '\\$&') + '( \\*)?$')).first()

/** The field of a form and what stands under it when the server refused it. */
const faulty = async (label, words, within = page) => {
  const input = field(label, within)
  await input.and(page.locator('[aria-invalid=true]')).waitFor()
  const told = await input.evaluate((e) => (e.getAttribute('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join(' '))
  must(words.test(told), `${label}: ${told}`)
}
const region = (name) => page.getByRole('region', { name, exact: true })
const rule = (name) => page.getByRole('group', { name, exact: true })
async function type(box, ...values) {
  for (const v of values) {
    await box.fill(v)
    await page.keyboard.press('Enter')
  }
}

await part('a product with faults', async () => {
  expected.add(400).add(409)
  await open('/products')
  await page.getByRole('link', { name: 'New product' }).click()
  await page.getByRole('heading', { name: 'New product', level: 1 }).waitFor()
  await quiet()
  await field('Code').fill('No Code!')
  await button('Save product').click()
  await faulty('Code', /lower-case letters/)
  await field('Code').fill('tls-server')
  await field('Name').fill('Office TLS')
  await page.getByLabel('Issuing CA').selectOption({ index: 1 })
  await page.getByLabel('Backdate (minutes)').fill('9999')
  await type(rule('Rule 1').getByRole('combobox', { name: 'Domains' }), 'office.example', 'not a domain')
  await rule('Rule 1').getByRole('combobox', { name: /^Patterns/ }).fill('(')
  await page.keyboard.press('Enter')
  await button('Save product').click()
  await faulty('Backdate (minutes)', /at most 48 hours/)
  await faulty('Domains', /not a domain name/, rule('Rule 1'))
  await faulty('Patterns (RE2)', /not a regular expression/, rule('Rule 1'))
  await accessible('a refused product')
  await page.getByLabel('Backdate (minutes)').fill('10')
  for (const label of ['Domains', 'Patterns (RE2)']) {
    await rule('Rule 1').getByRole('combobox', { name: label }).focus()
    await page.keyboard.press('Backspace')
  }
  await button('Save product').click()
  await faulty('Code', /exists/)
})

await part('a product by dry run', async () => {
  expected.add(400)
  const dry = region('Would this be issued?')
  const ask = () => dry.getByRole('button', { name: 'Ask' }).click()
  await field('Code').fill('office-tls')
  await page.getByLabel('The server may make the key').check()
  await type(dry.getByRole('combobox', { name: 'Names' }), 'www.home.example')
  await ask()
  await dry.getByText('It would be refused').waitFor()
  await dry.getByText(/allows names under office.example/).waitFor()
  await dry.getByRole('combobox', { name: 'Names' }).focus()
  await page.keyboard.press('Backspace')
  await type(dry.getByRole('combobox', { name: 'Names' }), 'www.office.example')
  await ask()
  await dry.getByText('It would be issued', { exact: true }).waitFor()
  await page.getByLabel('Approval', { exact: true }).selectOption('manual')
  await page.getByLabel('People who must agree').fill('11')
  await ask()
  await faulty('People who must agree', /1 to 10/)
  await page.getByLabel('People who must agree').fill('2')
  await ask()
  await dry.getByText('It would be issued after approval').waitFor()
  await page.getByLabel('Order APIs and the portal sell it').check()
  await page.getByLabel('Numeric code', { exact: true }).fill('950')
  await button('Add attribute').click()
  await rule('Attribute 1').getByLabel('Type').fill('O')
  await page.keyboard.press('Escape')
  await rule('Attribute 1').getByLabel('Rule').selectOption('fixed')
  await type(rule('Attribute 1').getByRole('combobox', { name: 'Values' }), 'Office Ltd')
  expected.add(409)
  await button('Save product').click()
  await faulty('Numeric code', /code 950 belongs to the product tls-server/)
  await page.getByLabel('Numeric code', { exact: true }).fill('77001')
  await button('Add question').click()
  await rule('Question 1').getByLabel('Id', { exact: true }).fill('cost-centre')
  await rule('Question 1').getByLabel('Text', { exact: true }).fill('Cost centre')
  await accessible('a whole product')
  await button('Save product').click()
  await page.getByRole('heading', { name: 'Office TLS', level: 1 }).waitFor()
  const saved = await call('GET', '/products/office-tls')
  const p = saved.profile
  must(p.approvals === 2 && p.names[0].suffixes.join() === 'office.example' && p.subject[0].values.join() === 'Office Ltd' && p.terms.codes.single === 77001 && p.terms.fields[0].id === 'cost-centre' && p.server_keys, JSON.stringify(p))
})

await part('edit, clone and disable a product', async () => {
  expected.add(409)
  await page.getByRole('link', { name: 'Edit' }).click()
  await page.getByRole('heading', { name: 'Edit: Office TLS', level: 1 }).waitFor()
  await page.getByLabel('Longest validity').fill('90')
  // Somebody else is faster.
  const now = await call('GET', '/products/office-tls')
  await call('PUT', '/products/office-tls', { version: now.version, name: 'Office', issuer: now.issuer, state: now.state, profile: now.profile })
  await button('Save product').click()
  await page.getByText('changed by somebody else').waitFor()
  await button('Load the saved one and drop what is here').click()
  await page.getByRole('heading', { name: 'Edit: Office', level: 1 }).waitFor()
  await page.getByLabel('Longest validity').fill('60')
  await button('Save product').click()
  await page.getByText('60 days').waitFor()
  await page.getByRole('link', { name: 'Clone' }).click()
  must((await field('Code').inputValue()) === 'office-tls-copy', 'code of the copy')
  await button('Save product').click()
  await page.getByRole('heading', { name: 'Office (copy)', level: 1 }).waitFor()
  await button('Disable').click()
  await dialog().getByRole('button', { name: 'Confirm' }).click()
  await page.locator('.page-head .status', { hasText: 'Disabled' }).waitFor()
  const copy = await call('GET', '/products/office-tls-copy')
  must(copy.state === 'disabled' && copy.profile.validity_amount === 60 && !copy.profile.terms.codes, JSON.stringify(copy))
})

await part('a CA with faults', async () => {
  expected.add(400)
  await open('/issuers')
  await page.getByRole('link', { name: 'New CA' }).click()
  await page.getByRole('heading', { name: 'New CA', level: 1 }).waitFor()
  await quiet()
  await field('Name').fill('Branch CA')
  must((await field('Short name').inputValue()) === 'branch-ca', 'short name')
  await field('Common name').fill('Branch CA')
  await field('Organisation').fill('Example Ltd')
  await button('Make CA').click()
  await faulty('Signed by', /has a parent/)
  await field('Signed by').selectOption({ index: 1 })
  await field('CAs that may stand below').fill('11')
  await button('Make CA').click()
  await faulty('CAs that may stand below', /10/)
  await accessible('a refused CA')
  await field('CAs that may stand below').fill('0')
  await field('Validity in years').fill('3')
  await button('Make CA').click()
  await page.getByRole('heading', { name: 'Branch CA', level: 1 }).waitFor()
  await quiet()
  await accessible('a CA')
})

await part('CRL, files and state of a CA', async () => {
  await button('Publish CRL now').click()
  await dialog().getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('CRL number').waitFor()
  for (const [label, ext] of [['CRL (DER)', 'crl'], ['Certificate (PEM)', 'pem'], ['Certificate (DER)', 'cer']]) {
    await button('Download').or(button('Download Certificate')).click()
    const download = page.waitForEvent('download')
    await item(label).click()
    await (await download).saveAs(path.join(s.dir, 'branch.' + ext))
  }
  await page.getByText('OCSP address').waitFor()
  await button('Disable').click()
  await dialog().getByRole('button', { name: 'Confirm' }).click()
  await page.locator('.page-head .status', { hasText: 'Disabled' }).waitFor()
  await button('Enable').click()
  await dialog().getByRole('button', { name: 'Confirm' }).click()
  await page.locator('.page-head .status', { hasText: 'Active' }).waitFor()
})

const sign = async (what, pem) => (await fetch(s.signer + what, { method: 'POST', body: pem })).text()

await part('a further chain', async () => {
  expected.add(400)
  const id = page.url().split('/').pop()
  const cross = await sign('/cross', (await call('GET', '/issuers/' + id)).pem)
  await button('Add chain').click()
  await dialog().getByLabel('Certificates (PEM)').fill('nonsense')
  await dialog().getByRole('button', { name: 'Add chain' }).click()
  await dialog().getByRole('alert').waitFor()
  await dialog().getByLabel('Certificates (PEM)').fill(cross)
  await accessible('add a chain')
  await dialog().getByRole('button', { name: 'Add chain' }).click()
  await dialog().waitFor({ state: 'hidden' })
  await page.getByRole('tab', { name: 'Chain' }).click()
  await page.getByText('Further chain 1').first().waitFor()
  await button('Remove further chains').click()
  await dialog().getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('Further chain 1').first().waitFor({ state: 'hidden' })
})

await part('a CA that a foreign root signs', async () => {
  expected.add(400)
  await open('/issuers/new')
  await page.getByRole('radio', { name: 'CA that a foreign root signs' }).check()
  await field('Name').fill('Foreign CA')
  await field('Common name').fill('Foreign CA')
  await button('Make CA').click()
  await page.getByText('It waits for its certificate').waitFor()
  const { csr } = await call('GET', '/issuers/' + page.url().split('/').pop())
  await button('Install certificate').click()
  const other = await sign('/ca', csr)
  await dialog().getByLabel('Certificates (PEM)').fill(other.split('-----END CERTIFICATE-----')[1] + '-----END CERTIFICATE-----')
  await dialog().getByRole('button', { name: 'Install certificate' }).click()
  await faulty('Certificates (PEM)', /none of the certificates is for the issuer's key/, dialog())
  await dialog().getByRole('button', { name: 'Or read a file' }).waitFor()
  await page.locator('input[type=file]').setInputFiles({ name: 'ca.pem', mimeType: 'text/plain', buffer: Buffer.from(other) })
  await page.waitForFunction((n) => document.querySelector('[role=dialog] textarea')?.value.length === n, other.length)
  await dialog().getByRole('button', { name: 'Install certificate' }).click()
  await page.locator('.page-head .status', { hasText: 'Active' }).waitFor()
  await open('/issuers/hierarchy')
  await page.getByRole('link', { name: 'Foreign CA' }).waitFor()
})

await part('a reader has no forms', async () => {
  await call('DELETE', '/session')
  await page.goto(s.base + '/signin')
  await signIn(s.reader.login, s.reader.password)
  for (const [to, link] of [['/products', 'New product'], ['/issuers', 'New CA']]) {
    await open(to)
    must((await page.getByRole('link', { name: link }).count()) === 0, `${link} is offered to a requester`)
  }
})

await finish()
