package demo

import (
	"context"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/policy"
	"github.com/certwright/certwright/internal/vetting"
)

// codePartner is a product of the company's own: certificates for partners,
// which a person approves.
const codePartner = "partner-tls"

func (f *filler) makeProducts(ctx context.Context) error {
	h, err := f.CA.Bootstrap(ctx, f.host, f.account, ca.Config{Organisation: Company, Country: "US"})
	if err != nil {
		return err
	}
	rsa := h.Issuing.ID
	if h.RSA != nil {
		rsa = h.RSA.ID
	}
	all := policy.Shipped(h.Issuing.ID, rsa)
	for _, p := range all[:1] {
		p.Code, p.Name, p.Description = codePartner, "Partner TLS", "Servers of partners; each certificate is approved by a person."
		p.Profile.Approval, p.Profile.Terms = "manual", nil
		all = append(all, p)
	}
	for _, p := range all {
		made, err := f.Products.Create(ctx, f.host, p)
		if err != nil {
			return err
		}
		f.products[made.Code] = made
	}
	old := *f.products[policy.CodeTLSServer]
	old.ID, old.Code, old.Name, old.Description, old.Profile.Terms = "", "tls-server-2024", "TLS server (2024)", "Replaced by TLS server.", nil
	gone, err := f.Products.Create(ctx, f.host, old)
	if err != nil {
		return err
	}
	_, err = f.Products.SetState(ctx, f.host, gone.ID, core.ProductDisabled)
	return err
}

// makeCredentials makes two for each group, and revokes one.
func (f *filler) makeCredentials(ctx context.Context) error {
	servers := []core.ProductID{f.products[policy.CodeTLSServer].ID, f.products[policy.CodeTLSClient].ID, f.products[codePartner].ID}
	devices := []core.ProductID{f.products[policy.CodeDevice].ID, f.products[policy.CodeTLSClient].ID}
	for i, g := range f.groups {
		slug := strings.ReplaceAll(strings.ToLower(g.Name), " ", "-")
		kinds := []identity.NewCredential{
			{Type: core.CredentialACME, Description: "certbot and cert-manager of " + g.Name, Products: servers},
			{Type: core.CredentialREST, Auth: core.AuthAccessKey, Description: "Pipelines of " + g.Name, Products: servers},
			{Type: core.CredentialEST, Auth: core.AuthPassword, Description: "Devices of " + g.Name, Products: devices},
		}
		for j, n := range []identity.NewCredential{kinds[i%2], kinds[2]} {
			n.User, n.Group = f.member(g).ID, g.ID
			n.Label = "demo-" + strings.ToLower(f.label()) + "-" + slug[:min(len(slug), 12)]
			n.Tags = []string{"team:" + slug}
			made, err := f.Identity.CreateCredential(ctx, f.host, n)
			if err != nil {
				return err
			}
			if i == len(f.groups)-1 && j == 1 {
				if _, err := f.Identity.RevokeCredential(ctx, f.host, made.Credential.ID, "the devices were scrapped"); err != nil {
					return err
				}
				continue
			}
			f.credentials = append(f.credentials, made.Credential)
		}
	}
	return nil
}

// label tells labels of this account from those of others: they are unique in
// the installation.
func (f *filler) label() string { return string(f.account)[max(0, len(f.account)-6):] }

// makeDomains registers domains whose control nobody proves: the names are
// reserved (RFC 2606).
func (f *filler) makeDomains(ctx context.Context) error {
	for i, name := range []string{"industries.example", "industries-de.example", "industries-jp.example", "foundation.example", "shop.industries.example", "plant.industries-de.example"} {
		o := domain.Owner{Organisation: f.organisations[i%len(f.organisations)].ID}
		d, err := f.Domains.Register(ctx, f.host, domain.New{Name: name, Owner: o, SkipCAA: true})
		if err != nil {
			return err
		}
		if i == 3 {
			if _, err := f.Domains.Reject(ctx, f.host, d.ID, "The foundation gave the name up."); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *filler) makeVettings(ctx context.Context) error {
	admin := &core.Principal{Account: f.account, User: f.home.User.ID, Login: f.home.User.Login, Grants: []core.Grant{{Role: core.RoleAdministrator}}}
	for i, o := range f.organisations[:3] {
		purpose := slices.Clone(core.Purposes)[i]
		v, err := f.Vetting.Ask(ctx, admin, o.ID, purpose)
		if err != nil {
			return err
		}
		d := vetting.Decision{State: core.VettingValidated, Method: core.VettingMethods[0], Source: "Register of companies, looked at on the day"}
		switch i {
		case 1:
			d = vetting.Decision{State: core.VettingDiscrepancy, Comment: "The register has another street."}
		case 2:
			continue // still to be looked at
		}
		if _, err := f.Vetting.Decide(ctx, as(f.validator()), v.ID, d); err != nil {
			return err
		}
	}
	return nil
}
