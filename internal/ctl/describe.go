package ctl

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/certwright/certwright/internal/core"
)

// show prints one thing: JSON, or its fields one below the other. omit names
// fields that a person does not read here.
func (p *printer) show(v any, omit ...string) error {
	if p.json {
		return p.printJSON(v)
	}
	var b bytes.Buffer
	describe(&b, reflect.ValueOf(v), "", omit)
	_, err := p.w.Write(b.Bytes())
	return err
}

// describe writes the fields of a struct that have a value.
func describe(b *bytes.Buffer, v reflect.Value, indent string, omit []string) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	fields := slices.DeleteFunc(fieldsOf(v.Type()), func(f field) bool {
		return slices.Contains(omit, f.name) || unsaid(f.name, v.FieldByIndex(f.index))
	})
	width := 0
	for _, f := range fields {
		width = max(width, len(f.name)+1)
	}
	for _, f := range fields {
		describeField(b, label(f.name), v.FieldByIndex(f.index), indent, width, omit)
	}
}

// describeField writes one field.
func describeField(b *bytes.Buffer, name string, v reflect.Value, indent string, width int, omit []string) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Type().ConvertibleTo(reflect.TypeFor[core.DN]()) {
		v = v.Convert(reflect.TypeFor[core.DN]())
	}
	_, isTime := v.Interface().(time.Time)
	_, isText := v.Interface().(fmt.Stringer)
	switch {
	case isText && !isTime:
		fmt.Fprintf(b, "%s%-*s  %s\n", indent, width, name+":", clean(text(v)))
	case v.Kind() == reflect.Struct && !isTime:
		fmt.Fprintf(b, "%s%s:\n", indent, name)
		describe(b, v, indent+"  ", omit)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		fmt.Fprintf(b, "%s%-*s  %s\n", indent, width, name+":", octets(v.Bytes()))
	case v.Kind() == reflect.Slice && (nested(v.Type().Elem()) || v.Len() > maxListed):
		fmt.Fprintf(b, "%s%s:\n", indent, name)
		for i := range v.Len() {
			fmt.Fprintf(b, "%s  - %s\n", indent, strings.ReplaceAll(cleanLines(item(v.Index(i))), "\n", "\n"+indent+"    "))
		}
	case v.Kind() == reflect.Slice:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, clean(text(v.Index(i))))
		}
		fmt.Fprintf(b, "%s%-*s  %s\n", indent, width, name+":", strings.Join(parts, ", "))
	default:
		lines := strings.Split(strings.TrimRight(cleanLines(text(v)), "\n"), "\n")
		if len(lines) == 1 {
			fmt.Fprintf(b, "%s%-*s  %s\n", indent, width, name+":", lines[0])
			return
		}
		fmt.Fprintf(b, "%s%s:\n", indent, name)
		for _, l := range lines {
			fmt.Fprintf(b, "%s  %s\n", indent, l)
		}
	}
}

// octets writes raw JSON as text and other octets in base64, cut when long.
func octets(raw []byte) string {
	s := base64.StdEncoding.EncodeToString(raw)
	if json.Valid(raw) {
		s = clean(string(raw))
	}
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}

// nested reports whether a list of t is written one element to a line.
func nested(t reflect.Type) bool {
	return !t.Implements(reflect.TypeFor[fmt.Stringer]()) && (t.Kind() == reflect.Struct || t.Kind() == reflect.Pointer || t.Kind() == reflect.Map)
}

// item writes an element of a list: the filled fields of a struct on one line.
// Octets are left to JSON.
func item(v reflect.Value) string {
	if _, named := v.Interface().(fmt.Stringer); named || v.Kind() != reflect.Struct {
		return text(v)
	}
	var parts []string
	for _, f := range fieldsOf(v.Type()) {
		x := v.FieldByIndex(f.index)
		if empty(x) || x.Kind() == reflect.Slice && x.Type().Elem().Kind() == reflect.Uint8 {
			continue
		}
		value := text(x)
		if x.Kind() == reflect.Slice && !nested(x.Type().Elem()) {
			value = cell(x, false)
		}
		parts = append(parts, f.name+" "+value)
	}
	return strings.Join(parts, ", ")
}

// empty reports whether a value says nothing: zero, or a list without elements.
// A plain no is said.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Bool:
		return false
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return v.IsZero()
}

// unsaid reports whether a field says nothing. Of path_length a negative number
// means none, and 0 is said.
func unsaid(name string, v reflect.Value) bool {
	if name == "path_length" && v.CanInt() {
		return v.Int() < 0
	}
	return empty(v)
}

// acronyms are words that are written in capitals.
const acronyms = " ca crl csr dns ip ocsp pem upn uri url "

// label is a field's name for people.
func label(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words {
		if strings.Contains(acronyms, " "+w+" ") {
			words[i] = strings.ToUpper(w)
		}
	}
	return upperFirst(strings.Join(words, " "))
}

// clean makes a text that others have chosen fit for a terminal: characters
// that control it, or that turn the direction of writing, become "?", and so do
// line breaks.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, s)
}

// cleanLines is clean for a text of several lines.
func cleanLines(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}
