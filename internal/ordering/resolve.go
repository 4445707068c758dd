package ordering

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// mine lists the active products that p may order.
func (s *Service) mine(ctx context.Context, p *core.Principal) ([]core.Product, error) {
	var out []core.Product
	if p.Credential != nil {
		for _, id := range p.Products {
			x, err := s.d.Enroll.Product(ctx, p.Account, id)
			if err != nil {
				return nil, err
			}
			if x.State == core.ProductActive {
				out = append(out, *x)
			}
		}
		return out, nil
	}
	q := core.ListQuery{Account: p.Account, Limit: core.MaxPage,
		Filter: core.Filter{{Column: "state", Op: core.OpEquals, Values: []string{string(core.ProductActive)}}}}
	for {
		page, err := s.d.Storage.ListProducts(ctx, q)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Items...)
		if q.Cursor = page.Next; q.Cursor == "" {
			return out, nil
		}
	}
}

// shapesOf are the shapes in which a product is sold: none but the empty one
// unless it is for TLS. EV has no wildcards (CA/B EVG 7.1.2.7.6, formerly 9.2.2).
func shapesOf(t core.OrderTerms) []core.Shape {
	if !t.Family.TLS() {
		return []core.Shape{""}
	}
	shapes := t.Shapes
	if len(shapes) == 0 {
		shapes = core.Shapes
	}
	if t.Family != core.FamilyEV {
		return shapes
	}
	return slices.DeleteFunc(slices.Clone(shapes), func(x core.Shape) bool { return x == core.ShapeWildcard || x == core.ShapeWildcardUCC })
}

// offers are the lines of a product in the catalogue.
func offers(p *core.Product) []Offer {
	t := p.OrderTerms()
	shapes := shapesOf(t)
	out := make([]Offer, 0, len(shapes))
	for _, x := range shapes {
		o := Offer{Product: p, Family: t.Family, Shape: x, Code: p.CodeOf(x), Name: p.Name}
		if len(shapes) > 1 && x != core.ShapeSingle {
			o.Name += map[core.Shape]string{core.ShapeWildcard: " Wildcard", core.ShapeUCC: " UCC", core.ShapeWildcardUCC: " Wildcard UCC"}[x]
		}
		out = append(out, o)
	}
	return out
}

// Catalogue lists what the principal may order, TLS products once per shape,
// sorted by code. A credential may name its own group only. Products belong to
// credentials, not to groups: a person sees all of the account for each group
// in which he may order.
func (s *Service) Catalogue(ctx context.Context, p *core.Principal, group core.GroupID) ([]Offer, error) {
	if group != "" {
		if _, err := s.groupOf(ctx, p, group); err != nil {
			return nil, err
		}
	}
	if err := identity.Can(p, identity.ProductView, p.Group); err != nil {
		return nil, err
	}
	products, err := s.mine(ctx, p)
	if err != nil {
		return nil, err
	}
	var out []Offer
	for i := range products {
		out = append(out, offers(&products[i])...)
	}
	slices.SortStableFunc(out, func(a, b Offer) int { return cmp.Compare(a.Code, b.Code) })
	return out, nil
}

// resolve finds the product that a wish means, and the shape of it.
func (s *Service) resolve(ctx context.Context, p *core.Principal, n *New, shape core.Shape) (*core.Product, error) {
	products, err := s.mine(ctx, p)
	if err != nil {
		return nil, err
	}
	id := n.Product
	if id == "" && n.Code == 0 && n.Ask.Family == "" {
		if id = p.Product; id == "" {
			return nil, core.Errorf(core.KindInvalid, "no product is named").At("product")
		}
	}
	var fits []*core.Product
	for i := range products {
		x := &products[i]
		if (id == "" || x.ID == id) && (n.Code == 0 || sells(x, n.Code)) {
			fits = append(fits, x)
		}
	}
	if len(fits) == 0 && (id != "" || n.Code != 0) {
		return nil, core.Errorf(core.KindForbidden, "there is no such product among those that may be ordered here").At("product")
	}
	fits = slices.DeleteFunc(fits, func(x *core.Product) bool { return !suits(x, n) })
	if len(fits) == 0 {
		if id != "" || n.Code != 0 {
			return nil, core.Errorf(core.KindPolicy, "the product is not of the kind that the order is for").At("product")
		}
		return nil, core.Errorf(core.KindForbidden, "no product of kind %s may be ordered here", strings.TrimSpace(string(n.Ask.Family)+" "+n.Ask.Variant)).At("product")
	}
	return choose(fits, n, shape)
}

// choose picks among products of the right kind by shape and code.
func choose(fits []*core.Product, n *New, shape core.Shape) (*core.Product, error) {
	shaped := slices.DeleteFunc(slices.Clone(fits), func(x *core.Product) bool {
		t := x.OrderTerms()
		return t.Family.TLS() && (!slices.Contains(shapesOf(t), shape) || n.Code != 0 && x.CodeOf(shape) != n.Code)
	})
	if len(shaped) == 0 {
		return nil, core.Errorf(core.KindBadName, "the product is not sold for names of this shape (%s)", shape).At("names")
	}
	if v := n.Ask.Variant; v != "" && len(shaped) > 1 { // a product for the very word wins over one for any
		if exact := slices.DeleteFunc(slices.Clone(shaped), func(x *core.Product) bool { return x.OrderTerms().Variant != v }); len(exact) > 0 {
			shaped = exact
		}
	}
	if len(shaped) == 1 {
		return shaped[0], nil
	}
	codes := make([]string, len(shaped))
	for i, x := range shaped {
		codes[i] = fmt.Sprint(codeFor(x, shape))
	}
	return nil, core.Errorf(core.KindPolicy, "several products fit; name one by its code: %s", strings.Join(codes, ", ")).At("product")
}

// shapeFor is the shape under which a product is sold to names of a shape: none
// unless it is for TLS.
func shapeFor(p *core.Product, shape core.Shape) core.Shape {
	if p.OrderTerms().Family.TLS() {
		return shape
	}
	return ""
}

func codeFor(p *core.Product, shape core.Shape) int64 { return p.CodeOf(shapeFor(p, shape)) }

// sells reports whether the product is ordered under the code in some shape.
func sells(p *core.Product, code int64) bool {
	return slices.ContainsFunc(shapesOf(p.OrderTerms()), func(x core.Shape) bool { return p.CodeOf(x) == code })
}

// suits reports whether the product is of the family and variant asked for.
func suits(p *core.Product, n *New) bool {
	t := p.OrderTerms()
	if n.Ask.Family != "" && t.Family != n.Ask.Family {
		return false
	}
	return t.Family != core.FamilyPrivatePKI || t.Variant == "" || n.Ask.Variant == "" || t.Variant == n.Ask.Variant
}

// groupOf is the group that an order of p is for.
func (s *Service) groupOf(ctx context.Context, p *core.Principal, group core.GroupID) (core.GroupID, error) {
	if group == "" {
		group = p.Group
	}
	if p.Credential != nil && group != p.Group {
		return "", core.Errorf(core.KindForbidden, "the credential may not order for this group").At("group")
	}
	if err := identity.Can(p, identity.OrderCreate, group); err != nil {
		return "", core.AsError(err).At("group")
	}
	if p.Credential == nil && group != "" {
		if _, err := s.d.Storage.Group(ctx, nil, p.Account, group); err != nil {
			if core.Is(err, core.KindNotFound) {
				return "", core.Errorf(core.KindForbidden, "there is no such group").At("group")
			}
			return "", err
		}
	}
	return group, nil
}
