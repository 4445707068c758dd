package report

import (
	"io"
	"strconv"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/certwright/certwright/internal/core"
)

// Measures of a page: A4 across, in millimetres and points.
const (
	margin   = 10.0
	pageWide = 297.0 - 2*margin
	lineHigh = 4.2
	fontSize = 7.5
	maxLines = 6 // of a cell; what is longer ends with …
)

// The fonts are Go's: Latin, Greek and Cyrillic. What they lack is a box.
const family = "go"

type pdfTable struct {
	w      io.Writer
	p      *fpdf.Fpdf
	cols   []Column
	widths []float64
	rows   int
}

func newPDF(w io.Writer, about About, cols []Column) Table {
	t := &pdfTable{w: w, p: fpdf.New("L", "mm", "A4", ""), cols: cols, widths: widths(cols)}
	p := t.p
	p.SetCreationDate(about.At)
	p.SetModificationDate(about.At)
	p.SetCatalogSort(true)
	p.SetTitle(about.Title, true)
	p.SetCreator("Certwright", true)
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(false, margin)
	p.AddUTF8FontFromBytes(family, "", goregular.TTF)
	p.AddUTF8FontFromBytes(family, "B", gobold.TTF)
	p.AliasNbPages("{pages}")
	p.SetFooterFunc(func() {
		p.SetY(-margin + 1)
		p.SetFont(family, "", 7)
		p.CellFormat(pageWide/2, 4, about.At.UTC().Format(stampLayout)+" UTC, times in UTC", "", 0, "L", false, 0, "")
		p.CellFormat(pageWide/2, 4, "Page "+strconv.Itoa(p.PageNo())+" of {pages}", "", 0, "R", false, 0, "")
	})
	p.AddPage()
	p.SetFont(family, "B", 13)
	p.CellFormat(pageWide, 7, about.Title, "", 1, "L", false, 0, "")
	p.SetFont(family, "", 8)
	for _, n := range about.Notes {
		p.MultiCell(pageWide, 4, n, "", "L", false)
	}
	p.Ln(2)
	t.header()
	return t
}

// widths shares the page's width among columns by what they hold.
func widths(cols []Column) []float64 {
	out := make([]float64, len(cols))
	sum := 0.0
	for i, c := range cols {
		out[i] = 3
		switch c.Type {
		case core.TypeTime:
			out[i] = 1.9
		case core.TypeEnum:
			out[i] = 1.4
		case core.TypeNumber, core.TypeBool:
			out[i] = 1.1
		}
		sum += out[i]
	}
	for i := range out {
		out[i] *= pageWide / sum
	}
	return out
}

func (t *pdfTable) header() {
	t.p.SetFont(family, "B", fontSize)
	t.p.SetFillColor(230, 233, 238)
	cells := make([]string, len(t.cols))
	for i, c := range t.cols {
		cells[i] = c.Title
	}
	t.line(cells, true)
	t.p.SetFont(family, "", fontSize)
}

// line writes one row of cells, each broken into lines.
func (t *pdfTable) line(cells []string, fill bool) {
	lines := make([][]string, len(cells))
	most := 1
	for i, c := range cells {
		if c == "" {
			continue
		}
		lines[i] = t.p.SplitText(c, t.widths[i]-2)
		if len(lines[i]) > maxLines {
			lines[i] = lines[i][:maxLines]
			lines[i][maxLines-1] = "…"
		}
		most = max(most, len(lines[i]))
	}
	high := float64(most)*lineHigh + 1
	if _, page := t.p.GetPageSize(); t.p.GetY()+high > page-margin-3 && !fill {
		t.p.AddPage()
		t.header()
	}
	x, y := margin, t.p.GetY()
	for i := range cells {
		style := "D"
		if fill {
			style = "FD"
		}
		t.p.SetDrawColor(190, 195, 202)
		t.p.Rect(x, y, t.widths[i], high, style)
		for n, s := range lines[i] {
			t.p.SetXY(x+0.5, y+0.5+float64(n)*lineHigh)
			t.p.CellFormat(t.widths[i]-1, lineHigh, s, "", 0, "L", false, 0, "")
		}
		x += t.widths[i]
	}
	t.p.SetXY(margin, y+high)
}

func (t *pdfTable) Row(cells []any) error {
	if t.rows++; t.rows > MaxPDF {
		return TooLong()
	}
	words := make([]string, len(t.cols))
	for i := range words {
		words[i] = text(cells[i])
	}
	t.line(words, false)
	return t.p.Error()
}

// TooLong is the refusal of a PDF with more than MaxPDF rows.
func TooLong() error {
	return core.Errorf(core.KindInvalid, "a PDF holds at most %d rows; narrow the filter, or take Excel or CSV", MaxPDF).At("format")
}

func (t *pdfTable) Close() error { return t.p.Output(t.w) }

func (t *pdfTable) Discard() {}
