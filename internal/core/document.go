package core

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pdfTail is where a reader looks for the end mark of a PDF file, in octets
// from the end (ISO 32000-1 annex H.3, note 18).
const pdfTail = 1024

// The limits of a document's name in octets and of its description in
// characters.
const (
	maxDocumentName        = 100
	maxDocumentDescription = 200
)

// CheckPDF verifies an upload: a plain file name, a description of one line,
// and octets that begin and end as a PDF file does (ISO 32000-1 section 7.5),
// MaxDocument at most. What is in the file is for people to judge.
func CheckPDF(name, description string, body []byte) error {
	switch {
	case len(name) < 1 || len(name) > maxDocumentName:
		return Errorf(KindInvalid, "a file name has 1 to %d octets", maxDocumentName).At("name")
	case !shown(name) || strings.ContainsAny(name, `/\`) || name == "." || name == ".." || strings.TrimSpace(name) != name:
		return Errorf(KindInvalid, "the file name holds folders, blanks at its ends or characters that cannot be shown").At("name")
	case utf8.RuneCountInString(description) > maxDocumentDescription:
		return Errorf(KindInvalid, "a description has at most %d characters", maxDocumentDescription).At("description")
	case !shown(description):
		return Errorf(KindInvalid, "the description holds characters that cannot be shown").At("description")
	case len(body) > MaxDocument:
		return Errorf(KindTooLarge, "a document has at most %d octets", MaxDocument).At("body")
	case !bytes.HasPrefix(body, []byte("%PDF-")):
		return Errorf(KindMediaType, "the document is not a PDF file").At("body")
	case !bytes.Contains(body[max(0, len(body)-pdfTail):], []byte("%%EOF")):
		return Errorf(KindMediaType, "the PDF file is cut off: its end mark is missing").At("body")
	}
	return nil
}

// shown reports whether s is text of characters that can be shown in a line.
func shown(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) })
}

// DocumentPlace is the context under which a document's octets are sealed.
func DocumentPlace(id DocumentID) string { return "document:" + string(id) }
