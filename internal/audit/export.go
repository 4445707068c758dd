package audit

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Range selects what is exported.
type Range struct {
	// Account whose entries are shown in full; AllAccounts shows everything.
	// One of the two is required.
	Account     core.AccountID
	AllAccounts bool
	From, To    time.Time // of the events; From inclusive, To exclusive; zero: open
}

func (q Range) holds(r *Row) bool {
	return (q.AllAccounts || r.Account == q.Account) &&
		(q.From.IsZero() || !r.At.Before(q.From)) && (q.To.IsZero() || r.At.Before(q.To))
}

// exportSlack is by how much the time of an event may differ from the time at
// which its row was written: a long request, clocks of replicas.
const exportSlack = time.Hour

const (
	exportFormat = "certwright-audit-export/1"
	kindHeader   = "header"
	kindCP       = "checkpoint"
	kindChain    = "chain"
	kindRow      = "row"
	kindBridge   = "bridge"
	kindEnd      = "end"
)

// line is one line of an export; which members are there depends on Kind.
//
// The lines are: header; checkpoints in ascending order; for each chain a chain
// line (the trusted head before its first row) and its rows, without gaps, as
// row or, when not selected, as bridge; end.
type line struct {
	Kind string `json:"kind"`

	Format  string `json:"format,omitempty"` // header
	Account string `json:"account,omitempty"`
	At      string `json:"at,omitempty"` // header, row
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`

	Number    int64  `json:"number,omitempty"` // checkpoint
	Body      string `json:"body,omitempty"`
	Signature string `json:"signature,omitempty"` // base64

	Chain int    `json:"chain"` // chain, row, bridge
	Seq   int64  `json:"seq,omitempty"`
	Hash  string `json:"hash,omitempty"` // hex
	Prev  string `json:"prev,omitempty"`

	Content string `json:"content,omitempty"` // bridge

	Actor      string  `json:"actor,omitempty"` // row
	Action     string  `json:"action,omitempty"`
	Object     string  `json:"object,omitempty"`
	Outcome    string  `json:"outcome,omitempty"`
	Request    string  `json:"request,omitempty"`
	Protocol   string  `json:"protocol,omitempty"`
	Credential string  `json:"credential,omitempty"`
	Payload    *string `json:"payload,omitempty"` // the very text that was hashed; absent once erased
	Salt       string  `json:"salt,omitempty"`
	Digest     string  `json:"digest,omitempty"`

	Rows        int64 `json:"rows,omitempty"` // end
	Checkpoints int64 `json:"checkpoints,omitempty"`
}

// Export writes the selected entries as JSON Lines with everything that
// [VerifyExport] needs: the hashes, the signed checkpoints around them, and of
// rows in between that are not selected the hashes only. It makes a checkpoint
// first, so that all rows are covered by a signature. Errors: invalid for a
// range without account, else those of storage and w.
func (l *Log) Export(ctx context.Context, w io.Writer, q Range) error {
	if (q.Account == "") != q.AllAccounts {
		return core.Errorf(core.KindInvalid, "an export is for one account or for all").At("account")
	}
	if _, _, err := l.Checkpoint(ctx); err != nil {
		return err
	}
	buf := bufio.NewWriterSize(w, 64<<10)
	x := &exporter{log: l, enc: json.NewEncoder(buf), q: q}
	x.enc.SetEscapeHTML(false)
	if err := x.run(ctx); err != nil {
		return core.AsError(err)
	}
	if err := buf.Flush(); err != nil {
		return core.Wrap(core.KindInternal, err, "the export cannot be written")
	}
	return nil
}

type exporter struct {
	log         *Log
	enc         *json.Encoder
	q           Range
	start, stop map[int]Head // of each chain: exclusive start, inclusive stop
	rows, cps   int64
	scratch     []byte
}

func (x *exporter) run(ctx context.Context) error {
	h := line{Kind: kindHeader, Format: exportFormat, Account: string(x.q.Account), At: rfc(x.log.now()), From: rfc(x.q.From), To: rfc(x.q.To)}
	if err := x.enc.Encode(h); err != nil {
		return err
	}
	if err := x.checkpoints(ctx); err != nil {
		return err
	}
	for _, head := range sortedHeads(x.stop) {
		start := x.start[head.Chain]
		err := x.enc.Encode(line{Kind: kindChain, Chain: head.Chain, Seq: start.Seq, Hash: hexOf(start.Hash)})
		if err == nil && head.Seq > start.Seq {
			err = x.log.storage.WalkRows(ctx, head.Chain, start.Seq+1, func(r *Row) error { return x.row(r, head.Seq) })
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return x.enc.Encode(line{Kind: kindEnd, Rows: x.rows, Checkpoints: x.cps})
}

// checkpoints writes the newest checkpoint that lies safely before the range,
// the first one safely after it, and those between. Their heads are where the
// chains start and stop.
func (x *exporter) checkpoints(ctx context.Context) error {
	var kept []Checkpoint
	var before, after *Statement
	err := x.log.storage.Checkpoints(ctx, func(c Checkpoint) error {
		if after != nil && !x.q.To.IsZero() && after.At.After(x.q.To.Add(exportSlack)) {
			return nil
		}
		s, err := c.Statement()
		if err != nil {
			return core.Wrap(core.KindInternal, err, "audit checkpoint %d is damaged; verify the log", c.Number)
		}
		if !x.q.From.IsZero() && s.At.Before(x.q.From.Add(-exportSlack)) {
			before, kept = &s, kept[:0]
		}
		kept = append(kept, c)
		after = &s
		return nil
	})
	if err != nil {
		return err
	}
	x.start, x.stop = map[int]Head{}, map[int]Head{}
	if before != nil {
		for _, h := range before.Heads {
			x.start[h.Chain] = h
		}
	}
	if after != nil {
		for _, h := range after.Heads {
			x.stop[h.Chain] = h
		}
	}
	for _, c := range kept {
		x.cps++
		err := x.enc.Encode(line{Kind: kindCP, Number: c.Number, Body: string(c.Body), Signature: base64.StdEncoding.EncodeToString(c.Signature)})
		if err != nil {
			return err
		}
	}
	return nil
}

// row writes one row; io.EOF ends the walk after stop.
func (x *exporter) row(r *Row, stop int64) error {
	if r.Seq > stop {
		return io.EOF
	}
	x.rows++
	n := line{Kind: kindRow, Chain: r.Chain, Seq: r.Seq, Prev: hexOf(r.Prev), Hash: hexOf(r.Hash)}
	if !x.q.holds(r) {
		n.Kind = kindBridge
		var content Hash
		x.scratch, content = r.content(x.scratch)
		n.Content = hexOf(content)
		return x.enc.Encode(n)
	}
	n.At, n.Account, n.Actor, n.Action, n.Object = r.At.UTC().Format(statementTime), string(r.Account), r.Actor, r.Action, r.Object
	n.Outcome, n.Request, n.Protocol, n.Credential = r.Outcome, r.Request, r.Protocol, string(r.Credential)
	n.Digest = hexOf(r.Digest)
	if r.Payload != nil {
		p := string(r.Payload)
		n.Payload, n.Salt = &p, hex.EncodeToString(r.Salt[:])
	}
	return x.enc.Encode(n)
}

func rfc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(statementTime)
}

func hexOf(h Hash) string { return hex.EncodeToString(h[:]) }

func sortedHeads(m map[int]Head) []Head {
	out := make([]Head, 0, len(m))
	for _, h := range m {
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b Head) int { return cmp.Compare(a.Chain, b.Chain) })
	return out
}
