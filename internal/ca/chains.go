package ca

import (
	"bytes"
	"context"
	"crypto/x509"
	"slices"

	"github.com/certwright/certwright/internal/core"
)

// Limits of the further chains of an issuer.
const (
	maxAlternates = 10
	maxChain      = 8
)

// AddChain adds a further chain to another root, for clients that do not trust
// the first one. It begins with a certificate for the issuer's name and key: a
// cross-certificate, or the issuer's own where only one further up was
// cross-signed. Each is signed by the next; the last need not be a root. Check
// failures are of kind invalid and name certificates.
func (c *CA) AddChain(ctx context.Context, by *core.Principal, account core.AccountID, id core.IssuerID, chain [][]byte) (*core.Issuer, error) {
	i, err := c.d.Storage.Issuer(ctx, account, id)
	if err != nil {
		return nil, err
	}
	if len(i.Certificate) == 0 {
		return nil, core.Errorf(core.KindConflict, "the issuer has no certificate yet")
	}
	links, err := c.checkAlternate(i, chain)
	if err != nil {
		return nil, err
	}
	if len(i.Alternates) >= maxAlternates {
		return nil, core.Errorf(core.KindConflict, "an issuer has at most %d further chains", maxAlternates)
	}
	same := func(other [][]byte) bool { return slices.EqualFunc(chain, other, bytes.Equal) }
	if same(append([][]byte{i.Certificate}, i.Chain...)) || slices.ContainsFunc(i.Alternates, same) {
		return nil, core.Errorf(core.KindExists, "the issuer has this chain already").At("certificates")
	}
	last := links[len(links)-1]
	return c.setAlternates(ctx, by, i, append(slices.Clone(i.Alternates), chain), "issuer.add-chain",
		map[string]any{"certificates": len(chain), "top": last.Subject.String(), "top_issuer": last.Issuer.String()})
}

// RemoveChains removes all further chains of an issuer.
func (c *CA) RemoveChains(ctx context.Context, by *core.Principal, account core.AccountID, id core.IssuerID) (*core.Issuer, error) {
	i, err := c.d.Storage.Issuer(ctx, account, id)
	if err != nil || len(i.Alternates) == 0 {
		return i, err
	}
	return c.setAlternates(ctx, by, i, nil, "issuer.remove-chains", map[string]any{"chains": len(i.Alternates)})
}

func (c *CA) setAlternates(ctx context.Context, by *core.Principal, i *core.Issuer, all [][][]byte, action string, detail map[string]any) (*core.Issuer, error) {
	next := *i
	next.Alternates, next.UpdatedAt = all, c.d.Now().UTC()
	detail["name"] = i.Name
	err := c.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		stored := next
		if err := c.d.Storage.PutIssuer(ctx, tx, &stored); err != nil {
			return err
		}
		tx.OnCommit(func() { next = stored })
		return c.record(ctx, tx, by, &stored, action, detail)
	})
	if err != nil {
		return nil, err
	}
	return &next, nil
}

// checkAlternate judges a further chain of an issuer.
func (c *CA) checkAlternate(i *core.Issuer, chain [][]byte) ([]*x509.Certificate, error) {
	refuse := func(format string, args ...any) ([]*x509.Certificate, error) {
		return nil, core.Errorf(core.KindInvalid, format, args...).At("certificates")
	}
	own, err := x509.ParseCertificate(i.Certificate)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "the issuer's certificate cannot be read")
	}
	if len(chain) == 0 || len(chain) > maxChain {
		return refuse("a chain holds 1 to %d certificates", maxChain)
	}
	links := make([]*x509.Certificate, len(chain))
	now := c.now()
	for n, der := range chain {
		if links[n], err = x509.ParseCertificate(der); err != nil {
			return refuse("certificate %d cannot be read", n+1)
		}
		switch x := links[n]; {
		case !x.BasicConstraintsValid || !x.IsCA:
			return refuse("certificate %d is not that of a CA", n+1)
		case now.After(x.NotAfter):
			return refuse("certificate %d has expired", n+1)
		}
	}
	first := links[0]
	switch {
	case !bytes.Equal(first.RawSubject, own.RawSubject):
		return refuse("the first certificate is for another name than the issuer's")
	case !samePublicKey(first.PublicKey, own.PublicKey):
		return refuse("the first certificate is for another key than the issuer's")
	}
	for n, x := range links[:len(links)-1] {
		above := links[n+1]
		if !bytes.Equal(x.RawIssuer, above.RawSubject) || x.CheckSignatureFrom(above) != nil {
			return refuse("certificate %d is not signed by certificate %d", n+1, n+2)
		}
	}
	return links, pathLengths(links)
}
