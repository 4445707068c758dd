// Package policy decides what may be issued. A product's profile is compiled
// once ([Compile]) and then judges requests ([Compiled.Evaluate]): pure
// functions without clock, store or network. A verdict is either a template
// that the issuer only has to sign, or every reason why not, each with a
// machine-readable code.
package policy

import (
	"crypto/sha256"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Ask is one wish for a certificate, in the words of the requester.
type Ask struct {
	Subject core.DN
	Names   core.Names
	Key     Key
	// Unsupported lists names of kinds that [core.Names] cannot hold
	// ("directory", "rid"); see [FromCSR].
	Unsupported []string
	// Extensions are those of the CSR; only the product's pass-through list is
	// copied, all others are the product's business.
	Extensions []core.Extension
	// Validity shortens the product's validity; zero: the product's.
	Validity time.Duration
	// NotBefore moves the start into the future; zero: now. It must lie within
	// the product's validity from now.
	NotBefore time.Time
	// NotAfter is the wished last second; zero: from the validity. With both
	// the earlier one counts.
	NotAfter time.Time
	// AllowedNames are the name rules of the credential, see [CheckAllowedNames].
	AllowedNames []string
	// Replaces is the certificate that this one renews, or nil.
	Replaces *core.Certificate
}

// Key describes the public key; [KeyOf] makes it from a SubjectPublicKeyInfo.
type Key struct {
	SPKI      []byte // DER
	Algorithm string // "RSA", "ECDSA", "Ed25519"
	Bits      int
	Curve     string // of ECDSA: "P-256"
	Weak      string // why the key is bad ("ROCA", "small exponent"); empty: nothing known
}

// Compiled is a product ready to judge. It is immutable and safe for
// concurrent use.
type Compiled struct {
	product  core.Product
	profile  *core.Profile
	keys     []core.KeyRule
	subject  []subjectRule
	names    [kindCount]*nameRule
	cn       string // CommonName, "" when the CN is an attribute like any other
	pass     map[string]bool
	backdate time.Duration
}

// Product returns the product that c was compiled from.
func (c *Compiled) Product() core.Product { return c.product }

// Evaluate judges a at the time now. Without reasons the template says what
// the certificate shall contain; with reasons, which name every fault found
// and not only the first, the template is what would remain and must not be
// signed. Times are whole seconds in UTC.
func (c *Compiled) Evaluate(a Ask, now time.Time) (core.Template, []core.Reason) {
	e := evaluation{c: c, ask: &a, now: now.UTC().Truncate(time.Second)}
	e.key()
	e.sans()
	asked := e.attributes()
	e.commonName(asked.Get("CN"))
	e.required()
	e.subject(asked)
	e.validity()
	e.renewal()
	e.usages()
	e.extensions()
	e.whole()
	return e.out, e.reasons
}

// evaluation is the state of one Evaluate.
type evaluation struct {
	c       *Compiled
	ask     *Ask
	now     time.Time
	out     core.Template
	reasons []core.Reason
	allowed allowedNames
	cn      []string // what the CN rule makes of the common names
}

func (e *evaluation) refuse(code, field, value, detail string) {
	if len(value) > maxShown {
		value = value[:maxShown] + "…"
	}
	e.reasons = append(e.reasons, core.Reason{Code: code, Field: field, Value: value, Detail: detail})
}

// maxShown bounds the echo of a requester's value, in octets.
const maxShown = 260

// usages adapts the product's key usage to the key, and copies what does not
// depend on the request.
func (e *evaluation) usages() {
	p := e.c.profile
	e.out.KeyUsage = adaptUsage(p.KeyUsage, e.ask.Key.Algorithm)
	if len(p.KeyUsage) > 0 && len(e.out.KeyUsage) == 0 {
		e.refuse(KeyUsage, "key", e.ask.Key.Algorithm, "a key of this algorithm can do nothing of what the product is for")
	}
	e.out.ExtKeyUsage = p.ExtKeyUsage
	e.out.Policies = p.Policies
	e.out.Lint = p.Lint
	e.out.LintExclude = p.LintExclude
}

// extensions adds the product's own extensions and those copied from the CSR.
// An own extension wins over a copied one.
func (e *evaluation) extensions() {
	seen := map[string]bool{}
	for _, x := range e.c.profile.Extensions {
		e.out.Extensions = append(e.out.Extensions, core.Extension(x))
		seen[x.OID] = true
	}
	for _, x := range e.ask.Extensions {
		if e.c.pass[x.OID] && !seen[x.OID] {
			e.out.Extensions = append(e.out.Extensions, x)
			seen[x.OID] = true
		}
	}
}

// whole checks what only the finished template shows.
func (e *evaluation) whole() {
	if len(e.out.Subject) == 0 && e.out.Names.Len() == 0 && len(e.reasons) == 0 {
		e.refuse(SANMissing, "san", "", "the certificate would have neither subject nor names")
	}
}

// renewal checks the window of a renewal and the same-key rule.
func (e *evaluation) renewal() {
	old, p := e.ask.Replaces, e.c.profile
	if old == nil {
		return
	}
	serial := old.Serial
	if old.State != core.CertActive {
		e.refuse(RenewalState, "replaces", serial, "the certificate to renew is "+string(old.State))
	}
	if p.RenewDays > 0 {
		if from := old.NotAfter.AddDate(0, 0, -p.RenewDays); e.now.Before(from) {
			e.refuse(RenewalTooEarly, "replaces", serial, "the certificate may be renewed from "+from.UTC().Format(time.RFC3339))
		}
	}
	if e.now.After(old.NotAfter.AddDate(0, 0, p.RenewGraceDays)) {
		e.refuse(RenewalExpired, "replaces", serial, "the certificate to renew has expired")
	}
	if !p.RenewSameKey && len(old.SPKIHash) > 0 {
		if sum := sha256.Sum256(e.ask.Key.SPKI); string(sum[:]) == string(old.SPKIHash) {
			e.refuse(RenewalSameKey, "key", "", "a renewal needs a new key pair")
		}
	}
}
