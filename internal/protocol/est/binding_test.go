package est

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol/protocoltest"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// bound enrols on one TLS connection with a challengePassword made from it.
func bound(t *testing.T, b *bench, version uint16, password func(tls.ConnectionState) string) answer {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(b.site.MTLS, "https://"), &tls.Config{RootCAs: b.CA.Roots(), MinVersion: version, MaxVersion: version})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	csr := protocoltest.BuildCSR(t, nil, core.DN{{Type: "CN", Value: "a.example"}}, protocoltest.NamesOf("a.example"),
		x509x.Request{ChallengePassword: password(conn.ConnectionState())})
	req, err := http.NewRequest("POST", b.site.MTLS+"/.well-known/est/lab/simpleenroll", bytes.NewReader(b64(csr.DER)))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(b.cred.PublicID, protocoltest.Password)
	req.Header.Set("Content-Type", "application/pkcs10")
	if err := req.Write(conn); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return answer{res, body}
}

func TestChannelBinding(t *testing.T) {
	b := newBench(t)
	unique := func(s tls.ConnectionState) string { return base64.StdEncoding.EncodeToString(s.TLSUnique) }
	exporter := func(s tls.ConnectionState) string {
		v, err := s.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(v)
	}
	fixed := func(s string) func(tls.ConnectionState) string {
		return func(tls.ConnectionState) string { return s }
	}
	zeros := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, c := range []struct {
		name     string
		version  uint16
		password func(tls.ConnectionState) string
		want     int
	}{
		{"1.2 tls-unique", tls.VersionTLS12, unique, 200},
		{"1.2 wrapped as globalsign does", tls.VersionTLS12, func(s tls.ConnectionState) string { return unique(s) + "\r\n" }, 200},
		{"1.2 exporter", tls.VersionTLS12, exporter, 200},
		{"1.2 something else", tls.VersionTLS12, fixed("secret"), 400},
		{"1.2 another session's", tls.VersionTLS12, fixed("AAAAAAAAAAAAAAAA"), 400},
		{"1.2 wrong exporter", tls.VersionTLS12, fixed(zeros), 400},
		{"1.2 none", tls.VersionTLS12, fixed(""), 200},
		{"1.3 exporter", tls.VersionTLS13, exporter, 200},
		{"1.3 wrong exporter", tls.VersionTLS13, fixed(zeros), 400},
		{"1.3 not a binding", tls.VersionTLS13, fixed("secret"), 200},
		{"1.3 none", tls.VersionTLS13, fixed(""), 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := bound(t, b, c.version, c.password)
			if a.StatusCode != c.want {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
			if c.want == 400 && !strings.Contains(string(a.body), "challengePassword") {
				t.Errorf("%s", a.body)
			}
		})
	}
}
