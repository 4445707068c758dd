// Package api is the management API, under /api/certwright/v1: what the portal,
// certwright ctl and automation call. It turns JSON into calls of the services
// and their answers into JSON, and knows who asks. The OpenAPI 3.1 document is
// made from the code; errors are problem documents (RFC 9457).
//
// # Who may do what
//
// Every operation names one action of the access table in package identity.
// Who may do it nowhere is refused before the body is read; for things that
// belong to a group the action is checked again for that group. A thing in a
// group that the principal cannot see does not exist for him.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// Prefix is where the API lives.
const Prefix = "/api/certwright/v1"

// Version is the API's version in the OpenAPI document. It grows with each
// change of the document that a client could notice.
const Version = "1.0.0"

// MaxBody is the largest request body in octets, but for operations that take
// files: theirs is MaxUpload at most.
const (
	MaxBody   = 1 << 20
	MaxUpload = maxImport
)

// Deps are what the API stands on. All are required but Operator and Logger.
type Deps struct {
	Identity Identity
	Storage  Storage
	Enroll   Enroll
	Products Products
	Domains  Domains
	CA       Authority
	Vetting  Vetting
	Orders   Orders
	Setup    Setup
	// Inventory and Lists read files.
	Inventory Inventory
	Lists     ListImports
	// Agreements are the texts of subscriber agreements.
	Agreements Agreements
	// Providers are the sign-in providers.
	Providers Providers
	Audit     Audit
	Jobs      Jobs
	// About describes the server. It is called for each request.
	About func(ctx context.Context) (*resource.About, error)
	// BaseURL is the external https://host[:port]; "" means what the request
	// says. The session cookie is marked Secure unless it begins with http://.
	BaseURL func() string
	// Operator reports whether people of an account may see and stop work that
	// belongs to no account; nil: nobody may.
	Operator func(core.AccountID) bool
	Now      func() time.Time
	Logger   *slog.Logger
	// EventTick is how often changes are looked for while somebody follows
	// them; 0 means one second.
	EventTick time.Duration
	// EventWrite is how long a client may take to read what a stream of events
	// sends it; 0 means 20 seconds.
	EventWrite time.Duration
}

// API is the management API. It is safe for concurrent use.
type API struct {
	d     Deps
	mux   *http.ServeMux
	huma  huma.API
	lists []listInfo
	hub   *hub
	// limits are the largest request bodies in octets, by pattern.
	limits map[string]int64
	doc    []byte
}

// New makes the API.
func New(d Deps) (*API, error) {
	for name, missing := range map[string]bool{
		"Identity": d.Identity == nil, "Providers": d.Providers == nil, "Agreements": d.Agreements == nil, "Storage": d.Storage == nil, "Enroll": d.Enroll == nil,
		"Products": d.Products == nil, "Domains": d.Domains == nil, "CA": d.CA == nil, "Vetting": d.Vetting == nil, "Audit": d.Audit == nil, "Jobs": d.Jobs == nil, "Inventory": d.Inventory == nil, "Lists": d.Lists == nil, "About": d.About == nil,
		"BaseURL": d.BaseURL == nil, "Now": d.Now == nil,
	} {
		if missing {
			return nil, fmt.Errorf("api: Deps.%s is missing", name)
		}
	}
	if d.Operator == nil {
		d.Operator = func(core.AccountID) bool { return false }
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.EventTick == 0 {
		d.EventTick = eventTick
	}
	if d.EventWrite == 0 {
		d.EventWrite = eventWrite
	}
	a := &API{d: d, mux: http.NewServeMux(), limits: map[string]int64{}}
	a.hub = newHub(a)
	a.huma = humago.NewWithPrefix(a.mux, Prefix, a.config())
	a.huma.UseMiddleware(kindStatus)
	for _, routes := range []func(){
		a.sessionRoutes, a.tokenRoutes, a.accountRoutes, a.organisationRoutes, a.groupRoutes, a.userRoutes, a.passkeyRoutes, a.setupRoutes, a.providerRoutes,
		a.credentialRoutes, a.credentialSecretRoutes, a.productRoutes, a.issuerRoutes, a.orderRoutes, a.orderingRoutes, a.agreementRoutes, a.certificateRoutes, a.certificateFileRoutes, a.deploymentRoutes,
		a.acmeRoutes, a.renewalRoutes, a.vettingRoutes, a.domainRoutes, a.viewRoutes, a.importRoutes,
		a.auditRoutes, a.jobRoutes, a.eventRoutes, a.aboutRoutes, a.listRoutes,
	} {
		routes()
	}
	var err error
	if a.doc, err = a.document(); err != nil {
		return nil, err
	}
	a.mux.HandleFunc("GET "+Prefix+"/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(a.doc)
	})
	return a, nil
}

// config is huma's configuration: JSON only, nothing but our own routes, and
// its own errors in our form.
func (a *API) config() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Certwright management API", Version: Version,
				Description: "Errors are problem documents (RFC 9457). Lists take filter rows, a sort order, a cursor and a limit; see GET /lists.",
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Servers:    []*huma.Server{{URL: Prefix}},
			Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer), SecuritySchemes: securitySchemes()},
		},
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{a.ownProblem},
	}
}

func securitySchemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", BearerFormat: "cwt_…", Description: "a personal API token"},
		"session": {Type: "apiKey", In: "cookie", Name: CookieName, Description: "a signed-in browser; requests that change something also need the header X-Requested-With: certwright, or an Origin that is this server"},
	}
}

// document writes the OpenAPI document, without huma's own error type, which
// no answer has.
func (a *API) document() ([]byte, error) {
	delete(a.huma.OpenAPI().Components.Schemas.Map(), "ErrorModel")
	delete(a.huma.OpenAPI().Components.Schemas.Map(), "ErrorDetail")
	raw, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("api: write the OpenAPI document: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("api: write the OpenAPI document: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// OpenAPI returns the OpenAPI 3.1 document. It is the same octets at every
// start of the same program.
func (a *API) OpenAPI() []byte { return bytes.Clone(a.doc) }

// Handler returns the handler of everything under [Prefix].
func (a *API) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		_, pattern := a.mux.Handler(r)
		limit, ok := a.limits[pattern]
		if !ok {
			limit = MaxBody
		}
		if r.ContentLength > limit {
			a.refuse(w, r, core.Errorf(core.KindTooLarge, "the request body is over the limit of %d octets", limit))
			return
		}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(w, r.Body, limit)
		}
		if pattern == "" {
			a.unrouted(w, r)
			return
		}
		a.mux.ServeHTTP(w, r)
	})
}

// unrouted answers requests that no operation takes.
func (a *API) unrouted(w http.ResponseWriter, r *http.Request) {
	var allow []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := a.mux.Handler(other); pattern != "" {
			allow = append(allow, m)
		}
	}
	if len(allow) == 0 {
		a.refuse(w, r, core.Errorf(core.KindNotFound, "there is no such operation"))
		return
	}
	w.Header().Set("Allow", strings.Join(allow, ", "))
	p := a.problem(r.Context(), core.Errorf(core.KindUnsupported, "the method is not allowed here; use %s", strings.Join(allow, " or ")))
	p.Status = http.StatusMethodNotAllowed
	writeProblem(w, p)
}
