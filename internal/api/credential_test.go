package api_test

import (
	"encoding/csv"
	"encoding/json"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// newCredential makes an EST credential in a group.
func (w *world) newCredential(t testing.TB, group core.GroupID) resource.IssuedCredential {
	t.Helper()
	u := w.person(t, "owner-"+string(group), []core.GroupID{group}, core.Grant{Role: core.RoleOperator, Group: group})
	return decode[resource.IssuedCredential](t, w.admin.do(t, "POST", "/credentials", resource.NewCredential{
		Type: core.CredentialEST, Description: "=cmd()", User: u.id, Group: group, Products: []string{"tls-server", "device"}, Tags: []string{"b", "a"},
		Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	}).is(t, 201))
}

func TestCredentials(t *testing.T) {
	w := newWorld(t)
	c := w.admin
	made := w.newCredential(t, w.group)
	cred := made.Credential
	if made.Secret == "" || !strings.Contains(made.Commands, made.Secret) || !strings.Contains(cred.URL, cred.Label) || cred.Version != 1 ||
		len(cred.Products) != 2 || cred.Product != cred.Products[0] || strings.Contains(cred.Commands, made.Secret) {
		t.Errorf("%+v", made)
	}
	at := "/credentials/" + string(cred.ID)
	got := c.do(t, "GET", at, nil).is(t, 200)
	if strings.Contains(string(got.body), made.Secret) {
		t.Error("the secret is shown again")
	}
	types := decode[resource.CredentialTypes](t, c.do(t, "GET", "/credential-types", nil).is(t, 200))
	if len(types.Items) != 6 || types.Items[0].Auth[0] != core.AuthPassword {
		t.Errorf("%+v", types)
	}
	u := cred.User
	for name, n := range map[string]resource.NewCredential{
		"type":     {Type: "ftp", User: u, Group: w.group, Products: []string{"device"}},
		"auth":     {Type: core.CredentialEST, Auth: core.AuthKerberos, User: u, Group: w.group, Products: []string{"device"}},
		"products": {Type: core.CredentialEST, User: u, Group: w.group, Products: []string{"no-such"}},
		"product":  {Type: core.CredentialEST, User: u, Group: w.group, Products: []string{"device"}, Product: "tls-server"},
		"user":     {Type: core.CredentialEST, User: w.First.User.ID[:35] + "x", Group: w.group, Products: []string{"device"}},
		"label":    {Type: core.CredentialEST, Label: "UPPER", User: u, Group: w.group, Products: []string{"device"}},
	} {
		if p := c.do(t, "POST", "/credentials", n).problem(t, core.KindInvalid); p.Field != name {
			t.Errorf("%s: %+v", name, p)
		}
	}
	c.do(t, "POST", "/credentials", resource.NewCredential{Type: core.CredentialEST, Label: cred.Label, User: u, Group: w.group, Products: []string{"device"}}).
		is(t, 409).problem(t, core.KindExists)

	again := decode[resource.IssuedCredential](t, c.do(t, "POST", at+"/regenerate", nil).is(t, 200))
	if again.Secret == "" || again.Secret == made.Secret || again.Credential.Version != 2 {
		t.Errorf("%+v", again)
	}
	usage := decode[resource.Page[resource.Entry]](t, w.withRole(t, "operator").do(t, "GET", at+"/usage?filter=action:startswith:credential.", nil).is(t, 200))
	if len(usage.Items) != 2 || usage.Items[0].Action != "credential.regenerate" {
		t.Errorf("%+v", usage)
	}
	c.do(t, "POST", at+"/revoke", resource.Reasoned{Reason: "over"}).is(t, 200)
	c.do(t, "POST", at+"/revoke", nil).is(t, 409).problem(t, core.KindConflict)
	c.do(t, "POST", at+"/regenerate", nil).is(t, 409)
	c.do(t, "PATCH", at, resource.CredentialChange{Version: 3}).is(t, 409)
	if d := decode[resource.CredentialDetail](t, c.do(t, "GET", at, nil)); d.State != core.CredentialRevoked || d.RevokedReason != "over" {
		t.Errorf("%+v", d)
	}
}

func TestCredentialsOfOtherGroupsDoNotExist(t *testing.T) {
	w := newWorld(t)
	mine, foreign := w.newGroup(t, "mine"), w.newGroup(t, "foreign")
	a, b := w.newCredential(t, mine).Credential, w.newCredential(t, foreign).Credential
	op := w.person(t, "owner-"+string(mine), nil)
	page := decode[resource.Page[resource.Credential]](t, op.do(t, "GET", "/credentials", nil).is(t, 200))
	if len(page.Items) != 1 || page.Items[0].ID != a.ID {
		t.Errorf("%+v", page)
	}
	at := "/credentials/" + string(b.ID)
	for _, r := range [][2]string{{"GET", at}, {"POST", at + "/revoke"}, {"POST", at + "/regenerate"}, {"GET", at + "/usage"}} {
		op.do(t, r[0], r[1], nil).is(t, 404).problem(t, core.KindNotFound)
	}
	op.do(t, "PATCH", at, resource.CredentialChange{Version: 1}).is(t, 404)
	op.do(t, "POST", "/credentials", resource.NewCredential{Type: core.CredentialEST, User: op.id, Group: foreign, Products: []string{"device"}}).is(t, 403)
	if text := string(op.do(t, "GET", "/credentials/export", nil).is(t, 200).body); !strings.Contains(text, string(a.ID)) || strings.Contains(text, string(b.ID)) {
		t.Error(text)
	}
}

func TestCredentialChange(t *testing.T) {
	w := newWorld(t)
	c := w.admin
	cred := w.newCredential(t, w.group).Credential
	at := "/credentials/" + string(cred.ID)
	text, tags, end, products := "new", []string{"x"}, w.Clock.Now().Add(time.Hour), []string{"device"}
	d := decode[resource.CredentialDetail](t, c.do(t, "PATCH", at, resource.CredentialChange{Version: 1, Description: &text, Tags: &tags, ExpiresAt: &end, Products: &products}).is(t, 200))
	if d.Description != "new" || d.Version != 2 || !d.ExpiresAt.Equal(end) || len(d.Products) != 1 || len(d.Sources) != 1 {
		t.Errorf("%+v", d)
	}
	c.do(t, "PATCH", at, resource.CredentialChange{Version: 1, Description: &text}).is(t, 409).problem(t, core.KindConflict)
	c.do(t, "PATCH", at, `{"description":"x"}`).is(t, 400)
	c.do(t, "PATCH", at, `{"version":2,"label":"x"}`).is(t, 400)
	c.do(t, "PATCH", at, resource.CredentialChange{Version: 2, NoExpiry: true, ExpiresAt: &end}).is(t, 400)
	d = decode[resource.CredentialDetail](t, c.do(t, "PATCH", at, resource.CredentialChange{Version: 2, NoExpiry: true}).is(t, 200))
	if !d.ExpiresAt.IsZero() || d.Description != "new" {
		t.Errorf("%+v", d)
	}
	d = decode[resource.CredentialDetail](t, c.do(t, "PATCH", at, `{"version":3,"sources":[],"tags":[]}`).is(t, 200))
	if len(d.Sources) != 0 || len(d.Tags) != 0 || d.Description != "new" {
		t.Errorf("%+v", d)
	}
	c.do(t, "PATCH", at, `{"version":4,"sources":["192.0.2.0/99"]}`).is(t, 400)
}

// TestOneOfManyChangesWins: of changes based on the same version one is kept.
func TestOneOfManyChangesWins(t *testing.T) {
	w := newWorld(t)
	cred := w.newCredential(t, w.group).Credential
	prod := decode[resource.Product](t, w.admin.do(t, "GET", "/products/device", nil).is(t, 200))
	for name, change := range map[string]func(i int) *answer{
		"credential": func(i int) *answer {
			text := strings.Repeat("x", i+1)
			return w.admin.do(t, "PATCH", "/credentials/"+string(cred.ID), resource.CredentialChange{Version: 1, Description: &text})
		},
		"product": func(i int) *answer {
			return w.admin.do(t, "PUT", "/products/device", resource.ProductUpdate{Version: prod.Version, Name: strings.Repeat("x", i+1),
				Issuer: prod.Issuer, State: prod.State, Profile: prod.Profile})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			status := make([]int, 12)
			for i := range status {
				wg.Go(func() { status[i] = change(i).status })
			}
			wg.Wait()
			won := 0
			for _, s := range status {
				switch s {
				case 200:
					won++
				case 409:
				default:
					t.Errorf("status %d", s)
				}
			}
			if won != 1 {
				t.Errorf("%d changes won", won)
			}
		})
	}
}

func TestCredentialExport(t *testing.T) {
	w := newWorld(t)
	if text := string(w.admin.do(t, "GET", "/credentials/export?format=json", nil).is(t, 200).body); text != "[]\n" {
		t.Errorf("%q", text)
	}
	made := w.newCredential(t, w.group)
	a := w.admin.do(t, "GET", "/credentials/export", nil).is(t, 200)
	rows, err := csv.NewReader(strings.NewReader(string(a.body))).ReadAll()
	must(t, err)
	if len(rows) != 2 || len(rows[0]) != len(rows[1]) || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%q %v", rows, a.header)
	}
	for i, name := range rows[0] {
		if name == "description" && rows[1][i] != "'=cmd()" {
			t.Errorf("a spreadsheet would run %q", rows[1][i])
		}
	}
	var list []resource.Credential
	a = w.admin.do(t, "GET", "/credentials/export?format=json&filter=status:eq:active", nil).is(t, 200)
	must(t, json.Unmarshal(a.body, &list))
	if len(list) != 1 || list[0].ID != made.Credential.ID || strings.Contains(string(a.body), made.Secret) {
		t.Errorf("%+v", list)
	}
	w.admin.do(t, "GET", "/credentials/export?format=xml", nil).is(t, 400)
	w.admin.do(t, "GET", "/credentials/export?filter=status:eq:x", nil).is(t, 400).problem(t, core.KindInvalid)
	w.withRole(t, "requester").do(t, "GET", "/credentials/export", nil).is(t, 403)
}
