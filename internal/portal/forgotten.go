package portal

import (
	"context"
	"net/http"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// Resets is the part of identity for those who have forgotten their password.
type Resets interface {
	ResetMails() bool
	AskReset(ctx context.Context, in identity.AskReset) error
	ResetOf(ctx context.Context, secret string) (*core.User, error)
	FinishReset(ctx context.Context, secret, fresh string, in identity.AskReset) error
}

const (
	forgottenTitle = "Forgotten password"
	resetTitle     = "Choose a new password"
)

func (p *Portal) forgottenPage(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusOK, "forgotten.html", view{Title: forgottenTitle, Mails: p.d.Identity.ResetMails(), Account: accountOf(r.URL.Query().Get("account"))})
}

// forgotten answers the same whether there is such a user or not.
func (p *Portal) forgotten(w http.ResponseWriter, r *http.Request) {
	v := view{Title: forgottenTitle, Mails: p.d.Identity.ResetMails(), Account: accountOf(r.PostFormValue("account"))}
	err := p.d.Identity.AskReset(r.Context(), identity.AskReset{Account: v.Account, Login: r.PostFormValue("login"), Address: httpx.ClientAddr(r.Context()), RequestID: httpx.RequestID(r.Context())})
	if err != nil {
		p.fail(w, r, "forgotten.html", v, err)
		return
	}
	v.Sent = true
	p.render(w, r, http.StatusOK, "forgotten.html", v)
}

func (p *Portal) resetPage(w http.ResponseWriter, r *http.Request) { p.showReset(w, r, nil) }

// showReset shows the page that a link in a mail opens.
func (p *Portal) showReset(w http.ResponseWriter, r *http.Request, failure error) {
	v := view{Title: resetTitle}
	u, err := p.d.Identity.ResetOf(r.Context(), r.PathValue("secret"))
	if err != nil {
		p.fail(w, r, "reset.html", v, err)
		return
	}
	v.For = u.Login
	if failure != nil {
		p.fail(w, r, "reset.html", v, failure)
		return
	}
	p.render(w, r, http.StatusOK, "reset.html", v)
}

func (p *Portal) reset(w http.ResponseWriter, r *http.Request) {
	fresh := r.PostFormValue("fresh")
	if fresh != r.PostFormValue("again") {
		p.showReset(w, r, core.Errorf(core.KindInvalid, "The two new passwords differ."))
		return
	}
	err := p.d.Identity.FinishReset(r.Context(), r.PathValue("secret"), fresh, identity.AskReset{Address: httpx.ClientAddr(r.Context()), RequestID: httpx.RequestID(r.Context())})
	if err != nil {
		p.showReset(w, r, err)
		return
	}
	p.setCookie(w, p.d.Cookie, "", -1) // its session has ended
	p.render(w, r, http.StatusOK, "signin.html", view{Title: "Sign in", Next: "/", Note: "Your new password is set. Sign in with it."})
}
