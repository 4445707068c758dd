package ctl

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/wire/keystore"
)

func TestDownloadPlain(t *testing.T) {
	f, p := newFake(t, false), newPKI(t)
	f.on("GET /certificates/17/download", func(r *http.Request) (any, error) { return []byte(r.URL.RawQuery), nil })
	if o := f.ctl(t, "cert", "download", "17").ok(t); o.out != "format=pem" {
		t.Errorf("asked %q", o.out)
	}
	out := filepath.Join(t.TempDir(), "c.p7b")
	f.ctl(t, "cert", "download", "17", "--format", "p7b", "--chain", "full", "--out", out).ok(t)
	if read(t, out) != "chain=full&format=p7b" {
		t.Errorf("got %q", read(t, out))
	}
	mode(t, out, 0o644)
	f.ctl(t, "cert", "download", "17", "--format", "p7b", "--out", out).fails(t, codeFailed, "--force")
	f.ctl(t, "cert", "download", "17", "--format", "der", "--out", out, "--force").ok(t)
	f.ctl(t, "cert", "download", "17", "--format", "der").fails(t, codeUsage, "--out")
	f.ctl(t, "cert", "download", "17", "--format", "der", "--out", "-", "--key", file(t, "k", p.keyPEM(t, ""))).fails(t, codeUsage, "holds no private key")
}

func TestDownloadAssemblesFromLocalKey(t *testing.T) {
	f, p := newFake(t, false), newPKI(t)
	f.give("GET /certificates/17", p.detail())
	key, locked, pw := file(t, "key.pem", p.keyPEM(t, "")), file(t, "locked.pem", p.keyPEM(t, "opens")), file(t, "pw", "sesame\n")
	for _, format := range []string{"p12", "jks", "pem"} {
		out := filepath.Join(t.TempDir(), "store")
		f.ctl(t, "cert", "download", "17", "--format", format, "--key", key, "--password-file", pw, "--out", out).ok(t)
		mode(t, out, 0o600)
		entries, err := keystore.Decode([]byte(read(t, out)), "sesame")
		if err != nil || len(entries) != 1 || !p.key.Equal(entries[0].Key) || len(entries[0].Chain) != 2 {
			t.Errorf("%s: %v, %v", format, err, entries)
		}
	}
	// An encrypted key: password from a file, the environment, or a terminal.
	out := filepath.Join(t.TempDir(), "store.p12")
	args := f.args("cert", "download", "17", "--format", "p12", "--key", locked, "--chain", "full", "--out", out, "--force")
	call{args: append(args, "--key-password-file", file(t, "kpw", "opens"), "--password-file", pw)}.run(t).ok(t)
	call{args: args, env: map[string]string{envKeyPassword: "opens", envStorePassword: "sesame"}}.run(t).ok(t)
	call{args: args, terminal: true, hidden: []string{"opens", "sesame", "sesame"}}.run(t).ok(t)
	entries, err := keystore.Decode([]byte(read(t, out)), "sesame")
	if err != nil || len(entries) != 1 || len(entries[0].Chain) != 3 || entries[0].Alias != "www.example.org" {
		t.Errorf("%v, %v", err, entries)
	}
	call{args: args, terminal: true, hidden: []string{"opens", "sesame", "other"}}.run(t).fails(t, codeUsage, "do not agree")
	call{args: args, terminal: true, hidden: []string{"wrong"}}.run(t).fails(t, codeUsage, "does not open")
	call{args: args}.run(t).fails(t, codeUsage, "--key-password-file or CERTWRIGHT_CTL_KEY_PASSWORD")

	other := newPKI(t)
	f.ctl(t, "cert", "download", "17", "--format", "p12", "--key", file(t, "o", other.keyPEM(t, "")), "--password-file", pw, "--out", out, "--force").fails(t, codeRefused, "is not the key of certificate 17")
	f.ctl(t, "cert", "download", "17", "--format", "pem", "--key", key, "--no-password", "--out", out, "--force").ok(t)
	if !strings.Contains(read(t, out), "BEGIN PRIVATE KEY") {
		t.Error("--no-password did not leave the key in clear")
	}
	for _, r := range f.requests {
		if strings.Contains(r.Body, "PRIVATE KEY") {
			t.Error("the private key was sent to the server")
		}
	}
}

func TestDownloadExportsServerKey(t *testing.T) {
	f := newFake(t, false)
	f.on("POST /certificates/17/export", func(r *http.Request) (any, error) {
		b, err := io.ReadAll(r.Body)
		return b, err
	})
	out := filepath.Join(t.TempDir(), "store.jks")
	call{args: f.args("cert", "download", "17", "--format", "jks", "--alias", "web", "--out", out), env: map[string]string{envStorePassword: "sesame"}}.run(t).ok(t)
	if got := body[resource.Export](t, f, "POST", "/certificates/17/export"); got != (resource.Export{Format: "jks", Password: "sesame", Alias: "web", Chain: "intermediates"}) {
		t.Errorf("asked for %+v", got)
	}
	mode(t, out, 0o600)
	call{args: f.args("cert", "download", "17", "--format", "p12", "--legacy", "--out", out, "--force", "--password-file", "-"), in: "sesame\n"}.run(t).ok(t)
	if got := body[resource.Export](t, f, "POST", "/certificates/17/export"); got.Format != "p12-legacy" {
		t.Errorf("asked for %+v", got)
	}
	f.ctl(t, "cert", "download", "17", "--with-key", "--no-password", "--out", out, "--force").ok(t)
	if got := body[resource.Export](t, f, "POST", "/certificates/17/export"); got.Format != "pem" || got.Password != "" {
		t.Errorf("asked for %+v", got)
	}
	f.ctl(t, "cert", "download", "17", "--with-key").fails(t, codeUsage, "--out")
}

func TestCertificateShowRevokeTag(t *testing.T) {
	f, p := newFake(t, false), newPKI(t)
	d := p.detail()
	d.Tags = []string{"a", "b"}
	d.Serial, d.Fingerprint = "2a", "00"
	d.PEM = ""
	f.give("GET /certificates/17", d)
	golden(t, "cert-show.txt", f.ctl(t, "cert", "show", "17").ok(t).out)
	f.give("POST /certificates/17/revoke", d.Certificate)
	f.give("POST /certificates/17/release", d.Certificate)
	f.on("PUT /certificates/17/tags", func(*http.Request) (any, error) { return d.Certificate, nil })
	o := call{args: f.args("cert", "revoke", "17", "--reason", "certificateHold"), terminal: true, in: "yes\n"}.run(t).ok(t)
	if !strings.Contains(o.err, "Suspend certificate 17, CN=www.example.org, valid to 05-May-2026? [y/N]") || !strings.Contains(o.err, "is suspended") {
		t.Errorf("said %q", o.err)
	}
	f.ctl(t, "cert", "release", "17").ok(t)
	f.ctl(t, "cert", "tag", "17", "--add", "c,a", "--remove", "b").ok(t)
	if got := body[resource.Tags](t, f, "PUT", "/certificates/17/tags"); strings.Join(got.Tags, " ") != "a c" {
		t.Errorf("tags %v", got.Tags)
	}
	f.ctl(t, "cert", "tag", "17", "--clear").ok(t)
	if got := body[resource.Tags](t, f, "PUT", "/certificates/17/tags"); len(got.Tags) != 0 || got.Tags == nil {
		t.Errorf("tags %v", got.Tags)
	}
	n := len(f.got("PUT", "/certificates/17/tags"))
	if o := f.ctl(t, "cert", "tag", "17").ok(t); o.out != "a\nb\n" || len(f.got("PUT", "/certificates/17/tags")) != n {
		t.Errorf("tags shown: %q", o.out)
	}
	f.ctl(t, "cert", "show", "99").fails(t, codeNotFound, "no such thing")
}
