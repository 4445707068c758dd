package report

import (
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"github.com/certwright/certwright/internal/core"
)

// MaxSheet is how many rows a sheet of Excel holds. Further rows go to further
// sheets, each with the header.
const MaxSheet = 1_048_576

// maxCell is how many characters a cell of Excel holds.
const maxCell = 32_767

// xlsxTable streams into temporary files beside the program, which Excel's
// format needs, and copies them to the writer at the end.
type xlsxTable struct {
	w      io.Writer
	f      *excelize.File
	sheet  *excelize.StreamWriter
	name   string
	sheets int
	rows   int // of the present sheet, with header
	max    int
	cols   []Column
	head   int // style ids
	stamp  int
}

func newXLSX(w io.Writer, about About, cols []Column, maxRows int) (Table, error) {
	t := &xlsxTable{w: w, f: excelize.NewFile(), name: sheetName(about.Title), max: maxRows, cols: cols}
	format := "dd-mmm-yyyy hh:mm:ss"
	var err error
	if t.stamp, err = t.f.NewStyle(&excelize.Style{CustomNumFmt: &format}); err != nil {
		return nil, err
	}
	if t.head, err = t.f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}}); err != nil {
		return nil, err
	}
	if err := t.f.SetDocProps(&excelize.DocProperties{Title: about.Title, Creator: "Certwright", Created: about.At.UTC().Format(time.RFC3339)}); err != nil {
		return nil, err
	}
	return t, t.next()
}

// sheetName makes a name that Excel takes, with room for a number.
func sheetName(title string) string {
	s := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:\/?*[]'`, r) {
			return ' '
		}
		return r
	}, title)
	if s = strings.TrimSpace(s); s == "" {
		s = "Table"
	}
	if r := []rune(s); len(r) > 24 {
		s = strings.TrimSpace(string(r[:24]))
	}
	return s
}

// next begins a sheet.
func (t *xlsxTable) next() error {
	if t.sheet != nil {
		if err := t.sheet.Flush(); err != nil {
			return err
		}
	}
	t.sheets++
	name := t.name
	if t.sheets > 1 {
		name += " " + strconv.Itoa(t.sheets)
		if _, err := t.f.NewSheet(name); err != nil {
			return err
		}
	} else if err := t.f.SetSheetName("Sheet1", name); err != nil {
		return err
	}
	var err error
	if t.sheet, err = t.f.NewStreamWriter(name); err != nil {
		return err
	}
	for i, c := range t.cols {
		if err := t.sheet.SetColWidth(i+1, i+1, width(c)); err != nil {
			return err
		}
	}
	if err := t.sheet.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	head := make([]any, len(t.cols))
	for i, c := range t.cols {
		title := c.Title
		if c.Type == core.TypeTime {
			title += " (UTC)"
		}
		head[i] = excelize.Cell{StyleID: t.head, Value: title}
	}
	t.rows = 1
	return t.sheet.SetRow("A1", head)
}

// width is a column's width in characters.
func width(c Column) float64 {
	switch c.Type {
	case core.TypeTime:
		return 22
	case core.TypeNumber, core.TypeBool:
		return 12
	case core.TypeEnum:
		return 16
	}
	return 32
}

func (t *xlsxTable) Row(cells []any) error {
	if t.rows == t.max {
		if err := t.next(); err != nil {
			return err
		}
	}
	t.rows++
	out := make([]any, len(t.cols))
	for i := range out {
		switch x := cells[i].(type) {
		case time.Time:
			if !x.IsZero() {
				out[i] = excelize.Cell{StyleID: t.stamp, Value: x.UTC().Truncate(time.Second)}
			}
		case string:
			out[i] = fit(x)
		default:
			out[i] = x
		}
	}
	return t.sheet.SetRow("A"+strconv.Itoa(t.rows), out)
}

// fit cuts a text to what a cell holds.
func fit(s string) string {
	if utf8.RuneCountInString(s) <= maxCell {
		return s
	}
	return string([]rune(s)[:maxCell-1]) + "…"
}

func (t *xlsxTable) Close() error {
	defer t.Discard()
	if err := t.sheet.Flush(); err != nil {
		return err
	}
	_, err := t.f.WriteTo(t.w)
	return err
}

func (t *xlsxTable) Discard() { _ = t.f.Close() }
