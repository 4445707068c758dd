package identity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// trust is what a client-certificate credential accepts.
type trust struct {
	pool   *x509.CertPool      // CAs
	leaves []*x509.Certificate // the very certificates
}

// Limits of the trusted certificates of a credential.
const (
	maxTrustBytes = 256 << 10
	maxTrustCerts = 100
)

// parseTrust reads PEM: CA certificates and leaf certificates in any mixture.
func parseTrust(data []byte) (*trust, error) {
	bad := func(format string, args ...any) error {
		return core.Errorf(core.KindInvalid, format, args...).At("trust")
	}
	if len(data) > maxTrustBytes {
		return nil, bad("the trusted certificates are larger than %d octets", maxTrustBytes)
	}
	t := &trust{pool: x509.NewCertPool()}
	n := 0
	for rest := data; ; n++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if len(bytes.TrimSpace(rest)) > 0 {
				return nil, bad("after %d certificates there is text that is not PEM", n)
			}
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, bad("PEM block %d is %q, not CERTIFICATE", n+1, block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, bad("certificate %d cannot be read", n+1)
		}
		if c.BasicConstraintsValid && c.IsCA {
			t.pool.AddCert(c)
		} else {
			t.leaves = append(t.leaves, c)
		}
	}
	if n == 0 || n > maxTrustCerts {
		return nil, bad("there must be 1 to %d certificates in PEM", maxTrustCerts)
	}
	return t, nil
}

// trustCache keeps parsed PEM by its SHA-256, so nothing in it can be stale.
type trustCache struct {
	mu sync.Mutex
	m  map[[32]byte]*trust
}

// maxTrustCache is how many parsed trust lists are kept.
const maxTrustCache = 512

func (c *trustCache) get(data []byte) (*trust, error) {
	key := sha256.Sum256(data)
	c.mu.Lock()
	t := c.m[key]
	c.mu.Unlock()
	if t != nil {
		return t, nil
	}
	t, err := parseTrust(data)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= maxTrustCache {
		c.m = map[[32]byte]*trust{}
	}
	c.m[key] = t
	return t, nil
}

// accepts checks a client certificate: one of the very certificates within its
// validity, or a chain to one of the CAs that is fit for client authentication.
func (t *trust) accepts(p Proof, now time.Time) bool {
	for _, leaf := range t.leaves {
		if leaf.Equal(p.Cert) {
			return !now.Before(leaf.NotBefore) && !now.After(leaf.NotAfter)
		}
	}
	between := x509.NewCertPool()
	for _, c := range p.Intermediates {
		between.AddCert(c)
	}
	_, err := p.Cert.Verify(x509.VerifyOptions{
		Roots: t.pool, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err == nil
}

// checkClientCert verifies the certificate of a client-certificate credential.
// When it is one that we issued, it must not be revoked or on hold.
func (s *Service) checkClientCert(ctx context.Context, c *core.Credential, p Proof) error {
	if p.Cert == nil {
		return core.Errorf(core.KindUnauthenticated, "there is no client certificate")
	}
	refused := core.Errorf(core.KindUnauthenticated, "the client certificate is not accepted")
	t, err := s.trust.get(c.Trust)
	if err != nil {
		return refused
	}
	if !t.accepts(p, s.now()) {
		return refused
	}
	sum := sha256.Sum256(p.Cert.Raw)
	ours, err := s.catalogue.CertificateByFingerprint(ctx, c.Account, sum[:])
	switch {
	case core.Is(err, core.KindNotFound):
		return nil
	case err != nil:
		return err
	case ours.State != core.CertActive:
		return core.Errorf(core.KindUnauthenticated, "the client certificate is %s", ours.State)
	}
	return nil
}
