// Sets sign-in providers up in the portal's form and signs in through them.
import https from 'node:https'
import { accessible, button, dialog, expected, finish, item, must, open, page, part, refusedPart, rows, s, signIn } from './browser.mjs'

/** Reads something of the server as a program does. */
const read = (url) =>
  new Promise((done, fail) =>
    https.get(url, { rejectUnauthorized: false }, (r) => {
      let body = ''
      r.on('data', (d) => (body += d))
      r.on('end', () => done(body))
    }).on('error', fail),
  )

/** Opens the menu of the row of a provider. */
async function act(name, what) {
  await open('/settings/providers')
  await page.getByRole('row', { name: new RegExp(name) }).getByRole('button', { name: /Actions for/ }).click()
  await item(what).click()
}

async function inTheDark(what) {
  await accessible(what)
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.waitForFunction(() => document.getAnimations().every((a) => a.playState !== 'running'))
  await accessible(what + ', dark')
  await page.emulateMedia({ colorScheme: 'light' })
}

const out = async () => {
  await page.context().clearCookies()
  await open('/signin')
}

await part('admin signs in', async () => {
  await open('/signin')
  await signIn('admin', s.password)
})

await refusedPart('an OpenID provider in the form', async () => {
  await open('/settings/providers/new')
  await inTheDark('form of a new provider')
  await page.getByLabel('Label').fill('corp')
  await page.getByRole('textbox', { name: 'Name', exact: true }).first().fill('Corp')
  await page.getByLabel('Issuer').fill('http://plain.example')
  await page.getByLabel('Client ID').fill(s.client)
  await page.getByLabel('Client secret').fill(s.secret)
  await button('Save').click()
  await page.locator('.failure', { hasText: 'https' }).waitFor()
  await accessible('a refused provider')
  await page.getByLabel('Issuer').fill(s.issuer)
  await button('Add rule').click()
  await page.getByLabel('Group of the provider 1').fill('PKI')
  await page.getByLabel('Sign out at the provider, too').check()
  await page.getByLabel('Role 1').selectOption('operator')
  await button('Save').click()
  await page.getByText('/signin/oidc/corp/callback').waitFor()
  must(!(await page.content()).includes(s.secret), 'the page holds the client secret')
  await inTheDark('a provider')
  await button('Test connection').click()
  await dialog().getByText('The provider works').waitFor()
  await accessible('a provider that works')
  await page.keyboard.press('Escape')
  await act('Corp', 'Enable')
  await dialog().getByRole('button', { name: 'Enable' }).click()
  await dialog().waitFor({ state: 'hidden' })
})

await part('somebody signs in through it', async () => {
  await out()
  await inTheDark('sign-in page with a provider')
  await page.goto(s.base + '/orders?limit=50')
  await page.getByRole('link', { name: 'Sign in with Corp' }).click()
  await page.getByRole('heading', { level: 1, name: 'Orders' }).waitFor()
  must(page.url() === s.base + '/orders?limit=50', 'landed at ' + page.url())
  await open('/me')
  await page.getByText('ann').first().waitFor()
  await open('/integrations/apis') // an operator's page
})

await part('signing out there, too', async () => {
  await open('/orders')
  await button('Account of ann').click()
  await item('Sign out').click()
  await page.getByText('You are signed out of Certwright and of Corp.').waitFor()
  must(page.url().startsWith(s.base + '/signed-out?state='), 'landed at ' + page.url())
  await inTheDark('signed out')
  await page.goto(s.base + '/orders')
  await page.waitForURL((u) => u.pathname === '/signin')
  await page.goto(s.base + '/signed-out?state=forged')
  must(!(await page.content()).includes('Corp'), 'a forged state names the provider')
})

await part('where rights come from is shown', async () => {
  await out()
  await signIn('admin', s.password)
  await open('/users')
  must((await rows()) >= 2, 'no new user')
  await page.getByRole('link', { name: 'ann' }).click()
  await page.getByText('from a sign-in provider').first().waitFor()
  await inTheDark('a user with roles from a provider')
})

await refusedPart('linking a user by hand', async () => {
  await open('/users')
  await page.getByRole('link', { name: 'admin', exact: true }).click()
  await button('Link to somebody of a provider').click()
  await accessible('form that links a user')
  await dialog().getByLabel('Subject').fill('subject-1')
  await dialog().getByRole('button', { name: 'Save' }).click()
  await dialog().locator('.failure', { hasText: 'already' }).waitFor() // that is ann
  await dialog().getByLabel('Subject').fill('subject-of-admin')
  await dialog().getByRole('button', { name: 'Save' }).click()
  await dialog().waitFor({ state: 'hidden' })
  await button('Unlink: Corp subject-of-admin').click()
  await dialog().getByRole('button', { name: 'Unlink' }).click()
  await page.getByText('Linked to nobody of a provider').waitFor()
})

await part('a SAML provider', async () => {
  await open('/settings/providers/new')
  await page.getByLabel('Kind').selectOption('saml')
  await accessible('form of a SAML provider')
  await page.getByLabel('Label').fill('fed')
  await page.getByRole('textbox', { name: 'Name', exact: true }).first().fill('Federation')
  await page.getByLabel('Metadata URL').fill(s.metadata)
  await button('Save').click()
  await page.getByText('/signin/saml/fed/acs').waitFor()
  await fetch(s.known, { method: 'POST', body: await read(s.base + '/signin/saml/fed/metadata') })
  await button('Test connection').click()
  await dialog().getByText('The provider works').waitFor()
  await page.keyboard.press('Escape')
  await dialog().waitFor({ state: 'hidden' })
  await button('Enable').click()
  await dialog().getByRole('button', { name: 'Enable' }).click()
  await dialog().waitFor({ state: 'hidden' })
  await out()
  expected.add(403)
  await page.goto(s.base + '/me')
  await page.getByRole('link', { name: 'Sign in with Federation' }).click()
  await button('Continue').click() // on the provider's page, which posts to ours
  await page.getByRole('heading', { level: 1, name: 'No access yet' }).waitFor() // no rule, no rights
  await page.getByText('You are signed in as sam').waitFor()
  await inTheDark('somebody without a role')
  expected.clear()
})

await part('an answer that nobody asked for', async () => {
  await out()
  expected.add(410)
  await page.goto(s.base + '/signin/oidc/corp/callback?code=x&state=y')
  await page.getByRole('alert').filter({ hasText: 'begin anew' }).waitFor()
  await accessible('a refused sign-in')
  expected.clear()
})

await refusedPart('the directory form', async () => {
  await signIn('admin', s.password)
  await open('/settings/providers/new')
  await page.getByLabel('Kind').selectOption('ldap')
  await inTheDark('form of a directory')
  await page.getByLabel('Label').fill('dir')
  await page.getByRole('textbox', { name: 'Name', exact: true }).first().fill('Directory')
  await page.getByRole('combobox', { name: 'URLs' }).fill('https://no.directory.example')
  await page.keyboard.press('Enter')
  await page.getByLabel('Base DN of people').fill('dc=example')
  await button('Save').click()
  await page.locator('.failure').waitFor()
  await accessible('a refused directory')
})

await part('deleting asks first', async () => {
  await act('Corp', 'Delete')
  await accessible('question before deleting')
  await dialog().getByRole('button', { name: 'Delete' }).click()
  await dialog().waitFor({ state: 'hidden' })
  await out()
  must((await page.getByRole('link', { name: 'Sign in with Corp' }).count()) === 0, 'the button is still there')
})

await finish()
