package portal

import (
	"net/http"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

const domainTitle = "Control of a domain"

// domainPage shows what the link of a validation mail is about. Looking at it
// answers nothing: programs that scan mail open links, too.
func (p *Portal) domainPage(w http.ResponseWriter, r *http.Request) {
	v := view{Title: domainTitle}
	d, err := p.d.Domains.Pending(r.Context(), r.PathValue("secret"))
	if err != nil {
		p.fail(w, r, "domain.html", v, err)
		return
	}
	v.Domain = d
	p.render(w, r, http.StatusOK, "domain.html", v)
}

// answerDomain takes the answer. The secret in the path is all that entitles to
// it, so there is no session that a foreign page could misuse.
func (p *Portal) answerDomain(w http.ResponseWriter, r *http.Request) {
	v := view{Title: domainTitle}
	answer := r.PostFormValue("answer")
	if answer != "accept" && answer != "refuse" {
		p.fail(w, r, "domain.html", v, core.Errorf(core.KindInvalid, "Accept or refuse."))
		return
	}
	d, err := p.d.Domains.Confirm(r.Context(), r.PathValue("secret"), answer == "accept", httpx.ClientAddr(r.Context()).String())
	if err != nil {
		p.fail(w, r, "domain.html", v, err)
		return
	}
	v.Note = "You accepted: control of " + d.Name + " is proven."
	if answer == "refuse" {
		v.Note = "You refused: the mail proves nothing for " + d.Name + "."
	}
	p.render(w, r, http.StatusOK, "domain.html", v)
}
