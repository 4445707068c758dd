package est

import (
	"net/http"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/protocol/protocoltest"
)

func TestContract(t *testing.T) {
	authorise := func(s *protocoltest.Session, r *http.Request) {
		if s.PublicID != "" {
			r.SetBasicAuth(s.PublicID, s.Secret)
		}
	}
	endpoint := func(op string, on protocol.Listener) protocoltest.Endpoint {
		return protocoltest.Endpoint{
			Name: op, Method: http.MethodPost, On: on, ContentType: "application/pkcs10",
			Path:    func(c *core.Credential) string { return "/.well-known/est/" + c.Label + "/" + op },
			Body:    func(c *protocoltest.CSR) []byte { return b64(c.DER) },
			Methods: []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"},
		}
	}
	protocoltest.Run(t, time.Now(), protocoltest.Driver{
		Type: core.CredentialEST,
		Auth: core.AuthPassword,
		New:  func(w *protocoltest.World) protocol.Protocol { return newService(w) },
		Maps: func(k core.Kind) bool { return statuses[k] != 0 },

		Authorise: authorise,
		Enrol: func(t testing.TB, s *protocoltest.Session) protocoltest.Verdict {
			a := do(t, s.Client, http.MethodPost, s.Site.MTLS+"/.well-known/est/"+s.Credential.Label+"/simpleenroll", b64(s.CSR.DER),
				func(r *http.Request) { authorise(s, r) })
			v := protocoltest.Verdict{Text: string(a.body)}
			switch {
			case a.StatusCode == http.StatusOK:
				v.Certificate = issued(t, a, s.CSR).Raw
			case a.StatusCode == http.StatusAccepted:
				v.Pending = true
				if a.Header.Get("Retry-After") == "" {
					t.Error("202 without Retry-After")
				}
			case a.StatusCode == http.StatusUnauthorized:
				v.Refused = core.KindUnauthenticated
				if a.Header.Get("WWW-Authenticate") == "" {
					t.Error("401 without WWW-Authenticate")
				}
			default:
				v.Refused = core.KindForbidden
			}
			return v
		},
		Endpoints: []protocoltest.Endpoint{
			endpoint("simpleenroll", protocol.MTLS), endpoint("simplereenroll", protocol.Main), endpoint("serverkeygen", protocol.MTLS),
		},
		Audited: true,
	})
}
