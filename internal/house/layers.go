package house

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// row is one row of the layer table in docs/DESIGN.md. Folders are relative to
// internal/; "x/*" means every folder below x but not x itself.
type row struct {
	layer    string
	packages []string
	// may lists what the packages may import of the project, as in packages.
	may []string
	// ordered: each of packages may import those before it in the row.
	ordered bool
}

var (
	layer0 = []string{"core", "wire/*"}
	layer1 = []string{"secret", "audit", "jobs"}
	layer2 = []string{"policy", "product", "identity", "identity/*", "agreement", "validation", "domain", "vetting", "approval", "ca", "report", "notify"}
	layer3 = []string{"connector", "deploy", "discovery", "inventory", "csvlist"}
	layer4 = []string{"enroll", "ordering", "provision", "bot", "smime", "setup"}
)

// table is the layer table, row by row.
var table = []row{
	{layer: "0", packages: []string{"core"}},
	{layer: "0", packages: []string{"wire/*"}, may: layer0},
	{layer: "1", packages: layer1, may: layer0},
	{layer: "2", packages: layer2, may: slices.Concat(layer0, layer1), ordered: true},
	{layer: "3", packages: layer3, may: slices.Concat(layer0, layer1, layer2)},
	{layer: "3a", packages: []string{"connector/builtin"}, may: slices.Concat(layer0, layer1, []string{"connector", "ca"})},
	{layer: "3a", packages: []string{"connector/*"}, may: slices.Concat(layer0, layer1, []string{"connector"})},
	{layer: "3a", packages: []string{"deploy/target/*"}, may: slices.Concat(layer0, layer1, []string{"deploy", "deploy/target"})},
	{layer: "3a", packages: []string{"deploy/transport/*"}, may: slices.Concat(layer0, layer1, []string{"deploy", "deploy/transport"})},
	{layer: "3", packages: []string{"deploy/*"}, may: slices.Concat(layer0, layer1, layer2, []string{"deploy"})},
	{layer: "4", packages: layer4, may: slices.Concat(layer0, layer1, layer2, layer3), ordered: true},
	{layer: "5", packages: []string{"protocol"}, may: slices.Concat(layer0, layer1, layer2, layer3, layer4)},
	{layer: "5", packages: []string{"protocol/*"}, may: slices.Concat(layer0, layer1, layer2, layer4, []string{"inventory", "protocol"})},
	{layer: "5", packages: []string{"api", "api/*", "portal"}, may: slices.Concat(layer0, layer1, layer2, layer3, layer4, []string{"api/*"})},
	{layer: "client", packages: []string{"ctl"}, may: slices.Concat(layer0, layer1, []string{"api/*"})},
	{layer: "outer", packages: []string{"store"}, may: slices.Concat(layer0, layer1, layer2, layer3, layer4, []string{"protocol", "api", "portal"})},
	{layer: "top", packages: []string{"app", "app/*"}, may: []string{"*"}},
}

// never are the words of the design that hold whatever the table says.
var never = []struct{ from, to, why string }{
	{"protocol/*", "protocol/*", "a protocol imports no other protocol"},
	{"protocol/*", "connector", "a protocol knows no connector: enroll does"},
	{"protocol/*", "connector/*", "a protocol knows no connector: enroll does"},
	{"protocol/*", "ca", "a CA's key never leaves ca"},
	{"protocol/*", "store", "a protocol keeps its state through protocol.State"},
	{"connector/*", "protocol", "a connector serves no protocol"},
	{"connector/*", "protocol/*", "a connector serves no protocol"},
	{"connector/*", "enroll", "enroll asks connectors, not the other way round"},
	{"deploy/target/*", "protocol/*", "a target serves no protocol"},
	{"deploy/target/*", "enroll", "a target puts certificates in place and issues none"},
}

// match reports whether a folder (relative to internal/) is meant by pattern.
func match(pattern, dir string) bool {
	if pattern == "*" || pattern == dir {
		return true
	}
	base, ok := strings.CutSuffix(pattern, "/*")
	return ok && strings.HasPrefix(dir, base+"/")
}

// rowOf finds a folder's row and its place there.
func rowOf(dir string) (*row, int) {
	for i := range table {
		for j, p := range table[i].packages {
			if match(p, dir) {
				return &table[i], j
			}
		}
	}
	return nil, 0
}

// Layers checks imports between the project's own packages. Tests and their
// support code may import what they like; nobody else may import the latter.
func Layers(files []*File) []Finding {
	var out []Finding
	for _, f := range files {
		if f.Test() {
			continue
		}
		from, internal := strings.CutPrefix(f.Dir(), "internal/")
		if r, _ := rowOf(from); internal && r == nil {
			out = append(out, Finding{f.Path, fmt.Sprintf("package internal/%s stands in no row of the layer table; give it one in docs/DESIGN.md and in internal/house/layers.go", from)})
			continue
		}
		for _, imp := range f.Imports() {
			to, ours := strings.CutPrefix(imp, Module+"/")
			if !ours {
				continue
			}
			to, toInternal := strings.CutPrefix(to, "internal/")
			if why := forbidden(from, internal, to, toInternal); why != "" {
				out = append(out, Finding{f.Path, fmt.Sprintf("imports %s: %s", to, why)})
			}
		}
	}
	return out
}

// forbidden says why one package must not import another, or "".
func forbidden(from string, internal bool, to string, toInternal bool) string {
	if !internal {
		if within(from, "scripts") || !Support(path.Join("internal", to)) {
			return "" // cmd knows app and what it needs to call it
		}
		return "it is for tests only"
	}
	if !toInternal {
		return "packages under internal/ import nothing of the project outside it"
	}
	if Support("internal/" + to) {
		return "it is for tests only"
	}
	for _, n := range never {
		if match(n.from, from) && match(n.to, to) {
			return n.why
		}
	}
	if to == "store" && !within(from, "app") {
		return "store is imported only by app, cmd and tests; declare the few methods that are needed as an interface"
	}
	r, place := rowOf(from)
	for _, m := range r.may {
		if match(m, to) {
			return ""
		}
	}
	if r.ordered {
		for _, p := range r.packages[:place] {
			if match(p, to) {
				return ""
			}
		}
		if slices.ContainsFunc(r.packages, func(p string) bool { return match(p, to) }) {
			return fmt.Sprintf("within layer %s only packages further left may be imported", r.layer)
		}
	}
	if t, _ := rowOf(to); t != nil {
		return fmt.Sprintf("layer %s (%s) must not import layer %s (%s)", r.layer, from, t.layer, to)
	}
	return "it stands in no row of the layer table"
}

// foreign names libraries that only some packages may import, so that they can
// be replaced in one place.
var foreign = []struct {
	prefix  string
	allowed []string
	why     string
}{
	{"github.com/riverqueue/", []string{"jobs"}, "the job queue is wrapped by jobs"},
	{"github.com/uptrace/bun", []string{"store"}, "SQL is the store's affair"},
	{"github.com/pressly/goose", []string{"store"}, "SQL is the store's affair"},
	{"github.com/jackc/pgx", []string{"store"}, "SQL is the store's affair"},
	{"modernc.org/sqlite", []string{"store"}, "SQL is the store's affair"},
	{"database/sql", []string{"store", "jobs"}, "SQL is the store's affair"},
	{"github.com/danielgtaylor/huma", []string{"api", "app"}, "only the management API is described by huma"},
	{"github.com/pavlo-v-chernykh/keystore-go", []string{"wire/keystore"}, "keystore formats are wrapped by wire/keystore"},
	{"github.com/xuri/excelize", []string{"report"}, "files of tables are written by report"},
	{"codeberg.org/go-pdf/fpdf", []string{"report"}, "files of tables are written by report"},
	{"github.com/miekg/dns", []string{"validation"}, "DNS messages are the affair of validation"},
	{"software.sslmate.com/src/go-pkcs12", []string{"wire/keystore"}, "keystore formats are wrapped by wire/keystore"},
}

// Foreign checks imports from outside the project.
func Foreign(files []*File) []Finding {
	var out []Finding
	for _, f := range files {
		dir, internal := strings.CutPrefix(f.Dir(), "internal/")
		if f.Test() || !internal {
			continue
		}
		for _, imp := range f.Imports() {
			first, _, _ := strings.Cut(imp, "/")
			if dir == "core" && strings.Contains(first, ".") && !strings.HasPrefix(imp, Module+"/") {
				out = append(out, Finding{f.Path, "imports " + imp + ": core stands on the standard library alone"})
			}
			for _, r := range foreign {
				if strings.HasPrefix(imp, r.prefix) && !slices.ContainsFunc(r.allowed, func(a string) bool { return within(dir, a) }) {
					out = append(out, Finding{f.Path, "imports " + imp + ": " + r.why})
				}
			}
		}
	}
	return out
}
