package api_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// filled is an installation with something in every list.
type filled struct {
	order, certificate, credential, issuer, product string
	gets                                            []string // of one thing each
	secrets                                         []string // that were shown once
}

func (w *world) fill(t *testing.T) *filled {
	t.Helper()
	f := &filled{issuer: string(w.h.Issuing.ID)}
	cred := w.newCredential(t, w.group)
	f.credential, f.secrets = string(cred.Credential.ID), append(f.secrets, cred.Secret)
	again := decode[resource.IssuedCredential](t, w.admin.do(t, "POST", "/credentials/"+f.credential+"/regenerate", nil).is(t, 200))
	f.secrets = append(f.secrets, again.Secret)
	u := w.person(t, "ann", []core.GroupID{w.group}, core.Grant{Role: core.RoleRequester, Group: w.group})
	token := u.withToken(t)
	reset := decode[resource.IssuedPassword](t, w.admin.do(t, "POST", "/users/"+string(u.id)+"/password", nil).is(t, 200))
	f.secrets = append(f.secrets, token.token, u.cookie, reset.Password)
	o := w.admin.order(t, resource.NewOrder{Product: "smime", Generate: "RSA 3072", Names: []string{"a@example.com"}, Subject: core.DN{{Type: "CN", Value: "Ann"}}, Group: w.group})
	f.order, f.certificate, f.product = string(o.Order.ID), string(o.Certificate.ID), string(o.Order.Product)
	f.secrets = append(f.secrets, strings.Split(o.PrivateKey, "\n")[2:5]...)
	p := decode[resource.IssuerDetail](t, w.admin.do(t, "POST", "/issuers", resource.NewIssuer{Kind: "pending", Slug: "pending", Name: "P", Subject: core.DN{{Type: "CN", Value: "P"}}, Algorithm: "ECDSA P-256"}).is(t, 201))
	f.gets = []string{"/orders/" + f.order, "/certificates/" + f.certificate, "/certificates/" + f.certificate + "/download", "/credentials/" + f.credential,
		"/credentials/" + f.credential + "/usage", "/products/" + f.product, "/products/smime", "/issuers/" + f.issuer, "/issuers/" + string(p.ID), "/users/" + string(u.id),
		"/groups/" + string(w.group), "/groups/" + string(w.group) + "/members", "/organisations/" + string(w.First.Organisation.ID)}
	return f
}

// forbidden are names of fields that could hold a secret.
var forbidden = regexp.MustCompile(`(?i)secret|password|passwd|hash|sealed|^key$|_key$|private|cookie|mac$`)

// harmless are fields whose names look like it.
var harmless = []string{"secret_set_at", "renew_same_key", "has_secret"}

// TestNoAnswerHasAPlaceForSecrets walks the document: no answer of a GET, and of
// other operations only those that make a secret, can hold one.
func TestNoAnswerHasAPlaceForSecrets(t *testing.T) {
	w := newWorld(t)
	d := document(t, w)
	once := []string{"create-credential", "regenerate-credential", "create-token", "create-user", "import-users", "reset-password", "create-order", "renew-certificate"}
	for path, methods := range d.Paths {
		for method, op := range methods {
			for _, r := range op.Responses {
				for _, m := range r.Content {
					for _, field := range fields(d, m.Schema, nil) {
						if forbidden.MatchString(field) && !slices.Contains(harmless, field) && !slices.Contains(once, op.OperationID) {
							t.Errorf("%s %s answers with the field %s", method, path, field)
						}
					}
				}
			}
		}
	}
}

// fields lists the names of all properties of a schema.
func fields(d doc, schema map[string]any, seen []string) []string {
	if ref, ok := schema["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/components/schemas/")
		if slices.Contains(seen, name) {
			return nil
		}
		return fields(d, d.Components.Schemas[name], append(seen, name))
	}
	var out []string
	if props, ok := schema["properties"].(map[string]any); ok {
		for name, s := range props {
			out = append(out, name)
			if m, ok := s.(map[string]any); ok {
				out = append(out, fields(d, m, seen)...)
			}
		}
	}
	if items, ok := schema["items"].(map[string]any); ok {
		out = append(out, fields(d, items, seen)...)
	}
	return out
}

// TestNoAnswerShowsSecrets reads everything of a filled installation.
func TestNoAnswerShowsSecrets(t *testing.T) {
	w := newWorld(t)
	f := w.fill(t)
	paths := append([]string{"/session", "/about", "/roles", "/lists", "/account", "/credential-types", "/credentials/export", "/credentials/export?format=json", "/audit/export", "/audit?limit=500"}, f.gets...)
	for _, l := range decode[resource.Lists](t, w.admin.do(t, "GET", "/lists", nil)).Items {
		paths = append(paths, l.Path)
	}
	for _, p := range paths {
		a := w.admin.do(t, "GET", p, nil).is(t, 200)
		for _, s := range f.secrets {
			if strings.Contains(string(a.body), s) {
				t.Errorf("GET %s shows a secret", p)
			}
		}
		var v any
		if json.Unmarshal(a.body, &v) == nil {
			for _, k := range keys(v) {
				if forbidden.MatchString(k) && !slices.Contains(harmless, k) {
					t.Errorf("GET %s has the field %s", p, k)
				}
			}
		}
		if strings.Contains(string(a.body), "$argon2") || strings.Contains(string(a.body), "PRIVATE KEY") {
			t.Errorf("GET %s shows a password hash or key", p)
		}
	}
	for _, s := range f.secrets {
		if strings.Contains(w.logs.String(), s) {
			t.Error("a secret is in the log")
		}
	}
}

// keys lists the names of all members of a JSON value.
func keys(v any) []string {
	var out []string
	switch x := v.(type) {
	case map[string]any:
		for k, y := range x {
			out = append(append(out, k), keys(y)...)
		}
	case []any:
		for _, y := range x {
			out = append(out, keys(y)...)
		}
	}
	return out
}
