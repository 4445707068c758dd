// Changes data and sees which numbers of the dashboard move, each and no other;
// then every number against the list that it opens.
import { finish, must, open, page, part, rows, s, signIn } from './browser.mjs'

async function call(method, to, data) {
  const r = await page.request.fetch(s.base + '/api/certwright/v1' + to, { method, data, headers: { 'X-Requested-With': 'certwright' } })
  if (!r.ok()) throw new Error(`${method} ${to}: ${r.status()} ${await r.text()}`)
  return r.status() === 204 ? undefined : r.json()
}

/** All numbers of the dashboard by their names, with what they link to. */
async function numbers() {
  await open('/')
  return page.evaluate(() => {
    const n = (e) => Number(e.textContent.replaceAll(',', ''))
    const href = (e) => e.getAttribute('href')
    const all = {}
    for (const t of document.querySelectorAll('[data-tile]')) all[t.dataset.tile] = [n(t.querySelector('a.number')), href(t.querySelector('a.number'))]
    for (const l of document.querySelectorAll('.legend li')) {
      const a = l.querySelector('a')
      all[l.closest('section').getAttribute('aria-label') + ': ' + l.querySelector('.label').textContent] = [n(a ?? l.lastElementChild), a && href(a)]
    }
    document.querySelectorAll('.weeks a').forEach((a, i) => (all['Week ' + (i + 1)] = [n(a), href(a)]))
    return all
  })
}

let now = {}

/** Does something; exactly these numbers must have moved. */
async function moves(what, f, want) {
  await f()
  const next = await numbers()
  const moved = {}
  for (const k of new Set([...Object.keys(now), ...Object.keys(next)])) {
    const d = (next[k]?.[0] ?? 0) - (now[k]?.[0] ?? 0)
    if (d) moved[k] = d
  }
  now = next
  const text = (o) => JSON.stringify(o, Object.keys(o).sort())
  must(text(moved) === text(want), `${what} moved ${text(moved)} instead of ${text(want)}`)
}

await part('sign in', async () => {
  await page.goto(s.base + '/signin')
  await signIn('admin', s.password)
  now = await numbers()
  must(Object.keys(now).length >= 36, 'numbers: ' + Object.keys(now))
})

const made = {}
const order = (days, generate = 'ECDSA P-384') => async () => {
  const name = `d${days}.changes.internal`
  made[days] = (await call('POST', '/orders', { product: 'tls-server', generate, names: [name], subject: [{ type: 'CN', value: name }], validity_days: days, group: s.group })).certificate.id
}
/** What an active certificate counts in, by the days that it has. */
const active = (days, by = 1, key = 'ECDSA P-384') => {
  const w = { 'Active certificates': by, 'Certificates by state: Active': by, ['Active by key: ' + key]: by, ['Active by issuer: ' + s.issuer]: by, 'Active by protocol: API and portal': by }
  for (const [most, tile] of [[1, 'Expire within 24 hours'], [7, 'Expire within 7 days'], [30, 'Expire within 30 days'], [90, 'Expire within 90 days']]) if (days <= most) w[tile] = by
  w['Active by expiry: ' + (days <= 1 ? 'Within 24 hours' : days <= 7 ? '1 to 7 days' : days <= 30 ? '7 to 30 days' : days <= 90 ? '30 to 90 days' : 'Later')] = by
  if (days < 84) w['Week ' + Math.ceil(days / 7)] = by
  return w
}

for (const days of [1, 5, 6, 20, 60, 100, 12, 19, 26, 33, 40, 47, 54, 68, 75, 82]) await part(`a certificate of ${days} days`, () => moves('it', order(days), active(days)))
await part('another key', () => moves('it', order(200, 'RSA 3072'), active(200, 1, 'RSA 3072')))
await part('revoked', () => moves('it', () => call('POST', `/certificates/${made[5]}/revoke`, { reason: 'superseded' }), { ...active(5, -1), 'Revoked in 30 days': 1, 'Certificates by state: Revoked': 1 }))
await part('held', () => moves('it', () => call('POST', `/certificates/${made[20]}/revoke`, { reason: 'certificateHold' }), { ...active(20, -1), 'Certificates by state: On hold': 1 }))
await part('an imported one that has ended', () => moves('it', () => call('POST', '/imports/certificates', { files: [{ name: 'old.pem', data: s.expired }], group: s.group }), { 'Expired, not replaced': 1, 'Certificates by state: Expired': 1 }))
await part('a domain', () => moves('it', () => call('POST', '/domains', { name: 'changes.example', group: s.group }), { 'Domains to prove': 1 }))
await part('a credential', async () => {
  let id
  await moves('it', async () => (id = (await call('POST', '/credentials', { type: 'acme', user: s.owner, group: s.group, products: [s.product], label: 'changes' })).credential.id), { 'Active API credentials': 1 })
  await moves('its revocation', () => call('POST', `/credentials/${id}/revoke`, {}), { 'Active API credentials': -1 })
})
await part('an order that waits', () => moves('it', () => fetch(s.waits, { method: 'POST' }), { 'Orders awaiting approval': 1 }))
await part('an order that fails', async () => {
  await page.waitForFunction((end) => Date.now() > end, s.late.end)
  await moves('it', async () => {
    const r = await page.request.post(`${s.base}/api/certwright/v1/orders/${s.late.id}/approve`, { data: {}, headers: { 'X-Requested-With': 'certwright' } })
    must(!r.ok(), 'an order whose end has passed is approved')
  }, { 'Orders awaiting approval': -1, 'Orders failed in 7 days': 1 })
  const panel = page.getByRole('region', { name: 'Recent failures' })
  await panel.getByRole('link', { name: 'late.changes.internal' }).waitFor()
  must(/the end that was asked for, .* has passed/.test(await panel.innerText()), 'no reason: ' + (await panel.innerText()))
  await panel.getByRole('link', { name: 'late.changes.internal' }).click()
  await page.locator('.page-head .status', { hasText: 'Failed' }).waitFor()
})
await part('a CRL that ends soon', () => moves('it', () => fetch(s.crl, { method: 'POST' }), { 'CRLs ending in 24 hours': 1 }))

// Nothing is compared that counts nothing.
await part('every number opens the list that it counts', async () => {
  for (const [name, [n, href]] of Object.entries(now)) {
    must(n > 0, name + ' is still 0')
    must(href, name + ' opens nothing')
    await page.goto(s.base + href)
    await page.locator('.list').waitFor()
    const got = await rows()
    must(got === n, `${name}: ${n} on the dashboard, ${got} in its list`)
  }
})

await finish()
