// Package app puts the parts together: it is the composition root, the only
// package that knows every other one.
package app

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/secret"
)

// Config is everything an administrator can set: in the configuration file
// (YAML, the same names nested), in the environment (CERTWRIGHT_ and the flag's
// name in capitals with _) or as flags, the latter winning. A line marked
// "reload" acts on SIGHUP, the others at the next start.
type Config struct {
	Data     string `help:"Directory of the embedded database and key file." default:"data" type:"path"`
	Database string `help:"sqlite:/path/file.db or postgres://user:password@host/name; empty: SQLite in the data directory." default:""`
	KEK      string `name:"kek" help:"Key-encryption key: file:/path, env:NAME, passphrase:env:NAME, passphrase:file:/path or pkcs11:…; empty: a file in the data directory." default:""`

	Listen   Listen   `embed:"" prefix:"listen-"`
	External External `embed:"" prefix:"external-"`
	TLS      TLS      `embed:"" prefix:"tls-"`
	Proxy    Proxy    `embed:"" prefix:"proxy-"`
	CA       CA       `embed:"" prefix:"ca-"`
	Limit    Limit    `embed:"" prefix:"limit-"`
	Session  Session  `embed:"" prefix:"session-"`
	Mail     Mail     `embed:"" prefix:"mail-"`
	Outbound Outbound `embed:"" prefix:"outbound-"`

	Validation Validation `embed:"" prefix:"validation-"`
	DCV        DCV        `embed:"" prefix:"dcv-"`
	Log        Log        `embed:"" prefix:"log-"`
}

// Listen are the addresses that are listened on; docs/operate/listeners.md is
// the map of what is served where.
type Listen struct {
	Main  string `help:"HTTPS without client certificates: portal, management API, vendor APIs, protocols." default:":8443"`
	MTLS  string `name:"mtls" help:"HTTPS that asks for a client certificate: EST re-enrolment and the like; - for none." default:":8444"`
	Ops   string `help:"HTTP for operators: /metrics, /healthz, /readyz; - for none." default:"127.0.0.1:8081"`
	Plain string `help:"HTTP: CRLs, OCSP, issuer certificates, and protocols that need it; - for none." default:":8080"`
}

// External are the URLs under which clients reach the listeners, when a proxy
// or name stands in front.
type External struct {
	Main  string `help:"URL of the main listener, https://host[:port]; empty: made of the host name and port."`
	MTLS  string `name:"mtls" help:"URL of the listener for client certificates."`
	Plain string `help:"URL of the plain listener; it is written into certificates (CRL, OCSP, issuer)."`
}

// TLS is the server's own certificate.
type TLS struct {
	Certificate string   `help:"PEM file with certificate and chain (reload); empty: one from the built-in CA that renews itself."`
	Key         string   `help:"PEM file with its private key (reload)."`
	Names       []string `help:"Further DNS names and addresses of the certificate from the built-in CA."`
}

// Proxy says which peers are believed when they speak for a client.
type Proxy struct {
	Trusted       []string `help:"Addresses or CIDR ranges of proxies whose X-Forwarded-For, -Proto and -Host count."`
	ClientCert    []string `help:"Addresses or CIDR ranges of proxies that may pass on a client certificate."`
	CertHeader    string   `help:"Header with that certificate: Client-Cert (RFC 9440) or X-SSL-Client-Cert." default:"Client-Cert" enum:"Client-Cert,X-SSL-Client-Cert"`
	AddressHeader string   `help:"Header with the client's address." default:"X-Forwarded-For" enum:"X-Forwarded-For,Forwarded"`
}

// CA names the built-in CA that the first start makes.
type CA struct {
	Organisation string `help:"Organisation in the names of the built-in CA." default:"Certwright"`
	Country      string `help:"Country in these names, two letters."`
	RootName     string `help:"Common name of the root." default:"Certwright Root CA"`
	IssuingName  string `help:"Common name of the issuing CA (ECDSA)." default:"Certwright Issuing CA"`
	RSAName      string `name:"rsa-name" help:"Common name of the issuing CA for old clients (RSA)." default:"Certwright RSA Issuing CA"`
}

// Limit bounds what one address may do.
type Limit struct {
	PerSecond float64  `help:"Requests a second from one address; 0 for no limit." default:"500"`
	Burst     int      `help:"Requests at once from one address." default:"2000"`
	Exempt    []string `help:"Addresses or CIDR ranges without limit." default:"127.0.0.0/8,::1/128"`
}

// Session is how long a portal sign-in lasts.
type Session struct {
	Idle     time.Duration `help:"Sign-in ends after this long without use." default:"30m"`
	Absolute time.Duration `help:"Sign-in ends after this long in any case." default:"12h"`
}

// Mail is the way out for notices.
type Mail struct {
	Host     string          `help:"SMTP server; empty: no mail is sent."`
	Port     int             `help:"Its port." default:"587"`
	TLS      string          `name:"tls" help:"starttls, tls or none." default:"starttls" enum:"starttls,tls,none"`
	User     string          `help:"User name."`
	Password secret.Redacted `help:"Password; better as CERTWRIGHT_MAIL_PASSWORD."`
	From     string          `help:"Sender address."`
}

// Outbound is how this server reaches others.
type Outbound struct {
	Proxy   string `help:"Proxy URL, direct, or empty for HTTPS_PROXY of the environment."`
	NoProxy string `help:"Hosts, domains and CIDR ranges reached directly."`
	Roots   string `help:"PEM file with roots trusted beside the system's."`
}

// Validation is how control of names and addresses is checked; see
// docs/operate/validation.md.
type Validation struct {
	Checks       `embed:""`
	Vantages     []string        `help:"URLs of further vantage points (certwright vantage) that look from elsewhere."`
	VantageToken secret.Redacted `help:"Token that these share; better as CERTWRIGHT_VALIDATION_VANTAGE_TOKEN."`
	Quorum       int             `help:"How many vantage points, this server among them, must agree; 0: all of two, all but one of more." default:"0"`
}

// Checks are the settings that the server and its vantage points have in
// common.
type Checks struct {
	Resolvers []string      `help:"DNS servers, address or address:port; empty: those of /etc/resolv.conf."`
	HTTPPort  int           `name:"http-port" help:"Port for http-01." default:"80"`
	TLSPort   int           `name:"tls-port" help:"Port for tls-alpn-01." default:"443"`
	Loopback  bool          `help:"Loopback addresses may be checked; for tests."`
	Private   bool          `help:"Private addresses (RFC 1918, RFC 4193) may be checked." default:"true" negatable:""`
	Timeout   time.Duration `help:"How long one attempt may take." default:"10s"`
}

// DCV is how control of registered domains is proven; see
// docs/operate/domains.md.
type DCV struct {
	TXTLabel    string   `name:"txt-label" help:"Label put before a domain for the TXT record that proves control." default:"_certwright-challenge"`
	TXTAlso     []string `name:"txt-also" help:"Further labels where the token is looked for: clients of other platforms publish it there without asking." default:"_emsign-validation,_emudhra-challenge,_certinext-challenge"`
	CNAMESuffix string   `name:"cname-suffix" help:"Name below which CNAME records that prove control point; it need not exist." default:"dcv.certwright.invalid"`
	ProofDays   int      `help:"How many days a proof of control carries at most; products may ask for fresher ones." default:"200"`
}

// Log is what is logged.
type Log struct {
	Level  string `help:"debug, info, warn or error (reload)." default:"info" enum:"debug,info,warn,error"`
	Format string `help:"json or text." default:"json" enum:"json,text"`
}

// Complete fills in what follows from other settings and checks the rest. The
// error names the setting at fault.
func (c *Config) Complete() error {
	abs, err := filepath.Abs(c.Data)
	if err != nil {
		return err
	}
	c.Data = abs
	// Not by kong's type "path", which makes the working directory of an empty
	// value in the file or the environment.
	for _, f := range []*string{&c.TLS.Certificate, &c.TLS.Key, &c.Outbound.Roots} {
		if *f == "" {
			continue
		}
		if *f, err = filepath.Abs(*f); err != nil {
			return err
		}
	}
	if c.Database == "" {
		c.Database = "sqlite:" + filepath.Join(c.Data, "certwright.db")
	}
	if c.KEK == "" {
		c.KEK = "file:" + filepath.Join(c.Data, "kek")
	}
	host := hostName()
	for _, u := range []struct {
		name, listen, scheme string
		url                  *string
	}{
		{"external-main", c.Listen.Main, "https", &c.External.Main},
		{"external-mtls", c.Listen.MTLS, "https", &c.External.MTLS},
		{"external-plain", c.Listen.Plain, "http", &c.External.Plain},
	} {
		if err := completeURL(u.url, u.listen, u.scheme, host); err != nil {
			return fmt.Errorf("%s: %w", u.name, err)
		}
	}
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		return fmt.Errorf("tls-certificate and tls-key go together")
	}
	for name, list := range map[string][]string{"proxy-trusted": c.Proxy.Trusted, "proxy-client-cert": c.Proxy.ClientCert, "limit-exempt": c.Limit.Exempt} {
		if _, err := prefixes(list); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if c.Mail.Host != "" && c.Mail.From == "" {
		return fmt.Errorf("mail-from is missing")
	}
	return nil
}

// hostName is the host's name if it can be resolved here, else localhost: an
// address that does not even work on this machine helps nobody.
func hostName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "localhost"
	}
	if _, err := net.LookupHost(host); err != nil {
		return "localhost"
	}
	return host
}

// completeURL derives an external URL from the listener's address.
func completeURL(u *string, listen, scheme, host string) error {
	if *u == "" {
		if listen == "-" {
			return nil
		}
		h, port, err := net.SplitHostPort(listen)
		if err != nil {
			return fmt.Errorf("listen address %q: %w", listen, err)
		}
		if ip, err := netip.ParseAddr(h); h == "" || err == nil && ip.IsUnspecified() {
			h = host
		}
		*u = scheme + "://" + net.JoinHostPort(h, port)
		return nil
	}
	p, err := url.Parse(*u)
	if err != nil || p.Host == "" || (p.Scheme != "http" && p.Scheme != "https") || strings.Trim(p.Path, "/") != "" {
		return fmt.Errorf("%q is not a URL of the form https://host[:port]", *u)
	}
	*u = strings.TrimSuffix(*u, "/")
	return nil
}

// prefixes reads addresses and CIDR ranges.
func prefixes(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		if a, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a CIDR range", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// roots reads the extra roots for outbound connections.
func (o *Outbound) roots() ([]*x509.Certificate, error) {
	if o.Roots == "" {
		return nil, nil
	}
	data, err := os.ReadFile(o.Roots)
	if err != nil {
		return nil, err
	}
	var out []*x509.Certificate
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			break
		}
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Roots, err)
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no certificate", o.Roots)
	}
	return out, nil
}

// slogLevel translates the level's word.
func (l Log) slogLevel() slog.Level {
	return map[string]slog.Level{"debug": slog.LevelDebug, "warn": slog.LevelWarn, "error": slog.LevelError}[l.Level]
}

// dumpDatabase hides the password of a database URL.
func dumpDatabase(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "[unreadable]"
	}
	if u.Scheme == "sqlite" {
		return s
	}
	return u.Redacted()
}

// Reload reads the configuration anew, for SIGHUP.
type Reload func() (Config, error)
