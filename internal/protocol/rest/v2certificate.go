package rest

import (
	"crypto/x509"
	"math/big"
	"net/http"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/wire/cms"
	"github.com/certwright/certwright/internal/wire/httpx"
	"github.com/certwright/certwright/internal/wire/keystore"
)

// Media types of certificates.
const (
	typeJSON  = "application/json"
	typePEM   = "application/x-pem-file"
	typeDER   = "application/pkix-cert"
	typePKCS7 = "application/x-pkcs7-certificates"
	typeP12   = "application/x-pkcs12"
	typeText  = "text/plain" // of an agreement
)

// formats are the words of ?format=, which wins over Accept.
var formats = map[string]string{"json": typeJSON, "pem": typePEM, "der": typeDER, "pkcs7": typePKCS7, "p7b": typePKCS7, "pkcs12": typeP12, "p12": typeP12}

// certificateAnswer is an issued certificate as JSON.
type certificateAnswer struct {
	OrderID        string   `json:"orderId"`
	SerialNumber   string   `json:"serialNumber"`
	Subject        string   `json:"subject"`
	Issuer         string   `json:"issuer"`
	NotBefore      string   `json:"notBefore"`
	NotAfter       string   `json:"notAfter"`
	CertificatePEM string   `json:"certificatePem"`
	ChainPEM       []string `json:"chainPem"`
}

// download answers with the certificate of an order.
func (c *call) download(f *family) error {
	v, err := c.order(f)
	if err != nil {
		return err
	}
	format, err := c.format()
	if err != nil {
		return err
	}
	if v.Certificate == nil || len(v.Certificate.DER) == 0 {
		return refuse(http.StatusUnprocessableEntity, "order-not-issued", "1165", "the certificate is not issued yet; the order is "+
			v2Status(v.Order.State, v.Certificate, c.s.d.Now()))
	}
	return c.file(v, format)
}

// format is the media type that the client wants.
func (c *call) format() (string, error) {
	if word := c.r.URL.Query().Get("format"); word != "" {
		t, ok := formats[strings.ToLower(word)]
		if !ok {
			return "", refuse(http.StatusBadRequest, "", "1181", "format must be json, pem, der, pkcs7 or pkcs12").field("format", "is none of the formats")
		}
		return t, nil
	}
	all := []string{typeJSON, typePEM, typeDER, typePKCS7, typeP12}
	t := c.accepted(append(all, "application/pem-certificate-chain", "application/pkcs7-mime")...)
	switch t {
	case "":
		return "", c.acceptable(all...)
	case "application/pem-certificate-chain":
		return typePEM, nil
	case "application/pkcs7-mime":
		return typePKCS7, nil
	}
	return t, nil
}

// above is the chain behind a certificate, issuing CA first, root last.
func above(v *ordering.View) [][]byte {
	chain := slices.Clone(v.Chain)
	if len(chain) > 0 && v.Certificate != nil && slices.Equal(chain[0], v.Certificate.DER) {
		chain = chain[1:]
	}
	if len(v.Root) > 0 && !slices.ContainsFunc(chain, func(x []byte) bool { return slices.Equal(x, v.Root) }) {
		chain = append(chain, v.Root)
	}
	return chain
}

// file answers with the certificate in a form.
func (c *call) file(v *ordering.View, format string) error {
	leaf, chain := v.Certificate.DER, above(v)
	h := c.w.Header()
	send := func(body []byte) error {
		h.Set("Content-Type", format)
		httpx.Reply(c.w, c.r, http.StatusOK, body)
		return nil
	}
	switch format {
	case typePEM:
		return send(keystore.EncodeChain(append([][]byte{leaf}, chain...)...))
	case typeDER:
		return send(leaf)
	case typePKCS7:
		return send(cms.CertsOnly(append([][]byte{leaf}, chain...)...))
	case typeP12:
		body, err := c.pkcs12(v, append([][]byte{leaf}, chain...))
		if err != nil {
			return err
		}
		return send(body)
	}
	x, err := x509.ParseCertificate(leaf)
	if err != nil {
		return core.Wrap(core.KindInternal, err, "a stored certificate cannot be read")
	}
	a := certificateAnswer{OrderID: orderOf(v.Order), SerialNumber: colons(x.SerialNumber), Subject: x.Subject.String(), Issuer: x.Issuer.String(),
		NotBefore: when(x.NotBefore), NotAfter: when(x.NotAfter), CertificatePEM: string(keystore.EncodeChain(leaf)), ChainPEM: []string{}}
	for _, der := range chain {
		a.ChainPEM = append(a.ChainPEM, string(keystore.EncodeChain(der)))
	}
	reply(c.w, c.r, http.StatusOK, a)
	return nil
}

// colons writes a serial number as pairs of upper-case hex digits.
func colons(n *big.Int) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i, x := range n.Bytes() {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteByte(digits[x>>4])
		b.WriteByte(digits[x&15])
	}
	return b.String()
}

// decimalSerial writes a serial number as reports do.
func decimalSerial(hex string) string {
	n, ok := new(big.Int).SetString(hex, 16)
	if !ok {
		return ""
	}
	return n.String()
}

// passwordHeader carries the password of a PKCS #12 answer: not the URL, which
// proxies write down.
const passwordHeader = "X-PKCS12-Password"

// pkcs12 makes a file with the private key, when that was made here and may
// leave.
func (c *call) pkcs12(v *ordering.View, chain [][]byte) ([]byte, error) {
	password := c.r.Header.Get(passwordHeader)
	if password == "" {
		return nil, refuse(http.StatusBadRequest, "", "1180", "the header "+passwordHeader+" is empty; a PKCS #12 file needs a password").field(passwordHeader, "is empty")
	}
	pkcs8, err := c.s.d.Keys.Key(c.ctx, c.p, v.Certificate.ID)
	if core.Is(err, core.KindNotFound) {
		return nil, refuse(http.StatusUnprocessableEntity, "", "1165", core.AsError(err).Detail)
	}
	if err != nil {
		return nil, err
	}
	defer clear(pkcs8)
	key, err := keystore.ParseKey(pkcs8, "")
	if err != nil {
		return nil, core.Wrap(core.KindInternal, err, "the stored key cannot be read")
	}
	alias := v.Certificate.CommonName
	if alias == "" {
		alias = "certificate"
	}
	body, err := keystore.Encode(keystore.P12, keystore.Options{Password: password, Created: c.s.d.Now()}, keystore.Entry{Alias: alias, Key: key, Chain: chain})
	if err != nil {
		return nil, core.Wrap(core.KindInvalid, err, "the PKCS #12 file cannot be made with this password").At(passwordHeader)
	}
	return body, nil
}
