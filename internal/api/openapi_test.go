package api_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/api"
	"github.com/certwright/certwright/internal/identity"
)

// golden is where the OpenAPI document is kept. UPDATE_OPENAPI=1 writes it.
var golden = filepath.Join("..", "..", "docs", "openapi.json")

func TestOpenAPIIsUpToDate(t *testing.T) {
	w := newWorld(t)
	got := w.api.OpenAPI()
	if !bytes.Equal(got, newWorld(t).api.OpenAPI()) {
		t.Fatal("the document differs between two starts")
	}
	if os.Getenv("UPDATE_OPENAPI") == "1" {
		must(t, os.WriteFile(golden, got, 0o644))
		return
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("docs/openapi.json is not what the code says: run UPDATE_OPENAPI=1 go test ./internal/api -run OpenAPI and look at the difference")
	}
	served := (&caller{w: w}).do(t, "GET", "/openapi.json", nil).is(t, 200)
	if !bytes.Equal(served.body, got) || served.header.Get("Content-Type") != "application/openapi+json" {
		t.Error("another document is served")
	}
}

// doc is the part of the document that tests look at.
type doc struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct {
		Schemas map[string]map[string]any
	}
}

type operation struct {
	OperationID string
	Summary     string
	Tags        []string
	Security    []map[string][]string
	Action      string `json:"x-certwright-action"`
	Parameters  []struct{ Name, In string }
	RequestBody any
	Responses   map[string]struct {
		Content map[string]struct{ Schema map[string]any }
	}
}

func document(t *testing.T, w *world) doc {
	t.Helper()
	var d doc
	must(t, json.Unmarshal(w.api.OpenAPI(), &d))
	return d
}

// open are the operations that need no authentication.
var open = []string{"sign-in"}

// anyone are the operations that every signed-in person may do.
var anyone = []string{"get-session", "sign-out", "list-lists", "get-list", "count-list", "export-list", "list-roles", "stream-events"}

func TestEveryOperationIsDescribedAndGuarded(t *testing.T) {
	w := newWorld(t)
	d := document(t, w)
	if d.OpenAPI != "3.1.0" || strings.Contains(string(w.api.OpenAPI()), "ErrorModel") {
		t.Errorf("version %s, or an error type of huma's in the document", d.OpenAPI)
	}
	seen := map[string]bool{}
	for path, methods := range d.Paths {
		for method, op := range methods {
			at := strings.ToUpper(method) + " " + path
			if op.OperationID == "" || seen[op.OperationID] || op.Summary == "" || len(op.Tags) != 1 {
				t.Errorf("%s: id %q (twice?), summary %q, tags %v", at, op.OperationID, op.Summary, op.Tags)
			}
			seen[op.OperationID] = true
			if slices.Contains(open, op.OperationID) {
				if len(op.Security) != 0 {
					t.Errorf("%s: security %v", at, op.Security)
				}
				continue
			}
			if len(op.Security) != 2 {
				t.Errorf("%s: security %v", at, op.Security)
			}
			known := slices.ContainsFunc(identity.Rules(), func(r identity.Rule) bool { return string(r.Action) == op.Action })
			if !known && !(op.Action == "" && slices.Contains(anyone, op.OperationID)) {
				t.Errorf("%s: action %q is not in the access table", at, op.Action)
			}
			problem := op.Responses["default"].Content["application/problem+json"].Schema
			if problem["$ref"] != "#/components/schemas/Problem" {
				t.Errorf("%s: no problem document: %v", at, problem)
			}
		}
	}
	if len(seen) < 75 {
		t.Errorf("only %d operations", len(seen))
	}
}

// TestEveryOperationRefusesStrangers calls each operation without
// authentication, with a bad token and with a bad cookie.
func TestEveryOperationRefusesStrangers(t *testing.T) {
	w := newWorld(t)
	for path, methods := range document(t, w).Paths {
		for method, op := range methods {
			if slices.Contains(open, op.OperationID) {
				continue
			}
			path := strings.NewReplacer("{id}", "0198c0de-0000-7000-8000-000000000000", "{user}", "0198c0de-0000-7000-8000-000000000000", "{name}", "x").Replace(path)
			for _, c := range []*caller{{w: w}, {w: w, token: "cwt_x"}, {w: w, cookie: "x"}, {w: w, token: strings.Repeat("a", 56)}} {
				a := c.do(t, strings.ToUpper(method), path, "{}")
				a.problem(t, "unauthenticated")
				if a.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s %s: no WWW-Authenticate", method, path)
				}
			}
		}
	}
}

// TestEveryOperationChecksItsRole calls each operation as each role, alone and
// for the whole account, and compares with the access table.
func TestEveryOperationChecksItsRole(t *testing.T) {
	w := newWorld(t)
	d := document(t, w)
	for _, role := range []string{"approver", "validator", "operator", "auditor", "requester", "ca-administrator"} {
		c := w.withRole(t, role)
		for path, methods := range d.Paths {
			for method, op := range methods {
				if op.Action == "" || op.OperationID == "change-password" {
					continue
				}
				i := slices.IndexFunc(identity.Rules(), func(r identity.Rule) bool { return string(r.Action) == op.Action })
				allowed := slices.ContainsFunc(identity.Rules()[i].Roles, func(r identityRole) bool { return string(r) == role })
				path := strings.NewReplacer("{id}", "0198c0de-0000-7000-8000-000000000000", "{user}", "0198c0de-0000-7000-8000-000000000000").Replace(path)
				a := c.do(t, strings.ToUpper(method), path, `{"surely":"unknown"}`)
				if !allowed && a.status != 403 {
					t.Errorf("%s may %s %s: %d %s", role, method, path, a.status, a.body)
				}
				// What is refused for another reason is fine, but none of the
				// requests is good enough to change anything.
				if allowed && a.status == 403 && !strings.Contains(string(a.body), "session") {
					t.Errorf("%s may not %s %s: %s", role, method, path, a.body)
				}
			}
		}
	}
}

func TestPrefixIsOurs(t *testing.T) {
	if api.Prefix != "/api/certwright/v1" {
		t.Error("the prefix is part of the interface")
	}
}
