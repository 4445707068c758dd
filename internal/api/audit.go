package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// auditPage is a page of the audit log.
type auditPage = core.Page[audit.Entry]

func auditColumns() []core.Column { return audit.Columns() }

func (a *API) auditRoutes() {
	// No JSON document holds a line, but clients want its shape.
	a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[resource.VerifyLine](), true, "VerifyLine")
	addList(a, get("audit", "list-audit", "/audit", "List the audit log, newest first", identity.AuditView), "audit", auditColumns,
		func(ctx context.Context, _ *core.Principal, q core.ListQuery) (auditPage, error) {
			return a.d.Audit.List(ctx, q)
		}, entryResource)
	register(a, post("audit", "verify-audit", "/audit/verify", "Verify the audit log", identity.AuditVerify).
		says("The answer is JSON Lines, written as the verification goes on: a line {\"problem\":…} for each finding, at the end {\"summary\":…}, or {\"error\":…} when the log cannot be read.").
		streams("application/jsonl"), a.verifyAudit)
	register(a, get("audit", "export-audit", "/audit/export", "Export the account's audit log as JSON Lines", identity.AuditView).
		says("With the hashes and signed checkpoints that prove it to be complete and unchanged.").streams("application/jsonl"), a.exportAudit)
}

func entryResource(e *audit.Entry) resource.Entry {
	return resource.Entry{Chain: e.Chain, Seq: e.Seq, At: e.At, Actor: e.Actor, Login: e.Login, Address: e.Address, Action: e.Action, Object: e.Object,
		Outcome: e.Outcome, Request: e.Request, Protocol: e.Protocol, Credential: e.Credential, Detail: e.Detail, Erased: e.Erased}
}

func (a *API) verifyAudit(ctx context.Context, _ *core.Principal, _ *struct{}) (*stream, error) {
	return a.streamed("application/jsonl", "", func(w http.ResponseWriter) error {
		enc := json.NewEncoder(w)
		rc := http.NewResponseController(w)
		_ = rc.Flush() // the client sees at once that it has begun
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var broken error
		line := func(l resource.VerifyLine) {
			if broken != nil {
				return
			}
			if broken = enc.Encode(l); broken != nil {
				cancel() // nobody listens any more
			}
			_ = rc.Flush()
		}
		sum, err := a.d.Audit.Verify(ctx, func(p audit.Problem) {
			line(resource.VerifyLine{Problem: &resource.AuditProblem{Kind: string(p.Kind), Chain: p.Chain, Seq: p.Seq, To: p.To, Checkpoint: p.Checkpoint, Detail: p.Detail}})
		})
		if err != nil {
			line(resource.VerifyLine{Error: a.problem(ctx, err)})
			return broken
		}
		line(resource.VerifyLine{Summary: &resource.AuditSummary{OK: sum.Problems == 0, Chains: sum.Chains, Rows: sum.Rows, Uncovered: sum.Uncovered,
			Erased: sum.Erased, Checkpoints: sum.Checkpoints, Problems: sum.Problems}})
		return broken
	}), nil
}

type exportAuditRequest struct {
	From time.Time `query:"from" doc:"inclusive"`
	To   time.Time `query:"to" doc:"exclusive"`
}

func (a *API) exportAudit(ctx context.Context, p *core.Principal, in *exportAuditRequest) (*stream, error) {
	if !in.From.IsZero() && !in.To.IsZero() && !in.From.Before(in.To) {
		return nil, core.Errorf(core.KindInvalid, "from must be before to").At("from")
	}
	e := core.EventOf(p, a.d.Now(), "audit.export", "account:"+string(p.Account))
	e.Detail = map[string]any{}
	if !in.From.IsZero() {
		e.Detail["from"] = in.From
	}
	if !in.To.IsZero() {
		e.Detail["to"] = in.To
	}
	if err := a.d.Audit.Record(ctx, e); err != nil {
		return nil, err
	}
	return a.streamed("application/jsonl", "audit.jsonl", func(w http.ResponseWriter) error {
		return a.d.Audit.Export(ctx, w, audit.Range{Account: p.Account, From: in.From, To: in.To})
	}), nil
}
