package api

import (
	"context"

	"github.com/certwright/certwright/internal/core"
)

// references finds the words for the ids of products and issuers, each once for
// an answer.
type references struct {
	a        *API
	p        *core.Principal
	account  core.AccountID
	products map[core.ProductID]string
	issuers  map[core.IssuerID]string
	words    map[string]string // by id, of anything
}

func (a *API) references(p *core.Principal) *references {
	return &references{a: a, p: p, account: p.Account, products: map[core.ProductID]string{}, issuers: map[core.IssuerID]string{}}
}

// product returns the code of a product, "" when it is gone.
func (r *references) product(ctx context.Context, id core.ProductID) (string, error) {
	return lookup(r.products, id, func() (string, error) {
		p, err := r.a.d.Products.Get(ctx, r.account, string(id))
		if err != nil {
			return "", err
		}
		return p.Code, nil
	})
}

// issuer returns the name of an issuer, "" when it is gone. One that is no CA of
// ours has the name that its certificates say.
func (r *references) issuer(ctx context.Context, id core.IssuerID) (string, error) {
	return lookup(r.issuers, id, func() (string, error) {
		i, err := r.a.d.Storage.Issuer(ctx, r.account, id)
		if core.Is(err, core.KindNotFound) {
			return r.a.d.Storage.ForeignIssuer(ctx, r.account, id)
		}
		if err != nil {
			return "", err
		}
		return i.Name, nil
	})
}

func lookup[K ~string](m map[K]string, id K, find func() (string, error)) (string, error) {
	if s, ok := m[id]; ok || id == "" {
		return s, nil
	}
	s, err := find()
	if err != nil && !core.Is(err, core.KindNotFound) {
		return "", err
	}
	m[id] = s
	return s, nil
}
