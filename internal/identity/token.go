package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
)

// A personal API token reads "cwt_<8 public characters>_<43 of base64url>":
// the prefix lets scanners find leaked ones, the public part names the token
// in lists, the rest are 256 random bits.
const (
	tokenMark   = "cwt_"
	tokenPublic = 8
	tokenSecret = 43
	tokenLength = len(tokenMark) + tokenPublic + 1 + tokenSecret
)

// NewToken is what a person says of a new token.
type NewToken struct {
	Name      string
	Roles     []core.Role // at most these; empty: all that the user has
	ExpiresAt time.Time   // zero: never
}

// CreateToken makes a personal API token of the principal and returns it with
// its text, which is shown this once. It needs a session: a token cannot make
// tokens, because they could outlive it.
func (s *Service) CreateToken(ctx context.Context, p *core.Principal, n NewToken) (*core.Token, secret.Redacted, error) {
	if err := Can(p, TokenOwn, ""); err != nil {
		return nil, "", err
	}
	if p.Session == "" {
		return nil, "", core.Errorf(core.KindForbidden, "tokens are made by people in a signed-in session only")
	}
	if err := checkText("name", n.Name, 1, 100); err != nil {
		return nil, "", err
	}
	for _, r := range n.Roles {
		if !slices.ContainsFunc(p.Grants, func(g core.Grant) bool { return g.Role == r }) {
			return nil, "", core.Errorf(core.KindInvalid, "you do not have the role %q", r).At("roles")
		}
	}
	if err := checkExpiry(n.ExpiresAt, s.now()); err != nil {
		return nil, "", err
	}
	now := s.now()
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails since Go 1.24
	public := randomText(labelAlphabet, tokenPublic)
	text := tokenMark + public + "_" + base64.RawURLEncoding.EncodeToString(random[:])
	sum := s.tokenMAC([]byte(text))
	t := &core.Token{
		ID: core.NewID[core.TokenID](now), Account: p.Account, User: p.User, Name: n.Name, Prefix: tokenMark + public, SecretHash: sum[:],
		Roles: slices.Clone(n.Roles), ExpiresAt: n.ExpiresAt.UTC().Truncate(time.Microsecond), CreatedAt: now,
	}
	err := s.change(ctx, p, "token.create", object("token", t.ID), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		e.Detail["name"], e.Detail["prefix"] = t.Name, t.Prefix
		return s.storage.InsertToken(ctx, tx, t)
	})
	if err != nil {
		return nil, "", err
	}
	return t, secret.Redacted(text), nil
}

// TokenPrincipal returns who asks with a personal API token: its user, at most
// with the roles of the token. Whatever is wrong: unauthenticated.
func (s *Service) TokenPrincipal(ctx context.Context, text string, addr netip.Addr) (*core.Principal, error) {
	refused := core.Errorf(core.KindUnauthenticated, "the token is not valid, or no longer")
	if len(text) != tokenLength || !strings.HasPrefix(text, tokenMark) || text[len(tokenMark)+tokenPublic] != '_' {
		return nil, refused
	}
	sum := s.tokenMAC([]byte(text))
	t, u, err := s.storage.TokenByHash(ctx, sum[:])
	now := s.now()
	switch {
	case core.Is(err, core.KindNotFound):
		return nil, refused
	case err != nil:
		return nil, err
	case !t.RevokedAt.IsZero(), !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt), u.State != core.UserActive:
		return nil, refused
	}
	if now.Sub(t.LastUsed) >= touchEvery {
		err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
			return s.storage.TouchToken(ctx, tx, t.ID, now)
		})
		if err != nil {
			return nil, err
		}
	}
	return &core.Principal{
		Account: u.Account, User: u.ID, Login: u.Login, Grants: effective(u, t.Roles), Token: t.ID, Address: addr,
	}, nil
}

// Tokens lists tokens: everybody's for those who manage users, else one's own.
func (s *Service) Tokens(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Token], error) {
	q.Account = p.Account
	if err := own(p, TokenOwn, &q); err != nil {
		return core.Page[core.Token]{}, err
	}
	return s.storage.Tokens(ctx, q)
}

// TokenColumns describes the list of tokens.
func (s *Service) TokenColumns() []core.Column { return s.storage.TokenColumns() }

// RevokeToken ends a token: one's own or, for those who manage users,
// anybody's.
func (s *Service) RevokeToken(ctx context.Context, p *core.Principal, id core.TokenID) error {
	if err := known(id, "token"); err != nil {
		return err
	}
	t, err := s.storage.Token(ctx, p.Account, id)
	if err != nil {
		return err
	}
	if err := mine(p, TokenOwn, t.User, "token"); err != nil {
		return err
	}
	return s.change(ctx, p, "token.revoke", object("token", id), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		e.Detail["name"], e.Detail["user"] = t.Name, string(t.User)
		return s.storage.RevokeToken(ctx, tx, p.Account, id, s.now())
	})
}
