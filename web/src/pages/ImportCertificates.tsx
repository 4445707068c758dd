import { Alert, Button, Group, Paper, PasswordInput, Stack, TagsInput, Text } from '@mantine/core'
import { useState } from 'react'
import { api, must, type Schemas } from '../api/client'
import { Pick } from '../ui/Pick'
import { text } from '../text'
import { Go, Moment } from '../ui/bits'
import { Failure } from '../ui/states'
import { useChanged } from './CertificateActions'
import { Files, base64, Results } from './ImportParts'

const t = text.imports

type Report = Schemas['CertificateImportReport']

/** The form for files with certificates, and what became of each. */
export function ImportCertificates() {
  const changed = useChanged()
  const [files, setFiles] = useState<File[]>([])
  const [password, setPassword] = useState('')
  const [group, setGroup] = useState('')
  const [tags, setTags] = useState<string[]>([])
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const [report, setReport] = useState<Report>()
  const run = async () => {
    setBusy(true)
    setError(undefined)
    setReport(undefined)
    try {
      const sent = await Promise.all(files.map(async (f) => ({ name: f.name, data: await base64(f) })))
      setReport(await must(api.POST('/imports/certificates', { body: { files: sent, password: password || undefined, group: group || undefined, tags } })))
      setPassword('')
      await changed()
    } catch (e) {
      setError(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Stack gap="md">
      <Paper withBorder p="md" maw={820}>
        <form onSubmit={(e) => (e.preventDefault(), void run())}>
          <Stack gap="sm">
            <Text size="sm">{t.certificatesHint}</Text>
            <Files label={t.files} description={t.filesHint} multiple files={files} onChange={setFiles} />
            <PasswordInput label={t.password} description={t.passwordHint} value={password} onChange={(e) => setPassword(e.currentTarget.value)} autoComplete="off" visibilityToggleButtonProps={{ 'aria-label': text.certificate.showPassword }} />
            <Group grow align="flex-start">
              <Pick list="groups" label={text.certificate.group} required={false} value={group} onChange={setGroup} />
              <TagsInput label={text.certificate.tags} description={text.certificate.tagsHint} value={tags} onChange={setTags} maxTags={50} acceptValueOnBlur />
            </Group>
            {!!error && <Failure error={error} />}
            <Group justify="flex-end">
              <Button type="submit" loading={busy} disabled={files.length === 0}>
                {t.run}
              </Button>
            </Group>
          </Stack>
        </form>
      </Paper>
      {report && <Report report={report} />}
    </Stack>
  )
}

function Report({ report }: { report: Report }) {
  const summary = `${report.imported} ${t.imported}, ${report.known} ${t.known}, ${report.refused} ${t.refused}, ${report.skipped} ${t.skipped}`
  return (
    <>
      <Alert variant="outline" role="status" color={report.refused ? 'yellow' : 'green'} title={summary} />
      <Results
        name="import-certificates"
        rows={report.items}
        columns={[
          { title: t.file, value: (r) => r.file },
          { title: t.position, value: (r) => (r.position ? String(r.position) : '') },
          { title: t.status, value: (r) => r.status, status: true },
          { title: text.certificate.subject, value: (r) => r.subject ?? '', shown: (r) => (r.certificate ? <Go to={`/certificates/${r.certificate}`}>{r.subject || r.serial}</Go> : r.subject) },
          { title: text.certificate.issuer, value: (r) => r.issuer_dn ?? '' },
          { title: text.certificate.notAfter, value: (r) => r.not_after ?? '', shown: (r) => <Moment at={r.not_after} /> },
          { title: t.reason, value: (r) => r.reason ?? (r.expired ? t.expired : '') },
        ]}
      />
    </>
  )
}
