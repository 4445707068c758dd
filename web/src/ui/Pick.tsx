import { Select } from '@mantine/core'
import { useState } from 'react'
import { useReferences } from '../list/FilterBar'
import { text } from '../text'

/** A thing of a list, found by its name. */
export function Pick({ list, label, value, onChange, required = true }: { list: string; label: string; value: string; onChange: (id: string) => void; required?: boolean }) {
  const [search, setSearch] = useState('')
  const options = useReferences(list, search)
  return <Select label={label} required={required} searchable clearable={!required} data={options} value={value || null} onSearchChange={(s) => setSearch(options.some((o) => o.label === s) ? '' : s)} onChange={(v) => onChange(v ?? '')} nothingFoundMessage={text.state.empty} />
}
