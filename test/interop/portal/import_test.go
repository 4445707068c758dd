package portal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// TestImport brings certificates that openssl made and lists into the portal,
// with bad files and a wrong password, and renames and deletes tags.
func TestImport(t *testing.T) {
	b := browse(t)
	openssl := need.Program(t, "openssl", "openssl")
	server := harness.Start(t, harness.Options{})
	a, dir := server.Admin(t), b.dir
	run := func(args ...string) {
		t.Helper()
		harness.Run(t, dir, openssl, args...)
	}
	harness.WriteFile(t, dir, "leaf.ext", []byte("subjectAltName=DNS:shop.import.test\nauthorityKeyIdentifier=keyid\n"))
	run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "rootkey.pem", "-out", "root.pem", "-days", "3650",
		"-subj", "/O=Elsewhere/CN=Elsewhere Root", "-addext", "basicConstraints=critical,CA:TRUE")
	run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "shop.key", "-out", "shop.csr", "-subj", "/O=Example/CN=shop.import.test")
	run("x509", "-req", "-in", "shop.csr", "-CA", "root.pem", "-CAkey", "rootkey.pem", "-CAcreateserial", "-days", "20", "-out", "shop.pem", "-extfile", "leaf.ext")
	run("pkcs12", "-export", "-in", "shop.pem", "-inkey", "shop.key", "-certfile", "root.pem", "-passout", "pass:secret", "-out", "shop.p12")
	run("crl2pkcs7", "-nocrl", "-certfile", "shop.pem", "-certfile", "root.pem", "-outform", "DER", "-out", "shop.p7b")
	file := func(name string) string { return filepath.Join(dir, name) }
	var many strings.Builder
	many.WriteString("name;email\n")
	for i := range 120 {
		many.WriteString("Team " + string(rune('A'+i/26)) + string(rune('a'+i%26)) + ";\n")
	}
	requester := login(t, server, a, "rita", core.RoleRequester)
	settings := map[string]any{"base": server.Main, "password": a.Password, "requester": requester.password, "p12": file("shop.p12"), "p7b": file("shop.p7b"), "pem": file("shop.pem"),
		"text": harness.WriteFile(t, dir, "notes.txt", []byte("hello")), "big": harness.WriteFile(t, dir, "big.pem", make([]byte, 5<<20+1)),
		"users":   harness.WriteFile(t, dir, "users.csv", []byte("\ufefflogin;name;role;group;sign_in\nann;'=1+1;auditor;default;yes\nbob;Bob;king;;no\n")),
		"columns": harness.WriteFile(t, dir, "columns.csv", []byte("login,shoe_size\nann,38\n")), "latin": harness.WriteFile(t, dir, "latin.csv", []byte("login,name\nann,\xc4\n")),
		"many": harness.WriteFile(t, dir, "many.csv", []byte(many.String()))}
	b.drive("import.mjs", settings)
	// What was saved as CSV is safe in a spreadsheet and holds every row.
	saved, err := os.ReadFile(file("import-users.csv"))
	if err != nil || strings.Count(string(saved), "\r\n") != 3 || !strings.Contains(string(saved), "there is no role") {
		t.Errorf("%q %v", saved, err)
	}
	groups, n := a.Groups(t.Context(), client.Query{Filter: core.Filter{{Column: "name", Op: core.OpStartsWith, Values: []string{"Team "}}}}), 0
	for _, err := range groups {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 120 {
		t.Errorf("%d groups were imported", n)
	}
	for tag, err := range a.Tags(t.Context(), client.Query{}) {
		if err != nil || tag.Tag != "environment:live" || tag.Certificates != 2 {
			t.Errorf("%+v %v", tag, err)
		}
	}
}
