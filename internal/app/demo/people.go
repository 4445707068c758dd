package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

var organisations = []identity.OrganisationData{
	{Name: Company + " Inc.", Country: "US", State: "California", Locality: "Springfield", Email: "pki@industries.example",
		Legal: &core.LegalData{LegalName: Company + " Incorporated", BusinessCategory: "private", Registration: "C1234567", Registrar: "Secretary of State", JurisdictionC: "US", JurisdictionST: "California", Street1: "1 Example Way", PostalCode: "90001", Phone: "+12025550100"}},
	{Name: Company + " GmbH", Country: "DE", State: "Bayern", Locality: "Musterstadt", Email: "pki@industries-de.example",
		Legal: &core.LegalData{LegalName: Company + " GmbH", BusinessCategory: "private", Registration: "HRB 12345", Registrar: "Amtsgericht Musterstadt", JurisdictionC: "DE", Street1: "Musterweg 1", PostalCode: "80000", Phone: "+4930901820"}},
	{Name: Company + " K.K.", Country: "JP", State: "Tokyo", Locality: "Chiyoda", Email: "pki@industries-jp.example"},
	{Name: Company + " Foundation", Country: "CH", State: "Zürich", Locality: "Zürich", Email: "office@foundation.example"},
}

// teams are groups, each with the place of its organisation in organisations.
var teams = []struct {
	name         string
	organisation int
}{
	{"Web platform", 0}, {"Payments", 0}, {"Network operations", 0}, {"Workplace", 0},
	{"Plant automation", 1}, {"Research", 1}, {"Logistics", 2}, {"Donations", 3},
}

var (
	givenNames = []string{"Ada", "Boris", "Chidi", "Dolores", "Emre", "Fatima", "Grace", "Hiro", "Ines", "Jonas", "Kirsi", "Luca", "Maya", "Nils", "Olga", "Pavel", "Qadir", "Rosa", "Sven", "Tove", "Umar", "Vera", "Wanda", "Ximena", "Yuki", "Zora"}
	surnames   = []string{"Abara", "Bauer", "Castillo", "Demir", "Eriksen", "Ferrari", "Gruber", "Haddad", "Ivanova", "Jansen", "Korhonen", "Lindqvist", "Moreau", "Nakamura", "Okafor", "Petrov", "Quintero", "Rossi", "Sato", "Takahashi", "Urbano", "Virtanen", "Weber", "Yamada", "Zimmermann"}
)

func (f *filler) makeOrganisations(ctx context.Context) error {
	for _, d := range organisations {
		o, err := f.Identity.CreateOrganisation(ctx, f.host, d)
		if err != nil {
			return err
		}
		f.organisations = append(f.organisations, o)
	}
	return nil
}

func (f *filler) makeGroups(ctx context.Context) error {
	for _, t := range teams {
		mail := strings.ReplaceAll(strings.ToLower(t.name), " ", "-") + "@industries.example"
		g, err := f.Identity.CreateGroup(ctx, f.host, identity.GroupData{Name: t.name, Email: mail, Organisation: f.organisations[t.organisation].ID})
		if err != nil {
			return err
		}
		f.groups = append(f.groups, g)
	}
	return nil
}

// makeUsers makes people whom nobody can sign in as. The first three have
// roles in the whole account, see [filler.approver].
func (f *filler) makeUsers(ctx context.Context) error {
	for i, given := range givenNames {
		g := f.groups[i%len(f.groups)]
		n := identity.NewUser{Name: given + " " + surnames[i%len(surnames)], Groups: []core.GroupID{g.ID}}
		n.Login = strings.ToLower(given + "." + surnames[i%len(surnames)])
		n.Email = n.Login + "@industries.example"
		switch i {
		case 0, 1:
			n.Grants = []core.Grant{{Role: core.RoleApprover}, {Role: core.RoleCAAdministrator}}
		case 2:
			n.Grants = []core.Grant{{Role: core.RoleValidator}, {Role: core.RoleAuditor}}
		default:
			n.Grants = []core.Grant{{Role: one(f.r, []core.Role{core.RoleRequester, core.RoleRequester, core.RoleOperator}), Group: g.ID}}
		}
		u, _, err := f.Identity.CreateUser(ctx, f.host, n)
		if err != nil {
			return err
		}
		f.users = append(f.users, u)
	}
	left := f.users[len(f.users)-1]
	state := core.UserDisabled
	if _, err := f.Identity.UpdateUser(ctx, f.host, left.ID, identity.UserChange{State: &state}); err != nil {
		return fmt.Errorf("%s: %w", left.Login, err)
	}
	f.users = f.users[:len(f.users)-1]
	return nil
}

// approver is somebody who may approve and has asked for nothing.
func (f *filler) approver() *core.User { return f.users[0] }

// validator is somebody who vets organisations.
func (f *filler) validator() *core.User { return f.users[2] }

// member is somebody of a group.
func (f *filler) member(g *core.Group) *core.User {
	for _, u := range f.users[3:] {
		if u.Groups[0] == g.ID {
			return u
		}
	}
	return f.users[3]
}
