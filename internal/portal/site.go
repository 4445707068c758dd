package portal

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/certwright/certwright/internal/wire/httpx"
)

// areas are the first segments of the web app's own paths. A path below them is
// answered with the app's page, which shows what belongs there; every other
// path stays free for protocols and is not found here.
var areas = []string{
	"certificates", "orders", "domains", "organisations", "groups", "users", "integrations", "products", "issuers", "import", "tags", "audit", "jobs", "settings", "setup", "me",
}

// nonceMark stands in the app's page where the nonce of the response belongs.
const nonceMark = "CSP_NONCE"

// site is the built web app: one page and files whose names hold a digest of
// their content.
type site struct {
	files fs.FS
	index []byte // nil: not built

	mu     sync.Mutex
	packed map[string]*asset
}

// asset is a file of the app, also compressed.
type asset struct {
	plain, gzip []byte // gzip may be nil
	media       string
	etag        string
}

func newSite(files fs.FS) (*site, error) {
	s := &site{files: files, packed: map[string]*asset{}}
	index, err := fs.ReadFile(files, "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	s.index = index
	return s, err
}

// asset reads a file below assets/, and compresses it the first time.
func (s *site) asset(name string) (*asset, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.packed[name]; ok {
		return a, nil
	}
	plain, err := fs.ReadFile(s.files, path.Join("assets", name))
	if err != nil {
		return nil, err
	}
	a := &asset{plain: plain, media: mediaOf(name)}
	if text := strings.HasPrefix(a.media, "text/") || a.media == "image/svg+xml"; text && len(plain) > 1024 {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(plain); err != nil {
			return nil, err
		}
		if err := z.Close(); err != nil {
			return nil, err
		}
		a.gzip = b.Bytes()
	}
	s.packed[name] = a
	return a, nil
}

// mediaOf does not ask the machine, whose table of types may differ.
func mediaOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".png":
		return "image/png"
	}
	return "application/octet-stream"
}

// serveAsset answers for a file of the app. Its name changes with its content,
// so it may be kept for ever.
func (p *Portal) serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	a, err := p.site.asset(name)
	if err != nil {
		p.notFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.media)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	body := a.plain
	if a.gzip != nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = a.gzip
	}
	httpx.Reply(w, r, http.StatusOK, body)
}

// acceptsGzip reads Accept-Encoding well enough: a refusal by q=0 counts.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, param, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q := strings.ReplaceAll(param, " ", "")
			return q != "q=0" && !strings.HasPrefix(q, "q=0.0")
		}
	}
	return false
}

// app answers with the page of the web app to whoever is signed in.
func (p *Portal) app(w http.ResponseWriter, r *http.Request) {
	by := p.who(w, r)
	if by == nil {
		return
	}
	if to := limited(by); to != "" {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	if len(by.Grants) == 0 { // made at a first sign-in through a provider whose rules give nothing
		p.render(w, r, http.StatusForbidden, "norole.html", view{Title: "No access yet", Login: by.Login})
		return
	}
	if p.site.index == nil {
		p.render(w, r, http.StatusOK, "unbuilt.html", view{Title: "Certwright", Login: by.Login})
		return
	}
	nonce := newNonce()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-"+nonce+
		"'; img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	secure(h)
	httpx.Reply(w, r, http.StatusOK, bytes.ReplaceAll(p.site.index, []byte(nonceMark), []byte(nonce)))
}

// newNonce makes the value that allows the styles of one response.
func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// secure sets what every page has in common.
func secure(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Strict-Transport-Security", "max-age=31536000")
}

func (p *Portal) notFound(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusNotFound, "notfound.html", view{Title: "Not found"})
}
