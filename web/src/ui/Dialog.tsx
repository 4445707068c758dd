import { Modal } from '@mantine/core'
import type { ReactNode } from 'react'
import { text } from '../text'

/** A dialogue. Mantine's own head is a header element, which would be a second banner of the page. */
export function Dialog(p: { opened: boolean; onClose: () => void; title: ReactNode; size?: string; keep?: boolean; closeLabel?: string; children: ReactNode }) {
  return (
    <Modal.Root opened={p.opened} onClose={p.onClose} size={p.size} closeOnClickOutside={false} closeOnEscape={!p.keep}>
      <Modal.Overlay />
      <Modal.Content>
        <div className="dialog-head">
          <Modal.Title fw={650}>{p.title}</Modal.Title>
          <Modal.CloseButton aria-label={p.closeLabel ?? text.action.close} />
        </div>
        <Modal.Body>{p.children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}
