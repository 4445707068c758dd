package ctl

import (
	"context"
	"encoding/pem"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/keystore"
)

// issuerCmd are the commands about issuing CAs.
type issuerCmd struct {
	List          issuerListCmd         `cmd:"" help:"List issuing CAs."`
	Show          issuerShowCmd         `cmd:"" help:"Show one with its certificate."`
	CreateRoot    issuerRootCmd         `cmd:"" help:"Make a root CA."`
	Create        issuerCreateCmd       `cmd:"" help:"Make a CA that another one signs."`
	CreatePending issuerPendingCmd      `cmd:"" help:"Make a CA for a foreign root to sign, and print its CSR."`
	CSR           issuerCSRCmd          `cmd:"" name:"csr" help:"Print the CSR of a CA that waits for its certificate."`
	Install       issuerInstallCmd      `cmd:"" help:"Bring the certificate of a CA that waits for it."`
	Enable        issuerEnableCmd       `cmd:"" help:"Let one sign again."`
	Disable       issuerDisableCmd      `cmd:"" help:"Let one sign no more certificates; its CRL and OCSP go on."`
	AddChain      issuerAddChainCmd     `cmd:"" help:"Add a chain to another root, for ACME clients to choose."`
	RemoveChains  issuerRemoveChainsCmd `cmd:"" help:"Remove all chains to other roots."`
	PublishCRL    issuerCRLCmd          `cmd:"" name:"publish-crl" help:"Make a new CRL now."`
}

// issuerRef names an issuing CA on the command line.
type issuerRef struct {
	Issuer string `arg:"" placeholder:"ISSUER" help:"Slug or id."`
}

type issuerListCmd struct{ listFlags }

func (c *issuerListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.Issuer]{
			columns: []string{"slug", "name", "connector", "state", "algorithm", "root", "not_after", "days_left", "crl_next"},
			made: map[string]func(*resource.Issuer, time.Time) string{
				"days_left": func(i *resource.Issuer, now time.Time) string { return daysLeft(i.NotAfter, now) },
			},
		}
		return runList(ctx, s, c.listFlags, "issuers", v, s.api.Issuers)
	})
}

type issuerShowCmd struct {
	issuerRef
	PEM bool `name:"pem" help:"Also the certificate itself and its chain."`
}

func (c *issuerShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		d, err := s.meantIssuer(ctx, c.Issuer)
		if err != nil {
			return err
		}
		if c.PEM {
			return s.out.show(d)
		}
		return s.out.show(d, "pem", "chain", "csr", "alternates")
	})
}

// meantIssuer reads the issuer that a reference names.
func (s *session) meantIssuer(ctx context.Context, ref string) (*resource.IssuerDetail, error) {
	id, err := s.issuer(ctx, ref)
	if err != nil {
		return nil, err
	}
	return s.api.Issuer(ctx, id)
}

// caFlags describe a CA to be made.
type caFlags struct {
	Slug      string `required:"" placeholder:"WORD" help:"Its part of the status URLs: lower-case letters, digits, hyphens."`
	Name      string `required:"" placeholder:"TEXT" help:"For people."`
	Subject   string `required:"" placeholder:"DN" help:"CN=Example CA,O=Example,C=DE (RFC 4514, most special part first) or /C=DE/O=Example/CN=Example CA."`
	Algorithm string `default:"ecdsa-p384" placeholder:"ALGORITHM" help:"ecdsa-p256, ecdsa-p384, rsa-3072, rsa-4096, or the pkcs11: URI of a key that exists."`
}

// request makes the request of the flags.
func (f *caFlags) request(kind string) (resource.NewIssuer, error) {
	n := nameFlags{Subject: f.Subject}
	dn, err := n.dn()
	return resource.NewIssuer{Kind: kind, Slug: f.Slug, Name: f.Name, Subject: dn, Algorithm: algorithmName(f.Algorithm)}, err
}

type issuerRootCmd struct {
	caFlags
	Years int `placeholder:"N" help:"Valid for so many years; 20 unless given."`
}

func (c *issuerRootCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		n, err := c.request("root")
		if err != nil {
			return err
		}
		n.ValidityYears = c.Years
		return s.makeIssuer(ctx, n)
	})
}

type issuerCreateCmd struct {
	caFlags
	Parent     string `required:"" placeholder:"ISSUER" help:"Who signs: slug or id."`
	Years      int    `placeholder:"N" help:"Valid for so many years; 10 unless given."`
	PathLength *int   `placeholder:"N" help:"How many further CAs may stand below it; 0 unless given."`
}

func (c *issuerCreateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		n, err := c.request("issuing")
		if err != nil {
			return err
		}
		n.ValidityYears, n.PathLength = c.Years, c.PathLength
		if n.Parent, err = s.issuer(ctx, c.Parent); err != nil {
			return err
		}
		return s.makeIssuer(ctx, n)
	})
}

// makeIssuer makes a CA that is ready at once.
func (s *session) makeIssuer(ctx context.Context, n resource.NewIssuer) error {
	d, err := s.api.CreateIssuer(ctx, n)
	if err != nil {
		return err
	}
	return s.done(d, "Issuer %s is %s, valid to %s.", d.Slug, d.State, date(d.NotAfter))
}

type issuerPendingCmd struct {
	caFlags
	Out   string `default:"-" type:"path" placeholder:"FILE" help:"Where the CSR goes; - for standard output."`
	Force bool   `help:"Overwrite the file."`
}

func (c *issuerPendingCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		n, err := c.request("pending")
		if err != nil {
			return err
		}
		if err := free(c.Force, c.Out); err != nil {
			return err
		}
		d, err := s.api.CreateIssuer(ctx, n)
		if err != nil {
			return err
		}
		s.note("Issuer %s waits for its certificate: issuer install %s --file FILE.", d.Slug, d.Slug)
		return s.issuerCSR(d, c.Out, c.Force)
	})
}

type issuerCSRCmd struct {
	issuerRef
	Out   string `default:"-" type:"path" placeholder:"FILE" help:"Where the CSR goes; - for standard output."`
	Force bool   `help:"Overwrite the file."`
}

func (c *issuerCSRCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		d, err := s.meantIssuer(ctx, c.Issuer)
		if err != nil {
			return err
		}
		return s.issuerCSR(d, c.Out, c.Force)
	})
}

// issuerCSR writes the CSR of a pending issuer.
func (s *session) issuerCSR(d *resource.IssuerDetail, out string, force bool) error {
	if d.CSR == "" {
		return core.Errorf(core.KindConflict, "issuer %s is %s and has no CSR", d.Slug, d.State)
	}
	if s.out.json && out == standard {
		return s.out.printJSON(d)
	}
	return s.writeFile(out, []byte(d.CSR), modePublic, force)
}

type issuerInstallCmd struct {
	issuerRef
	File []string `short:"f" required:"" sep:"none" type:"path" placeholder:"FILE" help:"Its certificate and those above it: PEM, DER or PKCS#7, in one file or several; - for standard input."`
}

func (c *issuerInstallCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		text, err := s.readCertificates(c.File)
		if err != nil {
			return err
		}
		id, err := s.issuer(ctx, c.Issuer)
		if err != nil {
			return err
		}
		d, err := s.api.InstallCertificate(ctx, id, text)
		if err != nil {
			return err
		}
		return s.done(d, "Issuer %s is %s, valid to %s.", d.Slug, d.State, date(d.NotAfter))
	})
}

// readCertificates reads the certificates of files in any form as PEM.
func (c *console) readCertificates(names []string) (string, error) {
	var b strings.Builder
	for _, name := range names {
		data, err := c.readFile(name)
		if err != nil {
			return "", err
		}
		if block, _ := pem.Decode(data); block != nil && strings.Contains(block.Type, "PKCS") {
			data = block.Bytes
		}
		entries, err := keystore.Decode(data, "")
		if err != nil {
			return "", usage("--file", "%s holds no certificates that can be read: %v", name, err)
		}
		for _, e := range entries {
			if e.Key != nil {
				return "", usage("--file", "%s holds a private key, which the server must not get", name)
			}
			b.Write(keystore.EncodeChain(e.Chain...))
		}
	}
	return b.String(), nil
}

type issuerEnableCmd struct{ issuerRef }

func (c *issuerEnableCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.issuer(ctx, c.Issuer)
		if err != nil {
			return err
		}
		d, err := s.api.SetIssuerState(ctx, id, true)
		if err != nil {
			return err
		}
		return s.done(d, "Issuer %s is %s.", d.Slug, d.State)
	})
}

type issuerDisableCmd struct{ issuerRef }

func (c *issuerDisableCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		d, err := s.meantIssuer(ctx, c.Issuer)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Disable issuer %s (%s)? It signs no more certificates.", d.Slug, d.Name); err != nil {
			return err
		}
		if d, err = s.api.SetIssuerState(ctx, d.ID, false); err != nil {
			return err
		}
		return s.done(d, "Issuer %s is %s.", d.Slug, d.State)
	})
}

type issuerCRLCmd struct{ issuerRef }

func (c *issuerCRLCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.issuer(ctx, c.Issuer)
		if err != nil {
			return err
		}
		d, err := s.api.PublishCRL(ctx, id)
		if err != nil {
			return err
		}
		return s.done(d, "CRL %d of issuer %s is good until %s UTC.", d.CRLNumber, d.Slug, clock(d.CRLNext))
	})
}
