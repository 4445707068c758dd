package portal

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/wire/httpx"
)

func (p *Portal) signInPage(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusOK, "signin.html", view{Title: "Sign in", Next: local(r.URL.Query().Get("next")), Account: accountOf(r.URL.Query().Get("account"))})
}

// accountOf reads the number of an account; 0 for none.
func accountOf(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// local returns next when it is a path on this server, else the home page.
func local(next string) string {
	odd := func(c rune) bool { return c == '\\' || unicode.IsControl(c) } // browsers drop tabs and read \ as /
	if strings.HasPrefix(next, "/") && !strings.HasPrefix(next, "//") && !strings.ContainsFunc(next, odd) {
		return next
	}
	return "/"
}

func (p *Portal) signIn(w http.ResponseWriter, r *http.Request) {
	v := view{Title: "Sign in", Next: local(r.PostFormValue("next")), Account: accountOf(r.PostFormValue("account"))}
	v.Login = r.PostFormValue("login")
	in, err := p.d.Identity.SignIn(r.Context(), identity.SignIn{Account: v.Account, Login: v.Login, Password: r.PostFormValue("password"),
		Address: httpx.ClientAddr(r.Context()), Agent: r.UserAgent(), RequestID: httpx.RequestID(r.Context())})
	if err != nil {
		p.fail(w, r, "signin.html", v, err)
		return
	}
	if in.Session == nil {
		p.setCookie(w, p.stepCookie(), in.Pending.Reveal(), stepSeconds)
		http.Redirect(w, r, "/signin/code?next="+url.QueryEscape(v.Next), http.StatusSeeOther)
		return
	}
	p.enter(w, r, in, v.Next)
}

// stepSeconds is how long the cookie of a sign-in between two requests lasts.
const stepSeconds = 300

// stepCookie names the cookie of a sign-in that waits for its second step.
func (p *Portal) stepCookie() string { return p.d.Cookie + "-step" }

// setCookie sets a cookie that no script gets at, and of other sites only links
// that are followed bring along; seconds is how long it lasts: 0 until the
// browser ends, below 0 it is removed.
func (p *Portal) setCookie(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// enter gives the browser its session and sends it on.
func (p *Portal) enter(w http.ResponseWriter, r *http.Request, in *identity.SignedIn, next string) {
	p.setCookie(w, p.d.Cookie, in.Secret.Reveal(), 0)
	switch {
	case in.MustChange:
		next = "/password"
	case in.MustSetUp:
		next = "/security"
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (p *Portal) codePage(w http.ResponseWriter, r *http.Request) {
	if _, err := r.Cookie(p.stepCookie()); err != nil {
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	p.showCode(w, r, local(r.URL.Query().Get("next")), nil)
}

// showCode shows the page of the second step, and what went wrong on it.
func (p *Portal) showCode(w http.ResponseWriter, r *http.Request, next string, failure error) {
	v := view{Title: "Second step", Next: next}
	if c, err := r.Cookie(p.stepCookie()); err == nil {
		ok, err := p.d.Identity.StepPasskeys(r.Context(), c.Value)
		if err != nil && failure == nil {
			failure = err
		}
		v.HasKey, v.Script = ok, ok
	}
	if failure != nil {
		p.fail(w, r, "code.html", v, failure)
		return
	}
	p.render(w, r, http.StatusOK, "code.html", v)
}

// second finishes or refuses the second step.
func (p *Portal) second(w http.ResponseWriter, r *http.Request, in *identity.SignedIn, err error) {
	next := local(r.PostFormValue("next"))
	switch {
	case core.Is(err, core.KindExpired):
		p.setCookie(w, p.stepCookie(), "", -1)
		p.fail(w, r, "signin.html", view{Title: "Sign in", Next: next}, err)
	case err != nil:
		p.showCode(w, r, next, err)
	default:
		if c, cerr := r.Cookie(p.stepCookie()); cerr == nil && p.d.Providers != nil {
			p.d.Providers.MoveExit(r.Context(), c.Value, in)
		}
		p.setCookie(w, p.stepCookie(), "", -1)
		p.enter(w, r, in, next)
	}
}

// from says where a sign-in comes from.
func from(r *http.Request) identity.SignIn {
	return identity.SignIn{Address: httpx.ClientAddr(r.Context()), Agent: r.UserAgent(), RequestID: httpx.RequestID(r.Context())}
}

func (p *Portal) code(w http.ResponseWriter, r *http.Request) {
	c, err := r.Cookie(p.stepCookie())
	if err != nil {
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	try := from(r)
	try.Code = r.PostFormValue("code")
	in, err := p.d.Identity.SecondStep(r.Context(), c.Value, try)
	p.second(w, r, in, err)
}

func (p *Portal) signOut(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	var x *federation.Exit
	if p.d.Providers != nil {
		x = p.d.Providers.Exit(r.Context(), by)
	}
	if err := p.d.Identity.EndSession(r.Context(), by, by.Session); err != nil && !core.Is(err, core.KindNotFound) {
		p.fail(w, r, "signin.html", view{Title: "Sign in"}, err)
		return
	}
	p.setCookie(w, p.d.Cookie, "", -1)
	if x != nil {
		p.leave(w, r, x)
		return
	}
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

func (p *Portal) passwordPage(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	p.render(w, r, http.StatusOK, "password.html", view{Title: "Change password", Login: by.Login, Must: mustChange(by)})
}

func (p *Portal) password(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	v := view{Title: "Change password", Login: by.Login, Must: mustChange(by)}
	fresh := r.PostFormValue("fresh")
	if fresh != r.PostFormValue("again") {
		p.fail(w, r, "password.html", v, core.Errorf(core.KindInvalid, "The two new passwords differ."))
		return
	}
	if err := p.d.Identity.ChangePassword(r.Context(), by, r.PostFormValue("old"), fresh); err != nil {
		p.fail(w, r, "password.html", v, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (p *Portal) createToken(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	n := identity.NewToken{Name: r.PostFormValue("name")}
	switch days := r.PostFormValue("days"); days {
	case "1", "30", "90", "365":
		d := map[string]int{"1": 1, "30": 30, "90": 90, "365": 365}[days]
		n.ExpiresAt = p.d.Now().Add(time.Duration(d) * 24 * time.Hour)
	default:
		p.fail(w, r, "tokens.html", view{Title: "Personal API tokens", Login: by.Login}, core.Errorf(core.KindInvalid, "Choose how long the token is valid."))
		return
	}
	_, text, err := p.d.Identity.CreateToken(r.Context(), by, n)
	if err != nil {
		p.fail(w, r, "tokens.html", view{Title: "Personal API tokens", Login: by.Login}, err)
		return
	}
	p.showTokens(w, r, by, view{Fresh: text.Reveal()})
}

func (p *Portal) revokeToken(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	if err := p.d.Identity.RevokeToken(r.Context(), by, core.TokenID(r.PathValue("id"))); err != nil {
		p.fail(w, r, "tokens.html", view{Title: "Personal API tokens", Login: by.Login}, err)
		return
	}
	http.Redirect(w, r, "/tokens", http.StatusSeeOther)
}
