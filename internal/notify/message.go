package notify

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/core"
)

// Message is a mail of plain text.
type Message struct {
	To      []string // addresses, with or without names; 1 to 100
	Subject string
	Text    string
	// Headers are further fields ("Reply-To", "References"). Those that the
	// mailer writes itself are refused.
	Headers map[string]string
	// ID is the left part of the Message-ID, such as a job's id: a message that
	// is sent again after a failure keeps its identity then. Empty: random.
	ID string
}

const (
	maxRecipients = 100           // RFC 5321 section 4.5.3.1.8: a server takes as many
	maxSubject    = 500           // octets
	maxBody       = 4 << 20       // octets
	lineLimit     = 76            // where headers are folded, RFC 5322 section 2.1.1
	dateFormat    = time.RFC1123Z // as RFC 5322 section 3.3 writes it
)

// own are the fields that render writes.
func own(name string) bool {
	return slices.Contains([]string{"from", "to", "cc", "bcc", "sender", "subject", "date", "message-id",
		"mime-version", "content-type", "content-transfer-encoding", "auto-submitted", "return-path", "received"}, strings.ToLower(name))
}

// render writes the message and returns the bare addresses of its recipients.
// Every error is of kind invalid.
func (m *Mailer) render(msg Message) (raw []byte, to []string, err error) {
	shown := make([]string, 0, len(msg.To))
	for _, s := range msg.To {
		a, err := mail.ParseAddress(s)
		if err != nil || !plainAddress(a.Address) || strings.ContainsAny(s, "\r\n") {
			return nil, nil, core.Errorf(core.KindInvalid, "%q is not a mail address", s).At("to")
		}
		if !slices.Contains(to, a.Address) {
			to, shown = append(to, a.Address), append(shown, a.String())
		}
	}
	if len(to) == 0 || len(to) > maxRecipients {
		return nil, nil, core.Errorf(core.KindInvalid, "a message has 1 to %d recipients, not %d", maxRecipients, len(to)).At("to")
	}
	if len(msg.Text) > maxBody || !utf8.ValidString(msg.Text) {
		return nil, nil, core.Errorf(core.KindInvalid, "the text is not UTF-8 or has more than %d octets", maxBody).At("text")
	}
	if err := checkValue("subject", msg.Subject); err != nil {
		return nil, nil, err
	}
	id, err := m.messageID(msg.ID)
	if err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	field(&b, "From", m.from.String())
	field(&b, "To", strings.Join(shown, ", "))
	field(&b, "Subject", encodeWords(msg.Subject))
	field(&b, "Date", m.now().UTC().Format(dateFormat))
	field(&b, "Message-ID", id)
	for _, name := range slices.Sorted(maps.Keys(msg.Headers)) {
		if err := checkHeader(name, msg.Headers[name]); err != nil {
			return nil, nil, err
		}
		field(&b, name, encodeWords(msg.Headers[name]))
	}
	field(&b, "Auto-Submitted", "auto-generated") // RFC 3834 section 5: no vacation replies
	field(&b, "MIME-Version", "1.0")
	field(&b, "Content-Type", "text/plain; charset=utf-8")
	field(&b, "Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(crlf(msg.Text))) // into memory
	_ = w.Close()
	return b.Bytes(), to, nil
}

// crlf gives every line its RFC 5322 end.
func crlf(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return strings.ReplaceAll(s, "\n", "\r\n")
}

// plainAddress accepts what can stand in an SMTP command as it is: no quotes,
// no control characters, within the lengths of RFC 5321 section 4.5.3.1.
func plainAddress(a string) bool {
	local, domain, ok := strings.Cut(a, "@")
	return ok && local != "" && domain != "" && len(local) <= 64 && len(domain) <= 255 && utf8.ValidString(a) &&
		!strings.ContainsFunc(a, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`"<>()\,;:`, r) })
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// checkValue refuses what would begin another header field or could not be
// shown.
func checkValue(name, v string) error {
	if len(v) > maxSubject || !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return core.Errorf(core.KindInvalid, "the field %s is longer than %d octets or holds control characters", name, maxSubject).At(name)
	}
	return nil
}

func checkHeader(name, v string) error {
	bad := name == "" || len(name) > 60 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' })
	if bad || own(name) {
		return core.Errorf(core.KindInvalid, "%q is not a header field that a message may set", name).At("headers")
	}
	return checkValue(name, v)
}

// encodeWords writes v as encoded words (RFC 2047) when it is not plain ASCII,
// and also when it looks like encoded words already, so that it arrives as it
// is.
func encodeWords(v string) string {
	if ascii(v) && !strings.Contains(v, "=?") {
		return v
	}
	if ascii(v) { // the encoder of package mime leaves ASCII alone
		var words []string
		for part := range slices.Chunk([]byte(v), 42) { // 75 octets a word, RFC 2047 section 2
			words = append(words, "=?us-ascii?b?"+base64.StdEncoding.EncodeToString(part)+"?=")
		}
		return strings.Join(words, " ")
	}
	return mime.QEncoding.Encode("utf-8", v)
}

// field writes a header field, folded at spaces (RFC 5322 section 2.2.3).
func field(b *bytes.Buffer, name, value string) {
	b.WriteString(name)
	b.WriteByte(':')
	used := len(name) + 1
	for i, word := range strings.Split(strings.ReplaceAll(value, "\r\n", ""), " ") {
		if i > 0 && word != "" && used+1+len(word) > lineLimit {
			b.WriteString("\r\n")
			used = 0
		}
		b.WriteByte(' ')
		b.WriteString(word)
		used += 1 + len(word)
	}
	b.WriteString("\r\n")
}

// messageID makes a Message-ID in the sender's domain (RFC 5322 section 3.6.4).
func (m *Mailer) messageID(left string) (string, error) {
	if left == "" {
		var r [16]byte
		_, _ = rand.Read(r[:]) // never fails since Go 1.24
		left = hex.EncodeToString(r[:])
	}
	if len(left) > 200 || strings.ContainsFunc(left, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_", r))
	}) {
		return "", core.Errorf(core.KindInvalid, "a message id is made of letters, digits, dots, dashes and underscores").At("id")
	}
	_, domain, _ := strings.Cut(m.from.Address, "@")
	return fmt.Sprintf("<%s@%s>", left, domain), nil
}
