package portal

import (
	"net/http"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

const consentTitle = "Your consent is asked for"

// consentPage shows what a link asks, or how it was answered. Looking at it
// answers nothing: programs that scan mail open links, too.
func (p *Portal) consentPage(w http.ResponseWriter, r *http.Request) {
	p.showConsent(w, r)
}

// answerConsent takes the answer. The secret in the path is all that entitles
// to it, so there is no session that a foreign page could misuse.
func (p *Portal) answerConsent(w http.ResponseWriter, r *http.Request) {
	answer := r.PostFormValue("answer")
	if answer != "yes" && answer != "no" {
		p.fail(w, r, "consent.html", view{Title: consentTitle}, core.Errorf(core.KindInvalid, "Answer yes or no."))
		return
	}
	if _, err := p.d.Consents.AnswerConsent(r.Context(), r.PathValue("secret"), answer == "yes", httpx.ClientAddr(r.Context()).String()); err != nil {
		p.fail(w, r, "consent.html", view{Title: consentTitle}, err)
		return
	}
	p.showConsent(w, r)
}

func (p *Portal) showConsent(w http.ResponseWriter, r *http.Request) {
	c, o, err := p.d.Consents.PendingConsent(r.Context(), r.PathValue("secret"))
	if err != nil {
		p.fail(w, r, "consent.html", view{Title: consentTitle}, err)
		return
	}
	v := view{Title: consentTitle, Consent: c, About: o}
	switch c.State {
	case core.ConsentGiven:
		v.Title, v.Note = "You agreed", "You agreed on "+c.AnsweredAt.Format("02-Jan-2006 15:04 UTC")+"."
	case core.ConsentRefused:
		v.Title, v.Note = "You refused", "You refused on "+c.AnsweredAt.Format("02-Jan-2006 15:04 UTC")+"."
	}
	p.render(w, r, http.StatusOK, "consent.html", v)
}
