package core

import (
	"bytes"
	"strings"
	"testing"
)

var tinyPDF = []byte("%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n")

func TestCheckPDF(t *testing.T) {
	atLimit := append(append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("x"), MaxDocument-14)...), "%%EOF"...)
	for _, tt := range []struct {
		what, name, description string
		body                    []byte
		want                    Kind
		field                   string
	}{
		{"good", "register.pdf", "extract of the register", tinyPDF, "", ""},
		{"longest name, no description", strings.Repeat("n", 100), "", tinyPDF, "", ""},
		{"letters beyond ASCII", "Auszug Köln.pdf", strings.Repeat("ö", 200), tinyPDF, "", ""},
		{"largest", "a.pdf", "", atLimit, "", ""},
		{"one octet more", "a.pdf", "", append([]byte("%PDF-"), atLimit[4:]...), KindTooLarge, "body"},
		{"no name", "", "", tinyPDF, KindInvalid, "name"},
		{"long name", strings.Repeat("n", 101), "", tinyPDF, KindInvalid, "name"},
		{"folder", "../a.pdf", "", tinyPDF, KindInvalid, "name"},
		{"Windows folder", `c:\a.pdf`, "", tinyPDF, KindInvalid, "name"},
		{"dots", "..", "", tinyPDF, KindInvalid, "name"},
		{"control character", "a\n.pdf", "", tinyPDF, KindInvalid, "name"},
		{"turned text", "a\u202efdp.exe", "", tinyPDF, KindInvalid, "name"},
		{"not UTF-8", "a\xff.pdf", "", tinyPDF, KindInvalid, "name"},
		{"long description", "a.pdf", strings.Repeat("d", 201), tinyPDF, KindInvalid, "description"},
		{"description of two lines", "a.pdf", "a\nb", tinyPDF, KindInvalid, "description"},
		{"empty", "a.pdf", "", nil, KindMediaType, "body"},
		{"HTML", "a.pdf", "", []byte("<html>%PDF-1.4 %%EOF"), KindMediaType, "body"},
		{"cut off", "a.pdf", "", tinyPDF[:20], KindMediaType, "body"},
		{"end mark too far up", "a.pdf", "", append(bytes.Clone(tinyPDF), bytes.Repeat([]byte(" "), 2000)...), KindMediaType, "body"},
	} {
		err := CheckPDF(tt.name, tt.description, tt.body)
		if KindOf(err) != tt.want || err != nil && AsError(err).Field != tt.field {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
}

func FuzzCheckPDF(f *testing.F) {
	f.Add("a.pdf", "text", tinyPDF)
	f.Add("../a", "\u202e", []byte("%PDF-%%EOF"))
	f.Add("", "", []byte(nil))
	f.Fuzz(func(t *testing.T, name, description string, body []byte) {
		err := CheckPDF(name, description, body)
		if err != nil {
			if k := KindOf(err); k != KindInvalid && k != KindTooLarge && k != KindMediaType {
				t.Fatal(err)
			}
			return
		}
		if strings.ContainsAny(name+description, "\r\n\x00") || strings.ContainsAny(name, `/\`) || !bytes.HasPrefix(body, []byte("%PDF-")) || len(body) > MaxDocument {
			t.Fatalf("%q %q %.20q passed", name, description, body)
		}
	})
}
