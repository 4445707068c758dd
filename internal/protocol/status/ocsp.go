package status

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// ocsp answers OCSP by POST and GET (RFC 6960 appendix A.1).
func (s *Service) ocsp(w http.ResponseWriter, r *http.Request) {
	var request []byte
	var err error
	switch r.Method {
	case http.MethodPost:
		request, err = posted(r)
	case http.MethodGet, http.MethodHead:
		request, err = decodeGet(afterSlug(r.RequestURI))
	default:
		notAllowed(w, "GET, HEAD, POST")
		return
	}
	if err != nil {
		s.failOCSP(w, r, err)
		return
	}
	der, this, next, cacheable, err := s.d.Status.OCSP(r.Context(), r.PathValue("slug"), request)
	if err != nil {
		s.failOCSP(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/ocsp-response")
	// RFC 5019 section 6.2 is for GET; answers to a POST are for its sender.
	if cacheable && r.Method != http.MethodPost {
		h.Set("Last-Modified", this.UTC().Format(http.TimeFormat))
		tag := `"` + digest(der) + `"`
		h.Set("ETag", tag)
		s.fresh(h, next)
		if strings.Contains(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	} else {
		h.Set("Cache-Control", "no-store")
	}
	httpx.Reply(w, r, http.StatusOK, der)
}

// posted reads a POST. A missing content type is forgiven: some embedded
// clients send none.
func posted(r *http.Request) ([]byte, error) {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		t, _, err := mime.ParseMediaType(ct)
		if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || t != "application/ocsp-request" {
			return nil, core.Errorf(core.KindMediaType, "the content type must be application/ocsp-request")
		}
	}
	body, err := httpx.ReadBody(r, maxOCSP)
	if err != nil {
		return nil, err
	}
	if !wellFormed(body) {
		return nil, core.Errorf(core.KindInvalid, "the body is no DER OCSP request")
	}
	return body, nil
}

// afterSlug cuts the request out of the request line: the mux sees a cleaned
// path, in which a "//" of the base64 has become "/".
func afterSlug(requestURI string) string {
	path, _, _ := strings.Cut(requestURI, "?")
	if i := strings.Index(path, "://"); i >= 0 && !strings.HasPrefix(path, "/") {
		path = path[i+3:] // absolute form, RFC 9112 section 3.2.2
	}
	_, rest, _ := strings.Cut(path, "ocsp/")
	rest = strings.TrimLeft(rest, "/")
	_, rest, _ = strings.Cut(rest, "/") // the slug is [a-z0-9-]: never escaped
	return rest
}

// decodeGet decodes the base64 of a GET. Clients and proxies do all sorts of
// things to it: percent-escapes or none, "+" turned into a blank, the URL-safe
// alphabet, padding lost, slashes before it, and "//" within it collapsed to
// "/".
func decodeGet(raw string) ([]byte, error) {
	bad := core.Errorf(core.KindInvalid, "the path holds no base64 OCSP request")
	if len(raw) > maxOCSP {
		return nil, core.Errorf(core.KindTooLarge, "the OCSP request is over the limit of %d octets", maxOCSP)
	}
	text, err := url.PathUnescape(raw)
	if err != nil {
		return nil, bad
	}
	// A DER SEQUENCE never begins with "/" in base64.
	text = strings.TrimLeft(text, "/")
	text = strings.NewReplacer(" ", "+", "-", "+", "_", "/", "\r", "", "\n", "").Replace(text)
	text = strings.TrimRight(text, "=")
	if der, ok := decode(text); ok {
		return der, nil
	}
	if der, ok := doubleSlashes(text); ok {
		return der, nil
	}
	return nil, bad
}

func decode(text string) ([]byte, bool) {
	der, err := base64.RawStdEncoding.DecodeString(text)
	return der, err == nil && wellFormed(der)
}

// doubleSlashes puts back up to three collapsed slashes. The DER header tells
// how many characters are missing; every place is tried. A wrong guess shifts
// what follows and is hardly ever DER then, and if it is, it is a question
// about another certificate, whose answer the client does not accept.
func doubleSlashes(text string) ([]byte, bool) {
	if len(text) > 512 { // RFC 5019 section 5: a GET has 255 octets at most
		return nil, false
	}
	head, err := base64.RawStdEncoding.DecodeString(text[:min(len(text), 8)/4*4])
	if err != nil {
		return nil, false
	}
	n, ok := derLength(head)
	missing := base64.RawStdEncoding.EncodedLen(n) - len(text)
	if !ok || missing < 1 || missing > 3 || strings.Count(text, "/") > 16 {
		return nil, false
	}
	return insertSlashes(text, 0, missing)
}

// insertSlashes doubles n of the slashes from position from on; one may be
// doubled more than once.
func insertSlashes(text string, from, n int) ([]byte, bool) {
	if n == 0 {
		return decode(text)
	}
	for i := from; i < len(text); i++ {
		if text[i] != '/' {
			continue
		}
		if der, ok := insertSlashes(text[:i]+"/"+text[i:], i+1, n-1); ok {
			return der, true
		}
	}
	return nil, false
}

// derLength returns the whole length that a SEQUENCE header announces.
func derLength(head []byte) (int, bool) {
	if len(head) < 4 || head[0] != 0x30 {
		return 0, false
	}
	switch {
	case head[1] < 0x80:
		return 2 + int(head[1]), true
	case head[1] == 0x81:
		return 3 + int(head[2]), true
	case head[1] == 0x82:
		return 4 + int(head[2])<<8 + int(head[3]), true
	}
	return 0, false
}

// wellFormed reports whether der is one SEQUENCE whose constructed elements
// are well formed down to a bounded depth.
func wellFormed(der []byte) bool {
	var body cryptobyte.String
	s := cryptobyte.String(der)
	return s.ReadASN1(&body, asn1.SEQUENCE) && s.Empty() && !body.Empty() && children(body, 12)
}

func children(s cryptobyte.String, depth int) bool {
	if depth == 0 {
		return false
	}
	for !s.Empty() {
		var body cryptobyte.String
		var tag asn1.Tag
		if !s.ReadAnyASN1(&body, &tag) {
			return false
		}
		if tag&0x20 != 0 && !children(body, depth-1) {
			return false
		}
	}
	return true
}
