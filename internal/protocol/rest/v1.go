package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// v1Path is where the methods of the v1 generation are.
const v1Path = "/emSignHub-API/"

// Limits of a request in octets. Documents come as base64 inside of JSON: three
// of the largest with their order fit.
const (
	v1MaxBody      = 256 << 10
	v1MaxDocuments = 14 << 20
)

// v1Version is the version of requests and answers.
const v1Version = "1.0"

// v1Method is one method of the v1 generation.
type v1Method struct {
	name string
	max  int64  // octets of a request; 0: v1MaxBody
	out  string // name of the block of the answer; empty: it has none
	run  func(*v1Call) (any, error)
}

// v1Methods is the list of methods.
var v1Methods = []v1Method{
	{"ValidateCredentials", 0, "", func(*v1Call) (any, error) { return nil, nil }},
	{"GenerateOrderSSL", v1MaxDocuments, "orderDetails", (*v1Call).generateSSL},
	{"GenerateOrderSMIME", v1MaxDocuments, "orderDetails", (*v1Call).generateSMIME},
	{"GenerateOrderSignature", v1MaxDocuments, "orderDetails", (*v1Call).generateSignature},
	{"GenerateOrderPrivatePKI", v1MaxDocuments, "orderDetails", (*v1Call).generatePrivate},
	{"SubmitCSR", 0, "", (*v1Call).submitCSR},
	{"SubmitDocument", v1MaxDocuments, "", (*v1Call).submitDocument},
	{"GetDcv", 0, "dcvDetails", (*v1Call).getDCV},
	{"VerifyDcv", 0, "", (*v1Call).verifyDCV},
	{"TrackOrder", 0, "orderDetails", (*v1Call).trackOrder},
	{"GetCertificate", 0, "certificateDetails", (*v1Call).getCertificate},
	{"RevokeOrder", 0, "", (*v1Call).revokeOrder},
	{"RejectOrder", 0, "", (*v1Call).rejectOrder},
	{"RejectRequest", 0, "", (*v1Call).rejectRequest},
	{"AgreementAcceptance", 0, "", (*v1Call).acceptAgreement},
	{"GetProductDetails", 0, "productDetails", (*v1Call).productDetails},
	{"GetFieldDetails", 0, "fieldDetails", (*v1Call).fieldDetails},
	{"GetGroupDetails", 0, "accountDetails", (*v1Call).accountDetails},
	{"GetGroupDetailsV2", 0, "groupDetails", (*v1Call).groupDetails},
	{"GetOrganizationDetails", 0, "organizationDetails", (*v1Call).organisationDetails},
	{"GetDomainDetails", 0, "domainDetails", (*v1Call).domainDetails},
	{"GetOrderReport", 0, "orderDetails", (*v1Call).orderReport},
	{"GetLedgerStatementDetails", 0, "statementDetails", (*v1Call).ledger},
}

// v1Call is one request.
type v1Call struct {
	s      *Service
	ctx    context.Context
	r      *http.Request
	method string // as the vendor writes it
	in     v1Request
	who    *core.Principal
}

// v1Answer is the meta block of an answer.
type v1Answer struct {
	Ver     string `json:"ver"`
	TS      string `json:"ts"`
	Txn     string `json:"txn"`
	Status  string `json:"status"`
	Code    string `json:"errorCode"`
	Message string `json:"errorMessage"`
}

// v1Routes are the methods of version 1. Their names are matched without regard
// to case, so one route takes them all.
func (s *Service) v1Routes() []protocol.Route {
	return []protocol.Route{{Pattern: v1Path + "{method}", On: protocol.Main, MaxBody: v1MaxDocuments, Handler: http.HandlerFunc(s.v1)}}
}

func v1MethodOf(name string) *v1Method {
	for i := range v1Methods {
		if strings.EqualFold(v1Methods[i].name, name) {
			return &v1Methods[i]
		}
	}
	return nil
}

// v1 answers a request. Whatever fails is said inside an answer of status 200;
// only a path that names no method and a verb other than POST have statuses of
// their own.
func (s *Service) v1(w http.ResponseWriter, r *http.Request) {
	m := v1MethodOf(r.PathValue("method"))
	c := &v1Call{s: s, ctx: r.Context(), r: r}
	switch {
	case m == nil:
		s.v1Reply(w, r, http.StatusNotFound, c.refusal(ems("901").because("there is no such method")))
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		s.v1Reply(w, r, http.StatusMethodNotAllowed, c.refusal(ems("901").because("methods are called by POST")))
		return
	}
	c.method = m.name
	block, err := c.handle(m)
	if err != nil {
		s.v1Reply(w, r, http.StatusOK, c.refusal(err))
		return
	}
	out := map[string]any{"meta": c.meta("1", "", "")}
	if m.out != "" {
		out[m.out] = block
	}
	s.v1Reply(w, r, http.StatusOK, out)
}

// largeBodies is how many requests with documents are in memory at the same
// time: v1 proves who asks inside of the body.
const largeBodies = 8

// largeBody waits for its turn to read a body with documents.
func (s *Service) largeBody(ctx context.Context) (free func(), err error) {
	select {
	case s.large <- struct{}{}:
		return func() { <-s.large }, nil
	case <-ctx.Done():
		return nil, core.Errorf(core.KindUnavailable, "too many requests with documents at the same time").After(5 * time.Second)
	}
}

// handle reads the request, finds out who asks, and does what is asked.
func (c *v1Call) handle(m *v1Method) (any, error) {
	limit := m.max
	if limit == 0 {
		limit = v1MaxBody
	}
	if limit > v1MaxBody && (c.r.ContentLength < 0 || c.r.ContentLength > v1MaxBody) {
		free, err := c.s.largeBody(c.ctx)
		if err != nil {
			return nil, err
		}
		defer free()
	}
	body, err := httpx.ReadBody(c.r, limit)
	if err != nil {
		return nil, ems("901").because(core.AsError(err).Detail)
	}
	if err := json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &c.in); err != nil {
		return nil, ems("902")
	}
	if err := c.authenticate(); err != nil {
		return nil, err
	}
	block, err := m.run(c)
	if err != nil {
		c.refused(err)
	}
	return block, err
}

// meta is the meta block of the answer: ver, the server's time, the client's
// transaction id.
func (c *v1Call) meta(status, code, message string) v1Answer {
	a := v1Answer{Ver: v1Version, TS: c.s.d.Now().UTC().Format(time.RFC3339), Status: status, Code: code, Message: message}
	if m := c.in.Meta.V; m != nil && len(m.Txn) <= 100 {
		a.Txn = string(m.Txn)
	}
	return a
}

// refusal is the whole answer to a request that failed. The cause goes to the
// log only.
func (c *v1Call) refusal(err error) map[string]any {
	f := c.fault(err)
	id := httpx.RequestID(c.ctx)
	switch {
	case f.code == v1Internal:
		c.s.d.Log.ErrorContext(c.ctx, "order API request failed", "request_id", id, "method", c.method, "error", err.Error())
		f = ems(v1Internal).because("request id " + id)
	case f.cause != nil:
		c.s.d.Log.WarnContext(c.ctx, "order API request refused", "request_id", id, "method", c.method, "error", err.Error())
	}
	return map[string]any{"meta": c.meta("0", emsPrefix+f.code, f.message())}
}

// refused keeps in the audit log that something was asked for and not done,
// when the refusal was ours: the services keep their own. Questions that were
// answered with no are not kept.
func (c *v1Call) refused(err error) {
	action, ok := v1Actions[c.method]
	var f *fault
	if !ok || !errors.As(err, &f) {
		return
	}
	e := core.EventOf(c.who, c.s.d.Now(), action, "order:"+clip(c.subject()))
	e.Outcome, e.Protocol = core.Refused, c.s.Name()
	e.Detail = map[string]any{"operation": c.method, "code": emsPrefix + f.code, "detail": f.message()}
	c.record(e)
}

// v1Actions are the methods whose refusals are kept.
var v1Actions = map[string]string{
	"GenerateOrderSSL": "order.create", "GenerateOrderSMIME": "order.create", "GenerateOrderSignature": "order.create", "GenerateOrderPrivatePKI": "order.create",
	"SubmitCSR": "order.csr", "SubmitDocument": "order.document", "RevokeOrder": "certificate.revoke", "RejectOrder": "order.reject",
	"RejectRequest": "order.reject", "AgreementAcceptance": "order.agree",
}

// subject is the order that a refused request was about, as it named it.
func (c *v1Call) subject() string {
	switch {
	case c.in.Revocation.V != nil:
		return string(c.in.Revocation.V.OrderNumber)
	case c.in.Agreement.V != nil:
		return string(c.in.Agreement.V.OrderNumber)
	case c.in.Order.V != nil && c.in.Order.V.OrderNumber != "":
		return string(c.in.Order.V.OrderNumber)
	case c.in.Order.V != nil:
		return string(c.in.Order.V.RequestNumber)
	}
	return ""
}

// record keeps an entry although the client may have gone.
func (c *v1Call) record(e core.Event) {
	ctx := context.WithoutCancel(c.ctx)
	if err := c.s.d.Audit.Record(ctx, e); err != nil {
		c.s.d.Log.ErrorContext(ctx, "audit entry lost", "request_id", e.Request, "error", err.Error())
	}
}

func (s *Service) v1Reply(w http.ResponseWriter, r *http.Request, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only texts and numbers are written
		body, status = []byte(`{}`), http.StatusInternalServerError
		s.d.Log.ErrorContext(r.Context(), "answer cannot be written", "error", err.Error())
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	httpx.Reply(w, r, status, append(body, '\n'))
}

// clip cuts a text of the client for logs.
func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}
