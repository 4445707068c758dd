package portal_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
	"github.com/certwright/certwright/test/interop/harness"
)

// TestLists tries every operator of every list, one column of each type by
// hand, and compares the cells of every list's exports.
func TestLists(t *testing.T) {
	b := browse(t)
	server := harness.Start(t, harness.Options{})
	a, ctx := server.Admin(t), t.Context()
	person(t, server, a)
	product, last := "", ""
	for i := range 6 {
		name := fmt.Sprintf("host%d.example.internal", i)
		got, err := a.CreateOrder(ctx, resource.NewOrder{Product: "tls-server", Generate: "ECDSA P-256", Names: []string{name}, Group: a.Group,
			Subject: core.DN{{Type: "CN", Value: name}}, ValidityDays: []int{1, 5, 20, 60}[i%4], Replaces: last}, "")
		if err != nil {
			t.Fatal(err)
		}
		id := string(got.Certificate.ID)
		product = string(got.Certificate.Product)
		if i == 3 {
			last = id
		}
		switch i {
		case 0, 1:
			if _, err := a.Revoke(ctx, id, resource.Revocation{Reason: []string{"superseded", "certificateHold"}[i]}); err != nil {
				t.Fatal(err)
			}
		case 2, 5:
			if _, err := a.SetTags(ctx, id, []string{"env:prod", "team:web"}[:1+i/5]); err != nil {
				t.Fatal(err)
			}
		}
	}
	o, err := a.CreateOrganisation(ctx, resource.OrganisationFields{Name: "Example, Ltd", Country: "GB"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.AskVetting(ctx, resource.NewVetting{Organisation: o.ID, Purpose: core.PurposeOV}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.RegisterDomain(ctx, resource.NewDomain{Name: "lists.example", Group: a.Group}); err != nil {
		t.Fatal(err)
	}
	b.drive("lists.mjs", map[string]any{"base": server.Main, "password": a.Password, "product": product})
	if t.Failed() {
		return
	}
	var lists []string
	if err := json.Unmarshal(harness.ReadFile(t, b.dir, "lists.json"), &lists); err != nil || len(lists) < 20 {
		t.Fatalf("%d lists, %v", len(lists), err)
	}
	for _, l := range lists {
		sameCells(t, b.dir, l)
	}
}

// sameCells compares the three exports of a list: the same columns and rows,
// and the same in each cell but for how a date and a code word are written.
func sameCells(t *testing.T, dir, list string) {
	t.Helper()
	var columns []struct{ Title, Type string }
	if err := json.Unmarshal(harness.ReadFile(t, dir, list+".columns.json"), &columns); err != nil {
		t.Fatal(err)
	}
	plain, err := csv.NewReader(bytes.NewReader(harness.ReadFile(t, dir, list+".csv"))).ReadAll()
	if err != nil || len(plain) == 0 || len(plain[0]) != len(columns) {
		t.Errorf("%s: CSV: %v, %v for %v", list, err, plain, columns)
		return
	}
	book, err := excelize.OpenFile(filepath.Join(dir, list+".xlsx"))
	if err != nil {
		t.Errorf("%s: Excel: %v", list, err)
		return
	}
	defer book.Close()
	cells, err := book.GetRows(book.GetSheetName(0))
	// An export is an event itself, so the log has grown between two.
	if err != nil || len(cells) < len(plain) || len(cells) > len(plain) && list != "audit" {
		t.Errorf("%s: Excel: %d rows, CSV %d, %v", list, len(cells), len(plain), err)
		return
	}
	tool, ok := need.Find("pdftotext")
	if !ok {
		need.Missing(t, "program pdftotext (Debian package poppler-utils)")
	}
	printed := squash(harness.RunEnv(t, dir, nil, tool, "-layout", list+".pdf", "-"))
	for i, c := range columns {
		// Of a narrow column the printed title may go on in the next line.
		if plain[0][i] != c.Title || strings.TrimSuffix(cells[0][i], " (UTC)") != c.Title || !strings.Contains(printed, squash(c.Title)[:min(len(squash(c.Title)), 5)]) {
			t.Errorf("%s: column %q is called %q in CSV and %q in Excel", list, c.Title, plain[0][i], cells[0][i])
		}
	}
	for r, row := range plain[1:] {
		for i, want := range row {
			got := ""
			if i < len(cells[r+1]) { // empty cells at the end of a row are left out
				got = cells[r+1][i]
			}
			if !sameCell(want, got, columns[i].Type) {
				t.Errorf("%s, row %d, %s: CSV %q, Excel %q", list, r+1, columns[i].Title, want, got)
			}
		}
	}
}

// sameCell reports whether two cells say the same.
func sameCell(plain, got, kind string) bool {
	if kind == "time" && plain != "" {
		at, err := time.Parse(time.RFC3339, plain)
		return err != nil || got != "" && (strings.Contains(got, at.Format("2006")) || strings.Contains(got, at.Format("06")))
	}
	if kind == "enum" || kind == "bool" {
		return (plain == "") == (got == "")
	}
	plain = strings.ReplaceAll(plain, "dns:", "")                                                                     // people read names of hosts without their kind
	return squash(plain) == squash(got) || plain != "" && got != "" && !strings.ContainsAny(plain, " .:@/0123456789") // a code word
}

// squash keeps letters and digits, in lower case.
func squash(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}
