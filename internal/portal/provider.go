package portal

import (
	"context"
	"net/http"
	"net/url"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// Providers are the sign-in providers to which a browser is sent; package
// federation implements it.
type Providers interface {
	Buttons(ctx context.Context) ([]federation.Button, error)
	BeginOIDC(ctx context.Context, label, next string, in identity.SignIn) (*federation.Journey, error)
	FinishOIDC(ctx context.Context, label, cookie string, answer url.Values, in identity.SignIn) (*identity.SignedIn, string, error)
	BeginSAML(ctx context.Context, label, next string, in identity.SignIn) (*federation.Journey, error)
	FinishSAML(ctx context.Context, label, cookie, response, relay string, in identity.SignIn) (*identity.SignedIn, string, error)
	Metadata(ctx context.Context, label string) ([]byte, error)
	// MoveExit, Exit, LeaveOIDC and Left sign people out at the provider, too.
	MoveExit(ctx context.Context, pending string, in *identity.SignedIn)
	Exit(ctx context.Context, p *core.Principal) *federation.Exit
	LeaveOIDC(ctx context.Context, x *federation.Exit) (*federation.Journey, string, error)
	Left(ctx context.Context, cookie, state string) (string, error)
}

// journeySeconds is how long the cookie of somebody at a provider lasts.
const journeySeconds = 600

// samlPath is below which the cookie of a SAML sign-in is sent.
const samlPath = "/signin/saml/"

func (p *Portal) providerRoutes(r func(pattern string, h http.HandlerFunc) httpx.Route) []httpx.Route {
	if p.d.Providers == nil {
		return nil
	}
	return []httpx.Route{
		r("GET /signed-out", p.signedOut),
		r("GET /signin/oidc/{provider}", p.beginOIDC),
		r("GET /signin/oidc/{provider}/callback", p.finishOIDC),
		r("GET "+samlPath+"{provider}", p.beginSAML),
		r("GET "+samlPath+"{provider}/metadata", p.samlMetadata),
		// The one POST that comes from another site by design: the identity
		// provider's page sends it. What protects it instead is written in
		// adr/0035: the cookie of a sign-in that was begun here.
		{Protocol: "portal", Pattern: "POST " + samlPath + "{provider}/acs", Handler: http.HandlerFunc(p.finishSAML), MaxBody: federation.MaxResponse * 3 / 2},
	}
}

func (p *Portal) oidcCookie() string { return p.d.Cookie + "-oidc" }
func (p *Portal) exitCookie() string { return p.d.Cookie + "-exit" }
func (p *Portal) samlCookie() string { return p.d.Cookie + "-saml" }

func (p *Portal) beginOIDC(w http.ResponseWriter, r *http.Request) {
	next := local(r.URL.Query().Get("next"))
	j, err := p.d.Providers.BeginOIDC(r.Context(), r.PathValue("provider"), next, from(r))
	if err != nil {
		p.notIn(w, r, next, err)
		return
	}
	p.setCookie(w, p.oidcCookie(), j.Secret.Reveal(), journeySeconds)
	p.send(w, r, j.URL)
}

// send sends the browser to another site, which learns nothing of where it
// comes from.
func (p *Portal) send(w http.ResponseWriter, r *http.Request, to string) {
	secure(w.Header())
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (p *Portal) finishOIDC(w http.ResponseWriter, r *http.Request) {
	cookie := ""
	if c, err := r.Cookie(p.oidcCookie()); err == nil {
		cookie = c.Value
		p.setCookie(w, p.oidcCookie(), "", -1)
	}
	in, next, err := p.d.Providers.FinishOIDC(r.Context(), r.PathValue("provider"), cookie, r.URL.Query(), from(r))
	p.arrive(w, r, in, next, err)
}

// arrive takes in somebody who comes back from a provider.
func (p *Portal) arrive(w http.ResponseWriter, r *http.Request, in *identity.SignedIn, next string, err error) {
	next = local(next)
	switch {
	case err != nil:
		p.notIn(w, r, next, err)
	case in.Session == nil:
		p.setCookie(w, p.stepCookie(), in.Pending.Reveal(), stepSeconds)
		http.Redirect(w, r, "/signin/code?next="+url.QueryEscape(next), http.StatusSeeOther)
	default:
		p.enter(w, r, in, next)
	}
}

// notIn shows why somebody did not get in, with the ways in below.
func (p *Portal) notIn(w http.ResponseWriter, r *http.Request, next string, err error) {
	if core.Is(err, core.KindNotFound) {
		p.notFound(w, r)
		return
	}
	p.fail(w, r, "signin.html", view{Title: "Sign in", Next: next}, err)
}

func (p *Portal) beginSAML(w http.ResponseWriter, r *http.Request) {
	next := local(r.URL.Query().Get("next"))
	j, err := p.d.Providers.BeginSAML(r.Context(), r.PathValue("provider"), next, from(r))
	if err != nil {
		p.notIn(w, r, next, err)
		return
	}
	p.setSAMLCookie(w, j.Secret.Reveal(), journeySeconds)
	p.send(w, r, j.URL)
}

// setSAMLCookie sets the cookie that must come along with a POST from another
// site. It signs nobody in: it only says in which browser a sign-in was begun.
func (p *Portal) setSAMLCookie(w http.ResponseWriter, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: p.samlCookie(), Value: value, Path: samlPath, MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode})
}

func (p *Portal) finishSAML(w http.ResponseWriter, r *http.Request) {
	cookie := ""
	if c, err := r.Cookie(p.samlCookie()); err == nil {
		cookie = c.Value
		p.setSAMLCookie(w, "", -1)
	}
	in, next, err := p.d.Providers.FinishSAML(r.Context(), r.PathValue("provider"), cookie, r.PostFormValue("SAMLResponse"), r.PostFormValue("RelayState"), from(r))
	p.arrive(w, r, in, next, err)
}

func (p *Portal) samlMetadata(w http.ResponseWriter, r *http.Request) {
	b, err := p.d.Providers.Metadata(r.Context(), r.PathValue("provider"))
	if err != nil {
		p.notIn(w, r, "/", err)
		return
	}
	secure(w.Header())
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	httpx.Reply(w, r, http.StatusOK, b)
}

// leave shows that the session here has ended, and goes on to the provider's page where
// it ends there. It is no redirect: form-action of our policy would stop one to another
// site after a form was sent.
func (p *Portal) leave(w http.ResponseWriter, r *http.Request, x *federation.Exit) {
	j, name, err := p.d.Providers.LeaveOIDC(r.Context(), x)
	switch {
	case err != nil:
		p.d.Log.WarnContext(r.Context(), "nobody is signed out at the provider", "provider", name, "error", err)
		p.render(w, r, http.StatusOK, "signedout.html", view{Title: "Signed out", Provider: name, Away: true})
	case j == nil:
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
	default:
		p.setCookie(w, p.exitCookie(), j.Secret.Reveal(), journeySeconds)
		p.render(w, r, http.StatusOK, "signedout.html", view{Title: "Signed out", Provider: name, Onward: j.URL})
	}
}

// signedOut is where a provider sends the browser after it signed somebody out.
func (p *Portal) signedOut(w http.ResponseWriter, r *http.Request) {
	name := ""
	if c, err := r.Cookie(p.exitCookie()); err == nil {
		p.setCookie(w, p.exitCookie(), "", -1)
		if name, err = p.d.Providers.Left(r.Context(), c.Value, r.URL.Query().Get("state")); err != nil {
			p.d.Log.WarnContext(r.Context(), "a sign-out cannot be looked up", "error", err)
		}
	}
	if _, err := p.session(r); err == nil { // somebody else's link: nobody was signed out
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	p.render(w, r, http.StatusOK, "signedout.html", view{Title: "Signed out", Provider: name, Done: name != ""})
}
