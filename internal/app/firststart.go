package app

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/policy"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/store"
)

// firstSetting says how far the first start came. As long as it is not done,
// the next start goes on, gives out new one-time secrets and prints them: the
// earlier ones may never have been seen.
const firstSetting = "first-start"

type firstState struct {
	Done bool      `json:"done"`
	At   time.Time `json:"at"`
}

// welcome is what the first start prints.
type welcome struct {
	Login    string
	Password secret.Redacted
	EST      *identity.Created
	Root     string // SHA-256 fingerprint of the root certificate
}

// firstStart makes account, administrator, built-in CA, shipped products and a
// first credential, unless they are there. It returns nil when an earlier start
// did all that.
func (p *parts) firstStart(ctx context.Context) (*welcome, error) {
	mine, err := p.claimFirst(ctx)
	if err != nil || !mine {
		return nil, err
	}
	home, err := p.identity.Bootstrap(ctx, p.cfg.CA.Organisation)
	if err != nil {
		return nil, err
	}
	if home.User == nil || home.Group == nil {
		return nil, fmt.Errorf("the first user or group was renamed before the first start was through")
	}
	host := identity.Host(home.Account.ID, "first-start")
	h, err := p.ca.Bootstrap(ctx, host, home.Account.ID, ca.Config{Organisation: p.cfg.CA.Organisation, Country: p.cfg.CA.Country,
		RootName: p.cfg.CA.RootName, IssuingName: p.cfg.CA.IssuingName, RSAName: p.cfg.CA.RSAName})
	if err != nil {
		return nil, err
	}
	if err := p.shipProducts(ctx, host, h); err != nil {
		return nil, err
	}
	w := &welcome{Login: home.User.Login, Root: fingerprint(h.Root.Certificate)}
	if w.EST, err = p.firstCredential(ctx, host, home); err != nil {
		return nil, err
	}
	if err := p.setup.Begin(ctx, home.Account.ID); err != nil {
		return nil, err
	}
	if w.Password, err = p.identity.ResetPassword(ctx, host, home.User.ID); err != nil {
		return nil, err
	}
	return w, nil
}

// claimFirst makes the first start this process's work, or finds it done. Of
// replicas that start together the others wait here.
func (p *parts) claimFirst(ctx context.Context) (mine bool, err error) {
	owner := rand.Text()
	for {
		state, _, err := p.db.CreateSetting(ctx, firstSetting, []byte(`{"done":false}`))
		if err != nil {
			return false, err
		}
		var s firstState
		if err := json.Unmarshal(state, &s); err != nil {
			return false, fmt.Errorf("the mark of the first start is damaged: %w", err)
		}
		if s.Done || p.db.Dialect() == store.SQLite { // there it is the only process
			return !s.Done, nil
		}
		_, ok, err := p.db.AcquireLease(ctx, firstSetting, owner, p.firstTerm)
		if err != nil || ok {
			return ok, err
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// welcomed marks the first start as done, after its secrets were printed.
func (p *parts) welcomed(ctx context.Context) error {
	_, version, err := p.db.Setting(ctx, firstSetting)
	if err != nil {
		return err
	}
	j, err := json.Marshal(firstState{Done: true, At: p.now().UTC()})
	if err != nil {
		return err
	}
	return p.db.CompareAndSetSetting(ctx, firstSetting, version, j)
}

func (p *parts) shipProducts(ctx context.Context, by *core.Principal, h *ca.Hierarchy) error {
	rsa := h.Issuing.ID
	if h.RSA != nil {
		rsa = h.RSA.ID
	}
	for _, s := range policy.Shipped(h.Issuing.ID, rsa) {
		if _, err := p.products.Create(ctx, by, s); err != nil && !core.Is(err, core.KindExists) {
			return fmt.Errorf("product %s: %w", s.Code, err)
		}
	}
	return nil
}

// firstLabel is the label of the credential that the first start makes.
const firstLabel = "first"

func (p *parts) firstCredential(ctx context.Context, by *core.Principal, home *identity.First) (*identity.Created, error) {
	tls, err := p.db.ProductByCode(ctx, home.Account.ID, "tls-server")
	if err != nil {
		return nil, err
	}
	old, err := p.identity.Credential(ctx, core.CredentialEST, firstLabel)
	if err == nil {
		return p.identity.RegenerateCredential(ctx, by, old.ID)
	}
	if !core.Is(err, core.KindNotFound) {
		return nil, err
	}
	return p.identity.CreateCredential(ctx, by, identity.NewCredential{Type: core.CredentialEST, Auth: core.AuthPassword, Label: firstLabel,
		Default: true, Description: "Made at the first start; revoke it when it is not needed", User: home.User.ID, Group: home.Group.ID,
		Products: []core.ProductID{tls.ID}})
}

// print writes what an administrator needs after the first start.
func (w *welcome) print(out io.Writer, cfg Config) error {
	var b strings.Builder
	fmt.Fprintf(&b, `
Certwright is ready.

  Portal    %s/
  API       %s%s
  Sign in   user %s, one-time password %s
  Set up    an assistant opens after the first sign-in: %s/setup
  Root CA   SHA-256 %s

A first certificate, over EST (RFC 7030):

%s
From the command line: %s ctl login --url %s

All of this is shown this once. A new one-time password: %s admin reset-password

`, cfg.External.Main, cfg.External.Main, apiPath, w.Login, w.Password.Reveal(), cfg.External.Main, w.Root, indent(w.EST.Commands, "  "),
		program(), cfg.External.Main, program())
	_, err := io.WriteString(out, b.String())
	return err
}

// fingerprint writes the SHA-256 of a certificate as openssl does.
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return strings.TrimSuffix(strings.ToUpper(regexp.MustCompile("..").ReplaceAllString(hex.EncodeToString(sum[:]), "$0:")), ":")
}

// program is how this program was called.
func program() string { return os.Args[0] }

func indent(text, by string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		b.WriteString(by + l)
	}
	return b.String()
}
