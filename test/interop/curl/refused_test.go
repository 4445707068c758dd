package curl_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/test/interop/harness"
)

func clientQuery(column, value string) client.Query {
	return client.Query{Filter: core.Filter{{Column: column, Op: core.OpEquals, Values: []string{value}}}}
}

// lastAddress counts loopback addresses: refusals of the same kind from the
// same address within a minute are one entry of the audit log, so every case
// that looks there comes from an address of its own.
var lastAddress atomic.Int32

func from() string { n := lastAddress.Add(1); return fmt.Sprintf("127.0.%d.%d", 1+n/200, 2+n%200) }

// refused sends what must not be issued: each case with a credential and an
// address of its own. The audit log must say so, and nothing may be issued.
func refused(t *testing.T, x *site) {
	x.admin.ProductLike(t, "tls-server", "example-only", func(p *core.Profile) {
		p.Names[0].Suffixes = []string{"example.internal"}
		p.Names[0].Wildcards = false
	})
	for _, c := range []struct {
		name string
		// make writes r.b64, the body; nil: a good request.
		make   func(t *testing.T, dir string)
		args   []string
		op     string
		pass   string // instead of the right one
		status int
		words  []string
		kind   core.Kind // in the audit log
	}{
		{name: "wrong password", pass: "wrong", status: 401, words: []string{"wrong user name or secret"}, kind: core.KindUnauthenticated},
		{name: "wrong password of a renewal", pass: "wrong", op: "simplereenroll", status: 401, kind: core.KindUnauthenticated},
		{name: "wrong password of a server key", pass: "wrong", op: "serverkeygen", status: 401, kind: core.KindUnauthenticated},
		{name: "weak key", make: shell("openssl req -new -newkey rsa:1024 -nodes -keyout k -subj /CN=a.example.internal -addext subjectAltName=DNS:a.example.internal -outform DER 2>log | openssl base64 -A >r.b64"),
			status: 400, words: []string{"1024"}, kind: core.KindBadKey},
		{name: "key type that no rule allows", make: shell("openssl req -new -newkey ed25519 -nodes -keyout k -subj /CN=a.example.internal -addext subjectAltName=DNS:a.example.internal -outform DER 2>log | openssl base64 -A >r.b64"),
			status: 400, words: []string{"Ed25519"}, kind: core.KindBadKey},
		{name: "forbidden name", make: named("bank.example.com"), status: 403, words: []string{"bank.example.com"}, kind: core.KindBadName},
		{name: "forbidden wildcard", make: named("*.example.internal"), status: 403, words: []string{"*.example.internal"}, kind: core.KindBadName},
		{name: "common name that is no name of its own", make: shell("openssl req -new -newkey " + p256 + " -nodes -keyout k -subj /CN=bank.example.com -addext subjectAltName=DNS:a.example.internal -outform DER 2>log | openssl base64 -A >r.b64"),
			status: 403, words: []string{"bank.example.com"}, kind: core.KindBadName},
		{name: "broken signature", make: broken, status: 400, words: []string{"signed"}, kind: core.KindBadProof},
		{name: "garbage", make: shell("head -c 600 /dev/urandom >r.b64"), status: 400, kind: core.KindBadCSR},
		{name: "garbage in base64", make: shell("head -c 600 /dev/urandom | openssl base64 -A >r.b64"), status: 400, kind: core.KindBadCSR},
		{name: "a certificate instead of a request", make: shell("openssl req -x509 -newkey " + p256 + " -nodes -keyout k -subj /CN=a -days 1 -outform DER 2>log | openssl base64 -A >r.b64"), status: 400, kind: core.KindBadCSR},
		{name: "cut short", make: shell("openssl req -new -newkey " + rsa2048 + " -nodes -keyout k -subj /CN=a -outform DER 2>log | head -c 300 | openssl base64 -A >r.b64"), status: 400, kind: core.KindBadCSR},
		{name: "nothing", make: shell(": >r.b64"), status: 400, words: []string{"no body"}, kind: core.KindBadCSR},
		{name: "64 KiB and one", make: shell("head -c 65537 /dev/zero | tr '\\0' A >r.b64"), status: 413, kind: core.KindTooLarge},
		{name: "64 KiB and one in chunks", make: shell("head -c 65537 /dev/zero | tr '\\0' A >r.b64"), args: []string{"--http1.1", "-H", "Transfer-Encoding: chunked"}, status: 413, kind: core.KindTooLarge},
		{name: "64 KiB of nonsense", make: shell("head -c 65536 /dev/zero | tr '\\0' A >r.b64"), status: 400, kind: core.KindBadCSR},
		{name: "wrong content type", args: []string{"-H", "Content-Type: application/json"}, status: 415, words: []string{"application/pkcs10"}, kind: core.KindMediaType},
		{name: "renewal of nothing", op: "simplereenroll", status: 403, words: []string{"no active certificate"}, kind: core.KindForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, source := t.TempDir(), from()
			cred := x.admin.Credential(t, resource.NewCredential{Products: []string{"example-only"}})
			if c.make == nil {
				c.make = named("a.example.internal")
			}
			c.make(t, dir)
			op := c.op
			if op == "" {
				op = "simpleenroll"
			}
			use := *cred
			if c.pass != "" {
				use.Secret = c.pass
			}
			args := append([]string{"--cacert", x.RootPEM, "--interface", source, "-u", use.UserPass(), "--data-binary", "@r.b64"}, c.args...)
			if !strings.Contains(strings.Join(c.args, " "), "Content-Type") {
				args = append(args, "-H", "Content-Type: application/pkcs10")
			}
			a := harness.Curl(t, dir, append(args, cred.EST(x.Main)+op)...).Want(t, c.status, c.words...)
			if ct := a.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/plain") {
				t.Errorf("content type %q", ct)
			}
			if c.status == 401 && !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Basic realm=") {
				t.Errorf("401 without challenge: %s", a.All)
			}
			x.audited(t, cred, c.kind, source, a)
			if n := len(x.admin.CertificatesOf(t, cred.ID)); n != 0 {
				t.Errorf("%d certificates", n)
			}
		})
	}
}

// audited looks for the refusal in the audit log, and for it in the usage of
// the credential.
func (x *site) audited(t *testing.T, c *harness.Credential, kind core.Kind, source string, a *harness.Answer) {
	t.Helper()
	list := x.admin.Refusals(t, c.ID)
	if len(list) != 1 {
		t.Fatalf("%d refusals in the audit log, want 1: %+v", len(list), list)
	}
	e := list[0]
	if e.Detail["kind"] != string(kind) || e.Address != source || e.Protocol != "est" || e.Request != a.Header.Get("X-Request-Id") {
		t.Errorf("audit entry %+v; want kind %s, address %s, request %s", e, kind, source, a.Header.Get("X-Request-Id"))
	}
	usage, err := client.Collect(x.admin.CredentialUsage(t.Context(), c.ID, client.Query{}), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range usage {
		if u.Chain == e.Chain && u.Seq == e.Seq {
			return
		}
	}
	t.Errorf("the usage of the credential does not show the refusal")
}

func shell(script string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { t.Helper(); harness.Shell(t, dir, script) }
}

func named(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { t.Helper(); request(t, dir, "r", p256, name) }
}

// broken flips a bit of the signature.
func broken(t *testing.T, dir string) {
	t.Helper()
	request(t, dir, "r", rsa2048, "a.example.internal")
	der, err := base64.StdEncoding.DecodeString(string(harness.ReadFile(t, dir, "r.b64")))
	if err != nil {
		t.Fatal(err)
	}
	der[len(der)-5] ^= 1
	harness.WriteFile(t, dir, "r.b64", base64.StdEncoding.AppendEncode(nil, der))
}

// refusedRenewals shows certificates that do not authorise what is asked.
func refusedRenewals(t *testing.T, x *site) {
	for _, c := range []struct {
		name   string
		next   string // name in the request
		do     func(t *testing.T, dir string, mine, other *harness.Credential, cert *resource.Certificate) *harness.Credential
		op     string
		status int
		words  string
		kind   core.Kind // "": not in the audit log
	}{
		{name: "another name", next: "b.example.internal", status: 403, words: "differ", kind: core.KindForbidden},
		{name: "another credential's certificate", do: func(_ *testing.T, _ string, _, other *harness.Credential, _ *resource.Certificate) *harness.Credential {
			return other
		}, status: 401, words: "another credential", kind: core.KindUnauthenticated},
		{name: "revoked certificate", do: func(t *testing.T, _ string, mine, _ *harness.Credential, cert *resource.Certificate) *harness.Credential {
			if _, err := x.admin.Revoke(t.Context(), string(cert.ID), resource.Revocation{Reason: "superseded"}); err != nil {
				t.Fatal(err)
			}
			return mine
		}, status: 401, words: "revoked", kind: core.KindUnauthenticated},
		{name: "certificate of a revoked credential", do: func(t *testing.T, _ string, mine, _ *harness.Credential, _ *resource.Certificate) *harness.Credential {
			if _, err := x.admin.RevokeCredential(t.Context(), mine.ID, ""); err != nil {
				t.Fatal(err)
			}
			return mine
		}, status: 401, words: "revoked", kind: core.KindUnauthenticated},
		{name: "first enrolment by certificate", op: "simpleenroll", status: 401, words: "authorises simplereenroll only"},
		{name: "foreign certificate", do: func(t *testing.T, dir string, mine, _ *harness.Credential, _ *resource.Certificate) *harness.Credential {
			harness.Shell(t, dir, "openssl req -x509 -newkey "+p256+" -nodes -keyout one.key -out one.pem -subj /CN=a.example.internal -addext subjectAltName=DNS:a.example.internal -days 1 2>log")
			return mine
		}, status: 401, words: "not one of this server's", kind: core.KindUnauthenticated},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, source := t.TempDir(), from()
			mine, other := x.admin.Credential(t, resource.NewCredential{}), x.admin.Credential(t, resource.NewCredential{})
			request(t, dir, "one", p256, "a.example.internal")
			cert := x.admin.FindCertificate(t, x.issued(t, dir, "one", x.post(t, dir, "one", mine, "simpleenroll")))
			used, name, op := mine, "a.example.internal", "simplereenroll"
			if c.do != nil {
				used = c.do(t, dir, mine, other, cert)
			}
			if c.next != "" {
				name = c.next
			}
			if c.op != "" {
				op = c.op
			}
			request(t, dir, "two", p256, name)
			a := harness.Curl(t, dir, x.estArgs("--interface", source, "--cert", "one.pem", "--key", "one.key", "--data-binary", "@two.b64", used.EST(x.MTLS)+op)...).Want(t, c.status, c.words)
			if c.kind != "" {
				x.audited(t, used, c.kind, source, a)
			}
			if n := len(x.admin.CertificatesOf(t, used.ID)); used == mine && n != 1 || used == other && n != 0 {
				t.Errorf("%d certificates", n)
			}
		})
	}
}

// truncated announces more than it sends and closes the connection.
func truncated(t *testing.T, x *site) {
	dir := t.TempDir()
	c := x.admin.Credential(t, resource.NewCredential{})
	request(t, dir, "r", p256, "cut.example.internal")
	body := harness.ReadFile(t, dir, "r.b64")
	basic := base64.StdEncoding.EncodeToString([]byte(c.UserPass()))
	conn, err := tls.Dial("tcp", strings.TrimPrefix(x.Main, "https://"), &tls.Config{RootCAs: x.Roots, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /.well-known/est/%s/simpleenroll HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic %s\r\nContent-Type: application/pkcs10\r\nContent-Length: %d\r\n\r\n%s",
		c.Label, basic, len(body), body[:len(body)-20])
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) || !bytes.Contains(answer, []byte("ends before its announced length")) {
		t.Errorf("%s", answer)
	}
	if r := x.admin.Refusals(t, c.ID); len(r) != 1 || r[0].Detail["kind"] != string(core.KindInvalid) {
		t.Errorf("audit: %+v", r)
	}
	if n := len(x.admin.CertificatesOf(t, c.ID)); n != 0 {
		t.Errorf("%d certificates", n)
	}
}

// credentialLife: what an administrator does to a credential holds at the very
// next request.
func credentialLife(t *testing.T, x *site) {
	dir := t.TempDir()
	request(t, dir, "r", p256, "life.example.internal")
	send := func(c *harness.Credential, more ...string) *harness.Answer {
		t.Helper()
		return x.post(t, dir, "r", c, "simpleenroll", more...)
	}
	t.Run("revoked", func(t *testing.T) {
		c, source := x.admin.Credential(t, resource.NewCredential{}), from()
		send(c).Want(t, 200)
		if _, err := x.admin.RevokeCredential(t.Context(), c.ID, "stolen"); err != nil {
			t.Fatal(err)
		}
		x.audited(t, c, core.KindUnauthenticated, source, send(c, "--interface", source).Want(t, 401, "revoked"))
		for _, op := range []string{"cacerts", "csrattrs"} {
			harness.Curl(t, dir, "--cacert", x.RootPEM, c.EST(x.Main)+op).Want(t, 401)
		}
		if _, err := x.admin.RegenerateCredential(t.Context(), c.ID); err == nil {
			t.Error("a revoked credential came back")
		}
	})
	t.Run("regenerated", func(t *testing.T) {
		c, source := x.admin.Credential(t, resource.NewCredential{}), from()
		send(c).Want(t, 200)
		fresh, err := x.admin.RegenerateCredential(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		x.Secret(fresh.Secret)
		x.audited(t, c, core.KindUnauthenticated, source, send(c, "--interface", source).Want(t, 401))
		send(&harness.Credential{CredentialDetail: fresh.Credential, Secret: fresh.Secret}).Want(t, 200)
	})
	t.Run("expired", func(t *testing.T) {
		source := from()
		c := x.admin.Credential(t, resource.NewCredential{ExpiresAt: time.Now().Add(1500 * time.Millisecond)})
		send(c).Want(t, 200)
		var last *harness.Answer
		harness.Eventually(t, 20*time.Second, func() error {
			if last = send(c, "--interface", source); last.Status == 200 {
				return fmt.Errorf("the credential still serves")
			}
			return nil
		})
		x.audited(t, c, core.KindUnauthenticated, source, last.Want(t, 401, "expired"))
	})
	t.Run("wrong source", func(t *testing.T) {
		c := x.admin.Credential(t, resource.NewCredential{Sources: []netip.Prefix{netip.MustParsePrefix("127.0.200.0/24")}})
		source := from()
		x.audited(t, c, core.KindForbidden, source, send(c, "--interface", source).Want(t, 403, "not be used from this address"))
		send(c, "--interface", "127.0.200.7").Want(t, 200)
		// A claim to come from there is not believed.
		send(c, "-H", "X-Forwarded-For: 127.0.200.7").Want(t, 403)
	})
	t.Run("user disabled", func(t *testing.T) {
		u, err := x.admin.CreateUser(t.Context(), resource.NewUser{Login: "leaver", NoSignIn: true, Groups: []core.GroupID{x.admin.Group}})
		if err != nil {
			t.Fatal(err)
		}
		c, source := x.admin.Credential(t, resource.NewCredential{User: u.User.ID, Group: x.admin.Group}), from()
		send(c).Want(t, 200)
		if _, err := x.admin.SetUserState(t.Context(), u.User.ID, false); err != nil {
			t.Fatal(err)
		}
		x.audited(t, c, core.KindUnauthenticated, source, send(c, "--interface", source).Want(t, 401))
	})
}
