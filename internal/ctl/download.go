package ctl

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"strings"

	"golang.org/x/term"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/keystore"
)

// Variables with passwords of files.
const (
	envStorePassword = envPrefix + "KEYSTORE_PASSWORD"
	envKeyPassword   = envPrefix + "KEY_PASSWORD"
)

type certDownloadCmd struct {
	certRef
	Format          string `enum:"pem,der,p7b,p12,jks" default:"pem" help:"pem, der, p7b, p12 or jks."`
	Out             string `type:"path" placeholder:"FILE" help:"Where to; - for standard output, the default for pem without key."`
	Chain           string `enum:",none,intermediates,full" default:"" placeholder:"HOW" help:"CA certificates to add: none, intermediates or full. Without it a file with key has the intermediates, another what is usual for its format."`
	Key             string `type:"path" placeholder:"FILE" help:"Your private key, from which ctl makes the p12, jks or pem itself; it stays on this machine."`
	KeyPasswordFile string `type:"path" placeholder:"FILE" help:"File with the password of your key. Else CERTWRIGHT_CTL_KEY_PASSWORD, else it is asked for when needed."`
	WithKey         bool   `help:"pem: with the private key that the server keeps."`
	PasswordFile    string `type:"path" placeholder:"FILE" help:"File with the password to protect the p12, jks or pem with key. Else CERTWRIGHT_CTL_KEYSTORE_PASSWORD, else it is asked for."`
	NoPassword      bool   `help:"pem with key: leave the key in clear."`
	Alias           string `placeholder:"NAME" help:"Name of the entry in a p12 or jks; the common name unless given."`
	Legacy          bool   `help:"p12 for Windows before 2019 and Java 8."`
	Force           bool   `help:"Overwrite the file."`
}

func (c *certDownloadCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, c.download)
}

// holdsKey reports whether the file will have a private key.
func (c *certDownloadCmd) holdsKey() bool {
	return c.Key != "" || c.WithKey || c.Format == string(keystore.P12) || c.Format == string(keystore.JKS)
}

func (c *certDownloadCmd) check(s *session) error {
	f := keystore.Format(c.Format)
	switch {
	case c.holdsKey() && !f.HoldsKey():
		return usage("--format", "%s holds no private key; use pem, p12 or jks", c.Format)
	case c.Key != "" && c.WithKey:
		return usage("--key", "either --key or --with-key")
	case c.NoPassword && (f != keystore.PEM || !c.holdsKey()):
		return usage("--no-password", "--no-password is for pem with a key")
	case c.Legacy && f != keystore.P12:
		return usage("--legacy", "--legacy is for p12")
	case c.Out == "" && (f != keystore.PEM || c.holdsKey()):
		return usage("--out", "give --out with the name of the file")
	case c.Out == "":
		c.Out = standard
	}
	if out, ok := s.console.out.(interface{ Fd() uintptr }); ok && c.Out == standard && f != keystore.PEM && term.IsTerminal(int(out.Fd())) {
		return usage("--out", "%s is not for a terminal; give --out FILE", c.Format)
	}
	return free(c.Force, c.Out)
}

func (c *certDownloadCmd) download(ctx context.Context, s *session) error {
	if err := c.check(s); err != nil {
		return err
	}
	var data []byte
	var err error
	switch {
	case !c.holdsKey():
		data, err = c.plain(ctx, s)
	case c.Key != "":
		data, err = c.assemble(ctx, s)
	default:
		data, err = c.export(ctx, s)
	}
	if err != nil {
		return err
	}
	mode := modePublic
	if c.holdsKey() {
		mode = modeSecret
	}
	if err := s.writeFile(c.Out, data, mode, c.Force); err != nil {
		return err
	}
	if c.Out != standard {
		s.note("Written to %s.", c.Out)
	}
	return nil
}

// plain gets certificates without key.
func (c *certDownloadCmd) plain(ctx context.Context, s *session) ([]byte, error) {
	f, err := s.api.Download(ctx, c.Certificate, c.Format, c.Chain)
	if err != nil {
		return nil, err
	}
	return f.Body, nil
}

// password gets the password that protects the file.
func (c *certDownloadCmd) password(ctx context.Context, s *session) (string, error) {
	if c.NoPassword {
		return "", nil
	}
	return s.secret(ctx, secretSource{what: "password for the file", flag: "--password-file", file: c.PasswordFile, env: envStorePassword, twice: true})
}

// export gets a file with the key that the server keeps.
func (c *certDownloadCmd) export(ctx context.Context, s *session) ([]byte, error) {
	password, err := c.password(ctx, s)
	if err != nil {
		return nil, err
	}
	e := resource.Export{Format: c.Format, Password: password, Alias: c.Alias, Chain: c.chain()}
	if c.Legacy {
		e.Format = "p12-legacy"
	}
	f, err := s.api.Export(ctx, c.Certificate, e)
	if err != nil {
		return nil, err
	}
	return f.Body, nil
}

// chain is which CA certificates go with a key: a server sends the intermediate
// ones, and the root is in nobody's way but of no use.
func (c *certDownloadCmd) chain() string {
	if c.Chain == "" {
		return "intermediates"
	}
	return c.Chain
}

// assemble makes a file of the certificate and the user's own key.
func (c *certDownloadCmd) assemble(ctx context.Context, s *session) ([]byte, error) {
	key, err := c.localKey(ctx, s)
	if err != nil {
		return nil, err
	}
	d, err := s.api.Certificate(ctx, c.Certificate)
	if err != nil {
		return nil, err
	}
	leaf := parseCertificates([]byte(d.PEM))
	if len(leaf) != 1 {
		return nil, core.Errorf(core.KindConflict, "certificate %d has not been issued", d.Number)
	}
	public, ok := key.(interface{ Public() crypto.PublicKey })
	same, ok2 := leaf[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !ok2 || !same.Equal(public.Public()) {
		return nil, core.Errorf(core.KindBadKey, "%s is not the key of certificate %d", c.Key, d.Number)
	}
	entry := keystore.Entry{Alias: c.Alias, Key: key, Chain: [][]byte{leaf[0].Raw}}
	if entry.Alias == "" {
		entry.Alias = d.CommonName
	}
	for _, ca := range parseCertificates([]byte(strings.Join(d.Chain, "\n"))) {
		root := bytes.Equal(ca.RawSubject, ca.RawIssuer)
		if c.chain() == "full" || c.chain() == "intermediates" && !root {
			entry.Chain = append(entry.Chain, ca.Raw)
		}
	}
	password, err := c.password(ctx, s)
	if err != nil {
		return nil, err
	}
	out, err := keystore.Encode(keystore.Format(c.Format), keystore.Options{Password: password, Legacy: c.Legacy, Created: s.now}, entry)
	if err != nil {
		return nil, core.Wrap(core.KindInvalid, err, "the %s cannot be made: %v", c.Format, err)
	}
	return out, nil
}

// localKey reads the user's private key.
func (c *certDownloadCmd) localKey(ctx context.Context, s *session) (crypto.PrivateKey, error) {
	data, err := s.readFile(c.Key)
	if err != nil {
		return nil, err
	}
	from := secretSource{what: "password of the key", flag: "--key-password-file", file: c.KeyPasswordFile, env: envKeyPassword, optional: true}
	password, err := s.secret(ctx, from)
	if err != nil {
		return nil, err
	}
	key, err := keystore.ParseKey(data, password)
	if errors.Is(err, keystore.ErrPassword) && password == "" {
		from.optional = false
		if password, err = s.secret(ctx, from); err != nil {
			return nil, err
		}
		key, err = keystore.ParseKey(data, password)
	}
	if errors.Is(err, keystore.ErrPassword) {
		return nil, usage("--key-password-file", "the password does not open %s", c.Key)
	}
	if err != nil {
		return nil, usage("--key", "%s holds no private key that can be read: %v", c.Key, err)
	}
	return key, nil
}

// keyPEM writes a private key, encrypted when there is a password.
func keyPEM(key crypto.PrivateKey, password string) ([]byte, error) {
	b, err := keystore.KeyPEM(key, password, 0)
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "the private key cannot be written")
	}
	return b, nil
}
