package protocoltest

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol"
)

// Authenticator is a small working protocol.Authenticator.
type Authenticator struct {
	now    func() time.Time
	enroll *Enroller

	mu      sync.Mutex
	list    []*core.Credential
	secrets map[core.CredentialID]string
}

// Add takes a credential with its secret ("" for client certificates).
func (a *Authenticator) Add(c *core.Credential, secret string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, c)
	a.secrets[c.ID] = secret
}

// Change alters a credential in place, as an administrator would.
func (a *Authenticator) Change(id core.CredentialID, f func(c *core.Credential)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, c := range a.list {
		if c.ID == id {
			changed := *c
			f(&changed)
			a.list[i] = &changed
		}
	}
}

// Credential implements protocol.Authenticator.
func (a *Authenticator) Credential(_ context.Context, typ core.CredentialType, label string) (*core.Credential, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.list {
		if c.Type == typ && (label != "" && c.Label == label || label == "" && c.Default) {
			copied := *c
			return &copied, nil
		}
	}
	return nil, core.Errorf(core.KindNotFound, "there is no such credential")
}

// Authenticate implements protocol.Authenticator.
func (a *Authenticator) Authenticate(_ context.Context, c *core.Credential, p protocol.Proof) (*core.Principal, error) {
	if err := c.Usable(a.now(), p.Address); err != nil {
		return nil, err
	}
	if c.Auth == core.AuthClientCert {
		if !trusted(c.Trust, p.Cert, a.now()) {
			return nil, core.Errorf(core.KindUnauthenticated, "the client certificate is not accepted")
		}
		return principal(c, p), nil
	}
	a.mu.Lock()
	secret := a.secrets[c.ID]
	a.mu.Unlock()
	same := subtle.ConstantTimeCompare([]byte(secret), []byte(p.Secret)) & subtle.ConstantTimeCompare([]byte(c.PublicID), []byte(p.PublicID))
	if secret == "" || same != 1 {
		return nil, core.Errorf(core.KindUnauthenticated, "wrong user name or password")
	}
	return principal(c, p), nil
}

// Vouch returns the principal of a credential whose proof the protocol has
// checked itself.
func (a *Authenticator) Vouch(c *core.Credential, p protocol.Proof) (*core.Principal, error) {
	if err := c.Usable(a.now(), p.Address); err != nil {
		return nil, err
	}
	who := principal(c, p)
	who.RequestID = p.RequestID
	return who, nil
}

// SecretOf returns the secret of a credential for a MAC.
func (a *Authenticator) SecretOf(c *core.Credential) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return []byte(a.secrets[c.ID]), nil
}

// ByCertificate implements protocol.Authenticator.
func (a *Authenticator) ByCertificate(_ context.Context, c *core.Credential, p protocol.Proof) (*core.Principal, *core.Certificate, error) {
	if err := c.Usable(a.now(), p.Address); err != nil {
		return nil, nil, err
	}
	refused := core.Errorf(core.KindUnauthenticated, "the client certificate does not authorise a renewal here")
	if p.Cert == nil {
		return nil, nil, refused
	}
	fp := sha256.Sum256(p.Cert.Raw)
	cert := a.enroll.byFingerprint(fp[:])
	if cert == nil || cert.Credential != c.ID || cert.State != core.CertActive {
		return nil, nil, refused
	}
	grace := 0
	if product, err := a.enroll.Product(context.Background(), c.Account, cert.Product); err == nil {
		grace = product.Profile.RenewGraceDays
	}
	if now := a.now(); now.Before(cert.NotBefore) || now.After(cert.NotAfter.AddDate(0, 0, grace)) {
		return nil, nil, refused
	}
	return principal(c, p), cert, nil
}

func principal(c *core.Credential, p protocol.Proof) *core.Principal {
	return &core.Principal{Account: c.Account, User: c.User, Login: p.PublicID, Group: c.Group, Credential: c,
		Products: c.Products, Product: c.Product, Address: p.Address}
}

// trusted reports whether cert is one of the certificates in trust or issued
// by one.
func trusted(trust []byte, cert *x509.Certificate, now time.Time) bool {
	if cert == nil {
		return false
	}
	roots := x509.NewCertPool()
	for block, rest := pem.Decode(trust); block != nil; block, rest = pem.Decode(rest) {
		t, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return false
		}
		if t.Equal(cert) {
			return true
		}
		roots.AddCert(t)
	}
	_, err := cert.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}

// Auditor is a protocol.Auditor that keeps everything.
type Auditor struct {
	mu     sync.Mutex
	events []core.Event
}

// Record implements protocol.Auditor.
func (a *Auditor) Record(_ context.Context, e core.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, e)
	return nil
}

// Write records events with the commit of tx.
func (a *Auditor) Write(tx core.Tx, e ...core.Event) {
	tx.OnCommit(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.events = append(a.events, e...)
	})
}

// Events returns what was recorded so far.
func (a *Auditor) Events() []core.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]core.Event(nil), a.events...)
}
