package csvlist

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/core"
)

// Limits of a file.
const (
	MaxFile    = 1 << 20 // octets
	MaxRows    = 5000
	maxColumns = 100
	maxCell    = 4000 // octets
)

// row is one record: its line in the file, from 1, and its cells by column.
type row struct {
	line  int
	cells map[string]string
	err   error // of the record as a whole
}

// readFile reads a CSV file (RFC 4180): UTF-8 with or without byte order mark,
// the separator a comma, a semicolon or a tabulator as in its first line, which
// names the columns. column says which column a heading means: "" for one that
// is read over, and false for an unknown one; first must be among them.
func readFile(file []byte, first string, column func(heading string) (string, bool)) ([]row, error) {
	if len(file) > MaxFile {
		return nil, core.Errorf(core.KindTooLarge, "a list has at most %d octets", MaxFile).At("csv")
	}
	file = bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))
	switch {
	case !utf8.Valid(file):
		return nil, invalid("the file is not UTF-8; save it as CSV UTF-8")
	case bytes.IndexByte(file, 0) >= 0:
		return nil, invalid("the file holds characters of value zero, which no text does")
	case len(bytes.TrimSpace(file)) == 0:
		return nil, invalid("the file is empty")
	}
	r := csv.NewReader(bytes.NewReader(file))
	r.Comma, r.FieldsPerRecord = separator(file), -1
	heads, err := r.Read()
	if err != nil {
		return nil, unreadable(err)
	}
	cols, err := columnsOf(heads, column)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(cols, first) {
		return nil, invalid("the first line names no column %s", first)
	}
	var out []row
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, unreadable(err)
		}
		if blank(cells) {
			continue
		}
		if len(out) == MaxRows {
			return nil, core.Errorf(core.KindTooLarge, "a list has at most %d rows", MaxRows).At("csv")
		}
		line, _ := r.FieldPos(0)
		out = append(out, rowOf(line, cells, cols))
	}
}

func invalid(format string, args ...any) error {
	return core.Errorf(core.KindInvalid, "%s", fmt.Sprintf(format, args...)).At("csv")
}

func unreadable(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return core.Wrap(core.KindInvalid, err, "line %d of the file cannot be read: %v", p.Line, p.Err).At("csv")
	}
	return core.Wrap(core.KindInvalid, err, "the file cannot be read").At("csv")
}

// separator is the one of the three that stands most often in the first line
// outside of quotes.
func separator(file []byte) rune {
	line, quoted := file, false
	count := map[rune]int{}
	for _, c := range string(line) {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\n' && !quoted:
			return most(count)
		case !quoted && (c == ',' || c == ';' || c == '\t'):
			count[c]++
		}
	}
	return most(count)
}

func most(count map[rune]int) rune {
	best := ','
	for _, c := range []rune{';', '\t'} {
		if count[c] > count[best] {
			best = c
		}
	}
	return best
}

func columnsOf(heads []string, column func(string) (string, bool)) ([]string, error) {
	if len(heads) > maxColumns {
		return nil, invalid("the first line names more than %d columns", maxColumns)
	}
	out, seen := make([]string, len(heads)), map[string]bool{}
	for i, h := range heads {
		name, ok := column(h)
		if !ok {
			return nil, invalid("there is no column %q", shorten(h))
		}
		if name != "" && seen[name] {
			return nil, invalid("the column %s stands twice in the first line", name)
		}
		seen[name], out[i] = true, name
	}
	return out, nil
}

func shorten(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

func blank(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}

func rowOf(line int, cells, cols []string) row {
	r := row{line: line, cells: map[string]string{}}
	if len(cells) > len(cols) {
		r.err = core.Errorf(core.KindInvalid, "the line has %d cells and the first line %d columns", len(cells), len(cols))
	}
	for i, c := range cells {
		if len(c) > maxCell {
			r.err = core.Errorf(core.KindInvalid, "a cell has more than %d octets", maxCell)
			continue
		}
		if i < len(cols) && cols[i] != "" {
			r.cells[cols[i]] = plain(strings.TrimSpace(c))
		}
	}
	return r
}

// plain takes away the apostrophe with which exports keep a spreadsheet from
// taking a text for a formula.
func plain(s string) string {
	if len(s) > 1 && s[0] == '\'' && strings.IndexByte("=+-@\t\r", s[1]) >= 0 {
		return s[1:]
	}
	return s
}

// words splits a cell of several values, which exports write with commas.
func words(cell string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(cell, func(r rune) bool { return r == ',' || r == ';' || r == '|' }) {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}
