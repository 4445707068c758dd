package report

import (
	"bytes"
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/house/need"
)

var (
	cols = []Column{{"Number", core.TypeNumber}, {"Name", core.TypeText}, {"Valid to", core.TypeTime}, {"Replaced", core.TypeBool}}
	when = time.Date(2026, 2, 5, 13, 14, 15, 0, time.UTC)
	rows = [][]any{{int64(1), "a.example", when, true}, {int64(2), "=1+1", time.Time{}, false}, {int64(3), "Zoë Łódź Αθήνα", when, nil}}
)

func write(t *testing.T, make func(*bytes.Buffer) (Table, error), rows [][]any) []byte {
	t.Helper()
	var b bytes.Buffer
	table, err := make(&b)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := table.Row(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func as(f Format) func(*bytes.Buffer) (Table, error) {
	return func(b *bytes.Buffer) (Table, error) {
		return New(b, f, About{Title: "Certificates", Notes: []string{"State equals active"}, At: when}, cols)
	}
}

func TestCSV(t *testing.T) {
	got, err := csv.NewReader(bytes.NewReader(write(t, as(CSV), rows))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"Number", "Name", "Valid to", "Replaced"}, {"1", "a.example", "2026-02-05T13:14:15Z", "true"}, {"2", "'=1+1", "", "false"},
		{"3", "Zoë Łódź Αθήνα", "2026-02-05T13:14:15Z", ""}}
	for i, r := range want {
		if strings.Join(got[i], "|") != strings.Join(r, "|") {
			t.Errorf("row %d: %q, want %q", i, got[i], r)
		}
	}
}

func TestXLSXSplits(t *testing.T) {
	file := write(t, func(b *bytes.Buffer) (Table, error) {
		return newXLSX(b, About{Title: "A/B: certificates", At: when}, cols, 3)
	}, rows)
	f, err := excelize.OpenReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := strings.Join(f.GetSheetList(), ","); got != "A B  certificates,A B  certificates 2" {
		t.Fatalf("sheets %s", got)
	}
	one, err := f.GetRows("A B  certificates")
	if err != nil || len(one) != 3 || one[0][2] != "Valid to (UTC)" || one[1][1] != "a.example" || one[2][1] != "=1+1" || one[1][2] != "05-Feb-2026 13:14:15" {
		t.Errorf("%q %v", one, err)
	}
	if kind, err := f.GetCellType("A B  certificates", "B3"); err != nil || kind == excelize.CellTypeFormula {
		t.Errorf("a text became a formula: %v %v", kind, err)
	}
	two, err := f.GetRows("A B  certificates 2")
	if err != nil || len(two) != 2 || two[0][0] != "Number" || two[1][1] != "Zoë Łódź Αθήνα" {
		t.Errorf("%q %v", two, err)
	}
}

func TestLongCells(t *testing.T) {
	long := strings.Repeat("ä", maxCell+5)
	file := write(t, func(b *bytes.Buffer) (Table, error) { return New(b, XLSX, About{}, cols) }, [][]any{{int64(1), long, nil, nil}})
	f, err := excelize.OpenReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := f.GetCellValue("Table", "B2"); err != nil || len([]rune(got)) != maxCell || !strings.HasSuffix(got, "ä…") {
		t.Errorf("%d characters, %v", len([]rune(got)), err)
	}
}

func TestPDF(t *testing.T) {
	var many [][]any
	for range 40 {
		many = append(many, rows...)
	}
	file := write(t, as(PDF), many)
	tool := need.Program(t, "pdftotext", "poppler-utils")
	name := filepath.Join(t.TempDir(), "t.pdf")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "-layout", name, "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	page := string(out)
	for _, want := range []string{"Certificates", "State equals active", "Valid to", "05-Feb-2026 13:14:15", "Zoë Łódź Αθήνα", "=1+1", "Page 2 of"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing in:\n%.3000s", want, page)
		}
	}
	if n := strings.Count(page, "a.example"); n != 40 {
		t.Errorf("%d rows of 40", n)
	}
}

func TestPDFLimit(t *testing.T) {
	table, err := New(&bytes.Buffer{}, PDF, About{At: when}, cols[:1])
	if err != nil {
		t.Fatal(err)
	}
	for range MaxPDF {
		if err := table.Row([]any{int64(1)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Row([]any{int64(1)}); !core.Is(err, core.KindInvalid) {
		t.Errorf("one row too many: %v", err)
	}
}
