package rest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/protocol/protocoltest"
	"github.com/certwright/certwright/internal/protocol/rest"
	"github.com/certwright/certwright/internal/store/storetest"
)

// shortOrders is ordering over the suite's issuing service: it takes complete
// orders of private PKI and knows no other step.
type shortOrders struct {
	rest.Orders
	w  *protocoltest.World
	tx core.Transactor

	mu     sync.Mutex
	orders map[int64]*shortOrder
}

type shortOrder struct {
	view ordering.View
	id   core.OrderID // at the issuing service; empty: it refused
}

// Create implements rest.Orders.
func (s *shortOrders) Create(ctx context.Context, p *core.Principal, n ordering.New) (*ordering.View, error) {
	s.mu.Lock()
	number := int64(len(s.orders) + 1)
	o := &shortOrder{view: ordering.View{
		Order: &core.Order{ID: core.NewID[core.OrderID](s.w.Now()), Account: p.Account, Credential: p.Credential.ID, Number: number,
			State: core.OrderIssuing, CreatedAt: s.w.Now()},
		Details: &core.OrderDetails{Account: p.Account, Request: number, Ask: n.Ask, CSR: n.CSR}, Product: s.w.Product}}
	s.orders[number] = o
	s.mu.Unlock()
	if n.With != nil {
		if err := s.tx.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return n.With(ctx, tx, o.view.Order, o.view.Details) }); err != nil {
			return nil, err
		}
	}
	r, err := s.w.Enroll.Submit(ctx, enroll.Request{Principal: p, CSR: n.CSR, Names: &core.Names{DNS: []string{n.Ask.Domain}}, Origin: n.Origin})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	o.id = r.Order.ID
	s.mu.Unlock()
	return s.ByNumber(ctx, p, number)
}

// ByNumber implements rest.Orders.
func (s *shortOrders) ByNumber(ctx context.Context, p *core.Principal, number int64) (*ordering.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orders[number]
	if o == nil || o.view.Order.Credential != p.Credential.ID {
		return nil, core.Errorf(core.KindNotFound, "there is no such order")
	}
	v, order := o.view, *o.view.Order
	v.Order = &order
	if o.id == "" {
		return &v, nil
	}
	r, err := s.w.Enroll.Poll(ctx, p, o.id)
	switch {
	case core.Is(err, core.KindApprovalRefused):
		v.Order.State, v.Order.Failure = core.OrderRejected, core.AsError(err).Detail
	case err != nil:
		return nil, err
	default:
		v.Order.State, v.Certificate, v.Chain, v.Root = r.Order.State, r.Certificate, r.Chain, r.Root
	}
	return &v, nil
}

// byName finds the suite's credentials by public id.
type byName struct{ *protocoltest.Authenticator }

// CredentialByPublicID implements rest.Authenticator.
func (a byName) CredentialByPublicID(ctx context.Context, typ core.CredentialType, publicID string) (*core.Credential, error) {
	return a.Credential(ctx, typ, strings.TrimPrefix(publicID, "user-"))
}

// contractDo sends a request of the suite.
func contractDo(t testing.TB, s *protocoltest.Session, method, path, contentType, token string, body []byte, key string) (int, map[string]any, string) {
	t.Helper()
	req, err := http.NewRequest(method, s.Site.Main+path, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, nil, ""
	}
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := s.Client.Do(req)
	if err != nil {
		t.Error(err)
		return 0, nil, ""
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	var out map[string]any
	_ = json.Unmarshal(raw, &out)
	if res.StatusCode == http.StatusUnauthorized && path != "/oauth/token" && res.Header.Get("WWW-Authenticate") == "" {
		t.Error("401 without WWW-Authenticate")
	}
	return res.StatusCode, out, string(raw)
}

// contractToken gets a token; "" and what was said when there is none.
func contractToken(t testing.TB, s *protocoltest.Session) (token, said string) {
	if s.PublicID == "" {
		return "", ""
	}
	_, a, raw := contractDo(t, s, http.MethodPost, "/oauth/token", "application/x-www-form-urlencoded", "",
		[]byte("grant_type=client_credentials&client_id="+s.PublicID+"&client_secret="+s.Secret), "")
	token, _ = a["access_token"].(string)
	return token, raw
}

func contractBody(csr []byte) []byte {
	out, _ := json.Marshal(m{"variant": "intranet-ssl", "hostname": "a.example", "requestor": ada("example.com"),
		"csr": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}))})
	return out
}

func contractEnrol(t testing.TB, s *protocoltest.Session) protocoltest.Verdict {
	token, said := contractToken(t, s)
	if token == "" && s.PublicID != "" {
		return protocoltest.Verdict{Refused: core.KindUnauthenticated, Text: said}
	}
	const path = "/api/certinext/v2/private-pki-certificates"
	body := contractBody(s.CSR.DER)
	if csr, err := x509.ParseCertificateRequest(s.CSR.DER); err == nil && len(csr.DNSNames) > 0 {
		body = bytes.Replace(body, []byte(`"a.example"`), []byte(`"`+csr.DNSNames[0]+`"`), 1)
	}
	sum := sha256.Sum256(s.CSR.DER)
	status, a, raw := contractDo(t, s, http.MethodPost, path, "application/json", token, body, hex.EncodeToString(sum[:]))
	v := protocoltest.Verdict{Text: raw}
	switch {
	case status == http.StatusUnauthorized:
		v.Refused = core.KindUnauthenticated
		return v
	case status != http.StatusCreated:
		v.Refused = core.KindForbidden
		return v
	}
	order, _ := a["orderId"].(string)
	_, a, raw = contractDo(t, s, http.MethodGet, path+"/"+order, "application/json", token, nil, "")
	v.Text += raw
	switch a["status"] {
	case "pending-approval":
		v.Pending = true
	case "rejected":
		v.Refused = core.KindApprovalRefused
	case "issued":
		_, a, raw = contractDo(t, s, http.MethodGet, path+"/"+order+"/certificate", "application/json", token, nil, "")
		text, _ := a["certificatePem"].(string)
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			t.Errorf("no certificate: %s", raw)
			return v
		}
		v.Certificate = block.Bytes
	default:
		t.Errorf("state %v: %s", a["status"], raw)
	}
	return v
}

func TestV2Contract(t *testing.T) {
	endpoint := func(name string) protocoltest.Endpoint {
		return protocoltest.Endpoint{Name: name, Method: http.MethodPost, On: protocol.Main, ContentType: "application/json", MaxBody: 512 << 10,
			Path:    func(*core.Credential) string { return "/api/certinext/v2/" + name },
			Body:    func(c *protocoltest.CSR) []byte { return contractBody(c.DER) },
			Methods: []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"}}
	}
	protocoltest.Run(t, time.Now(), protocoltest.Driver{
		Type: core.CredentialREST, Auth: core.AuthOAuth, Maps: rest.Maps, Enrol: contractEnrol, Unlabelled: true,
		Authorise: func(s *protocoltest.Session, r *http.Request) {
			if token, _ := contractToken(t, s); token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
		},
		New: func(w *protocoltest.World) protocol.Protocol {
			db := storetest.SQLite(t)
			return rest.New(rest.Deps{Auth: byName{w.Auth}, Orders: &shortOrders{w: w, tx: db, orders: map[int64]*shortOrder{}}, Storage: db, Audit: w.Audit,
				BaseURL: func() string { return "https://localhost" }, Log: w.Log, Now: w.Now})
		},
		Endpoints: []protocoltest.Endpoint{endpoint("private-pki-certificates"), endpoint("smime-certificates"),
			{Name: "token", Method: http.MethodPost, On: protocol.Main, Path: func(*core.Credential) string { return "/oauth/token" },
				Body: func(*protocoltest.CSR) []byte {
					return []byte("grant_type=client_credentials&client_id=x&client_secret=y")
				},
				Methods: []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"}}},
	})
}
