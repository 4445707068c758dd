package acme

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// renewalPoll is about how often clients look for a changed window (RFC 9773
// section 4.3); each certificate has its own time up to a third less.
const renewalPoll = 6 * time.Hour

// certID reads a certificate's unique identifier (RFC 9773 section 4.1):
// authorityKeyIdentifier and serial number, both base64url without padding,
// joined by a dot. The serial number is the content of the INTEGER, so one
// whose first bit is set has a zero octet before it.
func certID(s string) (aki []byte, serial string, ok bool) {
	left, right, found := strings.Cut(s, ".")
	if !found || len(s) > 200 {
		return nil, "", false
	}
	aki, err := base64.RawURLEncoding.Strict().DecodeString(left)
	if err != nil || len(aki) == 0 {
		return nil, "", false
	}
	n, err := base64.RawURLEncoding.Strict().DecodeString(right)
	if err != nil || len(n) == 0 || len(n) > 21 || n[0]&0x80 != 0 {
		return nil, "", false
	}
	return aki, serialHex(n), true
}

// certIDOf writes the identifier of one of our certificates.
func (c *call) certIDOf(id core.CertificateID) (string, error) {
	cert, err := c.s.d.Storage.Certificate(c.r.Context(), c.cred.Account, id)
	if err != nil {
		return "", err
	}
	leaf, err := x509.ParseCertificate(cert.DER)
	if err != nil {
		return "", err
	}
	n := leaf.SerialNumber.Bytes()
	if len(n) == 0 || n[0]&0x80 != 0 {
		n = append([]byte{0}, n...)
	}
	return base64.RawURLEncoding.EncodeToString(leaf.AuthorityKeyId) + "." + base64.RawURLEncoding.EncodeToString(n), nil
}

// renewalWindow is RFC 9773 section 4.2.
type renewalWindow struct {
	Window struct {
		Start string `json:"start"`
		End   string `json:"end"`
	} `json:"suggestedWindow"`
	Explanation string `json:"explanationURL,omitempty"`
}

// renewalInfo says when a certificate of the credential's account had best be
// renewed.
func (s *Service) renewalInfo(w http.ResponseWriter, r *http.Request, c *core.Credential) error {
	w.Header().Add("Link", "<"+s.base(c.Label)+"directory>;rel=\"index\"")
	aki, serial, ok := certID(r.PathValue("id"))
	if !ok {
		return refuse(http.StatusBadRequest, malformed, "this is no certificate identifier of RFC 9773 section 4.1")
	}
	cert, err := s.d.Storage.CertificateByIssued(r.Context(), c.Account, aki, serial)
	if core.Is(err, core.KindNotFound) {
		return refuse(http.StatusNotFound, malformed, "this server has not issued such a certificate")
	}
	if err != nil {
		return err
	}
	start, end, explanation, err := s.window(r.Context(), cert)
	if err != nil {
		return err
	}
	var out renewalWindow
	out.Window.Start, out.Window.End, out.Explanation = rfc3339(start), rfc3339(end), explanation
	body, err := json.Marshal(out)
	if err != nil {
		return err
	}
	httpx.RetryAfter(w.Header(), renewalPoll-time.Duration(share(cert, 1)*float64(renewalPoll/3)))
	w.Header().Set("Content-Type", "application/json")
	httpx.Reply(w, r, http.StatusOK, append(body, '\n'))
	return nil
}

// share is a number from 0 to below 1 that belongs to the certificate: the
// same at every question and on every replica, spread evenly over a fleet.
func share(c *core.Certificate, salt int) float64 {
	if len(c.Fingerprint) < 16 {
		return 0
	}
	return float64(binary.BigEndian.Uint32(c.Fingerprint[4*salt:])) / (1 << 32)
}

// window is when to renew. Without a reason to hurry it lies before the last
// third of the certificate's life: its start is spread over a twelfth of that
// life so that certificates that were issued together are not renewed
// together. A revoked certificate's window is past; an administrator's pull
// moves it forward.
func (s *Service) window(ctx context.Context, c *core.Certificate) (start, end time.Time, explanation string, err error) {
	life := c.NotAfter.Sub(c.NotBefore)
	at := func(share float64) time.Time { return c.NotBefore.Add(time.Duration(share * float64(life))) }
	start = at(7.0/12 + share(c, 0)/12)
	width := max(life/50, 2*time.Second)
	end = start.Add(width)
	now := s.d.Now()
	if c.State != core.CertActive {
		since := c.RevokedAt
		if since.IsZero() || since.After(now) {
			since = now
		}
		return since.Add(-2 * time.Hour), since.Add(-time.Hour), "", nil
	}
	pulls, err := s.d.Storage.RenewalPulls(ctx, c.Account, c.Issuer, c.Product, c.CreatedAt)
	if err != nil {
		return start, end, "", err
	}
	for _, p := range pulls {
		span := max(p.End.Sub(p.Start), 2*time.Second)
		from := p.Start.Add(time.Duration(share(c, 0) * float64(span) * 0.9))
		if from.Before(start) {
			start, end, explanation = from, from.Add(max(span/10, time.Second)), p.Explanation
		}
	}
	return start, end, explanation, nil
}

// replaced checks which certificate an order replaces (RFC 9773 section 5).
func (c *call) replaced(o *core.ACMEOrder, text string) error {
	aki, serial, ok := certID(text)
	if !ok {
		return refuse(http.StatusBadRequest, malformed, "replaces is no certificate identifier of RFC 9773 section 4.1")
	}
	cert, err := c.s.d.Storage.CertificateByIssued(c.r.Context(), c.cred.Account, aki, serial)
	if core.Is(err, core.KindNotFound) {
		return refuse(http.StatusNotFound, malformed, "this server has not issued the certificate that the order replaces")
	}
	if err != nil {
		return err
	}
	old, err := c.s.d.Storage.ACMEOrderByCertificate(c.r.Context(), c.cred.Account, cert.ID)
	if err != nil && !core.Is(err, core.KindNotFound) {
		return err
	}
	if err != nil || old.ACMEAccount != c.acct.ID || cert.Credential != c.cred.ID {
		return refuse(http.StatusForbidden, unauthorized, "the certificate that the order replaces was not issued to this account")
	}
	if !slices.ContainsFunc(o.Identifiers, func(i core.Identifier) bool { return slices.Contains(cert.Names, i.String()) }) {
		return refuse(http.StatusBadRequest, malformed, "the order has no name in common with the certificate that it replaces")
	}
	if cert.ReplacedBy != "" {
		return refuse(http.StatusConflict, alreadyReplaced, "the certificate has been replaced already")
	}
	o.Replaces = cert.ID
	return nil
}

// serialHex is a serial number as certificates are stored with it: lower-case
// hex without leading zeros.
func serialHex(b []byte) string { return strings.TrimLeft(hex.EncodeToString(b), "0") }
