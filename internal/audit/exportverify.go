package audit

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// maxLine is the longest line of an export in octets: a checkpoint of many
// chains, in JSON in JSON.
const maxLine = 4 << 20

// VerifyExport reads an export, without any database, and reports every
// problem as [Log.Verify] does. keys are the public keys that are trusted to
// sign checkpoints; they must come from elsewhere than the export. It proves
// that the entries are unchanged and that no row between the first and the last
// checkpoint of the export is missing; of bridged rows (Summary.Bridged) it
// cannot tell whether they belonged to the range. An erasure cannot be compared with its
// record, because that may lie outside. An error of kind invalid means that
// this is no complete export; which line, is in the detail.
func VerifyExport(r io.Reader, report func(Problem), keys ...ed25519.PublicKey) (Summary, error) {
	known := map[string]ed25519.PublicKey{}
	for _, k := range keys {
		if len(k) != ed25519.PublicKeySize {
			return Summary{}, core.Errorf(core.KindInvalid, "an audit public key has 32 octets")
		}
		known[KeyIDOf(k)] = k
	}
	x := &importer{v: newVerifier(report, func(id string) (ed25519.PublicKey, bool) { k, ok := known[id]; return k, ok })}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	for n := 1; lines.Scan(); n++ {
		if why := x.line(lines.Bytes()); why != "" {
			return x.v.sum, core.Errorf(core.KindInvalid, "line %d of the export: %s", n, why)
		}
	}
	if err := lines.Err(); err != nil {
		return x.v.sum, core.Wrap(core.KindInvalid, err, "the export cannot be read")
	}
	if x.state != kindEnd {
		return x.v.sum, core.Errorf(core.KindInvalid, "the export is cut off")
	}
	return x.v.sum, nil
}

// importer is the state of reading an export.
type importer struct {
	v     *verifier
	state string // kind of the last line
	chain int
	head  Head // of the last row
	first map[Head]bool
	done  map[int]bool
	stops []Head // of the last good checkpoint
}

// line takes one line and returns what is wrong with its form.
func (x *importer) line(b []byte) string {
	var n line
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if d.Decode(&n) != nil || d.More() {
		return "it is no line of an export"
	}
	switch {
	case x.state == kindEnd:
		return "more follows the end"
	case (x.state == "") != (n.Kind == kindHeader):
		return "the header is not the first line"
	case n.Kind == kindCP && x.state != kindHeader && x.state != kindCP:
		return "a checkpoint among the rows"
	case (n.Kind == kindRow || n.Kind == kindBridge) && (x.state == kindHeader || x.state == kindCP || n.Chain != x.chain):
		return "a row outside its chain"
	}
	why := "it has an unknown kind"
	switch n.Kind {
	case kindHeader:
		why = ""
		if n.Format != exportFormat {
			why = "it has an unknown format"
		}
		x.first, x.done = map[Head]bool{}, map[int]bool{}
	case kindCP:
		why = x.checkpoint(n)
	case kindChain:
		why = x.startChain(n)
	case kindRow, kindBridge:
		why = x.row(n)
	case kindEnd:
		why = x.end(n)
	}
	x.state = n.Kind
	return why
}

func (x *importer) checkpoint(n line) string {
	sig, err := base64.StdEncoding.DecodeString(n.Signature)
	if err != nil || n.Number < 1 {
		return "its signature or number cannot be read"
	}
	c := Checkpoint{Number: n.Number, Body: []byte(n.Body), Signature: sig}
	if x.v.last == nil && n.Number > 1 {
		// An export starts in the middle: nothing to compare the first with.
		x.v.last, x.v.lastSt = &Checkpoint{Number: n.Number - 1}, Statement{Number: -1}
	}
	good := x.v.sum.Problems
	x.v.checkpoint(c)
	if x.v.sum.Problems != good || x.v.lastSt.Number < 0 {
		return ""
	}
	x.stops = x.v.lastSt.Heads
	if len(x.first) == 0 {
		for _, h := range x.stops {
			x.first[h] = true
		}
	}
	return ""
}

// startChain begins a chain. Its start is trusted only if it is empty or what
// the first checkpoint names.
func (x *importer) startChain(n line) string {
	x.endChain()
	h := Head{Chain: n.Chain, Seq: n.Seq}
	if n.Chain < 0 || n.Seq < 0 || !unhex(&h.Hash, n.Hash) || x.done[n.Chain] {
		return "its chain cannot be read or appears twice"
	}
	if h.Seq > 0 && !x.first[h] || h.Seq == 0 && h.Hash != (Hash{}) {
		x.v.problem(Problem{Kind: ProblemRemoved, Chain: h.Chain, Seq: 1, To: max(h.Seq, 1), Detail: "left out, and no checkpoint names where the export starts"})
	}
	x.chain, x.head, x.done[n.Chain] = n.Chain, h, true
	x.v.startChain(h)
	return ""
}

func (x *importer) endChain() {
	if x.v.check != nil {
		x.v.endChain(nil)
		x.v.check = nil
	}
}

func (x *importer) row(n line) string {
	var r Row
	if n.Seq < x.head.Seq || !unhex(&r.Prev, n.Prev) || !unhex(&r.Hash, n.Hash) {
		return "its place in the chain cannot be read"
	}
	r.Chain, r.Seq = n.Chain, n.Seq
	x.head.Seq = n.Seq
	if n.Kind == kindBridge {
		var content Hash
		if !unhex(&content, n.Content) {
			return "its content hash cannot be read"
		}
		x.v.bridge(n.Chain, n.Seq, r.Prev, content, r.Hash)
		return ""
	}
	at, err := time.Parse(statementTime, n.At)
	if err != nil || !unhex(&r.Digest, n.Digest) {
		return "its time or digest cannot be read"
	}
	r.Event = core.Event{
		At: at, Account: core.AccountID(n.Account), Actor: n.Actor, Action: n.Action, Object: n.Object, Outcome: n.Outcome,
		Request: n.Request, Protocol: n.Protocol, Credential: core.CredentialID(n.Credential),
	}
	if n.Payload != nil {
		salt, err := hex.DecodeString(n.Salt)
		if err != nil || copy(r.Salt[:], salt) != len(r.Salt) || len(salt) != len(r.Salt) {
			return "its salt cannot be read"
		}
		r.Payload = []byte(*n.Payload)
		if p, err := parsePayload(r.Payload); err == nil {
			r.Login, r.Address = p.Login, p.Address
		}
	}
	x.v.row(&r)
	return ""
}

// end compares the counts, and the chains with those that the last checkpoint
// names.
func (x *importer) end(n line) string {
	x.endChain()
	if n.Rows != x.v.sum.Rows || n.Checkpoints != x.v.sum.Checkpoints {
		return "it counts other rows or checkpoints than there are"
	}
	for _, h := range x.stops {
		if !x.done[h.Chain] {
			x.v.problem(Problem{Kind: ProblemRemoved, Chain: h.Chain, Seq: 1, To: h.Seq, Detail: "the whole chain is missing from the export"})
		}
	}
	return ""
}
