// Passkeys with Chromium's virtual authenticator, and codes of an app.
import { createHmac } from 'node:crypto'
import * as browser from './browser.mjs'

const { button, context, expected, finish, must, page, part, s } = browser
const at_ = (to) => page.waitForURL((u) => u.pathname === to)

/** Judges the present page in light and dark. */
async function accessible(what) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    await browser.accessible(`${what}, ${colorScheme}`)
  }
  await page.emulateMedia({ colorScheme: 'light' })
}

const cdp = await context.newCDPSession(page)
await cdp.send('WebAuthn.enable')
const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
  options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: false },
})
/** Lets the authenticator answer during f only. A page that offers passkeys beside the name must not be answered by itself. */
async function touching(f) {
  await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: true })
  try {
    return await f()
  } finally {
    await cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: false })
  }
}

// Chromium answers a request beside the name field as soon as the authenticator
// is touched, so there it is off unless a part is about it.
await context.addInitScript(() => {
  if (!localStorage.getItem('autofill')) PublicKeyCredential.isConditionalMediationAvailable = async () => false
})

/** The code of an app at a time (RFC 6238). */
function code(secret, at = Date.now()) {
  let bits = ''
  for (const c of secret) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)))
  const h = createHmac('sha1', key).update(step).digest()
  return String((h.readUInt32BE(h[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

async function password() {
  await page.goto(s.base + '/signin?next=/security')
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password', { exact: true }).fill(s.password)
  await button('Sign in').click()
}

const signOut = async () => {
  await button('Sign out').click()
  await at_('/signin')
}

await part('password', async () => {
  await page.goto(s.base + '/signin')
  await button('Sign in with a passkey').waitFor()
  await accessible('signin')
  expected.add(401)
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password', { exact: true }).fill('not the password')
  await button('Sign in').click()
  await page.getByRole('alert').waitFor()
  await accessible('a refused sign-in')
  expected.clear()
  await password()
  await at_('/security')
  await accessible('security')
})

let recovery = []
await part('add a passkey', async () => {
  await page.getByLabel('Name of the new passkey').fill('My laptop')
  await touching(async () => {
    await button('Add a passkey').click()
    await page.getByRole('heading', { name: 'Recovery codes', level: 1 }).waitFor()
  })
  await accessible('recovery codes')
  recovery = (await page.locator('pre').innerText()).trim().split('\n')
  must(recovery.length === 10, 'ten recovery codes')
  await page.getByRole('link', { name: 'I have kept them' }).click()
  await page.getByRole('cell', { name: 'My laptop' }).waitFor()
  await accessible('security with a passkey')
  const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
  must(credentials.length === 1 && credentials[0].isResidentCredential && credentials[0].rpId === 'localhost', JSON.stringify(credentials))
})

await part('the same device again', async () => {
  await page.getByLabel('Name of the new passkey').fill('Twice')
  await touching(async () => {
    await button('Add a passkey').click()
    await page.getByText('This device has a passkey for you already.').waitFor()
  })
})

await part('sign in with a passkey', async () => {
  await signOut()
  await page.goto(s.base + '/signin?next=/security')
  await touching(async () => {
    await button('Sign in with a passkey').click()
    await at_('/security')
  })
  must(!(await page.getByRole('row', { name: /My laptop/ }).innerText()).includes('never'), 'last used is not shown')
})

await part('a passkey beside the name field', async () => {
  await signOut()
  await page.evaluate(() => localStorage.setItem('autofill', 'on'))
  await touching(async () => {
    await page.goto(s.base + '/signin?next=/security')
    await at_('/security')
  })
  await page.evaluate(() => localStorage.removeItem('autofill'))
})

await part('second step', async () => {
  await signOut()
  await password()
  await at_('/signin/code')
  await button('Use a passkey').waitFor()
  await accessible('signin/code')
  await touching(async () => {
    await button('Use a passkey').click()
    await at_('/security')
  })
})

await part('not verified', async () => {
  await signOut()
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
  await page.goto(s.base + '/signin?next=/security')
  await touching(async () => {
    await button('Sign in with a passkey').click()
    await page.getByText('No passkey was used.').waitFor()
  })
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
})

await part('a copy of the authenticator', async () => {
  const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId })
  await cdp.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credentials[0].credentialId })
  await cdp.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credentials[0], signCount: 0 } })
  expected.add(401)
  await page.goto(s.base + '/signin?next=/security')
  await touching(async () => {
    await button('Sign in with a passkey').click()
    await page.getByText('this passkey was not accepted').waitFor()
  })
  expected.delete(401)
})

await part('remove it', async () => {
  await password()
  await at_('/signin/code')
  must(!(await button('Use a passkey').count()), 'a refused passkey is offered')
  await page.getByLabel('Code of your app').fill(recovery[0])
  await button('Sign in').click()
  await at_('/security')
  await page.getByText('there may be a copy of it').waitFor()
  await page.getByText('Remove…').click()
  await button('Remove My laptop').click()
  await page.getByText('My laptop').waitFor({ state: 'detached' })
  must(!(await page.getByRole('heading', { name: 'Recovery codes' }).count()), 'recovery codes without a second factor')
})

let secret = ''
await part('app for codes', async () => {
  await button('Set up an app').click()
  await at_('/security/totp')
  await accessible('security/totp')
  secret = (await page.locator('pre').innerText()).trim()
  await page.getByLabel('Code', { exact: true }).fill(code(secret, Date.now() - 30_000)) // leaves the present one for the sign-in
  await button('Ask for codes from now on').click()
  await page.getByRole('heading', { name: 'Recovery codes', level: 1 }).waitFor()
  recovery = (await page.locator('pre').innerText()).trim().split('\n')
  await page.goto(s.base + '/security')
  await signOut()
  await password()
  await at_('/signin/code')
  await accessible('signin/code without a passkey')
  await page.getByLabel('Code of your app').fill(code(secret))
  await button('Sign in').click()
  await at_('/security')
})

await part('confirm', async () => {
  await page.goto(s.base + '/security/confirm')
  await accessible('security/confirm')
  await page.getByLabel('Password', { exact: true }).fill(s.password)
  await button('Confirm by password').click()
  await at_('/security')
  await page.getByLabel('Code', { exact: true }).first().fill(recovery[0])
  await button('Ask for codes no more').click()
  await button('Set up an app').waitFor()
})

await finish()
