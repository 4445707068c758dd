// Every form that the other scripts leave out: what is wrong first, then what is
// right, then what can be done with it.
import { accessible, button, dialog, finish, item, must, open, page, quiet, refusedPart, s, settled, signIn } from './browser.mjs'

const status = (text) => page.locator('.page-head .status', { hasText: text }).waitFor()
const gone = () => dialog().waitFor({ state: 'hidden' })
const submit = (name, where = dialog()) => where.getByRole('button', { name, exact: true }).click()
const row = (name) => page.getByRole('row', { name })
const action = async (name, what) => {
  await row(name).first().locator('td.actions button').click()
  await item(what).click()
}

/** Gives an input its value, whatever kind it is. */
async function give(where, label, value) {
  const box = where.getByLabel(label, { exact: true }).or(where.getByLabel(label + ' *', { exact: true })).locator('visible=true').first()
  const kind = await box.evaluate((e) => (e.tagName === 'SELECT' ? 'select' : e.type === 'checkbox' ? 'check' : e.getAttribute('role') === 'combobox' || e.getAttribute('aria-haspopup') === 'listbox' ? 'combobox' : 'text'))
  if (kind === 'select') await box.selectOption(value)
  else if (kind === 'check') await box.setChecked(value)
  else if (kind === 'combobox' && Array.isArray(value)) {
    for (const v of value) {
      await box.fill(v)
      await page.keyboard.press('Enter')
    }
  } else if (kind === 'combobox') {
    await box.click()
    await page.getByRole('option', { name: value, exact: true }).click()
  } else await box.fill(value)
}
const fill = async (values, where = dialog()) => {
  for (const [label, value] of Object.entries(values)) await give(where, label, value)
}
const wipe = async (label, where = dialog()) => {
  const box = where.getByLabel(label, { exact: true }).first()
  await box.focus()
  await page.keyboard.press('Backspace')
}

/** Hands a form in that is to be refused: by the server, or by the browser before. */
async function refused(name, words, where = dialog()) {
  await submit(name, where)
  if (words) return where.locator('.failure', { hasText: words }).waitFor()
  must((await where.locator('input:invalid').count()) > 0, 'the browser takes what is no address')
}

/** The forms in dialogues: path, what opens it, its button, wrong input with the words of the refusal, right input. */
const forms = [
  { name: 'a view', to: '/groups?filter=name:contains:e', start: () => button('Views').click().then(() => item('Save this view…').click()), send: 'Save', wrong: [[{ Name: '   ' }, /name/i]], right: { Name: 'Those with an e' },
    then: async () => {
      await button('Those with an e').waitFor()
    } },
  { name: 'a group', to: '/groups', start: () => button('New group').click(), send: 'Save', wrong: [[{ Name: s.name }, /already/], [{ Name: 'Web', 'E-mail': 'nowhere' }, undefined], [{ 'E-mail': 'a@b c' }, undefined]], right: { Name: 'Web platform', 'E-mail': 'web@example.org' }, then: () => row('Web platform').waitFor() },
  { name: 'a group edited', to: '/groups', start: () => action('Web platform', 'Edit'), send: 'Save', wrong: [[{ Name: s.name }, /already/]], right: { Name: 'Web team', Organisation: 'Example Works' }, then: () => row('Web team').getByText('Example Works').waitFor() },
  { name: 'an organisation', to: '/organisations', start: () => button('New organisation').click(), send: 'Save', wrong: [[{ Name: 'Wren', Country: 'x1' }, /country/i], [{ Country: 'GB', 'E-mail': 'nowhere' }, undefined]], right: { 'E-mail': 'pki@wren.example', Locality: 'York' }, then: () => row('Wren').waitFor() },
  { name: 'an organisation edited', to: '/organisations', start: () => action('Wren', 'Edit'), send: 'Save', wrong: [[{ Country: '99' }, /country/i]], right: { Country: 'DE', Locality: 'Köln' }, then: () => row('Wren').getByText('Köln').waitFor() },
  { name: 'a user', to: '/users', start: () => button('New user').click(), send: 'Save', wrong: [[{ Login: 'no login!' }, /login/i], [{ Login: 'admin' }, /already/]], right: { Login: 'nina', Name: 'Nina North', 'E-mail': 'nina@example.org', 'Role 1': 'operator' },
    then: async () => {
      must((await dialog().getByRole('region', { name: 'One-time password' }).innerText()).length > 10, 'no password')
      await accessible('a one-time password')
      await submit('I have kept it')
      await row('nina').waitFor()
    } },
  { name: 'a user edited', to: '/users', start: () => action('nina', 'Edit'), send: 'Save', wrong: [[{ 'E-mail': 'nina@' }, undefined]], right: { 'E-mail': '', Name: 'Nina Nord' }, then: () => row('Nina Nord').waitFor() },
  { name: 'a domain', to: '/domains', start: () => button('Register domain').click(), send: 'Register', wrong: [[{ Domain: 'not a domain!' }, /domain/], [{ Domain: '192.0.2.1' }, /domain|address/]], right: { Domain: 'people.example', Method: 'http-url', Group: s.name }, then: () => page.getByRole('heading', { name: 'people.example', level: 1 }).waitFor() },
  { name: 'a token', to: '/me/tokens', start: () => button('New token').click(), send: 'Make token', wrong: [[{ Name: '   ' }, /name/i]], right: { Name: 'laptop', 'Valid for': '30' },
    then: async () => {
      must((await dialog().getByRole('region', { name: 'Token' }).innerText()).length > 20, 'no token')
      await accessible('a new token')
      await submit('I have kept it')
      await action('laptop', 'Revoke')
      await submit('Revoke')
      await gone()
      await row('laptop').locator('.status', { hasText: 'Revoked' }).waitFor()
    } },
  { name: 'a vetting', to: '/organisations/vetting', start: () => button('Ask for vetting').click(), send: 'Ask', wrong: [[{ Purpose: 'ev' }, undefined]], right: { Organisation: 'Example Works' },
    then: async () => {
      await row(/EV/).getByRole('link', { name: 'EV' }).click()
      await status('Pending')
      await button('Withdraw').click()
      await submit('Confirm')
      await status('Cancelled')
    } },
  { name: 'tags', to: s.certificate, start: () => button('Edit tags').click(), send: 'Save', wrong: [[{ Tags: ['x'.repeat(201)] }, /tag/]], before: () => wipe('Tags'), right: { Tags: ['env:prod'] }, then: () => page.getByText('env:prod').waitFor() },
  { name: 'a renewal', to: s.certificate, start: () => button('Renew').click(), send: 'Renew', wrong: [[{ 'Certificate request (PKCS#10)': 'nonsense' }, /request/]], right: { 'Certificate request (PKCS#10)': s.csr }, then: () => page.waitForURL((u) => u.pathname.startsWith('/certificates/') && u.pathname !== s.certificate) },
  { name: 'a credential edited', to: s.credential, start: () => button('Edit').click(), send: 'Save', wrong: [[{ 'Allowed addresses': ['999.1.1.1/99'] }, /.+/]], before: () => wipe('Allowed addresses'), right: { 'Allowed addresses': ['192.0.2.0/24'], Description: 'Build machines' }, then: () => page.getByText('192.0.2.0/24').waitFor() },
]

await page.goto(s.base + '/groups')
await refusedPart('sign in', () => signIn('admin', s.password))

for (const f of forms) {
  await refusedPart(f.name, async () => {
    await open(f.to)
    await f.start()
    await dialog().waitFor()
    for (const [values, words] of f.wrong) {
      await fill(values)
      await refused(f.send, words)
    }
    if (f.wrong.some(([, words]) => words)) await accessible('refused: ' + f.name)
    await f.before?.()
    await fill(f.right)
    await submit(f.send)
    if (!['a user', 'a token'].includes(f.name)) await gone()
    await f.then()
  })
}

await refusedPart('members of a group', async () => {
  await open('/groups')
  await page.getByRole('link', { name: 'Web team' }).click()
  await button('Add member').click()
  await fill({ User: 'nina' })
  await submit('Add member')
  await gone()
  await action('nina', 'Take out of the group')
  await submit('Take out of the group')
  await gone()
  await page.getByRole('row', { name: /nina/ }).waitFor({ state: 'detached' })
  await open('/groups')
  await action(s.name, 'Delete')
  await refused('Delete', /.+/)
  await submit('Cancel')
  await action('Web team', 'Delete')
  await submit('Delete')
  await row('Web team').waitFor({ state: 'detached' })
})

await refusedPart('what is done with users and organisations', async () => {
  await open('/users')
  await action('nina', 'Reset password')
  await submit('Confirm')
  await dialog().getByRole('region', { name: 'One-time password' }).waitFor()
  await submit('I have kept it')
  for (const [what, then] of [['Disable', 'Disabled'], ['Enable', 'Active'], ['Disable', 'Disabled']]) {
    await action('nina', what)
    await submit('Confirm')
    await row('nina').locator('.status', { hasText: then }).waitFor()
  }
  await row('owner').first().locator('td.actions button').click()
  must((await item('Delete').count()) === 0, 'somebody who is active can be deleted')
  await page.keyboard.press('Escape')
  await action('nina', 'Delete')
  await submit('Delete')
  await row('nina').waitFor({ state: 'detached' })
  await open('/organisations')
  await action('Wren', 'Delete')
  await submit('Delete')
  await row('Wren').waitFor({ state: 'detached' })
})

await refusedPart('what is done with a domain', async () => {
  await open('/domains?filter=name:eq:people.example')
  await page.getByRole('link', { name: 'people.example' }).click()
  const act = async (what, send) => {
    await button('Select Action').click()
    await item(what).click()
    await submit(send)
  }
  await act('Take out of use', 'Confirm')
  await status('Disabled')
  await act('Take into use', 'Confirm')
  await page.locator('.page-head .status', { hasText: 'Disabled' }).waitFor({ state: 'hidden' })
  await act('Validate again', 'Confirm')
  await gone()
  await button('Select Action').click()
  await item('Withdraw the proof').click()
  await fill({ Reason: '   ' })
  await refused('Withdraw the proof', /reason/)
  await fill({ Reason: 'not ours' })
  await submit('Withdraw the proof')
  await status('Rejected')
  await accessible('a rejected domain')
})

await refusedPart('an order of one step', async () => {
  await open('/orders/new')
  const form = page.locator('main')
  await fill({ Product: 'tls-server', 'Certificate request (PKCS#10)': 'nonsense' }, form)
  await refused('Order', /request/, form)
  await fill({ 'Certificate request (PKCS#10)': s.csr, 'Common name': 'x'.repeat(65) }, form)
  await refused('Order', /.+/, form)
  await accessible('a refused order')
  await fill({ 'Common name': '' }, form)
  await submit('Order', form)
  await page.getByText('The certificate is issued').waitFor()
})

await refusedPart('an order is rejected', async () => {
  await open('/orders?filter=state:eq:pending-approval')
  await page.locator('tbody a').first().click()
  await button('Reject').click()
  await fill({ Comment: 'unknown host' })
  await submit('Reject')
  await status('Rejected')
  await page.getByText('unknown host').first().waitFor()
})

await refusedPart('a certificate is held and let go', async () => {
  await open(s.held)
  await button('Revoke').click()
  await fill({ Reason: 'certificateHold', Comment: 'laptop lost' })
  await submit('Suspend')
  await status('On hold')
  await button('Release').click()
  await submit('Release')
  await status('Active')
})

await refusedPart('a credential with faults', async () => {
  await open('/integrations/apis/new')
  const form = page.locator('main')
  await page.getByRole('radio', { name: 'EST', exact: true }).check()
  await submit('Next', form)
  await submit('Next', form)
  must(await button('Next').isDisabled(), 'a credential needs no user')
  await fill({ User: 'owner', Group: s.name }, form)
  await page.getByRole('combobox', { name: 'Products' }).click()
  await page.getByRole('option', { name: 'tls-server', exact: true }).click()
  await page.keyboard.press('Escape')
  await submit('Next', form)
  await fill({ Label: 'No Label!' }, form)
  await refused('Generate API Credentials', /label/i, form)
  await accessible('a refused credential')
  await fill({ Label: 'people' }, form)
  await submit('Generate API Credentials', form)
  await page.getByText('Shown this once').waitFor()
})

await refusedPart('a session is ended', async () => {
  await open('/me')
  await settled()
  const rows = page.locator('tbody tr')
  must((await rows.count()) >= 1, 'no session')
  await rows.first().locator('td.actions button').click()
  await item('End session').click()
  await dialog().waitFor()
  await accessible('ending a session')
  await submit('Cancel')
})

await refusedPart('what does not exist', async () => {
  for (const to of ['/certificates/nothing', '/orders/00000000-0000-7000-8000-000000000000', '/settings/agreements/00000000-0000-7000-8000-000000000000', '/certificates/a/b/c', '/settings/nothing/here']) {
    await open(to)
    await accessible(to)
    await page.getByRole('main').getByRole('link').first().waitFor()
  }
})

/** Who only reads sees no button that the server would refuse. */
await refusedPart('an auditor', async () => {
  await page.goto('about:blank') // or what the page still reads is refused
  await page.context().clearCookies()
  await page.goto(s.base + '/signin')
  await signIn('audrey', s.auditor)
  for (const to of ['/', '/certificates', s.certificate, '/orders', '/domains', '/organisations', '/organisations/vetting', '/groups', '/users', '/integrations/apis', s.credential, '/integrations/acme', '/products', '/issuers', '/tags', '/audit', '/jobs', '/settings', '/settings/providers']) {
    await open(to)
    await quiet()
    must((await page.locator('main .failure').count()) === 0, `${to} fails for an auditor`)
    const names = await page.locator('main').getByRole('button').or(page.locator('main').getByRole('link')).allInnerTexts()
    const forbidden = names.filter((n) => /^(\+ )?New |^(Revoke|Renew|Edit|Edit tags|Delete|Regenerate|Approve|Reject|Register domain|Ask for vetting|Rename account|Save|Disable|Order step by step|Import)$/.test(n.trim()))
    must(forbidden.length === 0, `${to} offers an auditor ${forbidden}`)
  }
})

await finish()
