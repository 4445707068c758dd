import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import type { Schemas } from '../api/client'
import { save } from '../list/frames'
import { text } from '../text'
import { Block } from './bits'

const t = text.credentials

/** The secret of a new credential with the commands for clients: shown this once. */
export function Secret({ made }: { made: Schemas['IssuedCredential'] }) {
  const c = made.credential
  return (
    <Stack gap="xs">
      <Alert color="yellow" variant="outline" role="status" title={t.once}>
        {t.onceHint}
      </Alert>
      {made.notice && <Text size="sm">{made.notice}</Text>}
      <Block label={t.url} value={c.url} />
      {c.public_id && <Block label={t.publicID} value={c.public_id} />}
      {made.secret && <Block label={t.secret} value={made.secret} />}
      {made.commands && <Block label={t.commands} value={made.commands} />}
      <Group>
        <Button size="xs" variant="default" onClick={() => save(new Blob([[c.url, c.public_id, made.secret, '', made.commands].filter((x) => x !== undefined).join('\n') + '\n']), `${c.label}.txt`)}>
          {t.saveFile}
        </Button>
      </Group>
    </Stack>
  )
}
