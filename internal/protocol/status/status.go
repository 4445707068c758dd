package status

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/protocol"
	"github.com/certwright/certwright/internal/wire/cms"
)

// Status is the part of the built-in CA that status serves. A slug that names
// no issuer: kind not-found. An issuer that has nothing yet: kind unavailable.
type Status interface {
	// CRL returns the issuer's last full CRL.
	CRL(ctx context.Context, slug string) (der []byte, number int64, this, next time.Time, err error)
	// Certificate returns the issuer's certificate, DER.
	Certificate(ctx context.Context, slug string) ([]byte, error)
	// Chain returns the issuer's certificate and those above it, root last, DER.
	Chain(ctx context.Context, slug string) ([][]byte, error)
	// OCSP answers a DER request. Cacheable answers are the same for everybody
	// until next (no nonce). A request that cannot be read: kind invalid; one
	// about certificates of another issuer: kind forbidden.
	OCSP(ctx context.Context, slug string, request []byte) (response []byte, this, next time.Time, cacheable bool, err error)
	// Roots returns the roots of the built-in hierarchy, DER.
	Roots(ctx context.Context) ([][]byte, error)
}

// Deps is what Service stands on.
type Deps struct {
	Status Status
	Log    *slog.Logger
	Now    func() time.Time
}

// Service is the status protocol.
type Service struct{ d Deps }

// New makes the protocol.
func New(d Deps) *Service { return &Service{d: d} }

// Name implements protocol.Protocol.
func (*Service) Name() string { return "status" }

// maxOCSP bounds an OCSP request, in octets, by POST and by GET.
const maxOCSP = 64 << 10

// Routes implements protocol.Protocol.
func (s *Service) Routes() []protocol.Route {
	const on = protocol.Plain | protocol.Main
	ocsp := http.HandlerFunc(s.ocsp)
	return []protocol.Route{
		{Pattern: "/status/{file}", On: on, Handler: http.HandlerFunc(s.file), MaxBody: 1},
		{Pattern: "/status/ocsp/{slug}", On: on, Handler: ocsp, MaxBody: maxOCSP},
		{Pattern: "/status/ocsp/{slug}/{request...}", On: on, Handler: ocsp, MaxBody: maxOCSP},
		{Pattern: "/root.crt", On: on, Handler: http.HandlerFunc(s.roots), MaxBody: 1},
	}
}

// readable refuses everything but GET and HEAD.
func readable(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	notAllowed(w, "GET, HEAD")
	return false
}

func notAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	http.Error(w, "the methods here are "+allow, http.StatusMethodNotAllowed)
}

// file serves one issuer's files.
func (s *Service) file(w http.ResponseWriter, r *http.Request) {
	if !readable(w, r) {
		return
	}
	name := r.PathValue("file")
	dot := strings.LastIndexByte(name, '.')
	var err error
	switch slug := name[:max(dot, 0)]; {
	case slug == "":
		err = core.Errorf(core.KindNotFound, "there is no such file")
	case name[dot:] == ".crl":
		err = s.crl(w, r, slug)
	case name[dot:] == ".crt", name[dot:] == ".cer":
		var der []byte
		if der, err = s.d.Status.Certificate(r.Context(), slug); err == nil {
			s.serve(w, r, "application/pkix-cert", der) // RFC 2585 section 4.1
		}
	case name[dot:] == ".p7c":
		var chain [][]byte
		if chain, err = s.d.Status.Chain(r.Context(), slug); err == nil {
			s.serve(w, r, "application/pkcs7-mime", cms.CertsOnly(chain...)) // RFC 5280 section 4.2.2.1
		}
	default:
		err = core.Errorf(core.KindNotFound, "there is no such file")
	}
	if err != nil {
		s.fail(w, r, err)
	}
}

// crl serves a CRL (RFC 2585 section 4.2), to be cached until the next one.
func (s *Service) crl(w http.ResponseWriter, r *http.Request, slug string) error {
	der, number, this, next, err := s.d.Status.CRL(r.Context(), slug)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/pkix-crl")
	h.Set("ETag", `"`+strconv.FormatInt(number, 10)+"-"+digest(der)+`"`)
	s.fresh(h, next)
	http.ServeContent(w, r, "", this, bytes.NewReader(der))
	return nil
}

// roots serves the roots for people and programs that want to trust them.
func (s *Service) roots(w http.ResponseWriter, r *http.Request) {
	if !readable(w, r) {
		return
	}
	list, err := s.d.Status.Roots(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var text bytes.Buffer
	for _, der := range list {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a Buffer takes everything
	}
	s.serve(w, r, "application/x-pem-file", text.Bytes())
}

// serve answers with a certificate file. These change rarely, but a cache
// should notice a new root within the hour.
func (s *Service) serve(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("ETag", `"`+digest(body)+`"`)
	h.Set("Cache-Control", "public, max-age=3600")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// fresh lets caches keep an answer until next (RFC 5019 section 6.2).
func (s *Service) fresh(h http.Header, next time.Time) {
	age := max(int64(next.Sub(s.d.Now()).Seconds()), 0)
	h.Set("Cache-Control", "public, no-transform, must-revalidate, max-age="+strconv.FormatInt(age, 10))
	h.Set("Expires", next.UTC().Format(http.TimeFormat))
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
