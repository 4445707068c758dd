package est

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/cms"
	"github.com/certwright/certwright/internal/wire/httpx"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// request reads the body of an enrolment: type, size, encoding, PKCS#10, and
// the link to the TLS session.
func (c *call) request() (*x509x.CSR, error) {
	if err := pkcs10(c.r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	body, err := httpx.ReadBody(c.r, maxBody)
	if err != nil {
		return nil, err
	}
	csr, err := readCSR(body)
	if err != nil {
		return nil, err
	}
	return csr, c.checkBinding(csr)
}

// pkcs10 checks the content type of RFC 7030 section 4.2.1; parameters are
// ignored.
func pkcs10(contentType string) error {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || t != "application/pkcs10" {
		return core.Errorf(core.KindMediaType, "the content type must be application/pkcs10").At("Content-Type")
	}
	return nil
}

// readCSR reads a request in every form that clients send: base64 in one line
// or many (RFC 8951 section 3.1: white space anywhere), PEM, or plain DER.
// Content-Transfer-Encoding is not looked at (RFC 8951 section 3).
func readCSR(body []byte) (*x509x.CSR, error) {
	csr, err := x509x.ReadCSR(body)
	switch {
	case err == nil:
		return csr, nil
	case errors.Is(err, x509x.ErrTooLarge):
		return nil, core.Wrap(core.KindTooLarge, err, "the certificate request is too large")
	case len(body) == 0:
		return nil, core.Wrap(core.KindBadCSR, err, "the request has no body; it must be a base64-encoded PKCS#10 certificate request")
	}
	return nil, core.Wrap(core.KindBadCSR, err, "the body is no PKCS#10 certificate request in base64, PEM or DER: %v", err)
}

// certsOnly answers with certificates (RFC 7030 section 4.2.3).
func certsOnly(w http.ResponseWriter, r *http.Request, certs ...[]byte) {
	w.Header().Set("Content-Type", "application/pkcs7-mime; smime-type=certs-only")
	encoded(w, r, cms.CertsOnly(certs...))
}

// encoded answers with DER as base64 in a single line: strongSwan cannot read
// it wrapped. RFC 8951 section 3.1 lets clients ignore the transfer encoding
// header, but those of RFC 7030 require it.
func encoded(w http.ResponseWriter, r *http.Request, der []byte) {
	w.Header().Set("Content-Transfer-Encoding", "base64")
	httpx.Reply(w, r, http.StatusOK, base64.StdEncoding.AppendEncode(nil, der))
}
