package ctl

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// People name things by words; the API by ids. What looks like an id is taken
// as one.

// find looks for the one element of a list that fits.
func find[T any, ID ~string](ctx context.Context, what, ref string, walk walker[T], id func(*T) ID, filter ...core.Cond) (ID, error) {
	rows, err := client.Collect(walk(ctx, client.Query{Filter: filter, Limit: 2}), 2)
	switch {
	case err != nil:
		return "", err
	case len(rows) == 0:
		return "", core.Errorf(core.KindNotFound, "there is no %s %q", what, ref)
	case len(rows) > 1:
		return "", usage("", "%q names more than one %s; give its id", ref, what)
	}
	return id(&rows[0]), nil
}

// is makes a filter row.
func is(column, value string) core.Cond {
	return core.Cond{Column: column, Op: core.OpEquals, Values: []string{value}}
}

// user finds a user by id or login; "" is nobody.
func (s *session) user(ctx context.Context, ref string) (core.UserID, error) {
	if ref == "" || core.ValidID(ref) {
		return core.UserID(ref), nil
	}
	return find(ctx, "user", ref, s.api.Users, func(u *resource.User) core.UserID { return u.ID }, is("login", ref))
}

// group finds a group by id or name; "" is none.
func (s *session) group(ctx context.Context, ref string) (core.GroupID, error) {
	if ref == "" || core.ValidID(ref) {
		return core.GroupID(ref), nil
	}
	return find(ctx, "group", ref, s.api.Groups, func(g *resource.Group) core.GroupID { return g.ID }, is("name", ref))
}

// groups finds several groups.
func (s *session) groups(ctx context.Context, refs []string) ([]core.GroupID, error) {
	out := make([]core.GroupID, 0, len(refs))
	for _, r := range refs {
		g, err := s.group(ctx, r)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

// organisation finds an organisation by id, number or name; "" is none.
func (s *session) organisation(ctx context.Context, ref string) (core.OrganisationID, error) {
	if ref == "" || core.ValidID(ref) {
		return core.OrganisationID(ref), nil
	}
	by := is("name", ref)
	if _, err := strconv.ParseInt(ref, 10, 64); err == nil {
		by = is("number", ref)
	}
	return find(ctx, "organisation", ref, s.api.Organisations, func(o *resource.Organisation) core.OrganisationID { return o.ID }, by)
}

// issuer finds an issuing CA by id or slug; "" is none.
func (s *session) issuer(ctx context.Context, ref string) (core.IssuerID, error) {
	if ref == "" || core.ValidID(ref) {
		return core.IssuerID(ref), nil
	}
	return find(ctx, "issuer", ref, s.api.Issuers, func(i *resource.Issuer) core.IssuerID { return i.ID }, is("slug", ref))
}

// credential finds an API credential by id, number, label or type/label.
func (s *session) credential(ctx context.Context, ref string) (core.CredentialID, error) {
	if core.ValidID(ref) {
		return core.CredentialID(ref), nil
	}
	filter := []core.Cond{is("label", ref)}
	if kind, label, ok := strings.Cut(ref, "/"); ok {
		filter = []core.Cond{is("type", kind), is("label", label)}
	} else if _, err := strconv.ParseInt(ref, 10, 64); err == nil {
		filter = []core.Cond{is("number", ref)}
	}
	return find(ctx, "credential", ref, s.api.Credentials, func(c *resource.Credential) core.CredentialID { return c.ID }, filter...)
}

// personalToken finds a personal token by id or by its public beginning.
func (s *session) personalToken(ctx context.Context, ref string) (core.TokenID, error) {
	if core.ValidID(ref) {
		return core.TokenID(ref), nil
	}
	return find(ctx, "token", ref, s.api.Tokens, func(t *resource.Token) core.TokenID { return t.ID }, is("prefix", ref))
}

// ownGroup is the group that things of a user go to when none is named: the
// only one there is to choose.
func (s *session) ownGroup(ctx context.Context) (core.GroupID, error) {
	me, err := s.api.Me(ctx)
	if err != nil {
		return "", err
	}
	if len(me.Groups) == 1 {
		return me.Groups[0], nil
	}
	var only core.GroupID
	for g, err := range iter.Seq2[resource.Group, error](s.api.Groups(ctx, client.Query{Limit: 2})) {
		switch {
		case err != nil:
			return "", err
		case only != "":
			return "", usage("--group", "there are several groups: name the one that shall own it with --group")
		}
		only = g.ID
	}
	if only == "" {
		return "", usage("--group", "there is no group yet; certwright ctl group create makes one")
	}
	return only, nil
}
