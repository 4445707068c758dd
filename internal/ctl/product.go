package ctl

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// productCmd are the commands about products.
type productCmd struct {
	List    productListCmd    `cmd:"" help:"List products."`
	Show    productShowCmd    `cmd:"" help:"Show one with its rules."`
	Create  productCreateCmd  `cmd:"" help:"Make one from a file."`
	Update  productUpdateCmd  `cmd:"" help:"Replace one from a file."`
	Enable  productEnableCmd  `cmd:"" help:"Let one be ordered again."`
	Disable productDisableCmd `cmd:"" help:"Let one not be ordered any more."`
	DryRun  productDryRunCmd  `cmd:"" help:"Say whether a request would be issued, and if not why."`
}

// productRef names a product on the command line.
type productRef struct {
	Product string `arg:"" placeholder:"PRODUCT" help:"Code or id."`
}

type productListCmd struct{ listFlags }

func (c *productListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.Product]{
			columns: []string{"number", "code", "name", "issuer_name", "state", "validity", "approval"},
			made: map[string]func(*resource.Product, time.Time) string{
				"validity": func(p *resource.Product, _ time.Time) string {
					return count(p.Profile.ValidityAmount, strings.TrimSuffix(p.Profile.ValidityUnit, "s"))
				},
				"approval": func(p *resource.Product, _ time.Time) string { return p.Profile.Approval },
			},
		}
		return runList(ctx, s, c.listFlags, "products", v, s.api.Products)
	})
}

type productShowCmd struct{ productRef }

func (c *productShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, err := s.api.Product(ctx, c.Product)
		if err != nil {
			return err
		}
		return s.out.show(p)
	})
}

// productFile is a product in a file: what product show -o json prints, of
// which the server's own fields are passed over. The issuer may be named by its
// slug.
type productFile struct {
	Code        string            `json:"code"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Issuer      string            `json:"issuer"`
	State       core.ProductState `json:"state"`
	Version     int               `json:"version"`
	Profile     *core.Profile     `json:"profile"`

	ID         any `json:"id"`
	Number     any `json:"number"`
	IssuerName any `json:"issuer_name"`
	CreatedAt  any `json:"created_at"`
	UpdatedAt  any `json:"updated_at"`
}

// readProduct reads a product from a file in JSON or YAML.
func (s *session) readProduct(ctx context.Context, name string) (*productFile, core.IssuerID, error) {
	b, err := s.readFile(name)
	if err != nil {
		return nil, "", err
	}
	p := &productFile{}
	if err := decodeFile(name, b, p); err != nil {
		return nil, "", err
	}
	if p.Profile == nil || p.Issuer == "" {
		return nil, "", usage("--file", "%s needs at least an issuer and a profile; product show -o json shows how a product is written", name)
	}
	issuer, err := s.issuer(ctx, p.Issuer)
	return p, issuer, err
}

// decodeFile reads JSON or YAML into v by the names in JSON; a name that v does
// not have is an error, because it is most likely a slip.
func decodeFile(name string, b []byte, v any) error {
	if t := bytes.TrimSpace(b); len(t) == 0 || t[0] != '{' {
		var tree any
		if err := yaml.Unmarshal(b, &tree); err != nil {
			return usage("--file", "%s is neither JSON nor YAML: %v", name, err)
		}
		var err error
		if b, err = json.Marshal(tree); err != nil {
			return usage("--file", "%s has keys that are no texts", name)
		}
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return usage("--file", "%s: %s", name, strings.TrimPrefix(err.Error(), "json: "))
	}
	if d.More() {
		return usage("--file", "%s holds more than one thing", name)
	}
	return nil
}

type productCreateCmd struct {
	File string `short:"f" required:"" type:"path" placeholder:"FILE" help:"The product in JSON or YAML; - for standard input."`
}

func (c *productCreateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, issuer, err := s.readProduct(ctx, c.File)
		if err != nil {
			return err
		}
		made, err := s.api.CreateProduct(ctx, resource.NewProduct{Code: p.Code, Name: p.Name, Description: p.Description, Issuer: issuer, Profile: *p.Profile})
		if err != nil {
			return err
		}
		return s.done(made, "Product %s is made.", made.Code)
	})
}

type productUpdateCmd struct {
	productRef
	File string `short:"f" required:"" type:"path" placeholder:"FILE" help:"The whole product in JSON or YAML; - for standard input. With a version in it nothing is changed when the product has another by now."`
}

func (c *productUpdateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, issuer, err := s.readProduct(ctx, c.File)
		if err != nil {
			return err
		}
		old, err := s.api.Product(ctx, c.Product)
		if err != nil {
			return err
		}
		u := resource.ProductUpdate{Version: p.Version, Code: p.Code, Name: p.Name, Description: p.Description, Issuer: issuer, State: p.State, Profile: *p.Profile}
		if u.Version == 0 {
			u.Version = old.Version
		}
		if u.State == "" {
			u.State = old.State
		}
		if u.Name == "" {
			u.Name = old.Name
		}
		got, err := s.api.UpdateProduct(ctx, c.Product, u)
		if err != nil {
			return err
		}
		return s.done(got, "Product %s has version %d now.", got.Code, got.Version)
	})
}

type productEnableCmd struct{ productRef }

func (c *productEnableCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, err := s.api.SetProductState(ctx, c.Product, true)
		if err != nil {
			return err
		}
		return s.done(p, "Product %s can be ordered.", p.Code)
	})
}

type productDisableCmd struct{ productRef }

func (c *productDisableCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		p, err := s.api.Product(ctx, c.Product)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Disable product %s (%s)? Orders and renewals of it are refused from now on.", p.Code, p.Name); err != nil {
			return err
		}
		if p, err = s.api.SetProductState(ctx, c.Product, false); err != nil {
			return err
		}
		return s.done(p, "Product %s is disabled.", p.Code)
	})
}

type productDryRunCmd struct {
	productRef
	CSR      string `name:"csr" type:"path" xor:"key" placeholder:"FILE" help:"Certification request: PEM, DER or base64; - for standard input."`
	Generate string `xor:"key" placeholder:"ALGORITHM" help:"Judge a request with a key of this kind instead of a CSR."`
	nameFlags
	Days int `placeholder:"N" help:"Valid for so many days."`
}

func (c *productDryRunCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		r := resource.DryRun{Names: c.texts(), ValidityDays: c.Days}
		var err error
		switch {
		case c.CSR != "":
			r.CSR, err = s.readCSR(c.CSR)
		case c.Generate != "":
			r.Generate = algorithmName(c.Generate)
		default:
			err = usage("--csr", "give a request with --csr, or a kind of key with --generate")
		}
		if err == nil && c.Subject != "" {
			r.Subject, err = c.dn()
		}
		if err != nil {
			return err
		}
		v, err := s.api.DryRun(ctx, c.Product, r)
		if err != nil {
			return err
		}
		return s.verdict(v)
	})
}

// verdict shows a verdict; a refusal is an error.
func (s *session) verdict(v *resource.Verdict) error {
	if s.out.json {
		if err := s.out.printJSON(v); err != nil {
			return err
		}
	}
	if !v.Allowed {
		detail := v.Detail
		if detail == "" {
			detail = "it would be refused"
		}
		kind := v.Kind
		if kind == "" || kindCodes[kind] != codeRefused {
			kind = core.KindPolicy
		}
		return core.Errorf(kind, "%s", detail).Because(v.Reasons...)
	}
	if s.out.json {
		return nil
	}
	s.note("It would be issued%s.", map[bool]string{true: " once people have agreed"}[v.Approval])
	if v.Template == nil {
		return nil
	}
	return s.out.show(v.Template, "spki")
}
