package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// Bounds for RSA where the product says nothing. Above 8192 bits a key only
// costs time (CVE-2023-29409 is about exactly that).
const (
	defaultMinRSA = 2048
	defaultMaxRSA = 8192
)

// curves are the ECDSA curves allowed where the product says nothing.
func defaultCurves() []string { return []string{"P-256", "P-384", "P-521"} }

// key checks the public key against the product's rules and copies it.
func (e *evaluation) key() {
	k := &e.ask.Key
	e.out.SPKI = k.SPKI
	if len(k.SPKI) == 0 {
		e.refuse(KeyAlgorithm, "key", "", "there is no public key")
		return
	}
	if k.Weak != "" {
		e.refuse(KeyWeak, "key", "", "the key is weak: "+k.Weak)
	}
	var found bool
	code, detail := "", ""
	for i := range e.c.keys {
		r := &e.c.keys[i]
		if !strings.EqualFold(r.Algorithm, k.Algorithm) {
			continue
		}
		found = true
		if code, detail = keyFits(r, k); code == "" {
			return
		}
	}
	if !found {
		e.refuse(KeyAlgorithm, "key", k.Algorithm, "the product allows "+describeKeys(e.c.keys))
		return
	}
	e.refuse(code, "key", describeKey(k), detail)
}

// keyFits returns a code and a detail when the key breaks the rule of its algorithm.
func keyFits(r *core.KeyRule, k *Key) (code, detail string) {
	switch {
	case len(r.Curves) > 0 && !slices.ContainsFunc(r.Curves, func(c string) bool { return strings.EqualFold(c, k.Curve) }):
		return KeyCurve, "the product allows the curves " + strings.Join(r.Curves, ", ")
	case r.MinBits > 0 && k.Bits < r.MinBits:
		return KeySize, fmt.Sprintf("the product wants at least %d bits", r.MinBits)
	case r.MaxBits > 0 && k.Bits > r.MaxBits:
		return KeySize, fmt.Sprintf("the product allows at most %d bits", r.MaxBits)
	}
	return "", ""
}

func describeKey(k *Key) string {
	if k.Curve != "" {
		return k.Algorithm + " " + k.Curve
	}
	return fmt.Sprintf("%s %d", k.Algorithm, k.Bits)
}

func describeKeys(rules []core.KeyRule) string {
	var out []string
	for _, r := range rules {
		s := r.Algorithm
		if r.MinBits > 0 {
			s += fmt.Sprintf(" from %d bits", r.MinBits)
		}
		if len(r.Curves) > 0 {
			s += " " + strings.Join(r.Curves, "/")
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// adaptUsage leaves out the usages that a key of the algorithm cannot have:
// only RSA transports keys (RFC 3279 section 2.3.1), only EC and X25519 agree
// on them (RFC 5480 section 3, RFC 8410 section 5).
func adaptUsage(usages []string, algorithm string) []string {
	fits := func(u string) bool {
		switch u {
		case "keyEncipherment", "dataEncipherment":
			return strings.EqualFold(algorithm, "RSA")
		case "keyAgreement", "encipherOnly", "decipherOnly":
			return strings.EqualFold(algorithm, "ECDSA") || strings.EqualFold(algorithm, "X25519")
		}
		return !strings.EqualFold(algorithm, "X25519")
	}
	if !slices.ContainsFunc(usages, func(u string) bool { return !fits(u) }) {
		return usages // shared and never written to
	}
	var out []string
	for _, u := range usages {
		if fits(u) {
			out = append(out, u)
		}
	}
	return out
}
