package identity

import (
	neturl "net/url"
	"slices"

	"github.com/certwright/certwright/internal/core"
)

// acmeMethods are the challenge types that an ACME credential may offer.
var acmeMethods = []string{core.MethodHTTP01, core.MethodDNS01, core.MethodTLSALPN01, core.MethodDNSAccount01, core.MethodDNSPersist01, core.MethodDeviceAttest}

// Limits of the options of an ACME credential.
const (
	maxACMECount = 1_000_000
	maxReuseDays = 398
)

// trusted reports whether nothing that is ordered by the credential is proven.
func trusted(c *core.Credential) bool {
	return c.Options.ACME != nil && c.Options.ACME.Control == core.ACMETrusted
}

// checkOptions verifies the settings that only one type has.
func checkOptions(c *core.Credential) error {
	o := c.Options.ACME
	if o == nil {
		return nil
	}
	bad := func(format string, args ...any) error {
		return core.Errorf(core.KindInvalid, format, args...).At("options")
	}
	switch {
	case c.Type != core.CredentialACME:
		return bad("only ACME credentials have the options acme")
	case !slices.Contains([]string{"", core.ACMEChallenges, core.ACMEProven, core.ACMETrusted}, o.Control):
		return bad("control is challenges, proven or trusted")
	case o.MaxAccounts < 0 || o.MaxAccounts > maxACMECount || o.OrdersPerHour < 0 || o.OrdersPerHour > maxACMECount:
		return bad("max_accounts and orders_per_hour are 0 to %d", maxACMECount)
	case o.ReuseDays < 0 || o.ReuseDays > maxReuseDays:
		return bad("reuse_days is 0 to %d", maxReuseDays)
	}
	for i, m := range o.Methods {
		switch {
		case !slices.Contains(acmeMethods, m):
			return bad("there is no challenge type %q", m)
		case slices.Contains(o.Methods[:i], m):
			return bad("the challenge type %q is named twice", m)
		}
	}
	for _, text := range []string{o.Terms, o.Website} {
		if u, err := neturl.Parse(text); text != "" && (err != nil || len(text) > 500 || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return bad("terms and website are http or https URLs of at most 500 octets")
		}
	}
	if o.Attestation == "" {
		if slices.Contains(o.Methods, core.MethodDeviceAttest) {
			return bad("device-attest-01 needs attestation: PEM of the CAs that attest devices")
		}
		return nil
	}
	t, err := parseTrust([]byte(o.Attestation))
	switch {
	case err != nil:
		return core.AsError(err).At("options")
	case len(t.leaves) > 0:
		return bad("attestation holds a certificate that is not of a CA")
	}
	return nil
}
