package ctl

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// credentialCmd are the commands about API credentials.
type credentialCmd struct {
	List       credentialListCmd       `cmd:"" help:"List credentials."`
	Show       credentialShowCmd       `cmd:"" help:"Show one, with how to use it."`
	Create     credentialCreateCmd     `cmd:"" help:"Make one; its secret is shown this once."`
	Update     credentialUpdateCmd     `cmd:"" help:"Change one."`
	Revoke     credentialRevokeCmd     `cmd:"" help:"End one for ever."`
	Regenerate credentialRegenerateCmd `cmd:"" help:"Give one a new secret; the old one is dead at once."`
	Usage      credentialUsageCmd      `cmd:"" help:"List what was done with one."`
	Export     credentialExportCmd     `cmd:"" help:"Write the list to a file."`
	Types      credentialTypesCmd      `cmd:"" help:"List the kinds of credentials that the server offers."`
}

// credentialRef names a credential on the command line.
type credentialRef struct {
	Credential string `arg:"" placeholder:"CREDENTIAL" help:"Id, number, label, or type/label."`
}

func credentialView() view[resource.Credential] {
	return view[resource.Credential]{
		columns: []string{"number", "type", "label", "auth", "status", "public_id", "description", "expires_at", "tags"},
		made: map[string]func(*resource.Credential, time.Time) string{
			"status": func(c *resource.Credential, _ time.Time) string {
				if c.State == core.CredentialActive && c.Expired {
					return "expired"
				}
				return string(c.State)
			},
			"days_left": func(c *resource.Credential, now time.Time) string { return daysLeft(c.ExpiresAt, now) },
		},
	}
}

type credentialListCmd struct {
	listFlags
	Type   string `placeholder:"TYPE" help:"Only of this type."`
	Status string `placeholder:"STATUS" help:"Only active, revoked or expired ones."`
}

// conds are the filter rows of the flags.
func (c *credentialListCmd) conds() []core.Cond {
	var out []core.Cond
	if c.Type != "" {
		out = append(out, is("type", c.Type))
	}
	if c.Status != "" {
		out = append(out, is("status", c.Status))
	}
	return out
}

func (c *credentialListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		return runList(ctx, s, c.listFlags, "credentials", credentialView(), s.api.Credentials, c.conds()...)
	})
}

type credentialShowCmd struct{ credentialRef }

func (c *credentialShowCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.credential(ctx, c.Credential)
		if err != nil {
			return err
		}
		d, err := s.api.Credential(ctx, id)
		if err != nil {
			return err
		}
		return s.out.show(d)
	})
}

type credentialCreateCmd struct {
	Type           string   `required:"" placeholder:"TYPE" help:"What it is for: est, acme … (credential types lists them)."`
	Auth           string   `placeholder:"KIND" help:"How it proves itself: password, client-certificate …; the type's usual one unless given."`
	Label          string   `placeholder:"WORD" help:"Its part of the URL; made up unless given."`
	Product        []string `required:"" placeholder:"CODE" help:"Products that it may order; several are allowed."`
	DefaultProduct string   `placeholder:"CODE" help:"The one of them that is meant when a client names none; the first unless given."`
	User           string   `placeholder:"LOGIN" help:"On whose behalf it acts; you unless given."`
	Group          string   `placeholder:"NAME" help:"Group that owns it; your group unless there are several."`
	Organisation   string   `placeholder:"NAME" help:"Organisation; the group's unless given."`
	Description    string   `placeholder:"TEXT" help:"For people."`
	Tag            []string `placeholder:"WORD" help:"Tags."`
	Expires        string   `placeholder:"TIME" help:"When it ends: 90d, 2w, a date, or never."`
	Source         []string `placeholder:"CIDR" help:"Addresses or ranges that may use it; all unless given."`
	Allow          []string `placeholder:"NAME" help:"Names that it may ask for, such as *.example.org; whatever the products allow unless given."`
	Proven         []string `placeholder:"NAME" help:"Names whose control the organisation has proven."`
	Default        bool     `help:"It answers on the protocol's bare path, too."`
	PublicID       string   `name:"public-id" placeholder:"TEXT" help:"User name or reference value, where the kind lets it be chosen."`
	Trust          string   `type:"path" placeholder:"FILE" help:"client-certificate: PEM file of the CAs, or of the very certificates, that are accepted."`
	acmeFlags
	SecretFile string `type:"path" placeholder:"FILE" help:"Write the secret to this file (0600) and do not show it."`
	Force      bool   `help:"Overwrite the file."`
}

func (c *credentialCreateCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, c.create)
}

// create makes the credential and shows its secret or writes it to the file.
func (c *credentialCreateCmd) create(ctx context.Context, s *session) error {
	n, err := c.request(ctx, s)
	if err != nil {
		return err
	}
	if err := free(c.Force, c.SecretFile); err != nil {
		return err
	}
	made, err := s.api.CreateCredential(ctx, n)
	if err != nil {
		return err
	}
	return s.issuedCredential(made, "made", c.SecretFile, c.Force)
}

// request makes the request of the flags.
func (c *credentialCreateCmd) request(ctx context.Context, s *session) (n resource.NewCredential, err error) {
	n = resource.NewCredential{
		Type: core.CredentialType(c.Type), Auth: core.AuthKind(c.Auth), Label: c.Label, Default: c.Default, Description: c.Description,
		Tags: c.Tag, Products: c.Product, Product: c.DefaultProduct, PublicID: c.PublicID, AllowedNames: c.Allow, ProvenNames: c.Proven,
	}
	if n.ExpiresAt, err = parseExpiry(c.Expires, s.now); err != nil {
		return n, err
	}
	if n.Sources, err = parseSources(c.Source); err != nil {
		return n, err
	}
	if n.Trust, err = s.optionalFile(c.Trust); err != nil {
		return n, err
	}
	if c.given() {
		if n.Options.ACME, err = c.options(s, nil); err != nil {
			return n, err
		}
	}
	if n.User, err = s.user(ctx, c.User); err == nil && n.User == "" {
		var me *resource.Me
		if me, err = s.api.Me(ctx); err == nil {
			n.User = me.User
		}
	}
	if err != nil {
		return n, err
	}
	if n.Group, err = s.group(ctx, c.Group); err == nil && n.Group == "" {
		n.Group, err = s.ownGroup(ctx)
	}
	if err == nil {
		n.Organisation, err = s.organisation(ctx, c.Organisation)
	}
	return n, err
}

// optionalFile reads a file as text; "" for no name.
func (s *session) optionalFile(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	b, err := s.readFile(name)
	return string(b), err
}

// parseSources reads address ranges; an address alone is a range of one.
func parseSources(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, aerr := netip.ParseAddr(text)
			if aerr != nil || a.Zone() != "" {
				return nil, usage("--source", "%.60q is no address or range such as 10.0.0.0/8", text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if p.Masked() != p {
			return nil, usage("--source", "%s has bits set behind its length; %s is meant?", text, p.Masked())
		}
		out = append(out, p)
	}
	return out, nil
}

// issuedCredential shows a credential with its secret, or puts the secret into
// a file and shows the rest.
func (s *session) issuedCredential(made *resource.IssuedCredential, verb, secretFile string, force bool) error {
	secret, commands := made.Secret, made.Commands
	if secretFile != "" && secret != "" {
		if err := s.writeFile(secretFile, []byte(secret+"\n"), modeSecret, force); err != nil {
			return &failure{text: "the credential is " + verb + ", but its secret could not be kept (" + err.Error() + "): credential regenerate gives another", code: codeFailed, cause: err}
		}
		secret, commands = "", made.Credential.Commands
	}
	if s.out.json {
		return s.out.printJSON(resource.IssuedCredential{Credential: made.Credential, Secret: secret, Commands: commands, Notice: made.Notice})
	}
	c := &made.Credential
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "  %-*s  %s\n", len("Default product"), name, clean(value))
		}
	}
	fmt.Fprintf(&b, "Credential %d (%s) is %s.\n\n", c.Number, clean(string(c.Type)), verb)
	row("URL", c.URL)
	row("Also at", c.BareURL)
	row(publicName(c.Auth), c.PublicID)
	if secret != "" {
		row("Secret", secret+"   (shown this once)")
	} else if secretFile != "" {
		row("Secret", "in "+secretFile)
	}
	row("Ends", dateOr(c.ExpiresAt, "never"))
	if made.Notice != "" {
		fmt.Fprintf(&b, "\nNote: %s.\n", clean(made.Notice))
	}
	if commands != "" {
		fmt.Fprintf(&b, "\nFor a client:\n\n%s\n", strings.TrimRight(cleanLines(commands), "\n"))
	}
	_, err := s.console.out.Write([]byte(b.String()))
	return err
}

// publicName is what the public half of a credential is called.
func publicName(k core.AuthKind) string {
	switch k {
	case core.AuthAccessKey:
		return "Access key"
	case core.AuthOAuth:
		return "Client id"
	case core.AuthPassword:
		return "User name"
	case core.AuthSharedSecret:
		return "Reference"
	}
	return "Public id"
}
