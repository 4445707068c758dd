// Package curl_test enrols with nothing but curl and openssl at the shipped
// binary: what an administrator types, and everything that goes wrong.
package curl_test

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// site is the server that all tests share, with its administrator.
type site struct {
	*harness.Server
	admin *harness.Admin
}

func TestCurl(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the server")
	}
	need.Program(t, "curl", "curl")
	need.Program(t, "openssl", "openssl")
	t.Log(harness.Run(t, ".", "curl", "--version"), harness.Run(t, ".", "openssl", "version"))
	s := harness.Start(t, harness.Options{})
	x := &site{s, s.Admin(t)}
	for _, sub := range []struct {
		name string
		run  func(*testing.T, *site)
	}{
		{"first certificate", firstCertificate},
		{"printed commands", printedCommands},
		{"documented commands", documentedCommands},
		{"keys", keys},
		{"ways to send", waysToSend},
		{"anyauth", anyAuth},
		{"information", information},
		{"server key", serverKey},
		{"server key encrypted", serverKeyEncrypted},
		{"refused", refused},
		{"refused renewals", refusedRenewals},
		{"truncated", truncated},
		{"credential life", credentialLife},
		{"parallel", parallel},
		{"approval", approval},
	} {
		t.Run(sub.name, func(t *testing.T) {
			t.Parallel()
			sub.run(t, x)
		})
	}
}

// request makes a key with openssl and a request for one name, in the files
// <base>.key and <base>.b64.
func request(t *testing.T, dir, base, newkey, name string) {
	t.Helper()
	harness.Shell(t, dir, fmt.Sprintf("openssl req -new -newkey %s -nodes -keyout %s.key -subj /CN=%s -addext subjectAltName=DNS:%[3]s -outform DER 2>log | openssl base64 -A >%[2]s.b64", newkey, base, name))
}

const (
	p256    = "ec -pkeyopt ec_paramgen_curve:P-256"
	rsa2048 = "rsa:2048"
)

// estArgs are what every enrolment by curl has.
func (x *site) estArgs(more ...string) []string {
	return append([]string{"--cacert", x.RootPEM, "-H", "Content-Type: application/pkcs10"}, more...)
}

// post sends <base>.b64 to an operation with user and password.
func (x *site) post(t *testing.T, dir, base string, c *harness.Credential, op string, more ...string) *harness.Answer {
	t.Helper()
	return harness.Curl(t, dir, x.estArgs(append([]string{"-u", c.UserPass(), "--data-binary", "@" + base + ".b64", c.EST(x.Main) + op}, more...)...)...)
}

// renew sends <base>.b64 to simplereenroll with the certificate and key of old.
func (x *site) renew(t *testing.T, dir, base, old string, c *harness.Credential, more ...string) *harness.Answer {
	t.Helper()
	return harness.Curl(t, dir, x.estArgs(append([]string{"--cert", old + ".pem", "--key", old + ".key", "--data-binary", "@" + base + ".b64",
		c.EST(x.MTLS) + "simplereenroll"}, more...)...)...)
}

// issued has openssl read the certificate of an answer and keeps it as
// <base>.pem. It must be for the key in <base>.key and chain to the root.
func (x *site) issued(t *testing.T, dir, base string, a *harness.Answer) *x509.Certificate {
	t.Helper()
	a.Want(t, 200)
	if ct := a.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/pkcs7-mime") {
		t.Fatalf("content type %q", ct)
	}
	harness.WriteFile(t, dir, base+".p7", a.Body)
	harness.Shell(t, dir, fmt.Sprintf("openssl base64 -d -A -in %s.p7 | openssl pkcs7 -inform DER -print_certs -out %[1]s.pem", base))
	if _, err := os.Stat(filepath.Join(dir, base+".key")); err == nil {
		harness.Shell(t, dir, fmt.Sprintf(`test "$(openssl pkey -in %s.key -pubout)" = "$(openssl x509 -in %[1]s.pem -noout -pubkey)"`, base))
	}
	c := harness.ParsePEM(t, harness.ReadFile(t, dir, base+".pem"))
	x.Verify(t, c)
	return c
}

// firstCertificate runs what the first start printed, as it is.
func firstCertificate(t *testing.T, x *site) {
	dir := t.TempDir()
	out := harness.Shell(t, dir, x.Commands)
	if !strings.Contains(out, "CN = www.example.internal") || !strings.Contains(out, "Certwright Issuing CA") {
		t.Errorf("%s", out)
	}
	c := harness.ParsePEM(t, harness.ReadFile(t, dir, "cert.pem"))
	x.Verify(t, c)
	if row := x.admin.FindCertificate(t, c); row.State != core.CertActive || row.Protocol != "est" {
		t.Errorf("the API says %+v", row)
	}
	// Renewed with the certificate itself, on the bare path of the default
	// credential.
	request(t, dir, "next", p256, "www.example.internal")
	a := harness.Curl(t, dir, x.estArgs("--cert", "cert.pem", "--key", "key.pem", "--data-binary", "@next.b64", x.MTLS+"/.well-known/est/simplereenroll")...)
	if n := x.issued(t, dir, "next", a); n.SerialNumber.Cmp(c.SerialNumber) == 0 {
		t.Error("not a new certificate")
	}
}

// documentedCommands runs those of the page about EST.
func documentedCommands(t *testing.T, x *site) {
	dir := t.TempDir()
	c := x.admin.Credential(t, resource.NewCredential{})
	harness.WriteFile(t, dir, "certwright-root.pem", harness.ReadFile(t, filepath.Dir(x.RootPEM), filepath.Base(x.RootPEM)))
	script := fmt.Sprintf("EST=%s MTLS=%s USERPASS=%s\n", strings.TrimSuffix(c.EST(x.Main), "/"), strings.TrimSuffix(c.EST(x.MTLS), "/"), c.UserPass())
	out := harness.Shell(t, dir, script+harness.Recipe(t, "protocol/est.md", "curl and openssl"))
	for _, w := range []string{"cert.pem: OK", "id-ecPublicKey"} {
		if !strings.Contains(out, w) {
			t.Errorf("the commands do not say %q: %s", w, out)
		}
	}
	for cert, key := range map[string]string{"cert.pem": "key.pem", "new-cert.pem": "new-key.pem", "made-cert.pem": "made-key.pem"} {
		harness.Shell(t, dir, fmt.Sprintf(`test "$(openssl pkey -in %s -pubout)" = "$(openssl x509 -in %s -noout -pubkey)"`, key, cert))
		x.Verify(t, harness.ParsePEM(t, harness.ReadFile(t, dir, cert)))
	}
	if l := x.admin.CertificatesOf(t, c.ID); len(l) != 3 {
		t.Errorf("%d certificates, want 3", len(l))
	}
}

// printedCommands runs the commands that come with new credentials: with a
// password, and with a client certificate.
func printedCommands(t *testing.T, x *site) {
	dir := t.TempDir()
	c := x.admin.Credential(t, resource.NewCredential{Products: []string{"tls-client", "tls-server"}})
	request(t, dir, "client", p256, "robot.example.internal")
	a := x.post(t, dir, "client", c, "simpleenroll")
	if cert := x.issued(t, dir, "client", a); len(cert.ExtKeyUsage) != 1 || cert.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth {
		t.Errorf("the default product is not the first: %v", cert.ExtKeyUsage)
	}
	harness.WriteFile(t, dir, "client-key.pem", harness.ReadFile(t, dir, "client.key"))
	d, err := x.admin.Certificate(t.Context(), string(x.admin.FindCertificate(t, harness.ParsePEM(t, harness.ReadFile(t, dir, "client.pem"))).ID))
	if err != nil {
		t.Fatal(err)
	}
	byCert := x.admin.Credential(t, resource.NewCredential{Auth: core.AuthClientCert, Trust: strings.Join(d.Chain, "")})
	if byCert.Secret != "" || !strings.Contains(byCert.Commands, "--cert client.pem") {
		t.Errorf("secret %q, commands %s", byCert.Secret, byCert.Commands)
	}
	for name, commands := range map[string]string{"password": x.admin.Credential(t, resource.NewCredential{}).Commands, "certificate": byCert.Commands} {
		out := harness.Shell(t, dir, commands)
		if !strings.Contains(out, "CN = www.example.internal") {
			t.Errorf("%s: %s", name, out)
		}
		x.Verify(t, harness.ParsePEM(t, harness.ReadFile(t, dir, "cert.pem")))
	}
	// Without the certificate, or with one of another CA, the second refuses.
	request(t, dir, "more", p256, "www.example.internal")
	to := byCert.EST(x.MTLS) + "simpleenroll"
	harness.Curl(t, dir, x.estArgs("--data-binary", "@more.b64", to)...).Want(t, 401, "TLS client certificate")
	harness.Shell(t, dir, "openssl req -x509 -newkey "+p256+" -nodes -keyout self.key -out self.pem -subj /CN=self -days 1 -addext extendedKeyUsage=clientAuth 2>log")
	harness.Curl(t, dir, x.estArgs("--interface", from(), "--cert", "self.pem", "--key", "self.key", "--data-binary", "@more.b64", to)...).Want(t, 401, "not accepted")
	if r := x.admin.Refusals(t, byCert.ID); len(r) != 1 || r[0].Detail["kind"] != string(core.KindUnauthenticated) {
		t.Errorf("audit: %+v", r)
	}
}

// keys enrols and renews every kind of key that the products allow.
func keys(t *testing.T, x *site) {
	for name, newkey := range map[string]string{
		"P-256": p256, "P-384": "ec -pkeyopt ec_paramgen_curve:P-384", "P-521": "ec -pkeyopt ec_paramgen_curve:P-521",
		"RSA 2048": rsa2048, "RSA 3072": "rsa:3072",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			product := "tls-server"
			if strings.HasPrefix(name, "RSA") {
				product = "device" // signed with RSA
			}
			c := x.admin.Credential(t, resource.NewCredential{Products: []string{product}})
			request(t, dir, "one", newkey, "k.example.internal")
			one := x.issued(t, dir, "one", x.post(t, dir, "one", c, "simpleenroll"))
			// By the certificate, with a new key.
			request(t, dir, "two", newkey, "k.example.internal")
			two := x.issued(t, dir, "two", x.renew(t, dir, "two", "one", c))
			// By password; the newest is what is renewed.
			request(t, dir, "three", newkey, "k.example.internal")
			three := x.issued(t, dir, "three", x.post(t, dir, "three", c, "simplereenroll"))
			row := map[string]*resource.Certificate{"one": x.admin.FindCertificate(t, one), "two": x.admin.FindCertificate(t, two), "three": x.admin.FindCertificate(t, three)}
			if row["two"].Replaces != row["one"].ID || row["one"].ReplacedBy != row["two"].ID || row["three"].Replaces != row["two"].ID {
				t.Errorf("replaced: %+v", row)
			}
			if !strings.Contains(row["three"].KeyAlgorithm, name) {
				t.Errorf("key %s, want %s", row["three"].KeyAlgorithm, name)
			}
			// The same key again: the shipped products allow it.
			x.issued(t, dir, "three", x.renew(t, dir, "three", "three", c))
		})
	}
}

// waysToSend sends the same request in the forms that clients use.
func waysToSend(t *testing.T, x *site) {
	dir := t.TempDir()
	c := x.admin.Credential(t, resource.NewCredential{})
	request(t, dir, "r", p256, "w.example.internal")
	harness.Shell(t, dir, `openssl base64 -d -A -in r.b64 -out r.der
		openssl base64 -in r.der -out r.wrapped
		openssl req -inform DER -in r.der -out r.csr`)
	var first *x509.Certificate
	for _, w := range []struct {
		name string
		args []string
	}{
		{"one line", []string{"--data-binary", "@r.b64"}},
		{"wrapped", []string{"--data-binary", "@r.wrapped"}},
		{"DER", []string{"--data-binary", "@r.der"}},
		{"PEM", []string{"--data-binary", "@r.csr"}},
		{"HTTP/1.1", []string{"--http1.1", "--data-binary", "@r.b64"}},
		{"chunked", []string{"--http1.1", "-H", "Transfer-Encoding: chunked", "--data-binary", "@r.b64"}},
		{"chunked upload", []string{"--http1.1", "-X", "POST", "-T", "r.b64", "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"}},
		{"with the transfer encoding of RFC 7030", []string{"-H", "Content-Transfer-Encoding: base64", "--data-binary", "@r.b64"}},
		{"with another one", []string{"-H", "Content-Transfer-Encoding: binary", "--data-binary", "@r.b64"}},
		{"with a charset", []string{"-H", "Content-Type: application/pkcs10; charset=utf-8", "--data-binary", "@r.b64"}},
		{"TLS 1.2", []string{"--tls-max", "1.2", "--data-binary", "@r.b64"}},
		{"strongSwan's path", []string{"--data-binary", "@r.b64", "--url", x.Main + "/est/" + c.Label + "/.well-known/est/simpleenroll"}},
	} {
		args := append([]string{"--cacert", x.RootPEM, "-u", c.UserPass()}, w.args...)
		if !strings.Contains(strings.Join(w.args, " "), "Content-Type") {
			args = append(args, "-H", "Content-Type: application/pkcs10")
		}
		if !strings.Contains(strings.Join(w.args, " "), "--url") {
			args = append(args, c.EST(x.Main)+"simpleenroll")
		}
		a := harness.Curl(t, dir, args...)
		if a.Status != 200 {
			t.Errorf("%s: %d %s", w.name, a.Status, a.Body)
			continue
		}
		if a.Header.Get("Content-Transfer-Encoding") != "base64" || strings.ContainsAny(string(a.Body), "\r\n") {
			t.Errorf("%s: not one line of base64", w.name)
		}
		if first == nil {
			first = x.issued(t, dir, "r", a)
		} else if again := x.issued(t, dir, "r", a); !again.Equal(first) {
			t.Errorf("%s: the same request got a second certificate", w.name)
		}
	}
	if n := len(x.admin.CertificatesOf(t, c.ID)); n != 1 {
		t.Errorf("%d certificates", n)
	}
}

// anyAuth: curl asks without a body first and expects nothing but the 401.
func anyAuth(t *testing.T, x *site) {
	dir := t.TempDir()
	c := x.admin.Credential(t, resource.NewCredential{})
	request(t, dir, "r", rsa2048, "any.example.internal")
	for _, version := range []string{"--http1.1", "--http2"} {
		a := x.post(t, dir, "r", c, "simpleenroll", "--anyauth", version)
		x.issued(t, dir, "r", a)
		if !strings.Contains(a.All, " 401") || !strings.Contains(strings.ToLower(a.All), `www-authenticate: basic realm="`) {
			t.Errorf("%s: curl was not asked for a password first:\n%s", version, a.All)
		}
	}
	if r := x.admin.Refusals(t, c.ID); len(r) != 0 {
		t.Errorf("a request that shows nothing is no refusal: %+v", r)
	}
}

// information reads what needs no authentication.
func information(t *testing.T, x *site) {
	dir := t.TempDir()
	c := x.admin.Credential(t, resource.NewCredential{Products: []string{"device"}})
	get := func(path string, more ...string) *harness.Answer {
		return harness.Curl(t, dir, append([]string{"--cacert", x.RootPEM, c.EST(x.Main) + path}, more...)...)
	}
	harness.WriteFile(t, dir, "ca.b64", get("cacerts").Want(t, 200).Body)
	out := harness.Shell(t, dir, `openssl base64 -d -A -in ca.b64 | openssl pkcs7 -inform DER -print_certs -out ca.pem; cat ca.pem
		openssl verify -CAfile `+x.RootPEM+` ca.pem`)
	if i, r := strings.Index(out, "subject=O = Certwright, CN = Certwright RSA Issuing CA"), strings.Index(out, "subject=O = Certwright, CN = Certwright Root CA"); i < 0 || r < i || !strings.Contains(out, "ca.pem: OK") {
		t.Errorf("cacerts: %s", out)
	}
	a := get("csrattrs").Want(t, 200)
	harness.WriteFile(t, dir, "attrs.b64", a.Body)
	out = harness.Shell(t, dir, "openssl base64 -d -A -in attrs.b64 | openssl asn1parse -inform DER")
	for _, w := range []string{"id-ecPublicKey", "prime256v1", "Extension Request", "X509v3 Extended Key Usage"} {
		if !strings.Contains(out, w) {
			t.Errorf("csrattrs lack %s: %s", w, out)
		}
	}
	if ct := a.Header.Get("Content-Type"); ct != "application/csrattrs" {
		t.Errorf("content type %q", ct)
	}
	harness.WriteFile(t, dir, "attrs.b64", get("csrattrs?template=1").Want(t, 200).Body)
	out = harness.Shell(t, dir, "openssl base64 -d -A -in attrs.b64 | openssl asn1parse -inform DER")
	for _, w := range []string{"1.2.840.113549.1.9.16.2.61", "1.2.840.113549.1.9.16.2.62"} {
		if !strings.Contains(out, w) {
			t.Errorf("the template lacks %s: %s", w, out)
		}
	}
	get("fullcmc", "-u", c.UserPass(), "-H", "Content-Type: application/pkcs7-mime; smime-type=CMC-request", "-d", "x").Want(t, 501, "Full CMC")
	if a := get("simpleenroll").Want(t, 405); a.Header.Get("Allow") != "POST" {
		t.Errorf("Allow: %q", a.Header.Get("Allow"))
	}
	if a := get("cacerts", "-X", "POST", "-d", "x").Want(t, 405); a.Header.Get("Allow") != "GET" {
		t.Errorf("Allow: %q", a.Header.Get("Allow"))
	}
	get("nonsense").Want(t, 404)
	harness.Curl(t, dir, "--cacert", x.RootPEM, x.Main+"/.well-known/est/nobody/cacerts").Want(t, 404)
	// Never in clear.
	harness.Curl(t, dir, x.Plain+"/.well-known/est/"+c.Label+"/cacerts").Want(t, 404)
}

// approval: a person says yes to one request and no to another; the client
// sends the same POST again.
func approval(t *testing.T, x *site) {
	dir := t.TempDir()
	x.admin.ProductLike(t, "tls-server", "approved", func(p *core.Profile) { p.Approval = "manual" })
	c := x.admin.Credential(t, resource.NewCredential{Products: []string{"approved"}})
	order := func(base string) *resource.Order {
		t.Helper()
		for range 2 { // the repeat is the same order
			a := x.post(t, dir, base, c, "simpleenroll").Want(t, 202, "waits for approval")
			if a.Header.Get("Retry-After") != "300" {
				t.Fatalf("Retry-After: %q", a.Header.Get("Retry-After"))
			}
		}
		var found *resource.Order
		for o, err := range x.admin.Orders(t.Context(), clientQuery("credential", string(c.ID))) {
			if err != nil {
				t.Fatal(err)
			}
			if o.State == core.OrderApproval {
				if found != nil {
					t.Fatal("two orders for one request")
				}
				found = &o
			}
		}
		if found == nil {
			t.Fatal("no order waits")
		}
		return found
	}
	request(t, dir, "yes", p256, "yes.example.internal")
	if _, err := x.admin.ApproveOrder(t.Context(), string(order("yes").ID), "fine"); err != nil {
		t.Fatal(err)
	}
	one := x.issued(t, dir, "yes", x.post(t, dir, "yes", c, "simpleenroll"))
	if again := x.issued(t, dir, "yes", x.post(t, dir, "yes", c, "simpleenroll")); !again.Equal(one) {
		t.Error("a second certificate")
	}
	request(t, dir, "no", p256, "no.example.internal")
	no := order("no")
	if _, err := x.admin.RejectOrder(t.Context(), string(no.ID), "not this name"); err != nil {
		t.Fatal(err)
	}
	x.post(t, dir, "no", c, "simpleenroll").Want(t, 403, "not this name")
	actions := map[string]int{}
	for _, e := range x.admin.Entries(t, core.Cond{Column: "object", Op: core.OpEquals, Values: []string{"order:" + string(no.ID)}}) {
		actions[e.Action]++
	}
	if actions["order.submit"] != 1 || actions["order.reject"] != 1 {
		t.Errorf("audit of the rejected order: %v", actions)
	}
	if r := x.admin.Refusals(t, c.ID); len(r) != 1 || r[0].Detail["kind"] != string(core.KindApprovalRefused) {
		t.Errorf("audit: %+v", r)
	}
	// A renewal waits for the same people.
	request(t, dir, "next", p256, "yes.example.internal")
	x.renew(t, dir, "next", "yes", c).Want(t, 202)
}

// parallel: two hundred curls send one request at the same time.
func parallel(t *testing.T, x *site) {
	const n = 200
	dir := t.TempDir()
	c := x.admin.Credential(t, resource.NewCredential{})
	request(t, dir, "r", p256, "par.example.internal")
	var config strings.Builder
	for i := range n {
		fmt.Fprintf(&config, "url = %q\noutput = \"out%d\"\ncacert = %q\nuser = %q\nheader = \"Content-Type: application/pkcs10\"\ndata-binary = \"@r.b64\"\nfail\n", c.EST(x.Main)+"simpleenroll", i, x.RootPEM, c.UserPass())
		if i%2 == 0 {
			config.WriteString("http1.1\n") // half of them on connections of their own
		}
		config.WriteString("next\n")
	}
	harness.WriteFile(t, dir, "all", []byte(strings.TrimSuffix(config.String(), "next\n")))
	harness.Run(t, dir, "curl", "-sS", "-Z", "--parallel-immediate", "--parallel-max", "100", "-m", "60", "-K", "all")
	first := string(harness.ReadFile(t, dir, "out0"))
	for i := range n {
		if got := string(harness.ReadFile(t, dir, fmt.Sprintf("out%d", i))); got != first {
			t.Fatalf("answer %d differs: %.200s", i, got)
		}
	}
	if l := x.admin.CertificatesOf(t, c.ID); len(l) != 1 {
		t.Errorf("%d certificates for one request", len(l))
	}
}
