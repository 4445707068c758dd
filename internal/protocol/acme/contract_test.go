package acme_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/protocol/acme"
	"github.com/certwright/certwright/internal/protocol/protocoltest"
	"github.com/certwright/certwright/internal/store/storetest"
)

// contract drives ACME for the suite that all protocols pass. A session is one
// order: repeats finalize it again.
type contract struct {
	mu    sync.Mutex
	flows map[*protocoltest.Session]*flow
}

type flow struct {
	once    sync.Once
	c       *client
	order   orderDoc
	url     string
	refusal *answer
}

// open makes account and order of a session, once.
func (d *contract) open(t testing.TB, s *protocoltest.Session) *flow {
	d.mu.Lock()
	f := d.flows[s]
	if f == nil {
		f = &flow{c: &client{t: t, base: s.Site.Main + "/acme/" + s.Credential.Label + "/", key: ecKey(t), http: s.Client}}
		d.flows[s] = f
	}
	d.mu.Unlock()
	f.once.Do(func() {
		payload := map[string]any{}
		if s.PublicID != "" {
			payload["externalAccountBinding"] = f.c.eab(s.PublicID, s.Secret, "HS256")
		}
		a := f.c.post("new-account", mustJSON(payload))
		if a.status != http.StatusCreated {
			f.refusal = a
			return
		}
		f.c.kid = a.header.Get("Location")
		if a = f.c.post("new-order", mustJSON(map[string]any{"identifiers": ids(nameOf(t, s.CSR.DER))})); a.status != http.StatusCreated {
			f.refusal = a
			return
		}
		f.order, f.url = into[orderDoc](t, a), a.header.Get("Location")
		f.c.prove(f.order, "")
	})
	return f
}

// enrol finalizes and fetches.
func (d *contract) enrol(t testing.TB, s *protocoltest.Session) protocoltest.Verdict {
	f := d.open(t, s)
	if f.refusal != nil {
		return refused(f.refusal)
	}
	a := f.c.post(f.order.Finalize, mustJSON(map[string]string{"csr": b64(s.CSR.DER)}))
	if a.status == http.StatusOK {
		a = f.c.post(f.url, "")
	}
	if a.status != http.StatusOK {
		return refused(a)
	}
	v := protocoltest.Verdict{Text: string(a.body)}
	switch o := into[orderDoc](t, a); o.Status {
	case "valid":
		v.Certificate = chainOf(t, f.c.post(o.Certificate, "").body)[0].Raw
	case "processing":
		v.Pending = true
		if a.header.Get("Retry-After") == "" {
			t.Error("processing without Retry-After")
		}
	default:
		v.Refused = core.KindForbidden
	}
	return v
}

// refused says why: who may not even have an account is told so by 403.
func refused(a *answer) protocoltest.Verdict {
	v := protocoltest.Verdict{Text: string(a.body), Refused: core.KindForbidden}
	if t := a.problem.Type; strings.HasSuffix(t, ":unauthorized") || strings.HasSuffix(t, ":externalAccountRequired") {
		v.Refused = core.KindUnauthenticated
	}
	return v
}

func TestContract(t *testing.T) {
	d := &contract{flows: map[*protocoltest.Session]*flow{}}
	endpoint := func(path string) protocoltest.Endpoint {
		return protocoltest.Endpoint{Name: path, Method: http.MethodPost, On: protocol.Main, ContentType: "application/jose+json",
			Path: func(c *core.Credential) string { return "/acme/" + c.Label + "/" + path },
			Body: func(c *protocoltest.CSR) []byte {
				key := ecKey(t)
				return []byte(signed(key, map[string]any{"alg": "ES256", "jwk": json.RawMessage(jwkOf(key)), "nonce": "AAAA", "url": "x"}, mustJSON(map[string]string{"csr": b64(c.DER)})))
			},
			Methods: []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"}, MaxBody: 256 << 10}
	}
	protocoltest.Run(t, time.Now(), protocoltest.Driver{
		Type: core.CredentialACME, Auth: core.AuthAccessKey, Maps: acme.Maps, Audited: true, Enrol: d.enrol,
		Authorise: func(*protocoltest.Session, *http.Request) {},
		New: func(w *protocoltest.World) protocol.Protocol {
			nonces, err := acme.NewProcessNonces()
			if err != nil {
				t.Fatal(err)
			}
			p := &located{}
			p.Service = acme.New(acme.Deps{Auth: w.Auth, Enroll: w.Enroll, Audit: w.Audit, Storage: storetest.SQLite(t), Checker: &checker{},
				Nonces: nonces, Log: w.Log, Now: w.Now, Patience: time.Minute, BaseURL: p.url})
			t.Cleanup(p.Close)
			return p
		},
		Endpoints: []protocoltest.Endpoint{endpoint("new-account"), endpoint("new-order"), endpoint("revoke-cert"), endpoint("order/x/finalize")},
	})
}

// located is ACME on a site whose URL is known only once it listens: it is
// taken from the first request, as no test of the suite lies about it.
type located struct {
	*acme.Service
	mu   sync.Mutex
	base string
}

func (p *located) url() string { p.mu.Lock(); defer p.mu.Unlock(); return p.base }

// Routes implements protocol.Protocol.
func (p *located) Routes() []protocol.Route {
	routes := p.Service.Routes()
	for i := range routes {
		h := routes[i].Handler
		routes[i].Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.mu.Lock()
			p.base = "https://" + r.Host
			p.mu.Unlock()
			h.ServeHTTP(w, r)
		})
	}
	return routes
}
