package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// usages checks key usage, extended key usage and policies. What only a CA may
// do cannot be in a product: neither signing certificates or CRLs nor answering
// OCSP, which would let its holder vouch for revoked certificates (RFC 6960
// section 4.2.2.2).
func (c *compiler) usages(p *core.Profile) {
	for i, name := range p.KeyUsage {
		field := fmt.Sprintf("profile.key_usage[%d]", i)
		u, err := x509x.KeyUsageOf(name)
		switch {
		case err != nil:
			c.fault(field, name, "not a key usage of RFC 5280")
		case u&(x509x.UsageKeyCertSign|x509x.UsageCRLSign) != 0:
			c.fault(field, name, "only a CA may do this")
		case slices.Contains(p.KeyUsage[:i], name):
			c.fault(field, name, "named twice")
		}
	}
	if u, err := x509x.KeyUsageOf(p.KeyUsage...); err == nil && u&(x509x.UsageEncipherOnly|x509x.UsageDecipherOnly) != 0 && u&x509x.UsageKeyAgreement == 0 {
		c.fault("profile.key_usage", "", "encipherOnly and decipherOnly mean nothing without keyAgreement (RFC 5280 section 4.2.1.3)")
	}
	for i, name := range p.ExtKeyUsage {
		field := fmt.Sprintf("profile.ext_key_usage[%d]", i)
		oid, ok := x509x.ExtKeyUsageOID(name)
		switch {
		case !ok:
			c.fault(field, name, "neither a known name nor an object identifier")
		case oid == x509x.EKUOCSPSigning:
			c.fault(field, name, "the CA makes its OCSP responder certificates itself")
		case slices.ContainsFunc(p.ExtKeyUsage[:i], func(o string) bool { x, _ := x509x.ExtKeyUsageOID(o); return x == oid }):
			c.fault(field, name, "named twice")
		}
	}
	for i, oid := range p.Policies {
		c.oid(fmt.Sprintf("profile.policies[%d]", i), oid)
		if slices.Contains(p.Policies[:i], oid) {
			c.fault(fmt.Sprintf("profile.policies[%d]", i), oid, "named twice")
		}
	}
}

// issuerOwned lists the extensions that the template or the issuer writes, so
// that neither a product nor a request can bring its own.
func issuerOwned(oid string) bool {
	switch oid {
	case x509x.OIDSubjectKeyID, x509x.OIDAuthorityKeyID, x509x.OIDBasicConstraints, x509x.OIDKeyUsage,
		x509x.OIDExtKeyUsage, x509x.OIDSubjectAltName, x509x.OIDPolicies, x509x.OIDCRLDistPoints,
		x509x.OIDAuthorityInfo, x509x.OIDNameConstraints, x509x.OIDOCSPNoCheck, x509x.OIDIssuerAltName:
		return true
	}
	return false
}

func (c *compiler) extensions(p *core.Profile) {
	for i, x := range p.Extensions {
		field := fmt.Sprintf("profile.extensions[%d]", i)
		c.oid(field+".oid", x.OID)
		if issuerOwned(x.OID) {
			c.fault(field+".oid", x.OID, "this extension is written by the profile or the issuer")
		}
		if slices.ContainsFunc(p.Extensions[:i], func(o core.ExtensionRule) bool { return o.OID == x.OID }) {
			c.fault(field+".oid", x.OID, "named twice")
		}
		if !wellFormedDER(x.Value) {
			c.fault(field+".value", "", "not one DER element")
		}
	}
	for i, oid := range p.PassThrough {
		field := fmt.Sprintf("profile.pass_through[%d]", i)
		c.oid(field, oid)
		if issuerOwned(oid) {
			c.fault(field, oid, "this extension is written by the profile or the issuer")
		}
		c.out.pass[oid] = true
	}
}

// rest checks lint, approval and what else needs no preparation. Whether the
// excluded lints exist is known to package ca (CheckLint).
func (c *compiler) rest(p *core.Profile) {
	c.oneOf("profile.lint", p.Lint, "", "private", "public-tls", "public-smime", "none")
	if p.Lint == "" {
		p.Lint = "private"
	}
	if p.Lint == "none" && len(p.LintExclude) > 0 {
		c.fault("profile.lint_exclude", "", "there is nothing to exclude from no lints")
	}
	for i, name := range p.LintExclude {
		if len(name) < 3 || !strings.ContainsRune("enw", rune(name[0])) || name[1] != '_' {
			c.fault(fmt.Sprintf("profile.lint_exclude[%d]", i), name, "not the name of a lint")
		}
	}
	c.oneOf("profile.approval", p.Approval, "", "automatic", "manual")
	if p.Approvals < 0 || p.Approvals > 10 || (p.Approvals > 0 && p.Approval != "manual") {
		c.fault("profile.approvals", fmt.Sprint(p.Approvals), "1 to 10 people, and only with manual approval")
	}
	if p.KeyExport && !p.ServerKeys {
		c.fault("profile.key_export", "", "only keys made here can be exported; allow server_keys too")
	}
	if p.Quota < 0 {
		c.fault("profile.quota", fmt.Sprint(p.Quota), "must not be negative; 0 is no limit")
	}
	for i, a := range p.Notify {
		if _, detail := normalEmail(a); detail != "" {
			c.fault(fmt.Sprintf("profile.notify[%d]", i), a, "not a mail address")
		}
	}
}
