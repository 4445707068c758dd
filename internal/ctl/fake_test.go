package ctl

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// noon is when the tests are.
var noon = time.Date(2026, 2, 5, 12, 0, 0, 0, time.UTC)

// fake is a server with the few things that a test puts into it.
type fake struct {
	*httptest.Server
	mux *http.ServeMux

	mu       sync.Mutex
	requests []request
}

// request is one that the server got.
type request struct {
	Method, Path, Query, Key, Auth string
	Body                           string
}

const testToken = "cwt_testtest_0123456789"

func newFake(t *testing.T, tls bool) *fake {
	t.Helper()
	f := &fake{mux: http.NewServeMux()}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.requests = append(f.requests, request{r.Method, strings.TrimPrefix(r.URL.Path, client.Prefix), r.URL.RawQuery, r.Header.Get("Idempotency-Key"), r.Header.Get("Authorization"), string(body)})
		f.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		if _, pattern := f.mux.Handler(r); pattern == "" {
			problem(w, 404, resource.Problem{Type: resource.ProblemTypeOf(core.KindNotFound), Detail: "there is no such thing: " + r.Method + " " + r.URL.Path})
			return
		}
		f.mux.ServeHTTP(w, r)
	})
	if tls {
		f.Server = httptest.NewTLSServer(h)
	} else {
		f.Server = httptest.NewServer(h)
	}
	t.Cleanup(f.Close)
	return f
}

// on answers a request with what make returns: an error becomes a problem.
func (f *fake) on(pattern string, answer func(r *http.Request) (any, error)) {
	method, path, _ := strings.Cut(pattern, " ")
	f.mux.HandleFunc(method+" "+client.Prefix+path, func(w http.ResponseWriter, r *http.Request) {
		v, err := answer(r)
		var p *resource.Problem
		switch {
		case errors.As(err, &p):
			problem(w, p.Status, *p)
		case err != nil:
			e := core.AsError(err)
			problem(w, 422, resource.Problem{Type: resource.ProblemTypeOf(e.Kind), Detail: e.Detail, Field: e.Field, Reasons: e.Reasons, Title: "Refused"})
		default:
			if b, ok := v.([]byte); ok {
				w.Write(b)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v)
		}
	})
}

// give answers with v.
func (f *fake) give(pattern string, v any) {
	f.on(pattern, func(*http.Request) (any, error) { return v, nil })
}

// list answers a list in pages of limit elements. A filter row column:eq:value
// is compared with the JSON field of that name, if the elements have it.
func list[T any](f *fake, path string, items ...T) {
	f.on("GET "+path, func(r *http.Request) (any, error) {
		rows := slices.DeleteFunc(slices.Clone(items), func(item T) bool { return !fits(item, r.URL.Query()["filter"]) })
		limit := 50
		if l := r.URL.Query().Get("limit"); l != "" {
			_ = json.Unmarshal([]byte(l), &limit)
		}
		start := 0
		if c := r.URL.Query().Get("cursor"); c != "" {
			_ = json.Unmarshal([]byte(c), &start)
		}
		end := min(start+limit, len(rows))
		p := resource.Page[T]{Items: append([]T{}, rows[start:end]...)}
		if end < len(rows) {
			b, _ := json.Marshal(end)
			p.Next = string(b)
		}
		return p, nil
	})
}

func fits(item any, filter []string) bool {
	b, _ := json.Marshal(item)
	var m map[string]any
	_ = json.Unmarshal(b, &m)
	for _, row := range filter {
		parts := strings.SplitN(row, ":", 3)
		if v, ok := m[parts[0]].(string); ok && parts[1] == "eq" && !strings.EqualFold(v, parts[2]) {
			return false
		}
	}
	return true
}

func problem(w http.ResponseWriter, status int, p resource.Problem) {
	p.Status = status
	w.Header().Set("Content-Type", resource.ProblemType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p)
}

// got returns the requests with that method and path.
func (f *fake) got(method, path string) []request {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []request
	for _, r := range f.requests {
		if r.Method == method && r.Path == path {
			out = append(out, r)
		}
	}
	return out
}

// body decodes the body of the only request with that method and path.
func body[T any](t *testing.T, f *fake, method, path string) T {
	t.Helper()
	var v T
	reqs := f.got(method, path)
	if len(reqs) == 0 {
		t.Fatalf("no request %s %s", method, path)
	}
	d := json.NewDecoder(strings.NewReader(reqs[len(reqs)-1].Body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("body of %s %s: %v: %s", method, path, err, reqs[0].Body)
	}
	return v
}

// grammar is the command line as the program has it.
type grammar struct {
	Data string `help:"A flag of the program."`
	Ctl  larger `cmd:"" help:"Administer."`
}

// larger embeds CLI beside a command that is not ctl's.
type larger struct {
	CLI
	Backup backup `cmd:"" help:"Back up."`
}

type backup struct {
	Place string `help:"A flag of another command."`
	into  *string
}

func (b *backup) Run() error { *b.into = b.Place; return nil }

// outcome is what a command did.
type outcome struct {
	out, err string
	code     int
}

// call is one run of ctl.
type call struct {
	args     []string
	in       string
	terminal bool
	hidden   []string // what is typed unseen
	env      map[string]string
	ctx      context.Context
	profile  string // "": none
}

func parser(t *testing.T, g *grammar) *kong.Kong {
	t.Helper()
	k, err := kong.New(g, kong.Name("certwright"), kong.DefaultEnvars("CERTWRIGHT"), kong.Writers(io.Discard, io.Discard),
		kong.Exit(func(int) {}), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (c call) run(t *testing.T) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	con := &console{in: bufio.NewReader(strings.NewReader(c.in)), out: &out, err: &errs, interactive: c.terminal, getenv: func(k string) string { return c.env[k] }}
	if c.terminal {
		con.hidden = func(context.Context) (string, error) {
			if len(c.hidden) == 0 {
				return "", io.EOF
			}
			s := c.hidden[0]
			c.hidden = c.hidden[1:]
			return s, nil
		}
	}
	if c.ctx == nil {
		c.ctx = t.Context()
	}
	if c.profile == "" {
		c.profile = filepath.Join(t.TempDir(), "none.yaml")
	}
	g := grammar{Ctl: larger{CLI: CLI{Now: func() time.Time { return noon }, console: con}}}
	kctx, err := parser(t, &g).Parse(append([]string{"ctl", "--profile", c.profile}, c.args...))
	if err != nil {
		return outcome{err: err.Error(), code: codeUsage}
	}
	kctx.BindTo(c.ctx, (*context.Context)(nil))
	err = kctx.Run()
	if err != nil {
		errs.WriteString("certwright: " + err.Error() + "\n")
	}
	return outcome{out.String(), errs.String(), ExitCode(err)}
}

// ctl runs a command against the server, with a token.
func (f *fake) ctl(t *testing.T, args ...string) outcome {
	t.Helper()
	return call{args: f.args(args...)}.run(t)
}

// args are arguments that name the server and a token.
func (f *fake) args(args ...string) []string {
	return append([]string{"--url", f.URL, "--token", testToken}, args...)
}

// ok fails the test unless the command succeeded.
func (o outcome) ok(t *testing.T) outcome {
	t.Helper()
	if o.code != 0 {
		t.Fatalf("exit code %d\n%s%s", o.code, o.out, o.err)
	}
	return o
}

// fails fails the test unless the command ended with code and said want.
func (o outcome) fails(t *testing.T, code int, want string) outcome {
	t.Helper()
	if o.code != code || !strings.Contains(o.err, want) {
		t.Fatalf("exit code %d, want %d; want %q in:\n%s%s", o.code, code, want, o.out, o.err)
	}
	return o
}

// golden compares text with a file in testdata; UPDATE=1 writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// file writes a file and returns its name.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// mode fails the test unless the file has the mode.
func mode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != want {
		t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
	}
}

// nothing fails the test when files were left in a folder.
func nothing(t *testing.T, dir string, except ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(except, e.Name()) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}
