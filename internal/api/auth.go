package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// CookieName is the session cookie that API and portal share.
const CookieName = "cwsession"

// RequestedWith is the value of the header X-Requested-With that proves a
// request with a session cookie to come from our own pages or programs: a page
// of another origin cannot set the header without asking, and is never allowed.
const RequestedWith = "certwright"

// Unattended is the header of requests that a page makes by itself, without
// anybody there: they do not count as use of the session, which so ends after
// its idle time although the page follows what happens.
const Unattended = "X-Unattended"

// admit finds out who asks and whether he may do the operation's action
// anywhere. The principal is nil for open operations.
func (a *API) admit(ctx huma.Context, op operation) (*core.Principal, error) {
	r, _ := humago.Unwrap(ctx)
	if op.open {
		// A sign-in from a forged page would put its victim into a foreign account.
		if r.Method != http.MethodGet {
			return nil, a.sameOrigin(r)
		}
		return nil, nil
	}
	p, err := a.authenticate(r)
	if err != nil {
		return nil, err
	}
	p.Address, p.RequestID = httpx.ClientAddr(r.Context()), httpx.RequestID(r.Context())
	if op.action == "" {
		return p, nil
	}
	if all, groups := identity.VisibleGroups(p, op.action); !all && len(groups) == 0 {
		return nil, identity.Can(p, op.action, "")
	}
	return p, nil
}

// authenticate reads the bearer token or else the session cookie.
func (a *API) authenticate(r *http.Request) (*core.Principal, error) {
	addr := httpx.ClientAddr(r.Context())
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, core.Errorf(core.KindUnauthenticated, "use Authorization: Bearer with a personal API token")
		}
		return a.d.Identity.TokenPrincipal(r.Context(), strings.TrimSpace(token), addr)
	}
	c, err := r.Cookie(CookieName)
	if err != nil {
		return nil, core.Errorf(core.KindUnauthenticated, "sign in, or send Authorization: Bearer with a personal API token")
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if err := a.sameOrigin(r); err != nil {
			return nil, err
		}
	}
	if r.Method == http.MethodGet && r.Header.Get(Unattended) != "" {
		return a.d.Identity.PeekSession(r.Context(), c.Value, addr)
	}
	return a.d.Identity.SessionPrincipal(r.Context(), c.Value, addr)
}

// stillThere is authenticate for a stream that goes on: following what others
// do does not keep a session alive.
func (a *API) stillThere(r *http.Request) (*core.Principal, error) {
	if r.Header.Get("Authorization") != "" {
		return a.authenticate(r)
	}
	c, err := r.Cookie(CookieName)
	if err != nil {
		return nil, core.Errorf(core.KindUnauthenticated, "you are not signed in")
	}
	return a.d.Identity.PeekSession(r.Context(), c.Value, httpx.ClientAddr(r.Context()))
}

// sameOrigin guards against requests that a foreign page makes a browser send
// with its cookies.
func (a *API) sameOrigin(r *http.Request) error {
	if r.Header.Get("X-Requested-With") == RequestedWith {
		return nil
	}
	if o := r.Header.Get("Origin"); o != "" && strings.EqualFold(o, httpx.BaseURL(r, a.d.BaseURL())) {
		return nil
	}
	return core.Errorf(core.KindForbidden, "a request with a session cookie needs the header X-Requested-With: %s, or an Origin that is this server", RequestedWith)
}

// mustChange reports whether p has a one-time password and may only set
// another.
func mustChange(p *core.Principal) bool { return has(p, identity.RolePasswordChange) }

// has reports whether p has a role, in any scope.
func has(p *core.Principal, role core.Role) bool {
	return slices.ContainsFunc(p.Grants, func(g core.Grant) bool { return g.Role == role })
}

// within restricts a list to the groups for which p may do action. The
// condition cannot be widened by what the client filters: rows are joined by
// AND.
func within(p *core.Principal, action identity.Action, q core.ListQuery) (core.ListQuery, error) {
	q.Account = p.Account
	all, groups := identity.VisibleGroups(p, action)
	switch {
	case all:
		return q, nil
	case len(groups) == 0:
		return q, identity.Can(p, action, "")
	}
	groups = named(groups, q.Filter)
	if len(groups) == 0 {
		groups = []core.GroupID{"none"} // he filters for groups that he cannot see
	}
	if len(groups) > maxGroups {
		return q, core.Errorf(core.KindInvalid, "you are in more than %d groups; add a filter row for the column group", maxGroups).At("filter")
	}
	cond := core.Cond{Column: "group", Op: core.OpIn}
	for _, g := range groups {
		cond.Values = append(cond.Values, string(g))
	}
	q.Filter = append(slices.Clone(q.Filter), cond)
	return q, nil
}

// maxGroups is how many values a filter row may have, see core.Filter.Check.
const maxGroups = 100

// named keeps of groups those that a filter for groups names, so that people
// in very many groups can still list.
func named(groups []core.GroupID, f core.Filter) []core.GroupID {
	for _, c := range f {
		if c.Column != "group" || (c.Op != core.OpEquals && c.Op != core.OpIn) {
			continue
		}
		groups = slices.DeleteFunc(slices.Clone(groups), func(g core.GroupID) bool { return !slices.Contains(c.Values, string(g)) })
	}
	return groups
}

// see returns not-found, as if the thing did not exist, when p may not view
// things of the group; else whether he may do action.
func see(p *core.Principal, view, action identity.Action, group core.GroupID, what string) error {
	if identity.Can(p, view, group) != nil {
		return core.Errorf(core.KindNotFound, "there is no such %s", what)
	}
	if action == view {
		return nil
	}
	return identity.Can(p, action, group)
}
