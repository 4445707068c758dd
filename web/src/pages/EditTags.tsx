import { TagsInput } from '@mantine/core'
import { useState } from 'react'
import { text } from '../text'
import { Confirm } from '../ui/Confirm'
import { useChanged } from './CertificateActions'

/** Replaces the tags of a thing. */
export function EditTags({ tags, save, close }: { tags: string[]; save: (tags: string[]) => Promise<unknown>; close: () => void }) {
  const changed = useChanged()
  const [value, setValue] = useState(tags)
  return (
    <Confirm
      opened
      title={text.certificate.editTags}
      label={text.action.save}
      close={close}
      run={async () => {
        await save(value)
        await changed()
      }}
    >
      <TagsInput label={text.certificate.tags} description={text.certificate.tagsHint} value={value} onChange={setValue} maxTags={50} data-autofocus />
    </Confirm>
  )
}
