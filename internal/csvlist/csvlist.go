// Package csvlist creates users, groups, organisations and domains from CSV
// files, a piece at a time, so that a caller sees the progress and may stop
// anywhere (docs/adr/0034-import.md). It keeps nothing: a file is read anew for
// each piece, and a row whose thing exists is told and left as it is.
package csvlist

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/secret"
)

// MaxPiece is how many rows one call handles at most.
const MaxPiece = 200

// Identity is what is created; package identity implements it.
type Identity interface {
	Users(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.User], error)
	UserColumns() []core.Column
	CheckNewUser(ctx context.Context, p *core.Principal, n identity.NewUser) error
	CreateUser(ctx context.Context, p *core.Principal, n identity.NewUser) (*core.User, secret.Redacted, error)

	Groups(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Group], error)
	GroupColumns() []core.Column
	CheckNewGroup(ctx context.Context, p *core.Principal, d identity.GroupData) error
	CreateGroup(ctx context.Context, p *core.Principal, d identity.GroupData) (*core.Group, error)

	Organisations(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Organisation], error)
	OrganisationColumns() []core.Column
	CheckNewOrganisation(ctx context.Context, p *core.Principal, d identity.OrganisationData) error
	CreateOrganisation(ctx context.Context, p *core.Principal, d identity.OrganisationData) (*core.Organisation, error)
}

// Domains are what package domain offers.
type Domains interface {
	Columns() []core.Column
	CheckNew(ctx context.Context, p *core.Principal, n domain.New) error
	Register(ctx context.Context, p *core.Principal, n domain.New) (*core.Domain, error)
}

// Deps are what the service stands on; all are required.
type Deps struct {
	Identity Identity
	Domains  Domains
}

// Service creates things from lists. It is safe for concurrent use.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) (*Service, error) {
	if d.Identity == nil || d.Domains == nil {
		return nil, errors.New("csvlist: a dependency is missing")
	}
	return &Service{d: d}, nil
}

// Piece is a part of a file that is to be handled.
type Piece struct {
	List   string // "users", "groups", "organisations", "domains"
	File   []byte // the whole file, each time
	From   int    // the first row to handle, from 0
	Limit  int    // how many; 0 or more than MaxPiece: MaxPiece
	DryRun bool   // create nothing
}

// Status says what became of a row.
type Status string

// The statuses.
const (
	Created Status = "created"
	Fresh   Status = "new"     // dry run: it would be created
	Known   Status = "known"   // it exists, and was left as it is
	Refused Status = "refused" // see Reason
)

// Result is what became of a row.
type Result struct {
	Line     int    // in the file, from 1
	Name     string // what the thing is called
	Status   Status
	Reason   string
	Field    string // the column at fault
	ID       string // of what was created or exists
	Password secret.Redacted
}

// Report is what became of a piece.
type Report struct {
	Results []Result
	Total   int // rows of the file
	Next    int // the first row of the next piece; 0: there is none
}

// Import handles a piece of a file. Errors: forbidden, not-found (no such
// list), invalid and too-large (the file as a whole). What is wrong with a row
// is in its result.
func (s *Service) Import(ctx context.Context, p *core.Principal, x Piece) (*Report, error) {
	k, ok := kinds[x.List]
	if !ok {
		return nil, core.Errorf(core.KindNotFound, "there are no lists of %q to import", x.List)
	}
	if all, groups := identity.VisibleGroups(p, k.action); !all && len(groups) == 0 {
		return nil, core.Errorf(core.KindForbidden, "your roles do not include %s", k.action)
	}
	rows, err := readFile(x.File, k.cols[0], s.heading(k))
	if err != nil {
		return nil, err
	}
	if x.From < 0 || x.From > len(rows) {
		return nil, core.Errorf(core.KindInvalid, "the file has no row %d", x.From).At("from")
	}
	if x.Limit <= 0 || x.Limit > MaxPiece {
		x.Limit = MaxPiece
	}
	end := min(x.From+x.Limit, len(rows))
	rep := &Report{Results: []Result{}, Total: len(rows)}
	earlier := map[string]int{}
	for i := range rows[:end] {
		r := &rows[i]
		name := k.name(r.cells)
		first, twice := earlier[name]
		if !twice {
			earlier[name] = r.line
		}
		if i < x.From {
			continue
		}
		res := Result{Line: r.line, Name: shorten(name)}
		switch {
		case r.err != nil:
			res.refuse(r.err)
		case name == "":
			res.refuse(core.Errorf(core.KindInvalid, "the row has no %s", k.cols[0]).At(k.cols[0]))
		case twice && !k.sameName:
			res.Status, res.Reason = Refused, core.Errorf(core.KindExists, "it stands in line %d already", first).Detail
		default:
			if err := k.row(s, ctx, p, r.cells, x.DryRun, &res); err != nil {
				if !rowFault(err) {
					return nil, err
				}
				res.refuse(err)
			}
		}
		rep.Results = append(rep.Results, res)
	}
	if end < len(rows) {
		rep.Next = end
	}
	return rep, nil
}

// refuse tells why a row was refused.
func (r *Result) refuse(err error) {
	e := core.AsError(err)
	r.Status, r.Reason = Refused, e.Detail
	switch {
	case e.Field == "grants": // what a role is called further in
		r.Field = "role"
	case e.Field == "groups":
		r.Field = "group"
	case !core.ValidID(e.Field):
		r.Field = e.Field
	}
}

// rowFault reports whether an error is about one row and no reason to stop.
func rowFault(err error) bool {
	switch core.KindOf(err) {
	case core.KindInternal, core.KindUnavailable, core.KindUnauthenticated:
		return false
	}
	return true
}

// kind is a kind of list.
type kind struct {
	action  identity.Action
	cols    []string // those that are read; the first must be there
	columns func(*Service) []core.Column
	name    func(cells map[string]string) string
	// sameName: two rows with one name may mean two things.
	sameName bool
	row      func(s *Service, ctx context.Context, p *core.Principal, cells map[string]string, dry bool, res *Result) error
}

var kinds = map[string]kind{
	"users": {identity.UserManage, []string{"login", "name", "email", "role", "group", "sign_in"}, func(s *Service) []core.Column { return s.d.Identity.UserColumns() },
		func(c map[string]string) string { return strings.ToLower(c["login"]) }, false, (*Service).user},
	"groups": {identity.GroupManage, []string{"name", "email", "organisation"}, func(s *Service) []core.Column { return s.d.Identity.GroupColumns() },
		named, false, (*Service).group},
	"organisations": {identity.OrganisationManage, []string{"name", "country", "state", "locality", "email"},
		func(s *Service) []core.Column { return s.d.Identity.OrganisationColumns() }, named, false, (*Service).organisation},
	"domains": {identity.DomainManage, []string{"name", "organisation", "group", "method"}, func(s *Service) []core.Column { return s.d.Domains.Columns() },
		named, true, (*Service).domain},
}

func named(c map[string]string) string { return c["name"] }

// Columns returns the columns that a list is read from; the first must be there.
func Columns(list string) []string { return slices.Clone(kinds[list].cols) }

// Lists are the names of the lists that can be imported.
var Lists = []string{"users", "groups", "organisations", "domains"}

// heading tells which column a heading means: by the name or title of the
// column in the list, so that an export can be read again. What exports have
// beyond that is read over.
func (s *Service) heading(k kind) func(string) (string, bool) {
	fold := func(h string) string {
		return strings.Map(func(r rune) rune {
			if r == ' ' || r == '_' || r == '-' {
				return -1
			}
			return r
		}, strings.ToLower(h))
	}
	known := map[string]string{}
	for _, c := range k.columns(s) {
		name := ""
		if slices.Contains(k.cols, c.Name) {
			name = c.Name
		}
		known[fold(c.Title)], known[fold(c.Name)] = name, name
	}
	for _, c := range k.cols {
		known[fold(c)], known[fold(c)+"s"] = c, c
	}
	return func(h string) (string, bool) {
		name, ok := known[fold(strings.TrimSpace(h))]
		return name, ok
	}
}
