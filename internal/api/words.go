package api

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// catalogue says how code words are read. The portal is built with the same
// file (web/src/lib/format.ts).
//
//go:embed words.json
var catalogue []byte

var reading = func() (c struct {
	// Capitals are the parts of code words that are written in capitals.
	Capitals string `json:"capitals"`
	// Parts are those that are written otherwise.
	Parts map[string]string `json:"parts"`
	// Values are whole code words, also column:word for one column only.
	Values map[string]string `json:"values"`
}) {
	if err := json.Unmarshal(catalogue, &c); err != nil {
		panic("words.json: " + err.Error()) // it is part of the program
	}
	for _, w := range strings.Fields(c.Capitals) {
		c.Parts[w] = strings.ToUpper(w)
	}
	return c
}()

var (
	codeWord = regexp.MustCompile(`^[a-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*$`)
	hump     = regexp.MustCompile(`([a-z])([A-Z])`)
)

// inWords is a code word as people read it: on-hold is On hold, pending-dcv
// Pending DCV. What is no code word stays as it is. It is the function words of
// the portal.
func inWords(code, column string) string {
	for _, k := range []string{column + ":" + code, code} {
		if w, ok := reading.Values[k]; ok {
			return w
		}
	}
	if !codeWord.MatchString(code) {
		return code
	}
	parts := strings.FieldsFunc(hump.ReplaceAllString(code, "$1-$2"), func(r rune) bool { return r == '-' || r == '_' })
	for i, p := range parts {
		parts[i] = strings.ToLower(p)
		if w, ok := reading.Parts[parts[i]]; ok {
			parts[i] = w
		}
	}
	out := strings.Join(parts, " ")
	return strings.ToUpper(out[:1]) + out[1:]
}

// coded names the columns that are no enum and whose values are code words.
var coded = map[string]bool{"protocol": true, "type": true, "auth": true, "method": true, "role": true, "connector": true, "kind": true}

// teller writes the properties of rows: for programs as they are, for people
// code words in words and names of hosts without their kind.
type teller struct {
	people bool
	names  map[string]string // by id
}

// text writes a property: names for ids, lists with commas.
func (w teller) text(v any, c resource.Column) string {
	switch x := v.(type) {
	case string:
		if n, ok := w.names[x]; ok {
			return n
		}
		switch {
		case !w.people:
			return x
		case c.Words:
			return inWords(x, c.Name)
		}
		return strings.TrimPrefix(x, "dns:")
	case []any:
		parts := make([]string, len(x))
		for i, e := range x {
			parts[i] = w.text(e, c)
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		if role, ok := x["role"].(string); ok && w.people {
			return w.grant(role, x)
		}
		for _, k := range []string{"value", "role", "detail"} {
			if s, ok := x[k]; ok {
				return w.text(s, resource.Column{})
			}
		}
	}
	raw, _ := json.Marshal(v) // it came from JSON
	return string(raw)
}

// grant writes a role with what it is limited to and where it comes from.
func (w teller) grant(role string, of map[string]any) string {
	s := inWords(role, "")
	if id, ok := of["group"].(string); ok && id != "" {
		group, ok := w.names[id]
		if !ok {
			group = inWords("group", "grant")
		}
		s += " (" + group + ")"
	}
	if p, ok := of["provider"].(string); ok && p != "" {
		s += ", " + inWords("provider", "grant")
	}
	return s
}

// wordy tells whether the values of a column are code words.
func wordy(c core.Column) bool { return c.Type == core.TypeEnum || coded[c.Name] }
