// Package ctl is "certwright ctl": administration of a running platform over
// the management API, for people at a terminal and for scripts.
//
// It knows no more than any other client of the API. What a person sees are
// tables, sentences and questions; what a script gets is JSON, an exit code
// (see [ExitCode]) and never a question: what cannot be undone then needs
// --yes, and secrets come from files, the environment or standard input.
package ctl

import (
	"context"
	"crypto/x509"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/core"
)

// envPrefix begins the environment variables that ctl reads.
const envPrefix = "CERTWRIGHT_CTL_"

// CLI is the command line of certwright ctl, to be embedded as a command in a
// kong grammar. Its commands want a context.Context bound.
type CLI struct {
	// Now is the clock; required. The program that embeds CLI sets it before it
	// parses.
	Now func() time.Time `kong:"-"`

	URL       string   `name:"url" env:"CERTWRIGHT_CTL_URL" placeholder:"https://HOST[:PORT]" help:"Server; the one of ctl login unless given."`
	Token     string   `env:"CERTWRIGHT_CTL_TOKEN" placeholder:"TOKEN" help:"Personal API token. A token among a program's arguments can be seen by every user of the machine: prefer the variable, a file or ctl login."`
	TokenFile string   `env:"CERTWRIGHT_CTL_TOKEN_FILE" type:"path" placeholder:"FILE" help:"File with the token; - for standard input."`
	Roots     string   `env:"CERTWRIGHT_CTL_ROOTS" type:"path" placeholder:"FILE" help:"PEM file with the roots that are trusted for the server; the one of ctl login, else the system's, unless given."`
	Profile   string   `env:"CERTWRIGHT_CTL_PROFILE" type:"path" placeholder:"FILE" help:"Where ctl login keeps its outcome; certwright/ctl.yaml in the configuration directory of the user unless given."`
	Output    string   `short:"o" env:"CERTWRIGHT_CTL_OUTPUT" enum:"table,json" default:"table" help:"table or json."`
	Columns   []string `placeholder:"NAME" help:"Columns of a table, by their names in JSON."`
	NoHeaders bool     `help:"Tables without the line of titles."`
	Yes       bool     `short:"y" help:"Do not ask before something that cannot be undone."`

	Login  loginCmd  `cmd:"" help:"Sign in, trust the server, and keep a token in the profile."`
	Logout logoutCmd `cmd:"" help:"Revoke the token of the profile and remove it."`
	Whoami whoamiCmd `cmd:"" help:"Show who you are to the server and what you may do."`
	About  aboutCmd  `cmd:"" help:"Show version and set-up of the server."`

	Cert         certCmd         `cmd:"" aliases:"certificate" help:"Certificates: list, download, renew, revoke."`
	Order        orderCmd        `cmd:"" help:"Orders: ask for certificates, approve, reject."`
	Credential   credentialCmd   `cmd:"" help:"API credentials of enrolment clients."`
	Product      productCmd      `cmd:"" help:"Products: what may be issued."`
	Issuer       issuerCmd       `cmd:"" help:"Issuing CAs."`
	ACME         acmeCmd         `cmd:"" name:"acme" help:"Accounts, orders and authorizations of ACME clients."`
	Agreement    agreementCmd    `cmd:"" help:"Texts of subscriber agreements."`
	Setup        setupCmd        `cmd:"" help:"The steps of the first days: organisation, CAs, trust, a first credential."`
	Domain       domainCmd       `cmd:"" help:"Domains and the proofs of control of them."`
	Renewal      renewalCmd      `cmd:"" help:"Early renewal by ACME clients."`
	Import       importCmd       `cmd:"" help:"Read certificates, users, groups, organisations and domains from files."`
	Tag          tagCmd          `cmd:"" help:"Tags of certificates, credentials and orders."`
	User         userCmd         `cmd:"" help:"People."`
	Provider     providerCmd     `cmd:"" help:"Sign-in providers: OpenID Connect, SAML, LDAP and Active Directory."`
	Group        groupCmd        `cmd:"" help:"Groups of people, which own credentials and certificates."`
	Organisation organisationCmd `cmd:"" aliases:"organization" help:"Legal entities: data, evidence, representatives."`
	Vetting      vettingCmd      `cmd:"" help:"Examinations of organisations by validators."`
	PersonalTok  tokenCmd        `cmd:"" name:"token" help:"Personal API tokens."`
	Session      sessionCmd      `cmd:"" help:"Signed-in browsers."`
	Passkey      passkeyCmd      `cmd:"" help:"Passkeys of people."`
	SigninPolicy signInPolicyCmd `cmd:"" name:"signin-policy" help:"Who needs a second factor."`
	Role         roleCmd         `cmd:"" help:"Who may do what."`
	Job          jobCmd          `cmd:"" help:"Work in the background."`
	Audit        auditCmd        `cmd:"" help:"The audit log."`
	Completion   completionCmd   `cmd:"" help:"Print a completion script for a shell."`

	// console stands in for the terminal in tests.
	console *console `kong:"-"`
}

// BeforeReset keeps the environment of the platform out of ctl: an option such
// as kong.DefaultEnvars in the embedding program would let a stray
// CERTWRIGHT_YES or CERTWRIGHT_CSR decide what a command does. It keeps its
// hands off what the program adds beside CLI.
func (c *CLI) BeforeReset(k *kong.Context) error {
	own := map[uintptr]bool{}
	for v, i := reflect.ValueOf(c).Elem(), 0; i < v.NumField(); i++ {
		own[v.Field(i).Addr().Pointer()] = true
	}
	for _, p := range k.Path {
		if p.Command == nil {
			continue
		}
		for _, f := range p.Command.Flags {
			if own[f.Target.Addr().Pointer()] {
				ownEnvironment(f)
			}
		}
		for _, child := range p.Command.Children {
			if own[child.Target.Addr().Pointer()] {
				ownEnvironments(child)
			}
		}
	}
	return nil
}

// ownEnvironments does the same for a command and all below it.
func ownEnvironments(n *kong.Node) {
	for _, f := range n.Flags {
		ownEnvironment(f)
	}
	for _, child := range n.Children {
		ownEnvironments(child)
	}
}

// ownEnvironment removes from a flag all variables but ctl's own.
func ownEnvironment(f *kong.Flag) {
	var keep []string
	for _, e := range f.Envs {
		if strings.HasPrefix(e, envPrefix) {
			keep = append(keep, e)
		}
	}
	f.Envs, f.Tag.Envs = keep, keep
}

// AfterApply gives the commands the flags that they share, also when CLI is
// embedded in a larger command. A token flag beats both variables, whichever
// they are.
func (c *CLI) AfterApply(k *kong.Context) error {
	k.Bind(c)
	given := map[any]bool{}
	for _, p := range k.Path {
		if p.Flag != nil && !p.Resolved {
			given[p.Flag.Target.Addr().Interface()] = true
		}
	}
	token, file := given[&c.Token], given[&c.TokenFile]
	switch {
	case token && file:
		return &failure{text: "--token and --token-file cannot be used together", code: codeUsage}
	case token:
		c.TokenFile = ""
	}
	return nil
}

// session is what a command works with.
type session struct {
	*console
	cli *CLI
	now time.Time
	url string
	api *client.Client
	out printer
}

// run runs a command that talks to the server.
func (c *CLI) run(ctx context.Context, f func(ctx context.Context, s *session) error) error {
	return c.local(ctx, func(ctx context.Context, s *session) error {
		if err := s.connect(); err != nil {
			return err
		}
		return f(ctx, s)
	})
}

// local runs a command that may do without the server. What it returns is fit
// to be shown to people.
func (c *CLI) local(ctx context.Context, f func(ctx context.Context, s *session) error) error {
	if c.Now == nil {
		return &failure{text: "the program that embeds ctl has given it no clock", code: codeFailed}
	}
	con := c.console
	if con == nil {
		con = systemConsole()
	}
	s := &session{console: con, cli: c, now: c.Now()}
	s.out = printer{w: con.out, json: c.Output == "json", columns: c.Columns, headers: !c.NoHeaders, now: s.now}
	if s.out.json && len(c.Columns) > 0 {
		return explain(ctx, usage("--columns", "--columns is for tables; JSON always has every field"))
	}
	return explain(ctx, f(ctx, s))
}

// connect makes the client from flags, environment and profile. What the
// profile keeps is for its own server only and never sent to another.
func (s *session) connect() error {
	p, err := s.loadProfile()
	if err != nil {
		return err
	}
	s.url = s.cli.URL
	if s.url == "" {
		s.url = p.URL
	}
	if s.url == "" {
		return usage("--url", "no server is named: run certwright ctl login, or give --url or "+envPrefix+"URL")
	}
	same := sameServer(s.url, p.URL)
	token, err := s.token()
	if err != nil {
		return err
	}
	if token == "" && same {
		token = p.Token
	}
	if token == "" {
		return core.Errorf(core.KindUnauthenticated, "there is no token for %s", s.url)
	}
	pem := ""
	if same {
		pem = p.Roots
	}
	roots, err := s.roots(pem)
	if err != nil {
		return err
	}
	s.api, err = newClient(s.url, token, roots)
	return err
}

// newClient makes a client. A token in clear over a network would belong to
// everybody who listens.
func newClient(base, token string, roots *x509.CertPool) (*client.Client, error) {
	if u, err := url.Parse(base); err == nil && u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, usage("--url", "%s would send secrets in clear; use https", base)
	}
	return client.New(client.Config{BaseURL: base, Token: token, Roots: roots, Agent: "certwright-ctl"})
}

// token reads the token given by flag, file or environment.
func (s *session) token() (string, error) {
	if s.cli.TokenFile == "" {
		return strings.TrimSpace(s.cli.Token), nil
	}
	b, err := s.readFile(s.cli.TokenFile)
	if err != nil {
		return "", err
	}
	t := strings.TrimSpace(string(b))
	if t == "" || strings.ContainsAny(t, " \t\r\n") {
		return "", usage("--token-file", "%s holds no token", s.cli.TokenFile)
	}
	return t, nil
}

// roots makes the pool of trusted roots: of --roots, else of the text (the
// profile's), else nil, which means the system's.
func (s *session) roots(text string) (*x509.CertPool, error) {
	from := "the profile"
	if s.cli.Roots != "" {
		b, err := s.readFile(s.cli.Roots)
		if err != nil {
			return nil, err
		}
		text, from = string(b), s.cli.Roots
	}
	if text == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(text)) {
		return nil, usage("--roots", "%s holds no certificate in PEM", from)
	}
	return pool, nil
}

// sameServer reports whether two base URLs name the same server.
func sameServer(a, b string) bool {
	return a != "" && normalURL(a) == normalURL(b)
}

// normalURL writes a base URL in one form: lower case, the default port left
// out, no slash at the end.
func normalURL(s string) string {
	u, err := url.Parse(strings.TrimRight(s, "/"))
	if err != nil || u.Host == "" {
		return s
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; port != "" {
		u.Host = strings.TrimSuffix(u.Host, port)
	}
	return u.String()
}

// removeFile removes a file.
func removeFile(name string) error { return fileErrorOrNil(os.Remove(name)) }

// hostName names this machine in the list of tokens.
func hostName() string {
	if h, err := os.Hostname(); err == nil && h != "" {
		return h
	}
	return "unnamed host"
}
