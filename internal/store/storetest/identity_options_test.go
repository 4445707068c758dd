package storetest_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// TestCredentialOptions: what is kept, refused, and who may trust.
func TestCredentialOptions(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		draft := func(label string, o core.ACMEOptions) identity.NewCredential {
			n := w.draft(label)
			n.Type, n.Options.ACME = core.CredentialACME, &o
			return n
		}
		good := core.ACMEOptions{EABOptional: true, MaxAccounts: 5, Control: core.ACMETrusted, Methods: []string{core.MethodDNS01, core.MethodHTTP01},
			Subdomains: true, OrdersPerHour: 10, ReuseDays: 1, Terms: "https://a.example/terms", Website: "http://a.example"}
		_, c := w.make(t, draft("good", good))
		if !reflect.DeepEqual(c.Options.ACME, &good) {
			t.Errorf("options %+v", c.Options.ACME)
		}
		for name, o := range map[string]core.ACMEOptions{
			"control": {Control: "no"}, "method": {Methods: []string{"pre-proven"}}, "twice": {Methods: []string{core.MethodDNS01, core.MethodDNS01}},
			"terms": {Terms: "ftp://a.example"}, "website": {Website: "a.example"}, "attestation": {Attestation: "x"},
			"no attestation": {Methods: []string{core.MethodDeviceAttest}}, "long": {Terms: "https://a.example/" + strings.Repeat("x", 500)},
			"count": {MaxAccounts: -1}, "rate": {OrdersPerHour: 1_000_001}, "reuse": {ReuseDays: 399},
		} {
			_, err := w.CreateCredential(t.Context(), w.Admin, draft("bad", o))
			wantField(t, err, core.KindInvalid, "options", name)
		}
		est := draft("est", core.ACMEOptions{})
		est.Type = core.CredentialEST
		_, err := w.CreateCredential(t.Context(), w.Admin, est)
		wantField(t, err, core.KindInvalid, "options", "options of another type")

		operator := *w.Admin
		operator.Grants = []core.Grant{{Role: core.RoleOperator}}
		_, err = w.CreateCredential(t.Context(), &operator, draft("mine", core.ACMEOptions{Control: core.ACMETrusted}))
		wantKind(t, err, core.KindForbidden, "an operator trusts")
		_, mine := w.make(t, draft("mine", core.ACMEOptions{}))
		change := func(o core.ACMEOptions) (*core.Credential, error) {
			return w.UpdateCredential(t.Context(), &operator, mine.ID, identity.CredentialChange{Version: mine.Version, Options: &core.CredentialOptions{ACME: &o}})
		}
		_, err = change(core.ACMEOptions{Control: core.ACMETrusted})
		wantKind(t, err, core.KindForbidden, "an operator trusts later")
		got, err := change(core.ACMEOptions{Control: core.ACMEProven})
		if err != nil || got.Options.ACME.Control != core.ACMEProven {
			t.Fatalf("changed %+v, %v", got, err)
		}
		desc := "still trusted"
		if _, err := w.UpdateCredential(t.Context(), &operator, c.ID, identity.CredentialChange{Version: c.Version, Description: &desc}); err != nil {
			t.Errorf("an operator changes something else of a trusted credential: %v", err)
		}
	})
}
