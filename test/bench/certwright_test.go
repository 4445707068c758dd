package bench

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"

	"github.com/certwright/certwright/internal/wire/cms"
	"github.com/certwright/certwright/test/interop/harness"
)

// certwright is the shipped binary, asked over EST with a password or over ACME.
type certwright struct {
	protocol string // that its certificates are recorded with
	t        testing.TB
	h        *harness.Server
	database string // PostgreSQL URL; empty: SQLite
	process  int
	url      string
	header   http.Header
	issuers  []*x509.Certificate
}

// startCertwright starts it with an empty database.
func startCertwright(t testing.TB, dir, database string, args ...string) (*certwright, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	c := &certwright{t: t, database: database}
	c.h = harness.Start(t, harness.Options{Dir: dir, Database: database, Args: args})
	c.process = pidWith(dir)
	return c, nil
}

// startEST starts it for EST, whose credential the first start makes.
func startEST(t testing.TB, dir, database string) (*certwright, error) {
	c, err := startCertwright(t, dir, database)
	if err != nil {
		return nil, err
	}
	c.protocol = "est"
	m := regexp.MustCompile(`-u '([^']+)' [^\n]*\n[^\n]*(https://\S+)/simpleenroll`).FindStringSubmatch(c.h.Commands)
	if m == nil {
		return nil, fmt.Errorf("the first start printed no EST credential: %q", c.h.Welcome)
	}
	c.url = m[2]
	c.header = http.Header{"Content-Type": {"application/pkcs10"}, "Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(m[1]))}}
	body, err := fetch(c.h.Client(), c.url+"/cacerts")
	if err != nil {
		return nil, err
	}
	c.issuers, err = certsOnly(body)
	return c, err
}

func fetch(client *http.Client, url string) ([]byte, error) {
	defer client.CloseIdleConnections()
	res, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, res.Status, b)
	}
	return b, err
}

// certsOnly reads an answer of EST.
func certsOnly(body []byte) ([]*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(string(body))
	if err != nil {
		return nil, err
	}
	list, err := cms.ParseCertsOnly(der)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificates(bytes.Join(list, nil))
}

func (c *certwright) prepare(wishes []wish) ([]call, error) {
	out := make([]call, len(wishes))
	for i := range wishes {
		out[i] = call{url: c.url + "/simpleenroll", header: c.header, status: http.StatusOK,
			body: base64.StdEncoding.AppendEncode(nil, wishes[i].csr)}
	}
	return out, nil
}

func (c *certwright) read(body []byte) (certs, issuers []*x509.Certificate, err error) {
	certs, err = certsOnly(body)
	if err == nil && len(certs) != 1 {
		err = fmt.Errorf("%d certificates in an answer to simpleenroll", len(certs))
	}
	return certs, c.issuers, err
}

func (c *certwright) roots() *x509.CertPool { return c.h.Roots }

func (c *certwright) pid() int { return c.process }

// counters reads /metrics.
func (c *certwright) counters() (commits, transactions float64, err error) {
	text, err := fetch(http.DefaultClient, c.h.Ops+"/metrics")
	if err != nil {
		return 0, 0, err
	}
	found := 0
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), " ")
		into, ok := map[string]*float64{"certwright_commits_total": &commits, "certwright_transactions_total": &transactions}[name]
		if !ok {
			continue
		}
		if *into, err = strconv.ParseFloat(value, 64); err != nil {
			return 0, 0, err
		}
		found++
	}
	if found != 2 {
		return 0, 0, errors.New("/metrics lacks the counters of commits")
	}
	return commits, transactions, nil
}

// stop ends the server and reads its database without it.
func (c *certwright) stop(certs []*x509.Certificate) error {
	c.h.Stop(c.t)
	driver, source := "pgx", c.database
	if source == "" {
		driver, source = "sqlite", "file:"+filepath.Join(c.h.Dir, "certwright.db")+"?mode=ro&_pragma=query_only(1)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.Query(`SELECT c.fingerprint, b.der FROM certificates c JOIN certificate_bodies b ON b.certificate = c.id
		WHERE c.protocol = '` + c.protocol + `' AND c.state = 'active'`)
	if err != nil {
		return err
	}
	defer rows.Close()
	stored := make(map[[sha256.Size]byte]bool, len(certs))
	for rows.Next() {
		var print, der []byte
		if err := rows.Scan(&print, &der); err != nil {
			return err
		}
		sum := sha256.Sum256(der)
		if !bytes.Equal(sum[:], print) {
			return fmt.Errorf("the fingerprint %x in the store is not that of its certificate", print)
		}
		stored[sum] = true
	}
	for _, cert := range certs {
		if !stored[sha256.Sum256(cert.Raw)] {
			return fmt.Errorf("certificate %x, which a client has, is not in the store", cert.SerialNumber)
		}
	}
	if err := rows.Err(); err != nil || len(stored) != len(certs) {
		return fmt.Errorf("%d certificates in the store, %d with clients (%v)", len(stored), len(certs), err)
	}
	return nil
}
