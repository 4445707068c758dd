// Package portal serves what a person sees in a browser: the sign-in pages,
// rendered here and working without JavaScript, and the pages behind them.
package portal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/wire/httpx"
)

//go:embed pages
var files embed.FS

// Identity is the part of identity that the portal uses.
type Identity interface {
	SignIn(ctx context.Context, in identity.SignIn) (*identity.SignedIn, error)
	SecondStep(ctx context.Context, pending string, in identity.SignIn) (*identity.SignedIn, error)
	SessionPrincipal(ctx context.Context, cookie string, addr netip.Addr) (*core.Principal, error)
	ChangePassword(ctx context.Context, p *core.Principal, old, fresh string) error
	EndSession(ctx context.Context, p *core.Principal, id core.SessionID) error
	EndSessions(ctx context.Context, p *core.Principal, user core.UserID) (int, error)
	Sessions(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Session], error)
	Factors(ctx context.Context, p *core.Principal) (*identity.Factors, error)
	BeginTOTP(ctx context.Context, p *core.Principal) (*identity.NewTOTP, error)
	PendingTOTP(ctx context.Context, p *core.Principal) (*identity.NewTOTP, error)
	ConfirmTOTP(ctx context.Context, p *core.Principal, code string) ([]secret.Redacted, error)
	DisableTOTP(ctx context.Context, p *core.Principal, code string) error
	RenewRecoveryCodes(ctx context.Context, p *core.Principal, code string) ([]secret.Redacted, error)
	Passkeys
	Resets
	CreateToken(ctx context.Context, p *core.Principal, n identity.NewToken) (*core.Token, secret.Redacted, error)
	Tokens(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Token], error)
	RevokeToken(ctx context.Context, p *core.Principal, id core.TokenID) error
}

// Domains are the links of validation mails; domain implements it.
type Domains interface {
	Pending(ctx context.Context, secret string) (*core.Domain, error)
	Confirm(ctx context.Context, secret string, ok bool, from string) (*core.Domain, error)
}

// Consents are the links that representatives of organisations answer; vetting
// implements it.
type Consents interface {
	PendingConsent(ctx context.Context, secret string) (*core.Consent, *core.Organisation, error)
	AnswerConsent(ctx context.Context, secret string, yes bool, from string) (*core.Consent, error)
}

// Deps are what the portal stands on.
type Deps struct {
	Identity  Identity
	Domains   Domains   // nil: no such pages
	Consents  Consents  // nil: no such pages
	Providers Providers // nil: a password alone signs in
	BaseURL   func() string
	APIPath   string
	RootURL   func() string // where the root certificates are had without TLS; "" for nowhere
	Cookie    string        // name of the session cookie, which the API shares
	Site      fs.FS         // the built web app; nil: the one in the program
	Now       func() time.Time
	Log       *slog.Logger
}

// Portal serves the pages.
type Portal struct {
	d     Deps
	pages *template.Template
	style asset
	keys  asset // the script of passkeys
	guard *http.CrossOriginProtection
	site  *site
}

// New makes a Portal.
func New(d Deps) (*Portal, error) {
	t, err := template.New("").Funcs(template.FuncMap{"date": func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.Format("02-Jan-2006 15:04 UTC")
	}}).ParseFS(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	style, err := pageFile("style.css")
	if err != nil {
		return nil, err
	}
	keys, err := pageFile("passkey.js")
	if err != nil {
		return nil, err
	}
	if d.Site == nil {
		// What scripts/portal has built; nothing in a build without it.
		if d.Site, err = fs.Sub(files, "pages/app"); err != nil {
			return nil, err
		}
	}
	app, err := newSite(d.Site)
	if err != nil {
		return nil, err
	}
	return &Portal{d: d, pages: t, style: style, keys: keys, guard: http.NewCrossOriginProtection(), site: app}, nil
}

// pageFile reads a file that the server's own pages load.
func pageFile(name string) (asset, error) {
	b, err := files.ReadFile("pages/" + name)
	sum := sha256.Sum256(b)
	return asset{plain: b, media: mediaOf(name), etag: `"` + hex.EncodeToString(sum[:8]) + `"`}, err
}

func servePageFile(w http.ResponseWriter, r *http.Request, f asset) {
	h := w.Header()
	secure(h)
	h.Set("Content-Type", f.media)
	h.Set("Cache-Control", "max-age=3600")
	h.Set("ETag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.plain))
}

// Routes lists the pages.
func (p *Portal) Routes() []httpx.Route {
	r := func(pattern string, h http.HandlerFunc) httpx.Route {
		return httpx.Route{Protocol: "portal", Pattern: pattern, Handler: p.guard.Handler(h)}
	}
	secret := func(pattern string, h http.HandlerFunc) httpx.Route {
		one := r(pattern, h)
		one.Secret = true
		return one
	}
	var mailed []httpx.Route // pages that links in mails open
	if p.d.Domains != nil {
		mailed = append(mailed, secret("GET /domain-validation/{secret}", p.domainPage), secret("POST /domain-validation/{secret}", p.answerDomain))
	}
	if p.d.Consents != nil {
		mailed = append(mailed, secret("GET /consent/{secret}", p.consentPage), secret("POST /consent/{secret}", p.answerConsent))
	}
	routes := append(mailed, []httpx.Route{
		r("GET /{$}", p.app),
		r("GET /assets/{name}", p.serveAsset),
		r("GET /tokens", p.tokens),
		r("GET /signin", p.signInPage),
		r("POST /signin", p.signIn),
		r("POST /signout", p.signOut),
		r("GET /signin/code", p.codePage),
		r("POST /signin/code", p.code),
		r("GET /security", p.securityPage),
		r("POST /security/totp/begin", p.beginTOTP),
		r("GET /security/totp", p.totpPage),
		r("POST /security/totp", p.confirmTOTP),
		r("POST /security/totp/disable", p.disableTOTP),
		r("POST /security/recovery-codes", p.renewRecoveryCodes),
		r("POST /security/sessions/end-others", p.endOtherSessions),
		r("POST /security/sessions/{id}/end", p.endSession),
		r("GET /password", p.passwordPage),
		r("POST /password", p.password),
		r("POST /tokens", p.createToken),
		r("POST /tokens/{id}/revoke", p.revokeToken),
		r("GET /style.css", p.styleSheet),
		r("GET /forgotten", p.forgottenPage),
		r("POST /forgotten", p.forgotten),
		secret("GET /password/reset/{secret}", p.resetPage),
		secret("POST /password/reset/{secret}", p.reset),
	}...)
	routes = append(routes, p.providerRoutes(r)...)
	routes = append(routes, p.passkeyRoutes(r)...)
	routes = append(routes, httpx.Route{Protocol: "portal", Missing: true, Handler: http.HandlerFunc(p.notFound)})
	for _, a := range areas {
		routes = append(routes, r("GET /"+a, p.app), r("GET /"+a+"/{path...}", p.app))
	}
	return routes
}

// view is what every page can show.
type view struct {
	Title   string
	Login   string
	Error   string
	Note    string
	Next    string
	Account int64 // number of the account to sign in to; 0: the first one
	APIURL  string
	BaseURL string
	RootURL string
	// Of a sign-out at a provider: its name, where the browser goes on to, and whether it
	// is done or could not be reached.
	Provider, Onward string
	Done, Away       bool
	Tokens           []core.Token
	Fresh            string // a new token's text, shown once
	Mails            bool   // the server sends mail
	Sent             bool
	For              string // whose password is set
	Must             bool   // the password must be changed first, or a second factor set up
	KeysOff          string // why there are no passkeys here
	Proven           bool   // has just shown who he is
	HasKey           bool   // a passkey of his works here
	HasTOTP          bool
	Script           bool // the page runs the script of passkeys
	Factors          *identity.Factors
	QR               template.URL // image of a secret for an app
	Secret           string       // the same as text
	Codes            []string     // recovery codes, shown once
	Here             core.SessionID
	Opened           []core.Session
	Domain           *core.Domain
	Consent          *core.Consent
	Buttons          []federation.Button // ways to sign in
	About            *core.Organisation  // whom the consent is about
	Now              time.Time
}

// render writes a page. Nothing on it may be loaded from elsewhere, framed or
// cached.
func (p *Portal) render(w http.ResponseWriter, r *http.Request, status int, page string, v view) {
	if page == "signin.html" {
		v.KeysOff = p.d.Identity.PasskeysOff()
		v.Script = v.KeysOff == ""
	}
	v.APIURL, v.BaseURL, v.RootURL, v.Now = p.d.BaseURL()+p.d.APIPath, p.d.BaseURL(), p.d.RootURL(), p.d.Now()
	if page == "signin.html" && p.d.Providers != nil {
		var err error
		if v.Buttons, err = p.d.Providers.Buttons(r.Context()); err != nil {
			p.d.Log.WarnContext(r.Context(), "sign-in providers cannot be listed", "error", err) // a password still signs in
		}
	}
	var b bytes.Buffer
	if err := p.pages.ExecuteTemplate(&b, page, v); err != nil {
		p.d.Log.ErrorContext(r.Context(), "render page", "page", page, "error", err)
		http.Error(w, "internal error, request "+httpx.RequestID(r.Context()), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	csp := "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	if v.Script {
		csp += "; script-src 'self'; connect-src 'self'"
	}
	h.Set("Content-Security-Policy", csp)
	secure(h)
	httpx.Reply(w, r, status, b.Bytes())
}

// fail shows an error on the page it belongs to. Only what may be shown is.
func (p *Portal) fail(w http.ResponseWriter, r *http.Request, page string, v view, err error) {
	e := core.AsError(err)
	status := http.StatusUnprocessableEntity
	switch e.Kind {
	case core.KindUnauthenticated:
		status = http.StatusUnauthorized
	case core.KindForbidden:
		status = http.StatusForbidden
	case core.KindNotFound:
		status = http.StatusNotFound
	case core.KindExpired:
		status = http.StatusGone
	case core.KindRateLimited:
		status = http.StatusTooManyRequests
	case core.KindUnavailable:
		status = http.StatusServiceUnavailable
	case core.KindInternal:
		status = http.StatusInternalServerError
		p.d.Log.ErrorContext(r.Context(), "page failed", "page", page, "error", err, "request", httpx.RequestID(r.Context()))
		e = core.Errorf(core.KindInternal, "Something went wrong here. Request %s", httpx.RequestID(r.Context()))
	}
	if e.RetryAfter > 0 {
		seconds := int64((e.RetryAfter + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
		e = core.Errorf(e.Kind, "%s; try again in %d seconds", e.Detail, seconds)
	}
	v.Error = e.Detail
	p.render(w, r, status, page, v)
}

// session returns the signed-in person. Error: unauthenticated.
func (p *Portal) session(r *http.Request) (*core.Principal, error) {
	c, err := r.Cookie(p.d.Cookie)
	if err != nil {
		return nil, core.Errorf(core.KindUnauthenticated, "you are not signed in")
	}
	by, err := p.d.Identity.SessionPrincipal(r.Context(), c.Value, httpx.ClientAddr(r.Context()))
	if err == nil {
		by.RequestID = httpx.RequestID(r.Context())
	}
	return by, err
}

// who returns the signed-in person, or sends the browser to sign in.
func (p *Portal) who(w http.ResponseWriter, r *http.Request) *core.Principal {
	by, err := p.session(r)
	switch {
	case err == nil:
		return by
	case !core.Is(err, core.KindUnauthenticated):
		p.fail(w, r, "signin.html", view{Title: "Sign in"}, err)
		return nil
	}
	http.Redirect(w, r, "/signin?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	return nil
}

// mustChange reports whether the session may only change the password.
func mustChange(by *core.Principal) bool {
	return len(by.Grants) == 1 && by.Grants[0].Role == identity.RolePasswordChange
}

// limited returns the only page of a session that must change the password or
// set up a second factor first; "" for other sessions.
func limited(by *core.Principal) string {
	switch {
	case mustChange(by):
		return "/password"
	case mustSetUp(by):
		return "/security"
	}
	return ""
}

// mustSetUp reports whether the session may only set up a second factor.
func mustSetUp(by *core.Principal) bool {
	return len(by.Grants) == 1 && by.Grants[0].Role == identity.RoleFactorSetup
}

// tokens is the page of personal API tokens that needs no script.
func (p *Portal) tokens(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	if to := limited(by); to != "" {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	p.showTokens(w, r, by, view{})
}

func (p *Portal) showTokens(w http.ResponseWriter, r *http.Request, by *core.Principal, v view) {
	v.Title, v.Login = "Personal API tokens", by.Login
	q := core.ListQuery{Account: by.Account, Limit: 100, Filter: core.Filter{{Column: "user", Op: core.OpEquals, Values: []string{string(by.User)}}}}
	page, err := p.d.Identity.Tokens(r.Context(), by, q)
	if err != nil {
		p.fail(w, r, "tokens.html", v, err)
		return
	}
	v.Tokens = page.Items
	p.render(w, r, http.StatusOK, "tokens.html", v)
}

func (p *Portal) styleSheet(w http.ResponseWriter, r *http.Request) {
	servePageFile(w, r, p.style)
}
