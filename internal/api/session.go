package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// signedIn is the answer to a sign-in or sign-out: it sets the cookie.
type signedIn struct {
	Cookie http.Cookie `header:"Set-Cookie"`
	Body   resource.Me
}

type signedOut struct {
	Cookie http.Cookie `header:"Set-Cookie"`
}

// cookie makes the session cookie; empty ends it. SameSite=Lax keeps it from
// requests of other sites but links that are followed, which change nothing;
// HttpOnly from scripts.
func (a *API) cookie(value string) http.Cookie {
	c := http.Cookie{Name: CookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: !strings.HasPrefix(a.d.BaseURL(), "http://")}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}

// signInRequest is what a browser sends to sign in.
type signInRequest struct {
	Agent string `header:"User-Agent" hidden:"true"`
	Body  resource.SignIn
}

func (a *API) sessionRoutes() {
	signIn := post("session", "sign-in", "/session", "Sign in with login and password", "").
		says("Sets the session cookie. Needs the header X-Requested-With: certwright, or an Origin that is this server. Who has a second factor sends its code with it: without one the answer is a 401 whose field is code. After too many wrong passwords or codes the answer carries the time to wait.")
	signIn.open = true
	register(a, signIn, a.signIn)
	register(a, get("session", "get-session", "/session", "Who am I, and what may I do", ""),
		func(ctx context.Context, p *core.Principal, _ *struct{}) (*out[resource.Me], error) {
			me, err := a.me(ctx, p)
			return &out[resource.Me]{me}, err
		})
	register(a, remove("session", "sign-out", "/session", "Sign out", ""),
		func(ctx context.Context, p *core.Principal, _ *struct{}) (*signedOut, error) {
			if p.Session == "" {
				return nil, core.Errorf(core.KindConflict, "there is no session to sign out of")
			}
			return &signedOut{a.cookie("")}, a.d.Identity.EndSession(ctx, p, p.Session)
		})
	register(a, post("session", "change-password", "/session/password", "Change my password", identity.PasswordOwn).
		says("Needs a session. Ends my other sessions."),
		func(ctx context.Context, p *core.Principal, in *in[resource.PasswordChange]) (*none, error) {
			return nil, a.d.Identity.ChangePassword(ctx, p, in.Body.Old, in.Body.New)
		})
	addList(a, get("session", "list-sessions", "/sessions", "List sessions: my own, or everybody's for administrators", identity.SessionOwn),
		"sessions", a.d.Identity.SessionColumns, a.readSessions, func(s *sessionRow) resource.Session { return s.resource() })
	register(a, remove("session", "end-session", "/sessions/{id}", "End a session", identity.SessionOwn),
		func(ctx context.Context, p *core.Principal, in *ByID[core.SessionID]) (*none, error) {
			return nil, a.d.Identity.EndSession(ctx, p, in.ID)
		})
}

// ByID is a request that names a thing.
type ByID[T ~string] struct {
	ID T `path:"id" maxLength:"64"`
}

func (a *API) signIn(ctx context.Context, _ *core.Principal, in *signInRequest) (*signedIn, error) {
	addr := httpx.ClientAddr(ctx)
	got, err := a.d.Identity.SignIn(ctx, identity.SignIn{
		Account: in.Body.Account, Login: in.Body.Login, Password: in.Body.Password, Code: in.Body.Code, Address: addr, Agent: in.Agent, RequestID: httpx.RequestID(ctx),
	})
	if err != nil {
		return nil, err
	}
	if got.Session == nil {
		return nil, core.Errorf(core.KindUnauthenticated, "a code of the second factor is needed").At("code")
	}
	secret := got.Secret.Reveal()
	p, err := a.d.Identity.SessionPrincipal(ctx, secret, addr)
	if err != nil {
		return nil, err
	}
	p.RequestID = httpx.RequestID(ctx)
	me, err := a.me(ctx, p)
	if err != nil {
		return nil, err
	}
	return &signedIn{a.cookie(secret), me}, nil
}

// me describes the principal. Somebody who must change his password learns
// nothing but that.
func (a *API) me(ctx context.Context, p *core.Principal) (resource.Me, error) {
	me := resource.Me{User: p.User, Login: p.Login, Session: p.Session, Token: p.Token, MustChange: mustChange(p), MustSetUp: has(p, identity.RoleFactorSetup), Groups: []core.GroupID{}}
	me.Permissions = permissions(p)
	if me.MustChange || me.MustSetUp {
		me.Account = resource.Account{ID: p.Account}
		return me, nil
	}
	acc, err := a.d.Identity.Account(ctx, p)
	if err != nil {
		return me, err
	}
	me.Account = accountResource(acc)
	u, err := a.d.Identity.User(ctx, p, p.User)
	if err != nil {
		return me, err
	}
	me.Name, me.Email, me.Groups = u.Name, u.Email, list0(u.Groups)
	return me, nil
}

// permissions lists what the principal may do, in the order of the table.
func permissions(p *core.Principal) []resource.Permission {
	out := []resource.Permission{}
	for _, r := range identity.Rules() {
		all, groups := identity.VisibleGroups(p, r.Action)
		if all || len(groups) > 0 {
			out = append(out, resource.Permission{Action: string(r.Action), All: all, Groups: groups})
		}
	}
	return out
}

// sessionRow is a session as its reader sees it.
type sessionRow struct {
	core.Session
	current bool
}

func (a *API) readSessions(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[sessionRow], error) {
	got, err := a.d.Identity.Sessions(ctx, p, q)
	rows := core.Page[sessionRow]{Next: got.Next, Tally: got.Tally}
	for _, s := range got.Items {
		rows.Items = append(rows.Items, sessionRow{s, s.ID == p.Session})
	}
	return rows, err
}

func (s *sessionRow) resource() resource.Session {
	return resource.Session{ID: s.ID, User: s.User, Address: s.Address, Agent: s.Agent, Current: s.current,
		CreatedAt: s.CreatedAt, LastSeen: s.LastSeen, ExpiresAt: s.ExpiresAt}
}
