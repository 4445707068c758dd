package demo

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/policy"
)

var (
	services = []string{"api", "auth", "billing", "cache", "cdn", "checkout", "crm", "docs", "erp", "git", "grafana", "intranet", "ldap", "login", "mail", "media", "metrics", "mq", "orders", "portal", "proxy", "registry", "reports", "search", "shop", "sso", "status", "vault", "vpn", "wiki", "www"}
	devices  = []string{"switch", "router", "ap", "printer", "phone", "camera", "plc", "sensor", "gateway", "ups"}
	zones    = []string{"industries.example", "shop.industries.example", "int.industries.example", "industries-de.example", "plant.industries-de.example", "industries-jp.example", "foundation.example"}
	stages   = []string{"prod", "prod", "prod", "stage", "test", "dev"}
)

// fate is what becomes of a certificate after it was issued.
type fate int

const (
	kept fate = iota
	revoked
	renewed
)

// wish is a certificate to make.
type wish struct {
	n        int
	cred     *core.Credential
	product  string
	subject  core.DN
	names    core.Names
	validity time.Duration // 0: the product's
	key      int           // place among the keys
	tags     []string
	fate     fate
	reason   int
}

// lives are validities and how many of a hundred certificates have them: so
// that every tile and slice about expiry counts something.
var lives = []struct {
	share    int
	from, to time.Duration
}{
	{4, 10*time.Minute + 5*time.Second, 10*time.Minute + 15*time.Second}, // begins ten minutes ago and ends at once
	{3, 2 * time.Hour, 23 * time.Hour},
	{6, 25 * time.Hour, 7 * 24 * time.Hour},
	{14, 8 * 24 * time.Hour, 30 * 24 * time.Hour},
	{30, 31 * 24 * time.Hour, 90 * 24 * time.Hour},
	{43, 91 * 24 * time.Hour, 199 * 24 * time.Hour},
}

func (f *filler) life() time.Duration {
	n := f.r.IntN(100)
	for _, l := range lives {
		if n -= l.share; n < 0 {
			return l.from + time.Duration(f.r.Int64N(int64(l.to-l.from)))
		}
	}
	return 0
}

// reasons of revocations that a person gives (RFC 5280 section 5.3.1):
// keyCompromise, affiliationChanged, superseded, cessationOfOperation, hold.
var reasons = []int{1, 3, 4, 4, 4, 5, 5, 6}

func (f *filler) wish(n int) wish {
	c := one(f.r, f.credentials)
	w := wish{n: n, cred: c, validity: f.life(), key: f.r.IntN(keys), product: policy.CodeTLSServer}
	stage := one(f.r, stages)
	zone := one(f.r, zones)
	host := fmt.Sprintf("%s-%04d.%s", one(f.r, services), n, zone)
	switch {
	case c.Type == core.CredentialEST:
		w.product = policy.CodeDevice
		host = fmt.Sprintf("%s-%04d.%s", one(f.r, devices), n, zone)
		w.subject = core.DN{{Type: "CN", Value: host}, {Type: "serialNumber", Value: fmt.Sprintf("SN%08d", f.r.IntN(1e8))}}
	case f.r.IntN(10) == 0:
		w.product = policy.CodeTLSClient
		host = fmt.Sprintf("%s-client-%04d.%s", one(f.r, services), n, zone)
		w.subject = core.DN{{Type: "CN", Value: host}}
	default:
		w.subject = core.DN{{Type: "C", Value: "US"}, {Type: "O", Value: Company}, {Type: "CN", Value: host}}
	}
	w.names.DNS = []string{host}
	if w.product == policy.CodeTLSServer {
		for range f.r.IntN(4) {
			w.names.DNS = append(w.names.DNS, fmt.Sprintf("%s-%d.%s", one(f.r, services), n, zone))
		}
		slices.Sort(w.names.DNS)
		w.names.DNS = slices.Compact(w.names.DNS)
		if f.r.IntN(12) == 0 {
			w.names.IP = []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + f.r.IntN(250))})}
		}
	}
	w.tags = []string{"env:" + stage, "team:" + strings.TrimPrefix(c.Tags[0], "team:")}
	if f.r.IntN(15) == 0 {
		w.tags = append(w.tags, "pci")
	}
	switch n := f.r.IntN(100); {
	case n < 4:
		w.fate, w.reason = revoked, one(f.r, reasons)
	case n < 16 && w.validity > 24*time.Hour:
		w.fate = renewed
	}
	return w
}

// keys is how many key pairs there are for all certificates, whose private
// halves are thrown away: pairs of RSA take long to make.
const keys = 24

// makeKeys makes key pairs: five of eight ECDSA P-256, one P-384, two RSA.
func makeKeys() ([][]byte, error) {
	out := make([][]byte, keys)
	errs := make([]error, keys)
	var wg sync.WaitGroup
	for i := range out {
		wg.Go(func() { out[i], errs[i] = makeKey(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func makeKey(i int) ([]byte, error) {
	var k crypto.Signer
	var err error
	switch i % 8 {
	case 0:
		k, err = rsa.GenerateKey(rand.Reader, 2048)
	case 1:
		k, err = rsa.GenerateKey(rand.Reader, 3072)
	case 2:
		k, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKIXPublicKey(k.Public())
}

// workers is how many certificates are asked for at the same time, so that
// several share a commit.
const workers = 16

func (f *filler) makeCertificates(ctx context.Context, count int) error {
	spkis, err := makeKeys()
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	todo, done := make(chan wish), make(chan struct{}, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for w := range todo {
				if err := f.fulfil(ctx, w, spkis[w.key]); err != nil {
					stop(fmt.Errorf("%s: %w", w.names.DNS[0], err))
				}
				done <- struct{}{}
			}
		})
	}
	go func() {
		defer close(todo)
		for n := range count {
			select {
			case todo <- f.wish(n):
			case <-ctx.Done():
				return
			}
		}
	}()
	go func() { wg.Wait(); close(done) }()
	n := 0
	for range done {
		if n++; f.Progress != nil && (n%100 == 0 || n == count) {
			f.Progress(n, count)
		}
	}
	return context.Cause(ctx)
}

// fulfil has one certificate issued and what follows done to it.
func (f *filler) fulfil(ctx context.Context, w wish, spki []byte) error {
	ask := func(replaces core.CertificateID, validity time.Duration) (*core.Certificate, error) {
		got, err := f.Enroll.Submit(ctx, enroll.Request{Principal: with(w.cred), Product: f.products[w.product].ID, SPKI: spki, Subject: w.subject,
			Names: &w.names, Validity: validity, ProofChecked: true, Replaces: replaces, Anew: replaces != "", New: true,
			Origin: core.Origin{Protocol: string(w.cred.Type), Operation: "demo"}})
		if err != nil {
			return nil, err
		}
		return got.Certificate, nil
	}
	c, err := ask("", w.validity)
	if err != nil {
		return err
	}
	if err := f.Tag(ctx, f.host, c, w.tags); err != nil {
		return err
	}
	switch w.fate {
	case revoked:
		return f.Enroll.Revoke(ctx, f.host, c.ID, w.reason)
	case renewed:
		_, err = ask(c.ID, 0)
	}
	return err
}
