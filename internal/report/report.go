// Package report writes tables to files, row by row: CSV, Excel workbooks and
// PDF. Memory does not grow with the rows of CSV and Excel files; a PDF is put
// together in memory and has a limit.
package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Format is a kind of file.
type Format string

// The formats.
const (
	CSV  Format = "csv"
	XLSX Format = "xlsx"
	PDF  Format = "pdf"
)

// MaxPDF is how many rows a PDF holds.
const MaxPDF = 5000

// Media returns the media type of the format.
func (f Format) Media() string {
	switch f {
	case CSV:
		return "text/csv; charset=utf-8; header=present"
	case XLSX:
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case PDF:
		return "application/pdf"
	}
	return "application/octet-stream"
}

// Column is one column of a table.
type Column struct {
	Title string
	Type  core.ColumnType
}

// About is what a table says of itself.
type About struct {
	Title string
	Notes []string // such as the filter; a PDF shows them
	At    time.Time
}

// Table takes the rows of a file. Cells are string, int64, bool, time.Time or
// nil; nil and the zero time leave the cell empty. Nothing is complete before
// Close, which does not close the writer. Discard frees what an unfinished
// table holds.
type Table interface {
	Row(cells []any) error
	Close() error
	Discard()
}

// New begins a table.
func New(w io.Writer, f Format, about About, cols []Column) (Table, error) {
	switch f {
	case CSV:
		return newCSV(w, cols)
	case XLSX:
		return newXLSX(w, about, cols, MaxSheet)
	case PDF:
		return newPDF(w, about, cols), nil
	}
	return nil, core.Errorf(core.KindInvalid, "there is no format %q", f).At("format")
}

// stampLayout is how times are written where no program reads them.
const stampLayout = "02-Jan-2006 15:04:05"

// text writes a cell for people.
func text(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case int64:
		return strconv.FormatInt(x, 10)
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case time.Time:
		if !x.IsZero() {
			return x.UTC().Format(stampLayout)
		}
	}
	return ""
}

// Plain keeps a spreadsheet from taking a person's text for a formula.
func Plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

type csvTable struct {
	w   *csv.Writer
	row []string
}

func newCSV(w io.Writer, cols []Column) (Table, error) {
	t := &csvTable{w: csv.NewWriter(w), row: make([]string, len(cols))}
	for i, c := range cols {
		t.row[i] = Plain(c.Title)
	}
	return t, t.w.Write(t.row)
}

func (t *csvTable) Row(cells []any) error {
	for i := range t.row {
		switch x := cells[i].(type) {
		case time.Time:
			t.row[i] = ""
			if !x.IsZero() {
				t.row[i] = x.UTC().Format(time.RFC3339)
			}
		case bool:
			t.row[i] = strconv.FormatBool(x)
		case string:
			t.row[i] = Plain(x)
		default:
			t.row[i] = text(x)
		}
	}
	return t.w.Write(t.row)
}

func (t *csvTable) Close() error {
	t.w.Flush()
	return t.w.Error()
}

func (t *csvTable) Discard() {}
