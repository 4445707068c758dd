package ca_test

import (
	"crypto/x509"
	"testing"

	"github.com/certwright/certwright/internal/ca/catest"
	"github.com/certwright/certwright/internal/core"
)

// TestAddChain: an issuing CA that a foreign root has signed as well.
func TestAddChain(t *testing.T) {
	w := build(t)
	i := w.h.Issuing
	own, err := x509.ParseCertificate(i.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	foreign := makeForeign(t)
	named := func(c *x509.Certificate) { c.Subject, c.RawSubject = own.Subject, own.RawSubject }
	cross := foreign.sign(t, own.PublicKey, named)
	for name, chain := range map[string][][]byte{
		"none":          nil,
		"garbage":       {{1}},
		"another name":  {foreign.sign(t, own.PublicKey, nil), foreign.root},
		"another key":   {foreign.sign(t, ecKey(t).Public(), named), foreign.root},
		"no CA":         {foreign.sign(t, own.PublicKey, func(c *x509.Certificate) { named(c); c.IsCA, c.MaxPathLenZero = false, false })},
		"not signed by": {cross, makeForeign(t).root},
		"expired":       {foreign.sign(t, own.PublicKey, func(c *x509.Certificate) { named(c); c.NotAfter = start.Add(-1) })},
		"too long":      {cross, cross, cross, cross, cross, cross, cross, cross, cross},
		"no room":       {foreignNoRoom.sign(t, own.PublicKey, named), foreignNoRoom.root},
	} {
		if _, err := w.ca.AddChain(t.Context(), nil, catest.Account, i.ID, chain); !core.Is(err, core.KindInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.ca.AddChain(t.Context(), nil, catest.Account, i.ID, append([][]byte{i.Certificate}, i.Chain...)); !core.Is(err, core.KindExists) {
		t.Errorf("the usual chain: %v", err)
	}
	// The root may stay away: clients have it.
	for n, chain := range [][][]byte{{cross, foreign.root}, {cross}} {
		got, err := w.ca.AddChain(t.Context(), nil, catest.Account, i.ID, chain)
		if err != nil || len(got.Alternates) != n+1 || got.Version <= i.Version {
			t.Fatalf("added %+v, %v", got, err)
		}
	}
	if _, err := w.ca.AddChain(t.Context(), nil, catest.Account, i.ID, [][]byte{cross}); !core.Is(err, core.KindExists) {
		t.Errorf("twice: %v", err)
	}
	got, err := w.ca.RemoveChains(t.Context(), nil, catest.Account, i.ID)
	if err != nil || len(got.Alternates) != 0 {
		t.Errorf("removed %+v, %v", got, err)
	}
	if _, err := w.ca.AddChain(t.Context(), nil, "other", i.ID, [][]byte{cross}); !core.Is(err, core.KindNotFound) {
		t.Errorf("another account: %v", err)
	}
}
