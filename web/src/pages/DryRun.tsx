import { Alert, Button, Group, List, NativeSelect, NumberInput, Paper, Stack, TagsInput, Textarea, TextInput, Title } from '@mantine/core'
import { useState } from 'react'
import type { Schemas } from '../api/client'
import { text } from '../text'
import { Block } from '../ui/bits'
import { Failure } from '../ui/states'

const t = text.products

export const keys = ['ECDSA P-256', 'ECDSA P-384', 'RSA 2048', 'RSA 3072', 'RSA 4096', 'Ed25519']

/** Would this be issued? Nothing is. ask sends the question to the API. */
export function DryRun({ ask: send }: { ask: (body: Schemas['DryRun']) => Promise<Schemas['Verdict']> }) {
  const [csr, setCSR] = useState('')
  const [generate, setGenerate] = useState('ECDSA P-256')
  const [names, setNames] = useState<string[]>([])
  const [cn, setCN] = useState('')
  const [days, setDays] = useState<number | string>('')
  const [verdict, setVerdict] = useState<Schemas['Verdict']>()
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  const ask = async () => {
    setBusy(true)
    setError(undefined)
    setVerdict(undefined)
    try {
      setVerdict(await send({ csr: csr || undefined, generate: csr ? undefined : generate, names: names.length ? names : undefined, subject: cn ? [{ type: 'CN', value: cn }] : undefined, validity_days: Number(days) || undefined }))
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Stack gap="sm" maw={760}>
      <form onSubmit={(e) => (e.preventDefault(), void ask())}>
        <Stack gap="xs">
          <Textarea label={text.certificate.csr} description={t.csrHint} value={csr} onChange={(e) => setCSR(e.currentTarget.value)} autosize minRows={3} maxRows={10} spellCheck={false} classNames={{ input: 'mono' }} />
          <Group grow align="flex-end">
            <NativeSelect label={t.key} disabled={!!csr} value={generate} onChange={(e) => setGenerate(e.currentTarget.value)} data={keys} />
            <TextInput label={t.subjectCN} value={cn} onChange={(e) => setCN(e.currentTarget.value)} />
            <NumberInput label={t.days} min={1} max={36500} value={days} onChange={setDays} />
          </Group>
          <TagsInput label={text.certificate.names} description={t.namesHint} value={names} onChange={setNames} maxTags={1000} />
          <Group>
            <Button type="submit" size="sm" loading={busy}>
              {t.ask}
            </Button>
          </Group>
        </Stack>
      </form>
      {!!error && <Failure error={error} />}
      {verdict && (
        <Alert role="status" variant="outline" color={verdict.allowed ? 'green' : 'red'} title={verdict.allowed ? (verdict.approval ? t.afterApproval : t.allowed) : t.refused}>
          {verdict.detail}
          {verdict.reasons.length > 0 && (
            <List size="sm">
              {verdict.reasons.map((r, i) => (
                <List.Item key={i}>
                  {r.detail}
                  {r.value ? ` (${r.value})` : ''}
                </List.Item>
              ))}
            </List>
          )}
        </Alert>
      )}
      {verdict?.template && (
        <Paper withBorder p="sm">
          <Title order={2} size="h5">
            {t.template}
          </Title>
          <Block label={t.template} value={JSON.stringify(verdict.template, null, 2)} />
        </Paper>
      )}
    </Stack>
  )
}
