package portal

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"image/png"
	"net/http"

	"github.com/pquerna/otp"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/secret"
)

const securityTitle = "Sign-in and sessions"

func (p *Portal) securityPage(w http.ResponseWriter, r *http.Request) {
	if by := p.who(w, r); by != nil {
		p.showSecurity(w, r, by, view{}, nil)
	}
}

// showSecurity shows what a person signs in with and where he is signed in, and
// what went wrong on that page.
func (p *Portal) showSecurity(w http.ResponseWriter, r *http.Request, by *core.Principal, v view, failure error) {
	v.Title, v.Login, v.Here = securityTitle, by.Login, by.Session
	if mustChange(by) {
		http.Redirect(w, r, "/password", http.StatusSeeOther)
		return
	}
	v.Must, v.KeysOff = mustSetUp(by), p.d.Identity.PasskeysOff()
	v.Script = v.KeysOff == ""
	var err error
	if v.Proven, err = p.d.Identity.Proven(r.Context(), by); err != nil {
		p.fail(w, r, "security.html", v, err)
		return
	}
	if v.Factors, err = p.d.Identity.Factors(r.Context(), by); err != nil {
		p.fail(w, r, "security.html", v, err)
		return
	}
	q := core.ListQuery{Account: by.Account, Limit: 100, Filter: core.Filter{{Column: "user", Op: core.OpEquals, Values: []string{string(by.User)}}}}
	page, err := p.d.Identity.Sessions(r.Context(), by, q)
	if err != nil {
		p.fail(w, r, "security.html", v, err)
		return
	}
	v.Opened = page.Items
	if failure != nil {
		p.fail(w, r, "security.html", v, failure)
		return
	}
	p.render(w, r, http.StatusOK, "security.html", v)
}

// done shows the security page again, or what went wrong on it.
func (p *Portal) done(w http.ResponseWriter, r *http.Request, by *core.Principal, err error) {
	if err != nil {
		p.showSecurity(w, r, by, view{}, err)
		return
	}
	http.Redirect(w, r, "/security", http.StatusSeeOther)
}

func (p *Portal) beginTOTP(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	if _, err := p.d.Identity.BeginTOTP(r.Context(), by); err != nil {
		p.done(w, r, by, err)
		return
	}
	http.Redirect(w, r, "/security/totp", http.StatusSeeOther)
}

func (p *Portal) totpPage(w http.ResponseWriter, r *http.Request) {
	if by := p.who(w, r); by != nil {
		p.showTOTP(w, r, by, nil)
	}
}

// showTOTP shows the secret that waits for confirmation.
func (p *Portal) showTOTP(w http.ResponseWriter, r *http.Request, by *core.Principal, failure error) {
	v := view{Title: "App for codes", Login: by.Login}
	n, err := p.d.Identity.PendingTOTP(r.Context(), by)
	if core.Is(err, core.KindNotFound) {
		http.Redirect(w, r, "/security", http.StatusSeeOther)
		return
	}
	if err == nil {
		v.Secret = n.Secret.Reveal()
		v.QR, err = qr(n)
	}
	if err != nil {
		p.showSecurity(w, r, by, view{}, err)
		return
	}
	if failure != nil {
		p.fail(w, r, "totp.html", v, failure)
		return
	}
	p.render(w, r, http.StatusOK, "totp.html", v)
}

// qr draws the URL of a secret as a data URL, so that it is in no cache and in
// no log.
func qr(n *identity.NewTOTP) (template.URL, error) {
	key, err := otp.NewKeyFromURL(n.URL.Reveal())
	if err != nil {
		return "", err
	}
	img, err := key.Image(240, 240)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return "", err
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes())), nil
}

func (p *Portal) confirmTOTP(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	codes, err := p.d.Identity.ConfirmTOTP(r.Context(), by, r.PostFormValue("code"))
	if err != nil {
		p.showTOTP(w, r, by, err)
		return
	}
	if len(codes) == 0 { // those of another factor are still good
		p.done(w, r, by, nil)
		return
	}
	p.showCodes(w, r, by, codes)
}

func (p *Portal) showCodes(w http.ResponseWriter, r *http.Request, by *core.Principal, codes []secret.Redacted) {
	v := view{Title: "Recovery codes", Login: by.Login}
	for _, c := range codes {
		v.Codes = append(v.Codes, c.Reveal())
	}
	p.render(w, r, http.StatusOK, "codes.html", v)
}

func (p *Portal) disableTOTP(w http.ResponseWriter, r *http.Request) {
	if by := p.who(w, r); by != nil {
		p.done(w, r, by, p.d.Identity.DisableTOTP(r.Context(), by, r.PostFormValue("code")))
	}
}

func (p *Portal) renewRecoveryCodes(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	codes, err := p.d.Identity.RenewRecoveryCodes(r.Context(), by, r.PostFormValue("code"))
	if err != nil {
		p.done(w, r, by, err)
		return
	}
	p.showCodes(w, r, by, codes)
}

func (p *Portal) endSession(w http.ResponseWriter, r *http.Request) {
	if by := p.who(w, r); by != nil {
		p.done(w, r, by, p.d.Identity.EndSession(r.Context(), by, core.SessionID(r.PathValue("id"))))
	}
}

func (p *Portal) endOtherSessions(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	_, err := p.d.Identity.EndSessions(r.Context(), by, by.User)
	p.done(w, r, by, err)
}
