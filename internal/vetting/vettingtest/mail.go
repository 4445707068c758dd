// Package vettingtest has what tests of package vetting and of its users need.
package vettingtest

import (
	"context"
	"slices"
	"sync"
)

// Message is a mail that was sent.
type Message struct{ To, Subject, Text string }

// Mail implements vetting.Mail: it keeps what is sent.
type Mail struct {
	mu   sync.Mutex
	sent []Message
	fail error
}

// Send implements vetting.Mail.
func (m *Mail) Send(_ context.Context, to, subject, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.sent = append(m.sent, Message{to, subject, text})
	return nil
}

// Fail makes sending fail with err; nil ends that.
func (m *Mail) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// Sent returns what was sent so far.
func (m *Mail) Sent() []Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sent)
}

// PDF is a file that passes for a PDF.
func PDF(text string) []byte { return []byte("%PDF-1.4\n% " + text + "\n%%EOF\n") }
