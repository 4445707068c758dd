package csvlist

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/core"
)

// headings knows login, name and email, and reads over number.
func headings(h string) (string, bool) {
	switch h = strings.ToLower(strings.TrimSpace(h)); h {
	case "login", "name", "email":
		return h, true
	case "number":
		return "", true
	}
	return "", false
}

func TestReadFile(t *testing.T) {
	for name, x := range map[string]struct {
		file string
		want []string // line: login/name
		bad  string   // part of the error
	}{
		"comma":        {file: "login,name\na,A\n", want: []string{"2: a/A"}},
		"semicolon":    {file: "login;name\r\na;\"A; B\"\r\n\r\nb;B", want: []string{"2: a/A; B", "4: b/B"}},
		"tabulator":    {file: "login\tname\na\tA, B\n", want: []string{"2: a/A, B"}},
		"mark":         {file: "\xef\xbb\xbfLogin,Name\na,Ä\n", want: []string{"2: a/Ä"}},
		"read over":    {file: "number,name,login\n7,A,a\n", want: []string{"2: a/A"}},
		"lines inside": {file: "login,name\na,\"A\nB\"\nc,C\n", want: []string{"2: a/A\nB", "4: c/C"}},
		"short row":    {file: "login,name\na\n", want: []string{"2: a/"}},
		"long row":     {file: "login,name\na,b,c\n", want: []string{"2: a/b!"}},
		"apostrophe":   {file: "login,name\n'-a,'=1+1\nb,'tis\n", want: []string{"2: -a/=1+1", "3: b/'tis"}},
		"quoted heads": {file: "\"login\",\"name\"\na,\"B;C;D\"\n", want: []string{"2: a/B;C;D"}},
		"unknown":      {file: "login,nome\n", bad: `no column "nome"`},
		"twice":        {file: "login,LOGIN\n", bad: "twice"},
		"no first":     {file: "name,email\nA,a@b.example\n", bad: "names no column login"},
		"empty":        {file: " \n\n", bad: "empty"},
		"latin":        {file: "login,name\na,\xc4\n", bad: "not UTF-8"},
		"zero":         {file: "login\na\x00\n", bad: "value zero"},
		"open quote":   {file: "login\n\"a\n", bad: "line 2"},
		"too large":    {file: strings.Repeat(" ", MaxFile+1), bad: "at most"},
		"too long":     {file: "login\n" + strings.Repeat("a\n", MaxRows+1), bad: "at most"},
		"too wide":     {file: strings.Repeat("login,", maxColumns+1) + "\n", bad: "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := readFile([]byte(x.file), "login", headings)
			if x.bad != "" {
				if err == nil || !strings.Contains(core.AsError(err).Detail, x.bad) {
					t.Fatalf("%v, want %q", err, x.bad)
				}
				return
			}
			if err != nil || len(rows) != len(x.want) {
				t.Fatalf("%+v %v", rows, err)
			}
			for i, r := range rows {
				got := strings.TrimSpace(string(rune('0'+r.line))) + ": " + r.cells["login"] + "/" + r.cells["name"]
				if r.err != nil {
					got += "!"
				}
				if got != x.want[i] {
					t.Errorf("row %d: %q, want %q", i, got, x.want[i])
				}
			}
		})
	}
}

func TestWords(t *testing.T) {
	if got := strings.Join(words(" a, b c;d|,e "), "/"); got != "a/b c/d/e" {
		t.Error(got)
	}
	for cell, want := range map[string]string{"yes": "true", "X": "true", "": "false", "No": "false", "maybe": "error"} {
		got, err := yes(cell, "sign_in")
		switch {
		case err != nil && want != "error", err == nil && want != map[bool]string{true: "true", false: "false"}[got]:
			t.Errorf("%q: %v %v", cell, got, err)
		}
	}
}

// Whatever the file: no panic, bounded, and every refusal can be shown.
func FuzzReadFile(f *testing.F) {
	for _, s := range []string{"", "login,name\na,b\n", "login;name\n\"a;\";b\n", "\xef\xbb\xbflogin\n'=a\n", "login\n\"", "login\tname\n\t\t\t\n", "number\n1\n", "login\n\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, err := readFile(file, "login", headings)
		if err != nil {
			e := core.AsError(err)
			if e.Kind != core.KindInvalid && e.Kind != core.KindTooLarge || e.Detail == "" || !utf8.ValidString(e.Detail) {
				t.Fatalf("%v", err)
			}
			return
		}
		if len(rows) > MaxRows {
			t.Fatalf("%d rows", len(rows))
		}
		for _, r := range rows {
			for c, v := range r.cells {
				if c == "" || len(v) > maxCell || !utf8.ValidString(v) {
					t.Fatalf("%q: %q", c, v)
				}
			}
		}
	})
}
