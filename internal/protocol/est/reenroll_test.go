package est

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/http"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol/protocoltest"
	"github.com/certwright/certwright/internal/wire/x509x"
)

func TestReenrollByCertificate(t *testing.T) {
	b := newBench(t)
	csr := protocoltest.NewCSR(t, "a.example")
	cert := issued(t, b.post(t, "simpleenroll", csr), csr)
	if cert.Subject.String() != "O=Example,CN=a.example" && cert.Subject.String() != "CN=a.example,O=Example" {
		t.Fatal(cert.Subject) // the product adds O
	}
	full := core.DN{{Type: "CN", Value: "a.example"}, {Type: "O", Value: "Example"}}
	for name, c := range map[string]struct {
		subject core.DN
		names   core.Names
		ok      bool
	}{
		"as first asked":          {core.DN{{Type: "CN", Value: "a.example"}}, protocoltest.NamesOf("a.example"), true},
		"as in the certificate":   {full, protocoltest.NamesOf("a.example"), true},
		"without SAN":             {core.DN{{Type: "CN", Value: "a.example"}}, core.Names{}, true}, // the product adds it
		"other letter case":       {core.DN{{Type: "CN", Value: "A.Example"}}, protocoltest.NamesOf("a.EXAMPLE"), true},
		"another name":            {core.DN{{Type: "CN", Value: "b.example"}}, protocoltest.NamesOf("b.example"), false},
		"one name more":           {full, protocoltest.NamesOf("a.example", "b.example"), false},
		"an address more":         {full, protocoltest.NamesOf("a.example", "192.0.2.1"), false},
		"no name":                 {nil, core.Names{}, false},
		"forbidden name more":     {full, protocoltest.NamesOf("a.example", "evil.com"), false},
		"another organisation":    {core.DN{{Type: "CN", Value: "a.example"}, {Type: "O", Value: "Evil"}}, protocoltest.NamesOf("a.example"), true}, // the product writes its own
		"names without a subject": {nil, protocoltest.NamesOf("a.example"), false},
	} {
		t.Run(name, func(t *testing.T) {
			next := protocoltest.BuildCSR(t, nil, c.subject, c.names, x509x.Request{})
			before := b.Enroll.Certificates()
			a := b.postCert(t, "simplereenroll", next, csr.TLS(cert.Raw))
			if !c.ok {
				expect(t, a, http.StatusForbidden, "ChangeSubjectName")
				return
			}
			got := issued(t, a, next)
			after := b.Enroll.Certificates()
			if last := after[len(after)-1]; last.Replaces != before[0].ID || got.Subject.String() != cert.Subject.String() {
				t.Errorf("replaces %q, subject %s", last.Replaces, got.Subject)
			}
		})
	}
}

func TestReenrollSameKeySameRequest(t *testing.T) {
	b := newBench(t)
	csr := protocoltest.NewCSR(t, "a.example")
	cert := issued(t, b.post(t, "simpleenroll", csr), csr)
	again := issued(t, b.postCert(t, "simplereenroll", csr, csr.TLS(cert.Raw)), csr)
	if again.Equal(cert) {
		t.Error("the renewal with the same request gave the old certificate")
	}
}

func TestReenrollRefusesForeignCertificates(t *testing.T) {
	b := newBench(t)
	other := b.AddCredential(core.CredentialEST, core.AuthPassword, "other")
	csr := protocoltest.NewCSR(t, "a.example")
	theirs := issued(t, do(t, b.site.Client(t), "POST", b.site.MTLS+"/.well-known/est/other/simpleenroll", b64(csr.DER), basic(other.PublicID, protocoltest.Password)), csr)
	expect(t, b.postCert(t, "simplereenroll", csr, csr.TLS(theirs.Raw)), http.StatusUnauthorized)
	expect(t, b.postCert(t, "simplereenroll", csr, selfSigned(t, "a.example")), http.StatusUnauthorized)
	if n := len(b.Audit.Events()); n != 2 {
		t.Errorf("%d audit entries", n)
	}

	mine := protocoltest.NewCSR(t, "b.example")
	cert := issued(t, b.post(t, "simpleenroll", mine), mine)
	list := b.Enroll.Certificates()
	p := &core.Principal{Account: b.Account, Credential: b.cred}
	if err := b.Enroll.Revoke(t.Context(), p, list[len(list)-1].ID, core.ReasonKeyCompromise); err != nil {
		t.Fatal(err)
	}
	expect(t, b.postCert(t, "simplereenroll", mine, mine.TLS(cert.Raw)), http.StatusUnauthorized)

	late := protocoltest.NewCSR(t, "c.example")
	cert = issued(t, b.post(t, "simpleenroll", late), late)
	b.Advance(91 * 24 * time.Hour)
	expect(t, b.postCert(t, "simplereenroll", late, late.TLS(cert.Raw)), http.StatusUnauthorized)
}

func TestReenrollByPassword(t *testing.T) {
	b := newBench(t)
	csr := protocoltest.NewCSR(t, "a.example")
	expect(t, b.post(t, "simplereenroll", csr), http.StatusForbidden, "simpleenroll")
	issued(t, b.post(t, "simpleenroll", csr), csr)
	next := protocoltest.NewCSR(t, "a.example")
	issued(t, b.post(t, "simplereenroll", next), next)
	list := b.Enroll.Certificates()
	if len(list) != 2 || list[1].Replaces != list[0].ID {
		t.Fatalf("%+v", list)
	}
	expect(t, b.post(t, "simplereenroll", protocoltest.NewCSR(t, "b.example")), http.StatusForbidden)
	subset := protocoltest.BuildCSR(t, nil, core.DN{{Type: "CN", Value: "a.example"}}, protocoltest.NamesOf("a.example", "192.0.2.1"), x509x.Request{})
	expect(t, b.post(t, "simplereenroll", subset), http.StatusForbidden)

	// With a password and a certificate, the certificate is what is renewed.
	third := protocoltest.NewCSR(t, "a.example")
	a := do(t, b.site.Client(t, csr.TLS(list[0].DER)), "POST", b.site.MTLS+"/.well-known/est/lab/simplereenroll", b64(third.DER), basic(b.cred.PublicID, protocoltest.Password))
	issued(t, a, third)
	if list = b.Enroll.Certificates(); list[2].Replaces != list[0].ID {
		t.Error("renewed another certificate than the one shown")
	}
}

// changeName makes the attribute of RFC 6402 section 2.8.
func changeName(t *testing.T, cn string, names ...string) x509x.Request {
	t.Helper()
	var value struct {
		Subject asn1.RawValue `asn1:"optional"`
		Alt     asn1.RawValue `asn1:"optional"`
	}
	if cn != "" {
		der, err := asn1.Marshal(pkix.Name{CommonName: cn}.ToRDNSequence())
		if err != nil {
			t.Fatal(err)
		}
		value.Subject.FullBytes = der
	}
	if len(names) > 0 {
		der, err := x509x.MarshalSAN(protocoltest.GeneralNames(protocoltest.NamesOf(names...)))
		if err != nil {
			t.Fatal(err)
		}
		value.Alt.FullBytes = der
	}
	der, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return x509x.Request{Attributes: []x509x.Attribute{{OID: oidChangeSubjectName, Values: [][]byte{der}}}}
}

func TestChangeSubjectName(t *testing.T) {
	b := newBench(t)
	csr := protocoltest.NewCSR(t, "a.example")
	cert := issued(t, b.post(t, "simpleenroll", csr), csr)
	was, same := core.DN{{Type: "CN", Value: "a.example"}}, protocoltest.NamesOf("a.example")
	for name, c := range map[string]struct {
		subject core.DN
		names   core.Names
		change  x509x.Request
		want    string // CN of the new certificate, "" when refused
		alt     int
	}{
		"subject and names":          {was, same, changeName(t, "n.example", "n.example", "m.example"), "n.example", 2},
		"names only":                 {was, same, changeName(t, "", "a.example", "m.example"), "a.example", 2},
		"new names in both":          {core.DN{{Type: "CN", Value: "n.example"}}, protocoltest.NamesOf("n.example"), changeName(t, "n.example", "n.example"), "n.example", 1},
		"policy refuses":             {was, same, changeName(t, "evil.com", "evil.com"), "", 0},
		"neither old nor new":        {core.DN{{Type: "CN", Value: "x.example"}}, protocoltest.NamesOf("x.example"), changeName(t, "n.example", "n.example"), "", 0},
		"new names, other than said": {core.DN{{Type: "CN", Value: "n.example"}}, protocoltest.NamesOf("x.example"), changeName(t, "n.example", "n.example"), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			next := protocoltest.BuildCSR(t, nil, c.subject, c.names, c.change)
			a := b.postCert(t, "simplereenroll", next, csr.TLS(cert.Raw))
			if c.want == "" {
				expect(t, a, http.StatusForbidden)
				return
			}
			if got := issued(t, a, next); got.Subject.CommonName != c.want || len(got.DNSNames) != c.alt {
				t.Errorf("%s %v", got.Subject, got.DNSNames)
			}
		})
	}
	for name, der := range map[string]string{"empty": "\x30\x00", "twice": "\x30\x04\x30\x00\x30\x00", "no sequence": "\x04\x00", "garbage": "\x30\x02\x01\x01"} {
		next := protocoltest.BuildCSR(t, nil, was, same, x509x.Request{Attributes: []x509x.Attribute{{OID: oidChangeSubjectName, Values: [][]byte{[]byte(der)}}}})
		a := b.postCert(t, "simplereenroll", next, csr.TLS(cert.Raw))
		if a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
}
