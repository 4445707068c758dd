// The assistant of a new installation. It runs twice: until the CAs are made,
// and from a new browser on to the end.
import fs from 'node:fs'
import path from 'node:path'
import * as browser from './browser.mjs'

const { button, dialog, expected, finish, must, page, part, s } = browser

/** Judges the present page in light and dark. */
async function accessible(what) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    await page.waitForFunction((c) => document.documentElement.dataset.mantineColorScheme === c, colorScheme)
    await browser.accessible(`${what}, ${colorScheme}`)
    if (s.pictures) await page.screenshot({ path: path.join(s.pictures, `setup_${what.replace(/\W+/g, '_')}_${colorScheme}.png`), fullPage: true })
  }
  await page.emulateMedia({ colorScheme: 'light' })
}

const heading = (name) => page.getByRole('heading', { name, level: 2 }).waitFor()

async function signIn(password) {
  await page.goto(s.base + '/')
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password', { exact: true }).fill(password)
  await button('Sign in').click()
}

if (s.until === 'ca') {
  await part('first sign-in', async () => {
    await signIn(s.first)
    await page.getByLabel('Present password').fill(s.first)
    await page.getByLabel('New password', { exact: true }).fill(s.password)
    await page.getByLabel('New password again').fill(s.password)
    await button('Change password').click()
    await page.waitForURL((u) => u.pathname === '/setup')
  })
  await part('organisation', async () => {
    await heading('Your organisation')
    await accessible('organisation')
    await page.getByLabel('Name').fill('Wren Works')
    await page.getByLabel('Country').fill('1x')
    expected.add(400).add(422)
    await button('Save and go on').click()
    await page.locator('.failure', { hasText: /country/i }).waitFor()
    await accessible('a refused organisation')
    expected.clear()
    await page.getByLabel('Country').fill('GB')
    await button('Save and go on').click()
  })
  await part('names of the CAs', async () => {
    await heading('Names of the CAs')
    await page.getByLabel('Name of the root').fill('')
    must(await page.getByLabel('Name of the root').evaluate((e) => e.required), 'a CA needs no name')
    await page.getByLabel('Name of the root').fill('Wren Works Root')
    await page.getByLabel('Name of the issuing CA').fill('Wren Works Issuing')
    await accessible('CAs')
    await button('Make the CAs').click()
    await dialog().getByRole('button', { name: 'Make the CAs' }).click()
    await heading('Trust')
  })
} else {
  await part('start page', async () => {
    await signIn(s.password)
    await page.getByText('2 of 5 steps are done.').waitFor()
    await accessible('start page')
    await page.getByRole('link', { name: 'Go on' }).click()
  })
  await part('trust', async () => {
    await heading('Trust')
    await page.getByText('Wren Works Root').waitFor()
    must(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/.test(await page.getByRole('region', { name: 'SHA-256 fingerprint' }).innerText()), 'no fingerprint')
    await accessible('trust')
    await button('Checked').click()
  })
  await part('first certificate', async () => {
    await heading('First certificate')
    await accessible('credential')
    await page.getByLabel('EST', { exact: true }).check()
    await button('Next').click()
    await button('Next').click()
    await button('Next').click()
    await button('Generate API Credentials').click()
    await accessible('commands')
    fs.writeFileSync(path.join(s.dir, 'commands.sh'), await page.getByRole('region', { name: 'Commands for a client' }).innerText())
    await button('Go on').click()
  })
  await part('the end', async () => {
    await heading('Your sign-in')
    await accessible('security')
    await button('Finish').click()
    await page.getByText('All steps are done or skipped.').waitFor()
    await page.getByRole('link', { name: 'Finish' }).click()
    await page.getByRole('heading', { level: 1 }).waitFor()
    await page.waitForLoadState('networkidle')
    must(!(await page.getByText('Setting up is not finished').count()), 'the panel is still there')
  })
  await part('second factor by role', async () => {
    await page.goto(s.base + '/settings')
    await page.getByLabel('Operator', { exact: true }).check()
    await accessible('settings')
    await button('Save').click()
    await page.getByText('The policy is saved').waitFor()
  })
}
await finish()
