// Package demo fills an account with data of a made-up company, for looking at
// the portal before there is anything real in it. Everything goes the way that
// real data go: through identity, product, ca, enroll, domain and vetting.
package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/product"
	"github.com/certwright/certwright/internal/vetting"
)

// Company is the name of the made-up company.
const Company = "Example Industries"

// Most is the largest number of certificates that Fill makes.
const Most = 100_000

// Deps are the services of the installation.
type Deps struct {
	Identity *identity.Service
	CA       *ca.CA
	Products *product.Service
	Enroll   *enroll.Service
	Domains  *domain.Service
	Vetting  *vetting.Service
	// Tag replaces the tags of a certificate.
	Tag func(ctx context.Context, by *core.Principal, c *core.Certificate, tags []string) error
	Now func() time.Time
	// Progress is called now and then from one goroutine; it may be nil.
	Progress func(done, total int)
}

// filler is one run of Fill.
type filler struct {
	Deps
	account core.AccountID
	host    *core.Principal
	r       *rand.Rand
	home    *identity.First

	organisations []*core.Organisation
	groups        []*core.Group
	users         []*core.User
	products      map[string]*core.Product // by code
	credentials   []*core.Credential
}

// Fill fills the new account first with certificates issued certificates and
// everything around them. The same seed makes the same names. A fill that was
// cut off leaves the account as it is.
func Fill(ctx context.Context, d Deps, first *identity.First, certificates int, seed uint64) error {
	if certificates < 0 || certificates > Most {
		return core.Errorf(core.KindInvalid, "from 0 to %d certificates can be made", Most).At("certificates")
	}
	f := &filler{Deps: d, account: first.Account.ID, host: identity.Host(first.Account.ID, "demo"), home: first,
		r: rand.New(rand.NewPCG(seed, 0)), products: map[string]*core.Product{}}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"organisations", f.makeOrganisations},
		{"groups", f.makeGroups},
		{"users", f.makeUsers},
		{"CAs and products", f.makeProducts},
		{"credentials", f.makeCredentials},
		{"domains", f.makeDomains},
		{"vettings", f.makeVettings},
		{"certificates", func(ctx context.Context) error { return f.makeCertificates(ctx, certificates) }},
		{"orders", func(ctx context.Context) error { return f.makeOrders(ctx, certificates) }},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

// as is a user at work.
func as(u *core.User) *core.Principal {
	return &core.Principal{Account: u.Account, User: u.ID, Login: u.Login, Grants: u.Grants}
}

// with is a credential at work.
func with(c *core.Credential) *core.Principal {
	return &core.Principal{Account: c.Account, User: c.User, Login: string(c.Type) + "/" + c.Label, Group: c.Group, Credential: c, Products: c.Products, Product: c.Product}
}

// one picks any of list.
func one[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }
