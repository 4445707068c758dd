package federationtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/xml"
	"html/template"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"
)

// SAML is a SAML 2.0 identity provider. It asks nobody anything: who goes there
// is Person.
type SAML struct {
	*httptest.Server
	IdP    *saml.IdentityProvider
	Person saml.Session
	// Spoil changes an assertion before it is signed, Response the request with
	// the signed one before the response is made.
	Spoil    func(a *saml.Assertion)
	Response func(r *saml.IdpAuthnRequest)
	// Plain sends assertions that are not encrypted.
	Plain bool

	service  *saml.EntityDescriptor
	now      func() time.Time
	Metadata []byte
}

// NewSAML starts an identity provider.
func NewSAML(t testing.TB, now func() time.Time) *SAML {
	t.Helper()
	s := &SAML{now: now, Plain: true, Person: saml.Session{ID: "s", Index: "1", NameID: "subject-1", NameIDFormat: string(saml.PersistentNameIDFormat), UserName: "ann",
		UserEmail: "ann@corp.example", UserCommonName: "Ann Example"}}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metadata":
			_, _ = w.Write(s.Metadata)
		case "/sso":
			s.serve(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	meta, err := url.Parse(s.URL + "/metadata")
	if err != nil {
		t.Fatal(err)
	}
	sso := *meta
	sso.Path = "/sso"
	s.IdP = &saml.IdentityProvider{MetadataURL: *meta, SSOURL: sso, ServiceProviderProvider: s}
	s.NewKey(t)
	if s.Metadata, err = xml.Marshal(s.IdP.Metadata()); err != nil {
		t.Fatal(err)
	}
	return s
}

// NewKey gives the provider a key that its metadata does not have.
func (s *SAML) NewKey(t testing.TB) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: s.now().Add(-time.Hour), NotAfter: s.now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s.IdP.Key, s.IdP.SignatureMethod = key, dsig.RSASHA256SignatureMethod
	if s.IdP.Certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
}

// Knows gives the provider the metadata of the service.
func (s *SAML) Knows(t testing.TB, metadata []byte) {
	t.Helper()
	s.service = &saml.EntityDescriptor{}
	if err := xml.Unmarshal(metadata, s.service); err != nil {
		t.Fatal(err)
	}
}

// GetServiceProvider implements saml.ServiceProviderProvider.
func (s *SAML) GetServiceProvider(*http.Request, string) (*saml.EntityDescriptor, error) {
	c := *s.service
	if s.Plain {
		d := c.SPSSODescriptors[0]
		d.KeyDescriptors = slices.DeleteFunc(slices.Clone(d.KeyDescriptors), func(k saml.KeyDescriptor) bool { return k.Use == "encryption" })
		c.SPSSODescriptors = []saml.SPSSODescriptor{d}
	}
	return &c, nil
}

// Answer returns the form that the provider has a browser post after it came
// with a request.
func (s *SAML) Answer(t testing.TB, at string) saml.IdpAuthnRequestForm {
	t.Helper()
	form, err := s.answer(httptest.NewRequest(http.MethodGet, at, nil))
	if err != nil {
		t.Fatal(err)
	}
	return form
}

func (s *SAML) answer(r *http.Request) (saml.IdpAuthnRequestForm, error) {
	s.IdP.Clock = dsig.NewFakeClockAt(s.now())
	req, err := saml.NewIdpAuthnRequest(s.IdP, r)
	if err == nil {
		err = req.Validate()
	}
	if err != nil {
		return saml.IdpAuthnRequestForm{}, err
	}
	return s.finish(req)
}

var page = template.Must(template.New("").Parse(`<!doctype html><title>Identity provider</title><form method="post" action="{{.URL}}">
<input type="hidden" name="SAMLResponse" value="{{.SAMLResponse}}"><input type="hidden" name="RelayState" value="{{.RelayState}}"><button>Continue</button></form>`))

// serve answers a browser with a page that posts the response.
func (s *SAML) serve(w http.ResponseWriter, r *http.Request) {
	form, err := s.answer(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, form)
}

// Unasked returns the form of a response that nobody asked for.
func (s *SAML) Unasked(t testing.TB, entity string) saml.IdpAuthnRequestForm {
	t.Helper()
	s.IdP.Clock = dsig.NewFakeClockAt(s.now())
	req, err := s.IdP.NewIdpInitiatedRequest(httptest.NewRequest(http.MethodGet, s.URL, nil), entity, "")
	if err != nil {
		t.Fatal(err)
	}
	form, err := s.finish(req)
	if err != nil {
		t.Fatal(err)
	}
	return form
}

func (s *SAML) finish(req *saml.IdpAuthnRequest) (form saml.IdpAuthnRequestForm, err error) {
	person := s.Person
	person.CreateTime, person.ExpireTime = s.now(), s.now().Add(time.Hour)
	if err := (saml.DefaultAssertionMaker{}).MakeAssertion(req, &person); err != nil {
		return form, err
	}
	if s.Spoil != nil {
		s.Spoil(req.Assertion)
	}
	if err := req.MakeAssertionEl(); err != nil {
		return form, err
	}
	if s.Response != nil {
		s.Response(req)
	}
	return req.PostBinding()
}
