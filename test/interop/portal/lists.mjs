// Every list: each operator of each column, by what the rows themselves say, and
// each export. One column of every type is filtered by hand.
import fs from 'node:fs'
import path from 'node:path'
import { accessible, button, finish, must, open, page, part, rows, s, settled, signIn } from './browser.mjs'

const prefix = '/api/certwright/v1'

async function read(to, query) {
  const r = await page.request.get(s.base + prefix + to + (query ? '?' + new URLSearchParams(query) : ''))
  if (!r.ok()) throw new Error(`${to} ${JSON.stringify(query)}: ${r.status()} ${await r.text()}`)
  return r
}
const json = async (to, query) => (await read(to, query)).json()
const escaped = (v) => String(v).replace(/[%,\\]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase())

await part('sign in', async () => {
  await page.goto(s.base + '/signin')
  await signIn('admin', s.password)
})
const lists = (await json('/lists')).items

/** How many rows of a list a filter leaves. */
const count = async (list, ...filter) => (await json(`/lists/${list}/count`, filter.map((f) => ['filter', f]))).count

/** Tries all operators of a column with a value that some row has, or has not. */
async function operators(list, column, all) {
  const value = all.map((r) => [r[column.field] ?? []].flat()[0]).find((v) => v !== undefined && v !== '' && typeof v !== 'object')
  const known = value !== undefined
  const sample = known ? value : { time: '2026-11-27T00:00:00Z', number: 1, bool: true, enum: column.values?.[0], id: '01a21d94-e77a-70f9-9f2c-42b537a15494' }[column.type] ?? 'none'
  const v = escaped(sample)
  const n = {}
  for (const op of column.operators) n[op] = await count(list, ['empty', 'notempty'].includes(op) ? `${column.name}:${op}` : `${column.name}:${op}:${op === 'between' ? v + ',' + v : v}`)
  const fault = (text) => must(false, `${list}.${column.name}: ${text}: ${sample} ${JSON.stringify(n)} of ${all.length}`)
  // What is listed as a value of several, or is written as several words, is a part of the text.
  const plain = !Array.isArray(all.find((r) => r[column.field])?.[column.field])
  if (known && plain && column.name !== 'subject') for (const op of ['eq', 'in', 'contains', 'startswith', 'endswith', 'ge', 'le', 'between']) if (n[op] === 0) fault(`no row by ${op}`)
  if (n.empty !== undefined && n.empty + n.notempty !== all.length) fault('empty and not empty are not all')
  if (n.eq !== undefined && n.in !== undefined && n.eq !== n.in) fault('equals and one of differ')
  if (n.contains !== undefined && n.contains < n.eq) fault('contains finds less than equals')
  if (n.gt !== undefined && n.notempty !== undefined && (n.gt + n.le !== n.notempty || n.lt + n.ge !== n.notempty)) fault('before and after are not all')
  if (n.ne !== undefined && n.empty === undefined && column.type !== 'id' && n.eq + n.ne !== all.length) fault('equals and not equals are not all')
}

for (const l of lists.filter((x) => x.counted)) {
  await part('operators of ' + l.name, async () => {
    const page1 = await json(l.path, [['limit', 500]])
    // The log and the sessions grow by this very test; only what was there counts.
    const grows = ['audit', 'sessions'].includes(l.name)
    const all = page1.items
    must(!page1.next_cursor && !page1.next, `more than a page of ${l.name}`)
    for (const c of l.columns) if (!grows || c.type !== 'time') await operators(l.name, c, all)
  })
}

const local = (iso) => {
  const d = new Date(iso)
  return new Date(+d - d.getTimezoneOffset() * 60e3).toISOString().slice(0, 16)
}
const inDays = (n) => local(new Date(Date.now() + n * 86400e3).toISOString())
const has = (word) => (r) => r.common_name.toLowerCase().includes(word)
const ends = (r) => +new Date(r.not_after) - Date.now()
const days = 86400e3

/** Column, operator, values as they are typed or chosen, and the rows that are to be left. */
const byHand = [
  ['common_name', 'Contains', ['HOST1'], has('host1')],
  ['common_name', 'Equals', ['host1.example.internal'], (r) => r.common_name === 'host1.example.internal'],
  ['common_name', 'Not equals', ['host1.example.internal'], (r) => r.common_name !== 'host1.example.internal'],
  ['common_name', 'Does not contain', ['host'], (r) => !has('host')(r)],
  ['common_name', 'Starts with', ['host'], (r) => r.common_name.startsWith('host')],
  ['common_name', 'Ends with', ['.internal'], (r) => r.common_name.endsWith('.internal')],
  ['common_name', 'One of', ['host1.example.internal,host2.example.internal'], (r) => /^host[12]\./.test(r.common_name)],
  ['common_name', 'Is empty', [], (r) => !r.common_name],
  ['common_name', 'Is not empty', [], (r) => !!r.common_name],
  ['common_name', 'All', [], () => true],
  ['not_after', 'Before', [inDays(10)], (r) => ends(r) < 10 * days],
  ['not_after', 'After', [inDays(10)], (r) => ends(r) > 10 * days],
  ['not_after', 'At or before', [inDays(10)], (r) => ends(r) < 10 * days],
  ['not_after', 'At or after', [inDays(10)], (r) => ends(r) > 10 * days],
  ['not_after', 'Between', [inDays(3), inDays(30)], (r) => ends(r) > 3 * days && ends(r) < 30 * days],
  ['not_after', 'In the next', ['30'], (r) => ends(r) > 0 && ends(r) < 30 * days],
  ['not_after', 'In the past', ['30'], (r) => ends(r) < 0],
  ['not_after', 'All', [], () => true],
  ['revoked_at', 'Is empty', [], (r) => !r.revoked_at],
  ['revoked_at', 'Is not empty', [], (r) => !!r.revoked_at],
  ['number', 'Equals', ['1000000'], (r) => r.number === 1000000],
  ['number', 'Not equals', ['1000000'], (r) => r.number !== 1000000],
  ['number', 'Greater than', ['1000002'], (r) => r.number > 1000002],
  ['number', 'At least', ['1000002'], (r) => r.number >= 1000002],
  ['number', 'Less than', ['1000002'], (r) => r.number < 1000002],
  ['number', 'At most', ['1000002'], (r) => r.number <= 1000002],
  ['number', 'Between', ['1000001', '1000002'], (r) => [1000001, 1000002].includes(r.number)],
  ['number', 'One of', ['1000000,1000001'], (r) => [1000000, 1000001].includes(r.number)],
  ['state', 'Equals', ['Revoked'], (r) => r.state === 'revoked'],
  ['state', 'Not equals', ['Revoked'], (r) => r.state !== 'revoked'],
  ['state', 'One of', ['revoked,on-hold'], (r) => ['revoked', 'on-hold'].includes(r.state)],
  ['replaced', 'Equals', ['No'], (r) => !r.replaced_by],
  ['ca', 'Equals', ['Yes'], (r) => r.subject.includes('Issuing CA') && r.protocol === 'ca' && !r.common_name.includes('OCSP')],
  ['tags', 'Contains', ['prod'], (r) => r.tags.some((x) => x.includes('prod'))],
  ['tags', 'Equals', ['env:prod'], (r) => r.tags.includes('env:prod')],
  ['tags', 'Not equals', ['env:prod'], (r) => !r.tags.includes('env:prod')],
  ['tags', 'Is empty', [], (r) => r.tags.length === 0],
]

await part('operators by hand', async () => {
  const all = (await json('/certificates', [['limit', 500]])).items
  const columns = lists.find((l) => l.name === 'certificates').columns
  await open('/certificates')
  await button('Add filter').click()
  const column = page.getByLabel('Column', { exact: true })
  const operator = page.getByLabel('Operator', { exact: true })
  let last = ''
  for (const [name, label, values, keeps] of byHand) {
    if (name !== last) {
      await column.selectOption(name)
      last = name
    }
    const type = columns.find((c) => c.name === name).type
    await operator.selectOption({ label })
    for (const [i, v] of values.entries()) {
      const box = page.getByLabel(i ? 'Value to' : 'Value', { exact: true })
      const tag = await box.evaluate((e) => e.tagName)
      if (tag === 'SELECT') await box.selectOption({ label: v })
      else await box.fill(v)
    }
    const want = all.filter(keeps).length
    const written = () => new URL(page.url()).searchParams.getAll('filter').join()
    await page.waitForFunction(
      ([name, n]) => {
        const l = document.querySelector('.list')
        return l?.dataset.shown !== undefined && location.search.includes('filter=' + name + ':') && decodeURIComponent(l.dataset.shown) === decodeURIComponent(location.search) && new RegExp(`of ${n} rows?$`).test(l.querySelector('[aria-live=polite]').textContent)
      },
      [name, want],
    ).catch(async () => must(false, `${type} ${name} ${label} ${values}: ${await rows()} rows instead of ${want}, filter ${written()}`))
    if (label !== 'All') must(want < all.length || values.length === 0, `${name} ${label} ${values} keeps every row`)
  }
  // Each choice that the page offers was made.
  const made = (c) => byHand.filter(([n]) => n === c).map(([, l]) => l)
  for (const [c, more] of [['common_name', []], ['not_after', ['Is empty', 'Is not empty']], ['number', ['All']], ['state', []], ['replaced', []]]) {
    await column.selectOption(c)
    const offered = await operator.locator('option').allInnerTexts()
    for (const o of offered) must([...made(c), ...more].includes(o), `${o} of ${c} is never tried`)
  }
  await accessible('a filter')
})

// A relation is picked by its name.
await part('a reference by hand', async () => {
  await open('/certificates')
  await button('Add filter').click()
  await page.getByLabel('Column', { exact: true }).selectOption('product')
  await settled()
  await page.getByRole('combobox', { name: 'Value', exact: true }).click()
  await page.getByRole('option', { name: 'tls-server', exact: true }).click()
  await page.waitForURL(/filter=product:eq:/)
  await settled()
  must((await rows()) === (await count('certificates', 'product:eq:' + s.product)), 'other rows by product')
})

// What the files hold is compared by the test that started this.
for (const l of lists) {
  await part('exports of ' + l.name, async () => {
    const shown = l.columns.filter((c) => c.default && c.field !== undefined)
    const query = [...shown.map((c) => ['column', c.name])]
    if (shown.some((c) => c.sortable)) query.push(['sort', shown.find((c) => c.sortable).name])
    for (const format of ['csv', 'xlsx', 'pdf']) fs.writeFileSync(path.join(s.dir, `${l.name}.${format}`), await (await read(`/lists/${l.name}/export`, [...query, ['format', format]])).body())
    fs.writeFileSync(path.join(s.dir, l.name + '.columns.json'), JSON.stringify(shown))
  })
}
fs.writeFileSync(path.join(s.dir, 'lists.json'), JSON.stringify(lists.map((l) => l.name)))

await finish()
