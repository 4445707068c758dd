// Brings certificates and lists in from files, what is wrong with them first,
// and renames and deletes tags.
import path from 'node:path'
import { accessible, button, dialog, finish, item, must, open, page, part, refusedPart, rows, s, signIn } from './browser.mjs'

const results = () => page.locator('[data-results]')
const files = (...names) => page.setInputFiles('input[type=file]', names)
const told = (text) => page.getByRole('status').filter({ hasText: text }).waitFor()
const refusal = (text) => page.locator('.failure', { hasText: text }).waitFor()
const statuses = () => results().locator('tbody .status').allInnerTexts()

/** Judges the page in light and dark, and that it fits on a tablet. */
async function judged(what) {
  await accessible(what)
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.waitForFunction(() => document.documentElement.dataset.mantineColorScheme === 'dark' && document.getAnimations().every((a) => a.playState !== 'running'))
  await accessible(what + ', dark')
  await page.setViewportSize({ width: 820, height: 1100 })
  must((await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)) <= 0, what + ' sticks out on a tablet')
  await page.setViewportSize({ width: 1400, height: 900 })
  await page.emulateMedia({ colorScheme: 'light' })
  await page.waitForFunction(() => document.documentElement.dataset.mantineColorScheme === 'light' && document.getAnimations().every((a) => a.playState !== 'running'))
}

await part('sign in', async () => {
  await page.goto(s.base + '/import')
  await signIn('admin', s.password)
  await judged('import')
  must(await button('Import').isDisabled(), 'nothing to import, and the button can be pressed')
})

await part('a wrong password, and no certificate at all', async () => {
  await files(s.p12, s.text)
  await page.getByLabel('Password of PKCS#12').fill('wrong')
  await button('Import').click()
  await told('0 imported, 0 known already, 2 refused')
  must((await results().innerText()).includes('the password is wrong'), 'no word about the password')
})

await refusedPart('too large', async () => {
  await files(s.big)
  await button('Import').click()
  await refusal('at most')
})

await part('certificates', async () => {
  await open('/import')
  await files(s.p12)
  await page.getByLabel('Password of PKCS#12').fill('secret')
  await page.getByRole('combobox', { name: 'Group' }).click()
  await page.getByRole('option', { name: 'default', exact: true }).click()
  await page.getByRole('combobox', { name: 'Tags' }).fill('env:prod')
  await page.keyboard.press('Enter')
  await page.getByRole('combobox', { name: 'Tags' }).fill('Web')
  await page.keyboard.press('Enter')
  await button('Import').click()
  await told('2 imported, 0 known already, 0 refused, 1 left out')
  await judged('what was imported')
  await files(s.p7b, s.pem)
  await button('Import').click()
  await told('0 imported, 2 known already, 0 refused, 1 left out')
  await results().getByRole('link', { name: 'O=Example, CN=shop.import.test' }).first().click()
  await page.getByRole('heading', { name: 'shop.import.test', level: 1 }).waitFor()
  must((await page.locator('dl').innerText()).includes('CN=Elsewhere Root'), 'no issuer')
  must((await button('Renew').count()) + (await button('Revoke').count()) === 0, 'what others issued can be renewed or revoked')
  await judged('an imported certificate')
  await page.getByRole('tab', { name: 'Chain', exact: true }).click()
  must((await page.locator('.block').count()) === 2, 'the chain is not whole')
})

await part('dropped files', async () => {
  await open('/import')
  const data = await page.evaluateHandle(() => {
    const d = new DataTransfer()
    d.items.add(new File(['x'], 'dropped.pem'))
    return d
  })
  await page.dispatchEvent('.drop', 'drop', { dataTransfer: data })
  await page.getByText('dropped.pem').waitFor()
})

await part('tags open what they count', async () => {
  await open('/tags')
  must((await rows()) === 2, (await rows()) + ' tags')
  await judged('tags')
  const link = page.getByRole('row', { name: /env:prod/ }).getByRole('link', { name: '2', exact: true })
  await link.click()
  await page.getByRole('heading', { name: 'Certificates', level: 1 }).waitFor()
  must((await rows()) === 2, 'the list has ' + (await rows()))
})

const action = async (tag, name) => {
  await page.getByRole('row', { name: new RegExp(tag) }).getByRole('button').last().click()
  await item(name).click()
  await dialog().waitFor()
}

await refusedPart('a bad name of a tag', async () => {
  await open('/tags')
  await action('env:prod', 'Rename')
  await dialog().getByRole('textbox').fill(' x')
  await dialog().getByRole('button', { name: 'Rename' }).click()
  await refusal('without blanks')
  await page.keyboard.press('Escape')
})

await part('rename and delete tags', async () => {
  await open('/tags')
  await action('env:prod', 'Rename')
  await accessible('renaming')
  await dialog().getByRole('textbox').fill('env:live')
  await dialog().getByRole('button', { name: 'Rename' }).click()
  await page.getByRole('row', { name: /env:live/ }).waitFor()
  await action('env:live', 'Rename')
  await dialog().getByRole('checkbox').check()
  await dialog().getByRole('textbox').fill('environment')
  await dialog().getByRole('button', { name: 'Rename' }).click()
  await page.getByRole('row', { name: /environment:live/ }).waitFor()
  await action('Web', 'Delete')
  must((await dialog().innerText()).includes('2'), 'the question does not say how many')
  await dialog().getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('row', { name: /Web/ }).waitFor({ state: 'detached' })
})

await refusedPart('lists that cannot be read', async () => {
  await open('/import?tab=lists')
  await judged('CSV lists')
  await files(s.columns)
  await button('Dry run').click()
  await refusal('no column "shoe_size"')
  await files(s.p12)
  await button('Dry run').click()
  await refusal('the file')
  must(await button('Import').isDisabled(), 'what no dry run found good can be imported')
})

await part('users', async () => {
  await open('/import?tab=lists')
  await files(s.users)
  await button('Dry run').click()
  await told('1 would be created, 0 known already, 1 refused')
  must((await statuses()).join() === 'New,Refused', 'dry run: ' + (await statuses()))
  await judged('dry run')
  await button('Import').click()
  await dialog().getByRole('button', { name: 'Import' }).click()
  await told('1 created, 0 known already, 1 refused')
  must(/\w{5}-\w{5}/.test(await results().innerText()), 'no one-time password')
  const [file] = await Promise.all([page.waitForEvent('download'), button('Save result as CSV').click()])
  await file.saveAs(path.join(s.dir, 'import-users.csv'))
  await button('Dry run').click()
  await told('0 would be created, 1 known already, 1 refused')
})

await part('a long list', async () => {
  await open('/import?tab=lists')
  await page.getByLabel('List', { exact: true }).selectOption({ label: 'Groups' })
  await files(s.many)
  await button('Dry run').click()
  await told('120 would be created')
  await button('Import').click()
  await dialog().getByRole('button', { name: 'Import' }).click()
  await told('120 created, 0 known already, 0 refused')
})

await part('a requester', async () => {
  await page.context().clearCookies()
  await page.goto(s.base + '/tags')
  await signIn('rita', s.requester)
  must((await rows()) === 1, 'tags of his group: ' + (await rows()))
  await page.getByRole('row', { name: /environment:live/ }).getByRole('button').last().click()
  must((await item('Rename').count()) === 0, 'a requester may rename tags')
  await page.keyboard.press('Escape')
  must((await page.getByRole('navigation').getByRole('link', { name: 'Import' }).count()) === 1, 'domains can be imported')
  await open('/import')
  must((await page.getByRole('tab').allInnerTexts()).join() === 'CSV lists', 'tabs ' + (await page.getByRole('tab').allInnerTexts()))
  must((await page.getByLabel('List', { exact: true }).locator('option').allInnerTexts()).join() === 'Domains', 'lists of a requester')
})

await finish()
