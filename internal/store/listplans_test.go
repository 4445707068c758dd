package store_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/store/storetest"
)

const (
	planRows  = 20_000 // of each table that grows with what is issued
	planTouch = 1_000  // rows that a page may read: some twenty pages
)

// grows are the tables that grow with what is issued and with who uses it; a
// page must not read them whole. The others have a handful of rows.
var grows = []string{"certificates", "orders", "order_details", "audit_entries", "acme_accounts", "acme_orders", "authorizations", "domains", "credentials", "users",
	"deployment_requests", "tag_uses", "tags", "tag_counts"}

// planCase is a question to a list and the index that must answer it; "": any
// plan that reads few rows will do.
type planCase struct {
	list    string
	account core.AccountID
	f       core.Filter
	sort    core.Sort
	deep    bool
	sorts   bool // SQLite sorts the rows of the filter, because they are few
}

func (c planCase) String() string {
	s := fmt.Sprintf("%s of %s", c.list, c.account)
	for _, f := range c.f {
		s += fmt.Sprintf(", %s %s %s", f.Column, f.Op, strings.Join(f.Values, ","))
	}
	if c.sort.Column != "" {
		s += fmt.Sprintf(", by %s (descending %v)", c.sort.Column, c.sort.Desc)
	}
	if c.deep {
		s += ", page in the middle"
	}
	return s
}

// TestListPlansPostgres reads a page of every list of PostgreSQL, for an account
// with nearly all rows and for one with a hundredth of them. The planner decides
// freely, upon true statistics; what counts is what its plan really read. So a
// scan or a sort of a large table fails here, and so does an index that is walked
// from end to end.
func TestListPlansPostgres(t *testing.T) {
	db := storetest.Postgres(t)
	fillLists(t, db)
	lists := db.Lists(t)
	for _, c := range planCases(lists) {
		if said := touched(t, db, lists[c.list], c); said != "" {
			t.Errorf("%s: %s", c, said)
		}
	}
	if t.Failed() {
		return
	}
	// The test can fail: without its index the same page reads too much.
	for index, c := range map[string]planCase{
		"certificates_group":    {list: "certificates", account: storetest.RowAccount, f: where("group", core.OpEquals, "g-3")},
		"acme_orders_newest":    {list: "acme-orders", account: "few"},
		"certificates_ends":     {list: "certificates", account: storetest.RowAccount, sort: core.Sort{Column: "not_after"}},
		"certificates_trigrams": {list: "certificates", account: storetest.RowAccount, f: where("names", core.OpContains, "host-777.")},
		"audit_entries_at":      {list: "audit", account: storetest.RowAccount},
	} {
		if _, err := db.SQL().ExecContext(t.Context(), "DROP INDEX "+index); err != nil {
			t.Fatal(err)
		}
		if touched(t, db, lists[c.list], c) == "" {
			t.Errorf("%s: nothing is said about the missing index %s", c, index)
		}
	}
}

// TestListPlansSQLite asks SQLite, which plans without statistics, the same
// questions: no list is sorted as a whole, none read but in its order or by an
// index. Only the list of certificates, which counts before it decides, has rows.
func TestListPlansSQLite(t *testing.T) {
	db := storetest.SQLite(t)
	storetest.Certificates(t, db, planRows)
	lists := db.Lists(t)
	few := []string{"agreements", "consents", "groups", "issuers", "organisations", "passkeys", "products", "providers", "renewal-pulls", "sessions", "tokens", "vettings", "views"}
	for _, c := range planCases(lists) {
		if slices.Contains(few, c.list) {
			continue // lists of some hundred rows
		}
		q := core.ListQuery{Account: c.account, Filter: c.f, Sort: c.sort}
		if c.deep {
			at := make([]any, len(lists[c.list].Order(q)))
			for i := range at {
				at[i] = 1
			}
			q.Cursor = cursorAt(t, q, at)
		}
		text, args, err := lists[c.list].Text(t.Context(), q, core.DefaultPage)
		if err != nil {
			t.Fatal(c, err)
		}
		rows, err := db.SQL().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
		if err != nil {
			t.Fatal(c, err)
		}
		var plan strings.Builder
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan.WriteString(detail + "\n")
		}
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		p := plan.String()
		// What the trigrams name, some thousand rows at most, is sorted.
		searched := strings.Contains(p, "SCAN certificates_fts VIRTUAL TABLE") && strings.Contains(p, "SEARCH t USING INDEX certificates_known (number=?)")
		if (strings.Contains(p, "TEMP B-TREE FOR ORDER BY") && !searched && !c.sorts) || strings.Contains(p, "SCAN t\n") {
			t.Errorf("%s\n%s\n%s", c, text, p)
		}
	}
}

func where(column string, op core.Operator, values ...string) core.Filter {
	return core.Filter{{Column: column, Op: op, Values: values}}
}

func planCases(lists map[string]store.AnyList) []planCase {
	var out []planCase
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		for _, account := range []core.AccountID{storetest.RowAccount, "few"} {
			out = append(out, planCase{list: name, account: account})
		}
		out = append(out, planCase{list: name, account: storetest.RowAccount, deep: true})
	}
	add := func(list string, filters ...core.Filter) {
		for _, f := range filters {
			out = append(out, planCase{list: list, account: storetest.RowAccount, f: f}, planCase{list: list, account: storetest.RowAccount, f: f, deep: true})
		}
	}
	add("certificates",
		where("group", core.OpEquals, "g-3"), where("group", core.OpIn, "g-3", "g-17", "g-41"), where("group", core.OpEquals, "nobody"),
		where("product", core.OpEquals, "p-3"), where("credential", core.OpEquals, "c-3"), where("state", core.OpEquals, "active"), where("state", core.OpEquals, "revoked"),
		where("serial", core.OpEquals, "ab77"), where("order", core.OpEquals, "none"), where("number", core.OpEquals, "777"),
		where("names", core.OpContains, "host-777."), where("names", core.OpContains, "example"), where("names", core.OpContains, "m"), where("names", core.OpContains, "xa"),
		where("common_name", core.OpStartsWith, "host-777."), where("subject", core.OpContains, "nowhere"), where("common_name", core.OpEquals, "host-777.dept-1.example.com"),
		where("not_after", core.OpGreater, "2027-01-16T00:00:00Z"),
		where("tags", core.OpEquals, "all"), where("tags", core.OpEquals, "rare"), where("tags", core.OpEquals, "none"), where("tags", core.OpNotEquals, "rare"), where("tags", core.OpEquals, "old"))
	add("orders", where("state", core.OpEquals, "issued"), where("state", core.OpEquals, "failed"), where("product", core.OpEquals, "p-3"), where("group", core.OpIn, "g-3", "g-17"),
		where("names", core.OpContains, "example"), where("number", core.OpEquals, "777"), where("tags", core.OpEquals, "all"), where("tags", core.OpEquals, "rare"))
	add("audit", where("object", core.OpEquals, "certificate:777"), where("credential", core.OpEquals, "c-3"), where("time", core.OpLess, "2023-11-15T00:00:00Z"),
		where("time", core.OpGreater, "2023-11-15T00:00:00Z"), where("action", core.OpContains, "issue"), where("action", core.OpEquals, "certificate.issue"), where("outcome", core.OpEquals, "success"))
	add("acme-orders", where("credential", core.OpEquals, "c-3"), where("credential", core.OpEquals, "rare"), where("acme_account", core.OpEquals, "a-3"), where("state", core.OpEquals, "valid"))
	add("authorizations", where("credential", core.OpEquals, "c-3"), where("credential", core.OpEquals, "rare"), where("acme_account", core.OpEquals, "a-3"), where("state", core.OpEquals, "valid"))
	add("acme-accounts", where("credential", core.OpEquals, "rare"))
	add("deployment-requests", where("certificate", core.OpEquals, "c-3"))
	for _, deep := range []bool{false, true} {
		out = append(out, planCase{list: "certificates", account: storetest.RowAccount, f: where("not_after", core.OpLess, "2027-01-16T00:00:00Z"), deep: deep, sorts: true})
	}
	for _, desc := range []bool{false, true} {
		by := func(list, column string, f core.Filter) {
			for _, deep := range []bool{false, true} {
				out = append(out, planCase{list: list, account: storetest.RowAccount, f: f, sort: core.Sort{Column: column, Desc: desc}, deep: deep})
			}
		}
		by("certificates", "not_after", nil)
		by("certificates", "not_after", where("not_after", core.OpGreater, "2027-01-16T00:00:00Z"))
		by("audit", "time", nil)
	}
	return out
}

// touched tells what is wrong with the plan of a page; "": nothing.
func touched(t *testing.T, db *store.DB, l store.AnyList, c planCase) string {
	t.Helper()
	q := core.ListQuery{Account: c.account, Filter: c.f, Sort: c.sort}
	if c.deep {
		if q.Cursor = middle(t, db, l, q); q.Cursor == "" {
			return "" // a page or two
		}
	}
	text, args, err := l.Text(t.Context(), q, core.DefaultPage)
	if err != nil {
		t.Fatal(c, err)
	}
	rows, err := db.SQL().QueryContext(t.Context(), "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, COSTS OFF, FORMAT JSON) "+db.Rebind(text), args...)
	if err != nil {
		t.Fatal(c, text, err)
	}
	defer rows.Close()
	rows.Next()
	var raw []byte
	if err := rows.Scan(&raw); err != nil {
		t.Fatal(err)
	}
	var plan []struct{ Plan planNode }
	if err := json.Unmarshal(raw, &plan); err != nil {
		t.Fatal(err)
	}
	var said []string
	if n := plan[0].Plan.read(&said); n > planTouch {
		said = append(said, fmt.Sprintf("%.0f rows are read", n))
	}
	if said == nil {
		return ""
	}
	return strings.Join(said, "; ") + "\n" + text + "\n" + string(raw)
}

// planNode is a node of EXPLAIN's JSON.
type planNode struct {
	Type     string  `json:"Node Type"`
	Table    string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Recheck  float64 `json:"Rows Removed by Index Recheck"`
	Plans    []planNode
}

// read counts the rows that the scans of tables read, and says what reads or
// sorts a whole table.
func (n *planNode) read(said *[]string) float64 {
	var all, below float64
	for i := range n.Plans {
		all += n.Plans[i].read(said)
		below += n.Plans[i].Rows * n.Plans[i].Loops
	}
	switch {
	case n.Type == "Seq Scan" && slices.Contains(grows, n.Table):
		*said = append(*said, "sequential scan of "+n.Table)
	case n.Type == "Sort" && below > planTouch:
		*said = append(*said, fmt.Sprintf("sort of %.0f rows", below))
	}
	if n.Type == "Bitmap Index Scan" || slices.Contains(grows, n.Table) {
		all += (n.Rows + n.Filtered + n.Recheck) * n.Loops
	}
	return all
}

// middle returns the cursor of the middle of a list; "" for one of a page or two.
func middle(t *testing.T, db *store.DB, l store.AnyList, q core.ListQuery) string {
	t.Helper()
	text, args, err := l.Text(t.Context(), q, 2*planRows)
	if err != nil {
		t.Fatal(err)
	}
	order := l.Order(q)
	at, cols := make([]any, len(order)), make([]string, len(order))
	dst := make([]any, len(order)+1)
	var n int
	dst[0] = &n
	for i := range at {
		cols[i], dst[i+1] = fmt.Sprintf("cursor_%d", i), &at[i]
	}
	row := db.SQL().QueryRowContext(t.Context(), "SELECT n, "+strings.Join(cols, ", ")+" FROM (SELECT ROW_NUMBER() OVER () AS i, COUNT(*) OVER () AS n, p.* FROM ("+
		db.Rebind(text)+") AS p) AS r WHERE i = n / 2", args...)
	if err := row.Scan(dst...); err != nil || n < 2*core.DefaultPage {
		return ""
	}
	for i := range at {
		if b, ok := at[i].([]byte); ok {
			at[i] = string(b)
		}
	}
	return cursorAt(t, q, at)
}

// cursorAt is a cursor behind a row with these values of the sort order.
func cursorAt(t *testing.T, q core.ListQuery, at []any) string {
	t.Helper()
	c, err := json.Marshal(map[string]any{"a": at, "b": q.Sort.Column, "d": q.Sort.Desc})
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(c)
}

// fillLists puts rows into every table that a list reads. Texts that do not
// matter are empty, numbers count, and nothing refers to what is not there.
func fillLists(t *testing.T, db *store.DB) {
	t.Helper()
	storetest.Certificates(t, db, planRows)
	ctx := t.Context()
	conn, err := db.SQL().Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	run := func(text string) {
		t.Helper()
		if _, err := conn.ExecContext(ctx, text); err != nil {
			t.Fatal(err, text)
		}
	}
	run("SET session_replication_role = replica") // no foreign keys
	defer run("RESET session_replication_role")
	run("UPDATE certificates SET account = 'few' WHERE number % 100 = 1")
	run("UPDATE certificates SET credential = 'c-' || number % 50")
	state := func(common, rare string) string {
		return "CASE WHEN i % 1000 = 0 THEN '" + rare + "' ELSE '" + common + "' END"
	}
	rare := "CASE WHEN i % 1000 = 0 THEN 'rare' ELSE 'c-' || i % 50 END"
	for table, set := range map[string]map[string]string{
		"orders":              {"state": state("issued", "failed"), "product": "'p-' || i % 7", "group_id": "'g-' || i % 50", "names": `'["dns:host-' || i || '.example.com"]'`, "request": `'{}'`},
		"order_details":       {"order_id": "'01900000-0000-7000-8000-' || (100000000000 + i)", "tags": `'["all"]'`},
		"audit_entries":       {"chain": "i % 16", "seq": "i", "object": "'certificate:' || i", "action": "'certificate.issue'", "outcome": "'success'", "credential": "'c-' || i % 50"},
		"acme_accounts":       {"credential": rare, "state": "'valid'", "thumbprint": "i"},
		"acme_orders":         {"credential": rare, "acme_account": "'a-' || i % 500", "state": state("valid", "invalid")},
		"authorizations":      {"credential": rare, "acme_account": "'a-' || i % 500", "state": state("valid", "invalid"), "expires_at": "9000000000000000"},
		"domains":             {"owner": "'g:' || i", "name": "'host-' || i || '.example.com'", "state": "'active'"},
		"credentials":         {"type": "'est'", "label": "'label-' || i", "public_id": "'public-' || i", "state": "'active'", "user_id": "'u-' || i % 50", "group_id": "'g-' || i % 50"},
		"users":               {"login": "'login-' || i", "state": "'active'"},
		"tokens":              {"secret_hash": "DECODE(LPAD(TO_HEX(i), 16, '0'), 'hex')"},
		"sessions":            {"secret_hash": "DECODE(LPAD(TO_HEX(i), 16, '0'), 'hex')", "expires_at": "9000000000000000"},
		"deployment_requests": {"certificate": "'c-' || i % 5000"},
		"tag_uses":            {"kind": "'certificate'", "object": "'01900000-0000-7000-8000-' || (100000000000 + i)", "tag": "'all'"},
		"tags":                {"tag": "'tag-' || i", "name": "'tag-' || i"},
		"tag_counts":          {"tag": "'tag-' || i", "kind": "'certificate'", "group_id": "'g-' || i % 50", "uses": "1"},
	} {
		rowsOf(ctx, t, run, db, table, planRows, set)
	}
	run("INSERT INTO tag_uses (kind, object, tag, account) SELECT 'order', object, tag, account FROM tag_uses WHERE kind = 'certificate'")
	run("INSERT INTO tag_uses (kind, object, tag, account) SELECT kind, object, 'rare', account FROM tag_uses WHERE object LIKE '%999'")
	run("INSERT INTO tag_uses (kind, object, tag, account) SELECT kind, object, 'old', account FROM tag_uses WHERE tag = 'all' AND object < '01900000-0000-7000-8000-100000008000'")
	run("INSERT INTO tag_counts (account, tag, kind, group_id, uses) SELECT account, tag, kind, '', COUNT(*) FROM tag_uses GROUP BY account, tag, kind")
	for table, n := range map[string]int{"organisations": 200, "groups": 200, "products": 20, "issuers": 20, "passkeys": 200, "signin_providers": 5, "renewal_pulls": 50, "consents": 200, "vettings": 200, "views": 100, "agreement_texts": 50} {
		rowsOf(ctx, t, run, db, table, n, nil)
	}
	run("VACUUM ANALYZE")
}

// rowsOf adds n rows to a table: the columns of set as they say, the others
// with something that fits.
func rowsOf(ctx context.Context, t *testing.T, run func(string), db *store.DB, table string, n int, set map[string]string) {
	t.Helper()
	rows, err := db.SQL().QueryContext(ctx, `SELECT column_name, data_type FROM information_schema.columns WHERE table_name = $1 AND is_nullable = 'NO' ORDER BY 1`, table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	values := map[string]string{}
	for rows.Next() {
		var name, typ string
		if err := rows.Scan(&name, &typ); err != nil {
			t.Fatal(err)
		}
		switch {
		case name == "id" || name == "object":
			values[name] = "'01900000-0000-7000-8000-' || (100000000000 + i)"
		case name == "account":
			values[name] = "CASE WHEN i % 100 = 1 THEN 'few' ELSE '" + string(storetest.RowAccount) + "' END"
		case typ == "bigint" && (name == "at" || strings.HasSuffix(name, "_at")):
			values[name] = "1700000000000000 + i * 1000000"
		case typ == "bigint":
			values[name] = "i"
		case typ == "boolean":
			values[name] = "FALSE"
		case typ == "bytea":
			values[name] = "DECODE(LPAD(TO_HEX(i), 16, '0'), 'hex')"
		case name == "name" || name == "code" || name == "slug" || name == "label":
			values[name] = "'" + name + "-' || i"
		default:
			values[name] = "''"
		}
	}
	for k, v := range set {
		values[k] = v
	}
	var cols, exprs []string
	for k, v := range values {
		cols, exprs = append(cols, k), append(exprs, v)
	}
	run(fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM GENERATE_SERIES(1::BIGINT, %d) AS i", table, strings.Join(cols, ", "), strings.Join(exprs, ", "), n))
}

// Lists are planned anew for their values: no statement of a list is kept, whose
// plan would after some runs be that for any value.
func TestListsAreNotPrepared(t *testing.T) {
	db := storetest.Postgres(t)
	db.SQL().SetMaxOpenConns(1)
	q := core.ListQuery{Account: storetest.RowAccount, Filter: where("names", core.OpContains, "host-1")}
	for range 8 {
		if _, err := db.ListCertificates(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		count := q
		count.Tally = &core.Tally{Limit: 100}
		if _, err := db.ListCertificates(t.Context(), count); err != nil {
			t.Fatal(err)
		}
	}
	var kept int
	if err := db.SQL().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT%certificates AS t%' AND name <> '' AND statement NOT LIKE '%pg_prepared%'").Scan(&kept); err != nil || kept != 0 {
		t.Errorf("%d statements are kept, %v", kept, err)
	}
}
