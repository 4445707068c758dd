package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// stream is an answer that is written as it is made.
type stream struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        func(huma.Context)
}

// streamed makes an answer that write fills. Its errors cannot become a problem
// any more, so they are logged and the connection is broken off: a client must
// not take half a file for a whole one.
func (a *API) streamed(media, file string, write func(w http.ResponseWriter) error) *stream {
	s := &stream{Type: media, Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		// A long answer is bounded by its client's patience, not by the
		// listener's time limits. Not every writer can be told.
		rc := http.NewResponseController(w)
		_ = rc.SetWriteDeadline(time.Time{})
		_ = rc.SetReadDeadline(time.Time{})
		w.WriteHeader(http.StatusOK)
		if err := write(w); err != nil {
			if r.Context().Err() == nil {
				a.d.Logger.ErrorContext(r.Context(), "an answer broke off", "path", r.URL.Path, "error", err)
			}
			panic(http.ErrAbortHandler)
		}
	}}
	if file != "" {
		s.Disposition = attachment(file)
	}
	return s
}

// attachment names a download. Only harmless characters stay in the name.
func attachment(name string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		case r == '*':
			return '_'
		}
		return -1
	}, name)
	clean = strings.TrimLeft(clean, ".")
	return `attachment; filename="` + clean[:min(len(clean), 120)] + `"`
}

type credentialExport struct {
	Filter []string `query:"filter,explode" doc:"as in the list"`
	Sort   string   `query:"sort" maxLength:"100"`
	Format string   `query:"format" enum:"csv,json" default:"csv"`
}

// exportCredentials writes every page of the list. The first page is read
// before the answer begins, so that refusals are problems.
func (a *API) exportCredentials(ctx context.Context, p *core.Principal, in *credentialExport) (*stream, error) {
	f, err := parseFilter(in.Filter)
	if err != nil {
		return nil, err
	}
	q := core.ListQuery{Account: p.Account, Filter: f, Sort: parseSort(in.Sort), Limit: core.MaxPage}
	if err := checkQuery(q, a.d.Identity.CredentialColumns()); err != nil {
		return nil, err
	}
	first, err := a.d.Identity.Credentials(ctx, p, q)
	if err != nil {
		return nil, err
	}
	media, file := "text/csv; charset=utf-8; header=present", "credentials.csv"
	if in.Format == "json" {
		media, file = "application/json", "credentials.json"
	}
	return a.streamed(media, file, func(w http.ResponseWriter) error {
		rows := newRows(w, in.Format)
		for got := first; ; {
			for i := range got.Items {
				if err := rows.write(a.credentialResource(&got.Items[i])); err != nil {
					return err
				}
			}
			if got.Next == "" {
				return rows.end()
			}
			q.Cursor = got.Next
			if got, err = a.d.Identity.Credentials(ctx, p, q); err != nil {
				return err
			}
		}
	}), nil
}

// rows writes credentials as CSV or as a JSON array.
type rows struct {
	w    http.ResponseWriter
	csv  *csv.Writer // nil: JSON
	json *json.Encoder
	n    int
}

func newRows(w http.ResponseWriter, format string) *rows {
	r := &rows{w: w}
	if format == "json" {
		r.json = json.NewEncoder(w)
		r.json.SetEscapeHTML(false)
		return r
	}
	r.csv = csv.NewWriter(w)
	return r
}

func (r *rows) write(c resource.Credential) error {
	r.n++
	if r.csv == nil {
		lead := ","
		if r.n == 1 {
			lead = "["
		}
		if _, err := r.w.Write([]byte(lead)); err != nil {
			return err
		}
		return r.json.Encode(c)
	}
	if r.n == 1 {
		if err := r.csv.Write(credentialHeader()); err != nil {
			return err
		}
	}
	return r.csv.Write(credentialRow(c))
}

// end closes the file; one without rows is still a file.
func (r *rows) end() error {
	switch {
	case r.csv == nil && r.n == 0:
		_, err := r.w.Write([]byte("[]\n"))
		return err
	case r.csv == nil:
		_, err := r.w.Write([]byte("]\n"))
		return err
	case r.n == 0:
		if err := r.csv.Write(credentialHeader()); err != nil {
			return err
		}
	}
	r.csv.Flush()
	return r.csv.Error()
}

func credentialHeader() []string {
	return []string{"number", "type", "auth", "label", "default", "public_id", "state", "expired", "description", "tags", "user", "group", "organisation",
		"products", "product", "expires_at", "sources", "allowed_names", "proven_names", "created_at", "updated_at", "secret_set_at", "revoked_at", "revoked_reason", "id"}
}

func credentialRow(c resource.Credential) []string {
	return []string{strconv.FormatInt(c.Number, 10), string(c.Type), string(c.Auth), c.Label, strconv.FormatBool(c.Default), plain(c.PublicID), string(c.State),
		strconv.FormatBool(c.Expired), plain(c.Description), plain(strings.Join(c.Tags, " ")), string(c.User), string(c.Group), string(c.Organisation),
		joined(c.Products), string(c.Product), stamp(c.ExpiresAt), joinedText(c.Sources), plain(strings.Join(c.AllowedNames, " ")), plain(strings.Join(c.ProvenNames, " ")),
		stamp(c.CreatedAt), stamp(c.UpdatedAt), stamp(c.SecretSetAt), stamp(c.RevokedAt), plain(c.RevokedReason), string(c.ID)}
}

// plain keeps a spreadsheet from taking a person's text for a formula.
func plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func joined[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return strings.Join(out, " ")
}

func joinedText[T interface{ String() string }](list []T) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.String()
	}
	return strings.Join(out, " ")
}

// stamp writes a time; "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
