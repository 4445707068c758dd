package portal

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// Passkeys is the part of identity that passkeys need.
type Passkeys interface {
	PasskeysOff() string
	BeginPasskeySignIn(ctx context.Context) (*identity.Ceremony, error)
	FinishPasskeySignIn(ctx context.Context, plain string, answer []byte, in identity.SignIn) (*identity.SignedIn, error)
	StepPasskeys(ctx context.Context, pending string) (bool, error)
	BeginPasskeyStep(ctx context.Context, pending string) (*identity.Ceremony, error)
	FinishPasskeyStep(ctx context.Context, pending, plain string, answer []byte, in identity.SignIn) (*identity.SignedIn, error)
	Proven(ctx context.Context, p *core.Principal) (bool, error)
	Confirm(ctx context.Context, p *core.Principal, password, code string) error
	BeginPasskeyConfirm(ctx context.Context, p *core.Principal) (*identity.Ceremony, error)
	FinishPasskeyConfirm(ctx context.Context, p *core.Principal, plain string, answer []byte) error
	BeginPasskey(ctx context.Context, p *core.Principal) (*identity.Ceremony, error)
	FinishPasskey(ctx context.Context, p *core.Principal, plain, name string, answer []byte) (*core.Passkey, []secret.Redacted, error)
	RenamePasskey(ctx context.Context, p *core.Principal, id core.PasskeyID, name string) (*core.Passkey, error)
	RemovePasskey(ctx context.Context, p *core.Principal, id core.PasskeyID) error
}

func (p *Portal) passkeyRoutes(r func(string, http.HandlerFunc) httpx.Route) []httpx.Route {
	return []httpx.Route{
		r("GET /passkey.js", p.passkeyScript),
		r("POST /signin/passkey/options", p.signInOptions),
		r("POST /signin/passkey", p.signInByKey),
		r("POST /signin/code/passkey/options", p.stepOptions),
		r("POST /signin/code/passkey", p.stepByKey),
		r("GET /security/confirm", p.confirmPage),
		r("POST /security/confirm", p.confirm),
		r("POST /security/confirm/passkey/options", p.confirmOptions),
		r("POST /security/confirm/passkey", p.confirmByKey),
		r("POST /security/passkeys/options", p.createOptions),
		r("POST /security/passkeys", p.createKey),
		r("POST /security/passkeys/{id}/rename", p.renameKey),
		r("POST /security/passkeys/{id}/remove", p.removeKey),
	}
}

func (p *Portal) passkeyScript(w http.ResponseWriter, r *http.Request) { servePageFile(w, r, p.keys) }

// keyCookie names the cookie of a ceremony between its two requests.
func (p *Portal) keyCookie() string { return p.d.Cookie + "-key" }

// options answers the script with what it hands to the browser, or with what is
// in the way: a message, or the page to go to first.
func (p *Portal) options(w http.ResponseWriter, r *http.Request, c *identity.Ceremony, err error) {
	status := http.StatusOK
	var out struct {
		Options json.RawMessage `json:"options,omitempty"`
		Error   string          `json:"error,omitempty"`
		To      string          `json:"to,omitempty"`
	}
	switch e := core.AsError(err); {
	case err == nil:
		out.Options = c.Options
		p.setCookie(w, p.keyCookie(), c.Secret.Reveal(), stepSeconds)
	case e.Kind == core.KindForbidden && e.Field == "proof":
		out.To = "/security/confirm"
	case e.Kind == core.KindUnauthenticated || e.Kind == core.KindExpired:
		out.To = "/signin"
	case e.Kind == core.KindConflict || e.Kind == core.KindForbidden:
		out.Error = e.Detail
	default:
		status = http.StatusInternalServerError
		p.d.Log.ErrorContext(r.Context(), "passkey options", "error", err, "request", httpx.RequestID(r.Context()))
		out.Error = "Something went wrong here. Request " + httpx.RequestID(r.Context())
	}
	body, err := json.Marshal(out)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	secure(w.Header())
	httpx.Reply(w, r, status, body)
}

// answer takes the browser's answer and the ceremony's cookie, which it ends.
func (p *Portal) answer(w http.ResponseWriter, r *http.Request) (plain string, answer []byte) {
	if c, err := r.Cookie(p.keyCookie()); err == nil {
		plain = c.Value
	}
	p.setCookie(w, p.keyCookie(), "", -1)
	return plain, []byte(r.PostFormValue("answer"))
}

func (p *Portal) signInOptions(w http.ResponseWriter, r *http.Request) {
	c, err := p.d.Identity.BeginPasskeySignIn(r.Context())
	p.options(w, r, c, err)
}

func (p *Portal) signInByKey(w http.ResponseWriter, r *http.Request) {
	next := local(r.PostFormValue("next"))
	plain, answer := p.answer(w, r)
	in, err := p.d.Identity.FinishPasskeySignIn(r.Context(), plain, answer, from(r))
	if err != nil {
		p.fail(w, r, "signin.html", view{Title: "Sign in", Next: next}, err)
		return
	}
	p.enter(w, r, in, next)
}

func (p *Portal) stepOptions(w http.ResponseWriter, r *http.Request) {
	pending := ""
	if c, err := r.Cookie(p.stepCookie()); err == nil {
		pending = c.Value
	}
	c, err := p.d.Identity.BeginPasskeyStep(r.Context(), pending)
	p.options(w, r, c, err)
}

func (p *Portal) stepByKey(w http.ResponseWriter, r *http.Request) {
	pending, err := r.Cookie(p.stepCookie())
	if err != nil {
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	plain, answer := p.answer(w, r)
	in, err := p.d.Identity.FinishPasskeyStep(r.Context(), pending.Value, plain, answer, from(r))
	p.second(w, r, in, err)
}

const confirmTitle = "Confirm that it is you"

func (p *Portal) confirmPage(w http.ResponseWriter, r *http.Request) {
	if by := p.who(w, r); by != nil {
		p.showConfirm(w, r, by, nil)
	}
}

func (p *Portal) showConfirm(w http.ResponseWriter, r *http.Request, by *core.Principal, failure error) {
	if mustChange(by) {
		http.Redirect(w, r, "/password", http.StatusSeeOther)
		return
	}
	v := view{Title: confirmTitle, Login: by.Login}
	f, err := p.d.Identity.Factors(r.Context(), by)
	if err == nil {
		v.HasTOTP, v.HasKey = f.TOTP, len(f.Passkeys) > 0 && p.d.Identity.PasskeysOff() == ""
		v.Script = v.HasKey
		err = failure
	}
	if err != nil {
		p.fail(w, r, "confirm.html", v, err)
		return
	}
	p.render(w, r, http.StatusOK, "confirm.html", v)
}

func (p *Portal) confirm(w http.ResponseWriter, r *http.Request) {
	if by := p.who(w, r); by != nil {
		p.confirmed(w, r, by, p.d.Identity.Confirm(r.Context(), by, r.PostFormValue("password"), r.PostFormValue("code")))
	}
}

func (p *Portal) confirmed(w http.ResponseWriter, r *http.Request, by *core.Principal, err error) {
	if err != nil {
		p.showConfirm(w, r, by, err)
		return
	}
	http.Redirect(w, r, "/security", http.StatusSeeOther)
}

// asks answers the script of a signed-in person.
func (p *Portal) asks(w http.ResponseWriter, r *http.Request, begin func(context.Context, *core.Principal) (*identity.Ceremony, error)) {
	by, err := p.session(r)
	var c *identity.Ceremony
	if err == nil {
		c, err = begin(r.Context(), by)
	}
	p.options(w, r, c, err)
}

func (p *Portal) confirmOptions(w http.ResponseWriter, r *http.Request) {
	p.asks(w, r, p.d.Identity.BeginPasskeyConfirm)
}

func (p *Portal) confirmByKey(w http.ResponseWriter, r *http.Request) {
	if by := p.who(w, r); by != nil {
		plain, answer := p.answer(w, r)
		p.confirmed(w, r, by, p.d.Identity.FinishPasskeyConfirm(r.Context(), by, plain, answer))
	}
}

func (p *Portal) createOptions(w http.ResponseWriter, r *http.Request) {
	p.asks(w, r, p.d.Identity.BeginPasskey)
}

func (p *Portal) createKey(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	plain, answer := p.answer(w, r)
	_, codes, err := p.d.Identity.FinishPasskey(r.Context(), by, plain, r.PostFormValue("name"), answer)
	if err == nil && len(codes) > 0 {
		p.showCodes(w, r, by, codes)
		return
	}
	p.done(w, r, by, err)
}

func (p *Portal) renameKey(w http.ResponseWriter, r *http.Request) {
	if by := p.who(w, r); by != nil {
		_, err := p.d.Identity.RenamePasskey(r.Context(), by, core.PasskeyID(r.PathValue("id")), r.PostFormValue("name"))
		p.done(w, r, by, err)
	}
}

func (p *Portal) removeKey(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	err := p.d.Identity.RemovePasskey(r.Context(), by, core.PasskeyID(r.PathValue("id")))
	if e := core.AsError(err); err != nil && e.Kind == core.KindForbidden && e.Field == "proof" {
		http.Redirect(w, r, "/security/confirm", http.StatusSeeOther)
		return
	}
	p.done(w, r, by, err)
}
