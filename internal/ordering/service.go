package ordering

import (
	"context"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// Service puts orders together.
type Service struct{ d Deps }

// scope is what p may see in reports.
func scope(p *core.Principal) Scope {
	if p.Credential != nil {
		s := Scope{Groups: []core.GroupID{p.Group}, Products: p.Products}
		if s.Products == nil {
			s.Products = []core.ProductID{}
		}
		return s
	}
	all, groups := identity.VisibleGroups(p, identity.OrderView)
	return Scope{AllGroups: all, Groups: groups}
}

// Report selects rows p may see, newest first, and how many there are in all.
func (s *Service) Report(ctx context.Context, p *core.Principal, q Query) ([]Row, int, error) {
	if q.Limit < 1 || q.Limit > 100 {
		return nil, 0, core.Errorf(core.KindInvalid, "a page of the report has 1 to 100 rows").At("limit")
	}
	if q.Offset < 0 {
		return nil, 0, core.Errorf(core.KindInvalid, "the offset cannot be negative").At("offset")
	}
	sc := scope(p)
	if !sc.AllGroups && len(sc.Groups) == 0 || sc.Products != nil && len(sc.Products) == 0 {
		return nil, 0, nil
	}
	return s.d.Storage.ReportOrders(ctx, p.Account, sc, q)
}
