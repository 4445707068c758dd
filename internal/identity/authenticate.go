package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"net/netip"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// CredentialSuspended is the state of a credential whose user is not active.
// It is never stored: what serves requests ([Service.Credential] and
// [Service.CredentialByPublicID]) puts it in place of active, so that
// core.Credential.Usable refuses as well.
const CredentialSuspended core.CredentialState = "suspended"

// Proof is what a client showed to prove itself.
type Proof struct {
	PublicID string // user name, access key, key id
	Secret   string
	Cert     *x509.Certificate // TLS client certificate or one from a trusted proxy; not yet judged
	// Intermediates are what the client sent behind its certificate.
	Intermediates []*x509.Certificate
	Address       netip.Addr
	RequestID     string
}

// Credential finds an active or inactive credential by type and label for a
// request; the empty label is the type's default. Not found: kind not-found.
func (s *Service) Credential(ctx context.Context, typ core.CredentialType, label string) (*core.Credential, error) {
	if len(label) > 64 {
		return nil, core.Errorf(core.KindNotFound, "there is no such credential")
	}
	return suspended(s.storage.CredentialByLabel(ctx, typ, label))
}

// CredentialByPublicID finds a credential by access key, client id, user name
// or reference value, for protocols whose URL does not name it.
func (s *Service) CredentialByPublicID(ctx context.Context, typ core.CredentialType, publicID string) (*core.Credential, error) {
	if publicID == "" || len(publicID) > 256 {
		return nil, core.Errorf(core.KindNotFound, "there is no such credential")
	}
	return suspended(s.storage.CredentialByPublicID(ctx, typ, publicID))
}

func suspended(c *core.Credential, userActive bool, err error) (*core.Credential, error) {
	if err == nil && !userActive && c.State == core.CredentialActive {
		c.State = CredentialSuspended
	}
	return c, err
}

// Authenticate checks state, expiry, source address and the proof by the
// credential's kind and returns who asks. c must have been read by Credential
// or CredentialByPublicID for this very request. Wrong proof: unauthenticated.
func (s *Service) Authenticate(ctx context.Context, c *core.Credential, p Proof) (*core.Principal, error) {
	who, err := s.Vouch(c, p)
	if err != nil {
		return nil, err
	}
	if c.Auth == core.AuthClientCert {
		if err := s.checkClientCert(ctx, c, p); err != nil {
			return nil, err
		}
		return who, nil
	}
	if !s.proves(c, p) {
		return nil, wrongProof()
	}
	return who, nil
}

// Vouch returns the principal of a credential whose proof the caller has
// checked itself: a MAC under [Service.SecretOf], a signature by a key bound to
// the credential, a Kerberos ticket. Of p only address and request id count.
// State, expiry, user and source address are checked here.
func (s *Service) Vouch(c *core.Credential, p Proof) (*core.Principal, error) {
	if c.State == CredentialSuspended {
		return nil, core.Errorf(core.KindUnauthenticated, "the credential's user is disabled")
	}
	if err := c.Usable(s.now(), p.Address); err != nil {
		return nil, err
	}
	return &core.Principal{
		Account: c.Account, User: c.User, Login: string(c.Type) + "/" + c.Label, Group: c.Group, Credential: c,
		Products: c.Products, Product: c.Product, Address: p.Address, RequestID: p.RequestID,
	}, nil
}

// wrongProof is one answer for every wrong or missing proof.
func wrongProof() error {
	return core.Errorf(core.KindUnauthenticated, "wrong user name or secret")
}

// proves compares public id and secret in constant time.
func (s *Service) proves(c *core.Credential, p Proof) bool {
	rule, ok := ruleOf(c.Auth)
	if !ok || rule.form == SecretNone || p.Secret == "" || len(p.Secret) > 1024 {
		return false
	}
	same := 1
	if p.PublicID != "" || !rule.silent {
		same = equalText(p.PublicID, c.PublicID)
	}
	switch {
	case len(c.SecretHash) > 0:
		return same&subtle.ConstantTimeCompare(s.hashSecret(c.ID, p.Secret), c.SecretHash) == 1
	case len(c.SecretSealed) > 0:
		plain, err := s.sealer.Open(c.SecretSealed, SecretPlace(c.ID))
		return err == nil && same&equalText(p.Secret, string(plain)) == 1
	}
	return false
}

// equalText compares without telling by its time where texts differ, nor how
// long they are.
func equalText(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

// hashSecret binds the secret to its credential, so that a row copied onto
// another does not open it.
func (s *Service) hashSecret(id core.CredentialID, plain string) []byte {
	sum := s.credentialMAC([]byte(string(id) + "\x00" + plain))
	return sum[:]
}

// SecretPlace is the context under which the secret of a credential is sealed.
func SecretPlace(id core.CredentialID) string { return object("credential", id) + ":secret" }

// setSecret gives c a new secret in its declared form and returns it.
func (s *Service) setSecret(t *CredentialType, c *core.Credential, form SecretForm) (plain string, err error) {
	c.SecretHash, c.SecretSealed = nil, nil
	switch form {
	case SecretNone:
		return "", nil
	case SecretSealed:
		plain = t.newSecret(sealedLength)
		c.SecretSealed, err = s.sealer.Seal([]byte(plain), SecretPlace(c.ID))
		return plain, err
	default:
		plain = t.newSecret(secretLength)
		c.SecretHash = s.hashSecret(c.ID, plain)
		return plain, nil
	}
}

// SecretOf returns the secret of a credential whose kind keeps it sealed, for
// a MAC or a signature. Others give kind unsupported.
func (s *Service) SecretOf(c *core.Credential) ([]byte, error) {
	if len(c.SecretSealed) == 0 {
		return nil, core.Errorf(core.KindUnsupported, "the credential has no secret that can be read back")
	}
	return s.sealer.Open(c.SecretSealed, SecretPlace(c.ID))
}

// ByCertificate returns the principal of a client that shows a certificate
// which was issued through this credential: known to us, active, and within
// its validity or the renewal grace of its product. The second result is that
// certificate.
func (s *Service) ByCertificate(ctx context.Context, c *core.Credential, p Proof) (*core.Principal, *core.Certificate, error) {
	if p.Cert == nil {
		return nil, nil, core.Errorf(core.KindUnauthenticated, "there is no client certificate")
	}
	who, err := s.Vouch(c, p)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(p.Cert.Raw)
	cert, err := s.catalogue.CertificateByFingerprint(ctx, c.Account, sum[:])
	switch {
	case core.Is(err, core.KindNotFound):
		return nil, nil, core.Errorf(core.KindUnauthenticated, "the client certificate is not one of this server's")
	case err != nil:
		return nil, nil, err
	case cert.Credential != c.ID:
		return nil, nil, core.Errorf(core.KindUnauthenticated, "the client certificate was issued through another credential")
	case cert.State != core.CertActive:
		return nil, nil, core.Errorf(core.KindUnauthenticated, "the client certificate is %s", cert.State)
	}
	if err := s.inTime(ctx, cert); err != nil {
		return nil, nil, err
	}
	return who, cert, nil
}

// inTime checks validity, with the grace that the product gives to renewals.
func (s *Service) inTime(ctx context.Context, cert *core.Certificate) error {
	now := s.now()
	if now.Before(cert.NotBefore) {
		return core.Errorf(core.KindUnauthenticated, "the client certificate is not valid yet")
	}
	if !now.After(cert.NotAfter) {
		return nil
	}
	prod, err := s.catalogue.Product(ctx, cert.Account, cert.Product)
	if err != nil && !core.Is(err, core.KindNotFound) {
		return err
	}
	if err == nil && !now.After(cert.NotAfter.Add(time.Duration(prod.Profile.RenewGraceDays)*24*time.Hour)) {
		return nil
	}
	return core.Errorf(core.KindUnauthenticated, "the client certificate has expired")
}
