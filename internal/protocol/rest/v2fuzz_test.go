package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// FuzzV2Create reads create bodies for every family: nothing may panic, what is
// refused is a problem of a 4xx status with a number of the table, and what is
// taken names a requester and something to put into the certificate.
func FuzzV2Create(f *testing.F) {
	files, _ := filepath.Glob("testdata/golden/v2/*.json")
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		var g struct{ Body json.RawMessage }
		if json.Unmarshal(raw, &g) == nil && len(g.Body) > 0 {
			for i := range 4 {
				f.Add([]byte(g.Body), byte(i))
			}
		}
	}
	numbers := map[string]bool{}
	for _, c := range allCodes() {
		numbers[c.id] = c.v2
	}
	f.Fuzz(func(t *testing.T, raw []byte, pick byte) {
		fam := []*family{sslOrders, signers, privates, mailboxes}[pick%4]
		var b createBody
		err := decode(raw, &b)
		n := &ordering.New{}
		c := &call{s: New(Deps{Now: func() time.Time { return time.Unix(0, 0) }}), r: httptest.NewRequest(http.MethodPost, "/", nil)}
		c.ctx = c.r.Context()
		if err == nil {
			err = c.requestor(fam, &b, n)
		}
		if err == nil {
			err = fam.wish(c, &b, n)
		}
		if err == nil {
			err = c.common(&b, n)
		}
		if err == nil {
			a := &n.Ask
			if a.Requestor.Name == "" || a.Requestor.Email == "" || a.Domain == "" && a.Names.Len() == 0 || a.Family == "" || a.Years < 1 || !fam.holds(a.Family) {
				t.Errorf("taken: %+v", a)
			}
			show := &orderAnswer{}
			fam.show(show, &ordering.View{Order: &core.Order{}, Details: &core.OrderDetails{Ask: *a}, Product: &core.Product{}})
			return
		}
		p := problemOf(err)
		if p.Status < 400 || p.Status > 499 {
			t.Errorf("status %d for %v", p.Status, err)
		}
		rest, ok := strings.CutPrefix(p.Detail, "["+emsPrefix)
		id, _, closed := strings.Cut(rest, "]")
		if !ok || !closed || !numbers[id] {
			t.Errorf("detail %q", p.Detail)
		}
	})
}

// FuzzTokenRequest reads token requests: nothing may panic, and what is refused
// is an error of RFC 6749.
func FuzzTokenRequest(f *testing.F) {
	for _, ct := range []string{"application/x-www-form-urlencoded", "application/json", "", "text/plain", "application/json; charset=utf-8"} {
		f.Add(ct, []byte(`grant_type=client_credentials&client_id=1234567890&client_secret=00`))
		f.Add(ct, []byte(`{"grant_type":"client_credentials","accountNumber":1234567890,"authKey":"aa","ver":"1.0","ts":"2026-01-01T10:00:00+05:30","txn":"abcdefghij"}`))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		q, err := readTokenRequest(contentType, body)
		if err != nil {
			var e *oauthError
			if !errors.As(err, &e) || e.status < 400 || e.status > 499 || e.word == "" {
				t.Errorf("%v", err)
			}
			return
		}
		if q.signed() {
			_ = signedBy([]byte("secret"), q.ts, q.txn, q.authKey)
			if at, err := parseTime(q.ts); err == nil {
				timely(at, time.Unix(0, 0))
			}
		}
	})
}

// FuzzMultipart reads document bodies: nothing may panic, and no document is
// larger than one may be or has a folder in its name.
func FuzzMultipart(f *testing.F) {
	f.Add([]byte("--xYx\r\nContent-Disposition: form-data; name=\"a\"; filename=\"C:\\\\b\\\\a.pdf\"\r\n\r\n%PDF-1.7\r\n--xYx--\r\n"))
	f.Add([]byte("--xYx\r\nContent-Disposition: form-data; name=\"description\"\r\n\r\nabc\r\n--xYx\r\nContent-Disposition: form-data; filename*=UTF-8''a%2fb.pdf\r\n\r\nx\r\n--xYx--\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		up, err := readParts(multipart.NewReader(bytes.NewReader(body), "xYx"))
		if err != nil {
			if s := problemOf(err).Status; s != http.StatusBadRequest && s != http.StatusRequestEntityTooLarge {
				t.Errorf("status %d for %v", s, err)
			}
			return
		}
		for _, u := range up {
			if len(u.Body) > core.MaxDocument || strings.ContainsAny(u.Name, `/\`) {
				t.Errorf("document %q of %d octets", u.Name, len(u.Body))
			}
		}
	})
}
