package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/core"
)

// Hash is a SHA-256 value.
type Hash = [sha256.Size]byte

// Salt makes digests of payloads unguessable.
type Salt = [16]byte

// Row is one stored entry of a chain. The store keeps every field: the event's
// texts as they are, At in microseconds, Payload octet for octet. Detail is
// not a column: it is inside Payload. Login and Address are there, too, and may
// be columns besides so that listings can be filtered by them.
type Row struct {
	Chain int
	Seq   int64 // from 1 without gaps
	core.Event
	Payload []byte // canonical JSON; nil once erased, never nil before
	Salt    Salt   // zero once erased
	Digest  Hash   // of Salt and Payload
	Prev    Hash   // Hash of the row before; zero for the first
	Hash    Hash
}

// Head is the end of a chain: its last row. Seq 0 with a zero hash is the
// empty chain.
type Head struct {
	Chain int
	Seq   int64
	Hash  Hash
}

// Domains of the hashes.
const (
	domainPayload    = "certwright audit payload v1\x00"
	domainContent    = "certwright audit content v1\x00"
	domainEntry      = "certwright audit entry v1\x00"
	domainCheckpoint = "certwright audit checkpoint v1\x00"
)

const maxText = 1024 // octets of each text field of an event; the rest is cut

// Seal makes the rows that follow head, and the new head. The store calls it
// once at the end of each group commit of a chain, inside the transaction that
// holds the chain's head. Texts are made storable (valid UTF-8, no NUL, at most
// 1,024 octets), times UTC and whole microseconds. Nothing in an event makes it
// fail, so that no event can make its neighbours in the commit fail; the only
// error is an impossible head.
func Seal(head Head, events []core.Event) ([]Row, Head, error) {
	if head.Chain < 0 || head.Chain > math.MaxInt32 || head.Seq < 0 || head.Seq > math.MaxInt64-int64(len(events)) {
		return nil, head, core.Errorf(core.KindInternal, "audit chain %d cannot continue after row %d", head.Chain, head.Seq)
	}
	rows := make([]Row, len(events))
	salts := make([]byte, len(events)*len(Salt{}))
	_, _ = rand.Read(salts) // never fails since Go 1.24
	arena := make([]byte, 0, len(events)*192)
	scratch := make([]byte, 0, 512)
	for i := range events {
		r := &rows[i]
		r.Chain, r.Seq, r.Prev = head.Chain, head.Seq+1, head.Hash
		r.Event = storable(&events[i])
		copy(r.Salt[:], salts[i*len(r.Salt):])
		start := len(arena)
		arena = appendPayload(arena, &r.Event)
		r.Payload = arena[start:len(arena):len(arena)]
		scratch, r.Digest = digest(scratch, r.Salt, r.Payload)
		var content Hash
		scratch, content = r.content(scratch)
		r.Hash = entryHash(r.Chain, r.Seq, r.Prev, content)
		head.Seq, head.Hash = r.Seq, r.Hash
	}
	return rows, head, nil
}

// storable returns e as it will be read back.
func storable(e *core.Event) core.Event {
	return core.Event{
		Account: core.AccountID(text(string(e.Account))), At: e.At.UTC().Truncate(time.Microsecond),
		Actor: text(e.Actor), Login: text(e.Login), Address: text(e.Address), Action: text(e.Action),
		Object: text(e.Object), Outcome: text(e.Outcome), Request: text(e.Request), Protocol: text(e.Protocol),
		Credential: core.CredentialID(text(string(e.Credential))), Detail: e.Detail,
	}
}

// text makes s storable in every engine: PostgreSQL takes no NUL and no
// invalid UTF-8.
func text(s string) string {
	if len(s) > maxText {
		s = cut(s, maxText)
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return s
}

// cut shortens s to at most n octets, not inside a character, and marks it.
func cut(s string, n int) string {
	const mark = "…"
	n -= len(mark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}

// digest hashes a payload; scratch is reused and returned.
func digest(scratch []byte, salt Salt, payload []byte) ([]byte, Hash) {
	b := append(scratch[:0], domainPayload...)
	b = append(b, salt[:]...)
	b = append(b, payload...)
	return b, sha256.Sum256(b)
}

// content hashes what the row says; scratch is reused and returned.
func (r *Row) content(scratch []byte) ([]byte, Hash) {
	b := append(scratch[:0], domainContent...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixMicro()))
	for _, s := range [...]string{
		string(r.Account), r.Actor, r.Action, r.Object, r.Outcome, r.Request, r.Protocol, string(r.Credential),
	} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	b = append(b, r.Digest[:]...)
	return b, sha256.Sum256(b)
}

// entryHash puts a content at its place in a chain.
func entryHash(chain int, seq int64, prev, content Hash) Hash {
	var buf [len(domainEntry) + 4 + 8 + 2*sha256.Size]byte
	b := append(buf[:0], domainEntry...)
	b = binary.BigEndian.AppendUint32(b, uint32(chain))
	b = binary.BigEndian.AppendUint64(b, uint64(seq))
	b = append(b, prev[:]...)
	b = append(b, content[:]...)
	return sha256.Sum256(b)
}

// Entry is a row as listings show it.
type Entry struct {
	Chain int
	Seq   int64
	core.Event
	Erased bool // login, address and detail were erased
}

// Entry returns r for a listing. Login, Address and Detail come from the
// payload. An unreadable payload gives an error of kind internal.
func (r *Row) Entry() (Entry, error) {
	e := Entry{Chain: r.Chain, Seq: r.Seq, Event: r.Event, Erased: r.Payload == nil}
	e.Login, e.Address, e.Detail = "", "", nil
	if e.Erased {
		return e, nil
	}
	p, err := parsePayload(r.Payload)
	if err != nil {
		return e, core.Wrap(core.KindInternal, err, "the payload of audit row %d of chain %d is damaged", r.Seq, r.Chain)
	}
	e.Login, e.Address, e.Detail = p.Login, p.Address, p.Detail
	return e, nil
}

// Columns describes the listing of entries.
func Columns() []core.Column {
	return []core.Column{
		{Name: "time", Title: "Time", Type: core.TypeTime, Sortable: true, Default: true},
		{Name: "action", Title: "Action", Type: core.TypeText, Default: true},
		{Name: "actor", Title: "Actor", Type: core.TypeText},
		{Name: "login", Title: "Login", Type: core.TypeText, Default: true},
		{Name: "object", Title: "Object", Type: core.TypeText, Default: true},
		{Name: "outcome", Title: "Outcome", Type: core.TypeEnum, Values: []string{core.Success, core.Refused, core.Failed}, Default: true},
		{Name: "credential", Title: "Credential", Type: core.TypeID},
		{Name: "address", Title: "Address", Type: core.TypeText, Default: true},
		{Name: "protocol", Title: "Protocol", Type: core.TypeText},
		{Name: "request", Title: "Request", Type: core.TypeText},
	}
}
