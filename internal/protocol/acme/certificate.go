package acme

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// certificate hands out a certificate with its chain (section 7.4.2): the leaf
// first, each next certifying the one before, the root left out.
func (c *call) certificate() error {
	none := refuse(http.StatusNotFound, malformed, "there is no such certificate of this account")
	id := c.r.PathValue("id")
	n := 0
	if text := c.r.PathValue("n"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			return none
		}
	}
	if !core.ValidID(id) {
		return none
	}
	if !c.fetch() {
		return refuse(http.StatusBadRequest, malformed, "a certificate is only read: the payload is empty")
	}
	o, err := c.s.d.Storage.ACMEOrderByCertificate(c.r.Context(), c.cred.Account, core.CertificateID(id))
	if err != nil {
		return missing(err, "certificate")
	}
	if o.ACMEAccount != c.acct.ID {
		return none
	}
	res, err := c.s.d.Enroll.Poll(c.r.Context(), c.who, o.Order)
	if err != nil {
		return err
	}
	if res.Certificate == nil {
		return none
	}
	chains := append([][][]byte{res.Chain}, res.Alternates...)
	if n >= len(chains) {
		return none
	}
	for i := range chains {
		u := c.url("cert", id)
		if i > 0 {
			u += "/" + strconv.Itoa(i)
		}
		if i != n {
			c.w.Header().Add("Link", "<"+u+`>;rel="alternate"`)
		}
	}
	c.w.Header().Set("Content-Type", "application/pem-certificate-chain")
	httpx.Reply(c.w, c.r, http.StatusOK, pemChain(res, chains[n]))
	return nil
}

// pemChain writes blocks with LF endings and nothing between or around them:
// shell clients split the text at its header lines.
func pemChain(res *enroll.Result, chain [][]byte) []byte {
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: res.Certificate.DER})
	for _, der := range chain {
		if bytes.Equal(der, res.Root) {
			continue // issued by the root itself
		}
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return b.Bytes()
}

// revocable are the reasons that a client may give (RFC 5280 section 5.3.1):
// the others are the CA's to say, or none.
func revocable() []int {
	return []int{core.ReasonUnspecified, core.ReasonKeyCompromise, core.ReasonAffiliationChanged, core.ReasonSuperseded,
		core.ReasonCessationOfOperation, core.ReasonPrivilegeWithdrawn}
}

// revokeCert is section 7.6: the request is signed by the account that ordered
// the certificate, by one that holds authorizations for all its names, or by
// the certificate's own key.
func (c *call) revokeCert() error {
	var in struct {
		Certificate string `json:"certificate"`
		Reason      *int   `json:"reason"`
	}
	if err := c.payload(&in); err != nil {
		return err
	}
	reason := 0
	if in.Reason != nil {
		reason = *in.Reason
	}
	der, err := base64.RawURLEncoding.DecodeString(in.Certificate)
	if err != nil || len(der) == 0 {
		return refuse(http.StatusBadRequest, malformed, "certificate is not DER in base64url")
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return refuse(http.StatusBadRequest, malformed, "the certificate cannot be read")
	}
	unknown := refuse(http.StatusNotFound, malformed, "this server has not issued the certificate")
	cert, err := c.s.d.Storage.CertificateByIssued(c.r.Context(), c.cred.Account, leaf.AuthorityKeyId, serialHex(leaf.SerialNumber.Bytes()))
	if core.Is(err, core.KindNotFound) {
		return unknown
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(cert.DER, der) {
		return unknown
	}
	by, err := c.revoker(cert, leaf)
	if err != nil {
		return err
	}
	if !slices.Contains(revocable(), reason) {
		return refuse(http.StatusBadRequest, badRevocationReason, "the reason "+strconv.Itoa(reason)+" cannot be given; 0, 1, 3, 4, 5 and 9 can")
	}
	if err := c.s.d.Enroll.Revoke(c.r.Context(), by, cert.ID, reason); err != nil {
		return err
	}
	httpx.Reply(c.w, c.r, http.StatusOK, nil)
	return nil
}

// revoker is the principal in whose name a certificate is revoked. Whoever is
// not the certificate's own credential acts as the CA's own actor, named by
// what he showed.
func (c *call) revoker(cert *core.Certificate, leaf *x509.Certificate) (*core.Principal, error) {
	actor := func(name string) *core.Principal {
		return &core.Principal{Account: c.cred.Account, System: name, Address: c.who.Address, RequestID: c.who.RequestID}
	}
	if c.acct == nil { // by the certificate's key
		if c.key.Same(leaf.PublicKey) {
			return actor("certificate-key"), nil
		}
		return nil, refuse(http.StatusForbidden, unauthorized, "the request is not signed by the certificate's key")
	}
	o, err := c.s.d.Storage.ACMEOrderByCertificate(c.r.Context(), c.cred.Account, cert.ID)
	if err != nil && !core.Is(err, core.KindNotFound) {
		return nil, err
	}
	if err == nil && o.ACMEAccount == c.acct.ID {
		return c.who, nil
	}
	ok, err := c.holds(cert)
	if err != nil {
		return nil, err
	}
	if ok {
		return actor("acme-account-" + string(c.acct.ID)), nil
	}
	return nil, refuse(http.StatusForbidden, unauthorized, "the account neither ordered the certificate nor holds valid authorizations for all its names")
}

// holds reports whether the account has proven control of every name of the
// certificate.
func (c *call) holds(cert *core.Certificate) (bool, error) {
	var look []core.Identifier
	var targets []target
	for _, name := range cert.Names {
		kind, value, _ := strings.Cut(name, ":")
		if kind != core.IdentifierDNS && kind != core.IdentifierIP {
			return false, nil
		}
		if a, err := netip.ParseAddr(value); kind == core.IdentifierIP && err == nil {
			value = a.String()
		}
		t := target{id: core.Identifier{Type: kind, Value: value}}
		t.id.Value, t.wildcard = strings.CutPrefix(value, "*.")
		targets = append(targets, t)
		look = append(look, c.sources(t)...)
	}
	if len(targets) == 0 {
		return false, nil
	}
	auths, err := c.s.d.Storage.UsableAuthorizations(c.r.Context(), c.acct.ID, look, c.s.d.Now())
	if err != nil {
		return false, err
	}
	for _, t := range targets {
		if !slices.ContainsFunc(auths, func(a *core.Authorization) bool {
			return a.State == core.AuthorizationValid && c.still(a) && serves(a, t)
		}) {
			return false, nil
		}
	}
	return true, nil
}
