package app

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/protocol/est"
)

// serverTLS holds the certificate that the listeners show.
type serverTLS struct {
	p       *parts
	current atomic.Pointer[tls.Certificate]
}

// storedTLS is how a certificate from the built-in CA is kept, so that all
// replicas with the same names show the same one.
type storedTLS struct {
	Chain [][]byte `json:"chain"`
	Key   []byte   `json:"key"` // PKCS#8, sealed
}

// get implements tls.Config.GetCertificate.
func (s *serverTLS) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := s.current.Load(); c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("there is no server certificate yet")
}

// keySigner signs the private keys that EST makes for clients: with the key of
// the server's own certificate, which clients know from TLS.
func (s *serverTLS) keySigner() (*est.KeySigner, error) {
	c, err := s.get(nil)
	if err != nil {
		return nil, err
	}
	key, ok := c.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("the key of the server certificate cannot sign")
	}
	leaf := c.Leaf
	if leaf == nil {
		if leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return nil, err
		}
	}
	return &est.KeySigner{Key: key, Certificate: leaf, Certificates: c.Certificate}, nil
}

// load makes sure that there is a certificate with at least a third of its
// life ahead: from the configured files, else from the built-in CA. It runs at
// the start, on SIGHUP and on a schedule.
func (s *serverTLS) load(ctx context.Context) error {
	if f := s.p.cfg.TLS.Certificate; f != "" {
		c, err := tls.LoadX509KeyPair(f, s.p.cfg.TLS.Key)
		if err != nil {
			return fmt.Errorf("server certificate: %w", err)
		}
		s.current.Store(&c)
		return nil
	}
	names := s.names()
	setting := "server-tls." + nameHash(names)
	blob, version, err := s.p.db.Setting(ctx, setting)
	if err != nil && !core.Is(err, core.KindNotFound) {
		return err
	}
	if err == nil {
		c, err := s.open(blob, setting)
		if err == nil && fresh(c, s.p.now()) {
			s.current.Store(c)
			return nil
		}
		if err == nil && s.current.Load() == nil {
			s.current.Store(c) // better than none while a new one is made
		}
	}
	return s.replace(ctx, names, setting, version)
}

// renew makes a new certificate now, from the CA that is for it now. Other
// replicas show it within the hour. Configured files stay.
func (s *serverTLS) renew(ctx context.Context) error {
	if s.p.cfg.TLS.Certificate != "" {
		return nil
	}
	names := s.names()
	setting := "server-tls." + nameHash(names)
	_, version, err := s.p.db.Setting(ctx, setting)
	if err != nil && !core.Is(err, core.KindNotFound) {
		return err
	}
	return s.replace(ctx, names, setting, version)
}

// replace makes a certificate and keeps it in place of that of a version.
func (s *serverTLS) replace(ctx context.Context, names core.Names, setting string, version int64) error {
	blob, c, err := s.issue(ctx, names, setting)
	if err != nil {
		return fmt.Errorf("server certificate: %w", err)
	}
	if version == 0 {
		_, _, err = s.p.db.CreateSetting(ctx, setting, blob)
	} else {
		err = s.p.db.CompareAndSetSetting(ctx, setting, version, blob)
	}
	if err != nil && !core.Is(err, core.KindConflict) { // another replica was faster: both certificates are good
		return err
	}
	s.current.Store(c)
	return nil
}

// fresh reports whether a certificate has more than a third of its life ahead.
func fresh(c *tls.Certificate, now time.Time) bool {
	life := c.Leaf.NotAfter.Sub(c.Leaf.NotBefore)
	return now.Before(c.Leaf.NotAfter.Add(-life / 3))
}

// names are all names under which clients may reach this installation.
func (s *serverTLS) names() core.Names {
	var n core.Names
	add := func(h string) {
		if ip, err := netip.ParseAddr(h); err == nil {
			if ip = ip.Unmap().WithZone(""); !ip.IsUnspecified() && !slices.Contains(n.IP, ip) {
				n.IP = append(n.IP, ip)
			}
		} else if h = strings.ToLower(h); h != "" && !slices.Contains(n.DNS, h) {
			n.DNS = append(n.DNS, h)
		}
	}
	for _, u := range []string{s.p.cfg.External.Main, s.p.cfg.External.MTLS} {
		if p, err := url.Parse(u); err == nil {
			add(p.Hostname())
		}
	}
	for _, l := range []string{s.p.cfg.Listen.Main, s.p.cfg.Listen.MTLS} {
		if h, _, err := net.SplitHostPort(l); err == nil {
			add(h)
		}
	}
	if h, err := os.Hostname(); err == nil {
		add(h)
	}
	for _, h := range append(s.p.cfg.TLS.Names, "localhost", "127.0.0.1", "::1") {
		add(h)
	}
	return n
}

func nameHash(n core.Names) string {
	l := n.Strings()
	slices.Sort(l)
	sum := sha256.Sum256([]byte(strings.Join(l, "\n")))
	return hex.EncodeToString(sum[:8])
}

func (s *serverTLS) open(blob []byte, setting string) (*tls.Certificate, error) {
	var st storedTLS
	if err := json.Unmarshal(blob, &st); err != nil {
		return nil, err
	}
	pkcs8, err := s.p.box.Open(st.Key, setting)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(st.Chain[0])
	return &tls.Certificate{Certificate: st.Chain, PrivateKey: key, Leaf: leaf}, err
}

// issue makes a certificate by the same steps as any other: the serial is on
// disk before the signature.
func (s *serverTLS) issue(ctx context.Context, names core.Names, setting string) ([]byte, *tls.Certificate, error) {
	account, issuer, err := s.issuer(ctx)
	if err != nil {
		return nil, nil, err
	}
	key, template, err := s.p.ca.NewServerKey(names)
	if err != nil {
		return nil, nil, err
	}
	prepared, err := s.p.ca.Prepare(ctx, issuer, template)
	if err != nil {
		return nil, nil, err
	}
	now := s.p.now()
	spki := sha256.Sum256(template.SPKI)
	n, err := s.p.db.Number(ctx, "certificate")
	if err != nil {
		return nil, nil, err
	}
	_, notAfter := prepared.Validity()
	c := &core.Certificate{ID: core.NewID[core.CertificateID](now), Account: account, Number: n, Issuer: issuer.ID, Protocol: "server",
		State: core.CertReserved, Serial: prepared.Serial(), Subject: template.Subject.String(), CommonName: template.Subject.First("CN"),
		Names: template.Names.Strings(), KeyAlgorithm: "ECDSA P-256", SPKIHash: spki[:], SKI: prepared.SKI(),
		NotBefore: template.NotBefore, NotAfter: notAfter, CreatedAt: now}
	err = s.p.db.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return s.p.db.ReserveCertificate(ctx, tx, c) })
	if err != nil {
		return nil, nil, err
	}
	der, err := prepared.Sign(ctx)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.Sum256(der)
	c.State, c.DER, c.Fingerprint = core.CertActive, der, sum[:]
	err = s.p.db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		e := core.EventOf(identity.Host(account, "server"), now, "certificate.issue", "certificate:"+string(c.ID))
		e.Detail = map[string]any{"serial": c.Serial, "issuer": string(c.Issuer), "names": c.Names, "purpose": "TLS certificate of this server"}
		s.p.audit.Write(tx, e)
		return s.p.db.FinishCertificate(ctx, tx, c)
	})
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	sealed, err := s.p.box.Seal(pkcs8, setting)
	if err != nil {
		return nil, nil, err
	}
	chain := append([][]byte{der}, prepared.Chain()...)
	if len(chain) > 2 {
		chain = chain[:len(chain)-1] // a client has the root, or does not trust it
	}
	blob, err := json.Marshal(storedTLS{Chain: chain, Key: sealed})
	if err != nil {
		return nil, nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return blob, &tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}, err
}

// issuer is the CA for the server's own certificate: that of the product
// tls-server, else any active one that is no root.
func (s *serverTLS) issuer(ctx context.Context) (core.AccountID, *core.Issuer, error) {
	account, err := s.p.db.AccountByNumber(ctx, 0)
	if err != nil {
		return "", nil, err
	}
	if t, err := s.p.db.ProductByCode(ctx, account.ID, "tls-server"); err == nil {
		if i, err := s.p.db.Issuer(ctx, account.ID, t.Issuer); err == nil && i.State == core.IssuerActive {
			return account.ID, i, nil
		}
	}
	list, err := s.p.builtinIssuers(ctx, account.ID)
	if err != nil {
		return "", nil, err
	}
	for _, i := range list {
		if i.State == core.IssuerActive && !i.Root {
			return account.ID, i, nil
		}
	}
	return "", nil, fmt.Errorf("no issuing CA is active; set tls-certificate and tls-key")
}
