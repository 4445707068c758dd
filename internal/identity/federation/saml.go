package federation

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"math/big"
	"net/url"
	"strings"
	"time"

	"github.com/crewjam/saml"
	"github.com/crewjam/saml/samlsp"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/secret"
)

// MaxResponse is the longest SAMLResponse that is read, in octets of base64.
const MaxResponse = 512 << 10

// nameIDFormats are the names of subjects that can be asked for (saml-core
// section 8.3).
var nameIDFormats = map[string]saml.NameIDFormat{
	"":            saml.PersistentNameIDFormat,
	"persistent":  saml.PersistentNameIDFormat,
	"email":       saml.EmailAddressNameIDFormat,
	"unspecified": saml.UnspecifiedNameIDFormat,
}

func checkSAML(c *core.SAMLConfig) error {
	if (c.MetadataURL == "") == (c.Metadata == "") {
		return invalid("metadata", "give the identity provider's metadata, or the URL where it is: one of them")
	}
	if c.MetadataURL != "" {
		if err := httpsURL("metadata_url", c.MetadataURL); err != nil {
			return err
		}
	}
	if len(c.Metadata) > 200_000 {
		return invalid("metadata", "the metadata is too long")
	}
	if c.Metadata != "" {
		if _, err := parseMetadata([]byte(c.Metadata)); err != nil {
			return invalid("metadata", "%s", err.Error())
		}
	}
	if _, ok := nameIDFormats[c.NameIDFormat]; !ok {
		return invalid("name_id_format", "name_id_format is persistent, email or unspecified")
	}
	return nil
}

// parseMetadata reads the metadata of one identity provider that can be used.
func parseMetadata(b []byte) (*saml.EntityDescriptor, error) {
	e, err := samlsp.ParseMetadata(b)
	switch {
	case err != nil:
		return nil, errors.New("this is not SAML 2.0 metadata of one identity provider")
	case e.EntityID == "" || len(e.IDPSSODescriptors) == 0:
		return nil, errors.New("the metadata describes no identity provider")
	}
	sp := saml.ServiceProvider{IDPMetadata: e}
	if httpsURL("url", sp.GetSSOBindingLocation(saml.HTTPRedirectBinding)) != nil {
		return nil, errors.New("the metadata names no https:// URL for the HTTP-Redirect binding")
	}
	return e, nil
}

// newKey makes this side's key, to which assertions are encrypted and with
// which requests are signed. The certificate is a mere envelope of the key, as
// metadata wants one.
func (s *Service) newKey(p *core.SignInProvider, v *secrets) error {
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		return err
	}
	if v.Key, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	now := s.Now()
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Certwright sign-in " + p.Label}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(20, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return err
	}
	p.Config.SAML.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return nil
}

// MetadataURL is this side's entity id, where its metadata is.
func (s *Service) MetadataURL(p *core.SignInProvider) string {
	return s.BaseURL() + "/signin/saml/" + p.Label + "/metadata"
}

// ACSURL is where responses are posted to.
func (s *Service) ACSURL(p *core.SignInProvider) string {
	return s.BaseURL() + "/signin/saml/" + p.Label + "/acs"
}

// provider makes the service provider for one request; idp may be nil for its
// metadata alone.
func (s *Service) serviceProvider(p *core.SignInProvider, idp *saml.EntityDescriptor) (*saml.ServiceProvider, error) {
	v, err := s.secrets(p)
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(v.Key)
	if err != nil {
		return nil, err
	}
	key, ok := k.(*rsa.PrivateKey)
	block, _ := pem.Decode([]byte(p.Config.SAML.Certificate))
	if !ok || block == nil {
		return nil, errors.New("federation: the provider has no key of ours")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	meta, err := url.Parse(s.MetadataURL(p))
	if err != nil {
		return nil, err
	}
	acs, err := url.Parse(s.ACSURL(p))
	if err != nil {
		return nil, err
	}
	sp := &saml.ServiceProvider{EntityID: meta.String(), Key: key, Certificate: cert, MetadataURL: *meta, AcsURL: *acs, IDPMetadata: idp,
		AuthnNameIDFormat: nameIDFormats[p.Config.SAML.NameIDFormat], AllowIDPInitiated: p.Config.SAML.IdPInitiated, HTTPClient: s.http,
		Clock: dsig.NewFakeClockAt(s.Now()), MetadataOmitValidUntil: true, AssertionConsumerServiceBindings: []string{saml.HTTPPostBinding},
		RejectSHA1Signatures: true, RejectUnknownConditions: true, RequireSignedResponseForCBC: true, RejectExpiredIDPMetadata: true}
	if p.Config.SAML.SignRequests {
		sp.SignatureMethod = dsig.RSASHA256SignatureMethod
	}
	return sp, nil
}

// identityProvider reads the identity provider's metadata.
func (s *Service) identityProvider(ctx context.Context, c *core.SAMLConfig) (*saml.EntityDescriptor, error) {
	raw := []byte(c.Metadata)
	if c.MetadataURL != "" {
		var err error
		if raw, err = s.fetch(ctx, c.MetadataURL); err != nil {
			return nil, err
		}
	}
	return parseMetadata(raw)
}

// Metadata returns this side's metadata of a provider, enabled or not: the
// identity provider needs it before.
func (s *Service) Metadata(ctx context.Context, label string) ([]byte, error) {
	acc, err := s.Storage.AccountByNumber(ctx, 0)
	if err != nil {
		return nil, err
	}
	p, err := s.Storage.SignInProviderByLabel(ctx, acc.ID, label)
	if err != nil {
		return nil, err
	}
	if p.Kind != core.ProviderSAML {
		return nil, core.Errorf(core.KindNotFound, "there is no such sign-in provider")
	}
	sp, err := s.serviceProvider(p, nil)
	if err != nil {
		return nil, err
	}
	return xml.MarshalIndent(sp.Metadata(), "", "  ")
}

// BeginSAML sends a browser to an identity provider (saml-profiles section
// 4.1, HTTP-Redirect binding). next is where it goes afterwards.
func (s *Service) BeginSAML(ctx context.Context, label, next string, in identity.SignIn) (*Journey, error) {
	p, err := s.enabled(ctx, core.ProviderSAML, label)
	if err != nil {
		return nil, err
	}
	idp, err := s.identityProvider(ctx, p.Config.SAML)
	if err != nil {
		return nil, s.away(ctx, p, in, err)
	}
	sp, err := s.serviceProvider(p, idp)
	if err != nil {
		return nil, err
	}
	cookie, err := s.leave(ctx, string(p.Kind), p, next)
	if err != nil {
		return nil, err
	}
	r, err := sp.MakeAuthenticationRequest(sp.GetSSOBindingLocation(saml.HTTPRedirectBinding), saml.HTTPRedirectBinding, saml.HTTPPostBinding)
	if err != nil {
		return nil, err
	}
	r.ID = requestID(cookie)
	u, err := r.Redirect(derive(cookie, "state"), sp)
	if err != nil {
		return nil, err
	}
	return &Journey{u.String(), secret.Redacted(cookie)}, nil
}

// FinishSAML takes a response that a browser posted, and signs in. Without the
// cookie of a sign-in that was begun here it counts only where the provider's
// settings allow that. Errors: expired, forbidden, unavailable.
func (s *Service) FinishSAML(ctx context.Context, label, cookie, response, relay string, in identity.SignIn) (*identity.SignedIn, string, error) {
	p, err := s.enabled(ctx, core.ProviderSAML, label)
	if err != nil {
		return nil, "", err
	}
	next, requests, err := s.asked(ctx, p, cookie, relay, in)
	if err != nil {
		return nil, "", err
	}
	if len(response) > MaxResponse {
		return nil, "", s.refuse(ctx, p, in, "the response is too long", nil)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Map(notBlank, response))
	if err != nil || len(raw) == 0 || bytes.Contains(raw, []byte("<!DOCTYPE")) { // saml-core section 1.1 needs none
		return nil, "", s.refuse(ctx, p, in, "the response cannot be read", nil)
	}
	idp, err := s.identityProvider(ctx, p.Config.SAML)
	if err != nil {
		return nil, "", s.away(ctx, p, in, err)
	}
	sp, err := s.serviceProvider(p, idp)
	if err != nil {
		return nil, "", err
	}
	used := &once{ctx: ctx, s: s, p: p}
	sp.ReplayCache = used
	a, err := sp.ParseXMLResponse(raw, requests, sp.AcsURL)
	var why *saml.InvalidResponseError
	if errors.As(err, &why) {
		err = why.PrivateErr
	}
	switch {
	case used.failure != nil:
		return nil, "", used.failure
	case errors.Is(err, saml.ErrAssertionReplayed):
		return nil, "", s.refuse(ctx, p, in, "the assertion was used before", nil)
	case err != nil:
		return nil, "", s.refuse(ctx, p, in, "the response is not valid", err)
	}
	o, err := outsideOfAssertion(p, a)
	if err != nil {
		return nil, "", s.refuse(ctx, p, in, "the assertion is not valid", err)
	}
	out, err := s.Identity.SignInOutside(ctx, in, o)
	return out, next, err
}

func notBlank(r rune) rune {
	if r == ' ' || r == '\r' || r == '\n' || r == '\t' {
		return -1
	}
	return r
}

// asked returns where a browser that comes back goes, and which request the
// response may answer.
func (s *Service) asked(ctx context.Context, p *core.SignInProvider, cookie, relay string, in identity.SignIn) (next string, requests []string, err error) {
	if cookie == "" && p.Config.SAML.IdPInitiated {
		return "", nil, nil
	}
	j, err := s.back(ctx, p, cookie)
	if core.Is(err, core.KindExpired) {
		if refused := s.refuse(ctx, p, in, "no such sign-in was begun in this browser", nil); !core.Is(refused, core.KindForbidden) {
			return "", nil, refused
		}
	}
	if err != nil {
		return "", nil, err
	}
	if subtle.ConstantTimeCompare([]byte(relay), []byte(derive(cookie, "state"))) != 1 {
		return "", nil, s.refuse(ctx, p, in, "the response belongs to another sign-in", nil)
	}
	return j.Next, []string{requestID(cookie)}, nil
}

// once remembers assertions in the database, for all replicas.
type once struct {
	ctx     context.Context
	s       *Service
	p       *core.SignInProvider
	failure error
}

// Consume implements saml.AssertionReplayCache.
func (o *once) Consume(id string, until time.Time) error {
	sum := sha256.Sum256([]byte(string(o.p.ID) + "\x00" + id))
	fresh := false
	o.failure = o.s.Storage.InTx(o.ctx, func(ctx context.Context, tx core.Tx) (err error) {
		fresh, err = o.s.Storage.UseAssertion(ctx, tx, sum[:], until.Add(time.Minute))
		return err
	})
	if o.failure == nil && !fresh {
		return saml.ErrAssertionReplayed
	}
	return o.failure
}

// outsideOfAssertion reads what counts of a valid assertion.
func outsideOfAssertion(p *core.SignInProvider, a *saml.Assertion) (*identity.Outside, error) {
	if a.Signature == nil {
		return nil, errors.New("the assertion itself is not signed")
	}
	if a.Subject == nil || a.Subject.NameID == nil || a.Subject.NameID.Value == "" || len(a.Subject.NameID.Value) > 255 {
		return nil, errors.New("the assertion names nobody")
	}
	id := a.Subject.NameID
	if id.Format == string(saml.TransientNameIDFormat) {
		return nil, errors.New("the name of the subject is a transient one, by which nobody is known again")
	}
	all := map[string][]string{}
	for _, st := range a.AttributeStatements {
		for _, at := range st.Attributes {
			for _, v := range at.Values {
				all[at.Name] = append(all[at.Name], v.Value)
				if at.FriendlyName != "" && at.FriendlyName != at.Name {
					all[at.FriendlyName] = append(all[at.FriendlyName], v.Value)
				}
			}
		}
	}
	n := p.Config.Attributes
	first := func(name string, usual ...string) string {
		if name != "" {
			usual = []string{name}
		}
		for _, u := range usual {
			if v := all[u]; len(v) > 0 {
				return v[0]
			}
		}
		return ""
	}
	const claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	o := &identity.Outside{Provider: p, Subject: id.Value,
		Login: first(n.Login, "uid", "urn:oid:0.9.2342.19200300.100.1.1", "username", claims+"name"),
		Name:  first(n.Name, "displayName", "urn:oid:2.16.840.1.113730.3.1.241", "cn", "urn:oid:2.5.4.3", "http://schemas.microsoft.com/identity/claims/displayname"),
		Email: first(n.Email, "mail", "urn:oid:0.9.2342.19200300.100.1.3", "email", claims+"emailaddress"), EmailVerified: true} // the organisation's own
	if o.Login == "" && n.Login == "" {
		o.Login = id.Value
	}
	groups := []string{"groups", "memberOf", "eduPersonAffiliation", "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", "http://schemas.xmlsoap.org/claims/Group"}
	if n.Groups != "" {
		groups = []string{n.Groups}
	}
	for _, g := range groups {
		o.Groups = append(o.Groups, all[g][:min(len(all[g]), maxGroups)]...)
	}
	return o, nil
}

func (s *Service) testSAML(ctx context.Context, p *core.SignInProvider, t *steps) {
	idp, err := s.identityProvider(ctx, p.Config.SAML)
	if !t.add("Metadata", err, "identity provider %s", entityOf(idp)) {
		return
	}
	sp, err := s.serviceProvider(p, idp)
	if !t.add("Key", err, "this side's key can be read") {
		return
	}
	where := sp.GetSSOBindingLocation(saml.HTTPRedirectBinding)
	n := 0
	for _, d := range idp.IDPSSODescriptors {
		for _, k := range d.KeyDescriptors {
			if k.Use != "encryption" {
				n += len(k.KeyInfo.X509Data.X509Certificates)
			}
		}
	}
	if n == 0 {
		err = errors.New("the metadata holds no certificate for signatures")
	}
	t.add("Sign-on", err, "at %s, %d certificates for signatures", where, n)
}

func entityOf(e *saml.EntityDescriptor) string {
	if e == nil {
		return ""
	}
	return e.EntityID
}
