package api

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/certwright/certwright/internal/core"
)

func TestEveryKindHasAProblem(t *testing.T) {
	var logs bytes.Buffer
	a := &API{d: Deps{Logger: slog.New(slog.NewTextHandler(&logs, nil))}}
	for _, k := range core.Kinds {
		row, ok := kindTable[k]
		if !ok || row.status < 400 || row.title == "" {
			t.Errorf("%s: %+v", k, row)
			continue
		}
		err := core.Wrap(k, errors.New("the cause"), "the detail").At("x").Because(core.Reason{Code: "c", Detail: "d"}).After(1500 * time.Millisecond)
		p := a.problem(context.Background(), err)
		if p.Kind() != k || p.Status != row.status || strings.Contains(p.Error(), "cause") {
			t.Errorf("%s: %+v", k, p)
		}
		if k == core.KindInternal {
			if p.Detail != "" || p.Field != "" || p.Reasons != nil {
				t.Errorf("an internal error says %+v", p)
			}
			continue
		}
		if p.Detail != "the detail" || p.Field != "x" || len(p.Reasons) != 1 || p.RetryAfter != 2 {
			t.Errorf("%s: %+v", k, p)
		}
	}
	if len(kindTable) != len(core.Kinds) {
		t.Error("the table has rows for kinds that there are not")
	}
	for _, err := range []error{errors.New("secret"), core.Errorf("no-such-kind", "secret")} {
		if p := a.problem(context.Background(), err); p.Kind() != core.KindInternal || p.Status != 500 || p.Detail != "" {
			t.Errorf("%+v", p)
		}
	}
	if !strings.Contains(logs.String(), "secret") {
		t.Error("the log does not have the cause of an internal error")
	}
}

func TestHumaErrorsGetOurKinds(t *testing.T) {
	for status, kind := range map[int]core.Kind{
		400: core.KindInvalid, 422: core.KindInvalid, 408: core.KindInvalid, 406: core.KindInvalid,
		413: core.KindTooLarge, 415: core.KindMediaType,
	} {
		if got := core.KindOf(fromHuma(&huma.ErrorModel{Status: status, Detail: "x"})); got != kind {
			t.Errorf("%d: %s", status, got)
		}
	}
	if got := core.KindOf(fromHuma(&huma.ErrorModel{Status: 500, Detail: "cannot read request body"})); got != core.KindInvalid {
		t.Error(got)
	}
	if got := core.KindOf(fromHuma(&huma.ErrorModel{Status: 500, Detail: "x"})); got != core.KindInternal {
		t.Error(got)
	}
	e := &huma.ErrorModel{Status: 422, Detail: "validation failed"}
	for range 50 {
		e.Errors = append(e.Errors, &huma.ErrorDetail{Location: "body.password", Message: "expected string", Value: "hunter2"})
	}
	ce := core.AsError(fromHuma(e))
	if ce.Field != "password" || len(ce.Reasons) != 20 || strings.Contains(ce.Error(), "hunter2") || ce.Reasons[0].Value != "" {
		t.Errorf("%+v", ce)
	}
}

func TestProblemHeaders(t *testing.T) {
	a := &API{d: Deps{Logger: slog.New(slog.DiscardHandler)}}
	h := problemHeaders(a.problem(context.Background(), core.Errorf(core.KindUnauthenticated, "x").After(time.Second)))
	if h.Get("WWW-Authenticate") == "" || h.Get("Retry-After") != "1" {
		t.Error(h)
	}
	var se huma.StatusError
	var he huma.HeadersError
	err := a.answer(context.Background(), core.Errorf(core.KindRateLimited, "x").After(time.Minute))
	if !errors.As(err, &se) || se.GetStatus() != http.StatusTooManyRequests || !errors.As(err, &he) || he.GetHeaders().Get("Retry-After") != "60" {
		t.Error(err)
	}
}
