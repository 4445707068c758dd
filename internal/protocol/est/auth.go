package est

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// authenticate finds out who asks (RFC 7030 section 3.3.2), before anything of
// the body or its type is looked at: curl --anyauth sends an empty first
// request and wants nothing but the 401.
//
// A certificate of ours authorises only a renewal: then the second result is
// that certificate. For everything else the credential's own kind of proof is
// needed: HTTP Basic, or a client certificate that it trusts.
func (c *call) authenticate(renewal bool) (*core.Principal, *core.Certificate, error) {
	ctx := c.r.Context()
	proof := protocol.Proof{Cert: httpx.ClientCert(ctx), Address: httpx.ClientAddr(ctx)}
	basic := false
	if c.cred.Auth != core.AuthClientCert {
		proof.PublicID, proof.Secret, basic = c.r.BasicAuth()
	}
	if !basic && proof.Cert == nil {
		return nil, nil, c.challenge(renewal)
	}
	var p *core.Principal
	var old *core.Certificate
	var err error
	switch {
	case basic:
		if p, err = c.s.d.Auth.Authenticate(ctx, c.cred, proof); err == nil && renewal && proof.Cert != nil {
			// The password suffices; the certificate says what is renewed.
			if _, cert, cerr := c.s.d.Auth.ByCertificate(ctx, c.cred, proof); cerr == nil {
				old = cert
			}
		}
	case renewal:
		p, old, err = c.s.d.Auth.ByCertificate(ctx, c.cred, proof)
		if core.Is(err, core.KindUnauthenticated) && c.cred.Auth == core.AuthClientCert {
			p, err = c.s.d.Auth.Authenticate(ctx, c.cred, proof)
		}
	case c.cred.Auth == core.AuthClientCert:
		p, err = c.s.d.Auth.Authenticate(ctx, c.cred, proof)
	default:
		return nil, nil, c.challenge(renewal)
	}
	if err != nil {
		c.auditRefusal(proof, basic, err)
		return nil, nil, err
	}
	who := *p
	who.RequestID, who.Address = httpx.RequestID(ctx), proof.Address
	c.who = &who
	return &who, old, nil
}

// challenge is the answer to a client that showed nothing that counts here.
func (c *call) challenge(renewal bool) error {
	if err := c.cred.Usable(c.s.d.Now(), httpx.ClientAddr(c.r.Context())); err != nil {
		return err
	}
	switch {
	case c.cred.Auth == core.AuthClientCert:
		return core.Errorf(core.KindUnauthenticated, "%s here needs a TLS client certificate that the credential trusts", c.op)
	case renewal:
		return core.Errorf(core.KindUnauthenticated, "%s needs user name and password (HTTP Basic) or the certificate to be renewed as TLS client certificate", c.op)
	}
	return core.Errorf(core.KindUnauthenticated, "%s needs user name and password (HTTP Basic); a certificate authorises simplereenroll only", c.op)
}

// auditRefusal records that a proof was shown and refused.
func (c *call) auditRefusal(proof protocol.Proof, basic bool, err error) {
	ctx := c.r.Context()
	e := core.EventOf(nil, c.s.d.Now(), "credential.authenticate", "credential:"+string(c.cred.ID))
	e.Account, e.Credential, e.Outcome = c.cred.Account, c.cred.ID, core.Refused
	e.Protocol, e.Request = c.s.Name(), httpx.RequestID(ctx)
	if proof.Address.IsValid() {
		e.Address = proof.Address.String()
	}
	ce := core.AsError(err)
	if ce.Kind == core.KindInternal || ce.Kind == core.KindUnavailable {
		e.Outcome = core.Failed
	}
	e.Detail = map[string]any{"operation": c.op, "kind": string(ce.Kind), "detail": ce.Detail}
	if basic {
		e.Login = proof.PublicID[:min(len(proof.PublicID), 100)]
		e.Detail["proof"] = "password"
	}
	if proof.Cert != nil {
		sum := sha256.Sum256(proof.Cert.Raw)
		e.Detail["certificate"] = hex.EncodeToString(sum[:])
	}
	c.record(e)
}

// auditRequest records that a request was refused before enroll saw it: it
// could not be read, or is no renewal of what it says.
func (c *call) auditRequest(err error) {
	ce := core.AsError(err)
	if ce.Kind == core.KindInternal || ce.Kind == core.KindUnavailable {
		return // nobody's refusal; it is in the log
	}
	e := core.EventOf(c.who, c.s.d.Now(), "certificate.request", "product:"+string(c.who.Product))
	e.Outcome, e.Protocol = core.Refused, c.s.Name()
	e.Detail = map[string]any{"operation": c.op, "kind": string(ce.Kind), "detail": ce.Detail}
	c.record(e)
}

// record keeps the entry although the client may have gone: hanging up must
// not keep a refusal out of the log.
func (c *call) record(e core.Event) {
	ctx := context.WithoutCancel(c.r.Context())
	if err := c.s.d.Audit.Record(ctx, e); err != nil {
		c.s.d.Log.ErrorContext(ctx, "audit entry lost", "request_id", e.Request, "error", err.Error())
	}
}
