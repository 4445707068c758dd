package ca

import (
	"bytes"
	"context"
	"crypto"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// OCSPStatus is the responseStatus of an answer (RFC 6960 section 4.2.1).
type OCSPStatus int

// The response statuses that this responder gives.
const (
	OCSPSuccessful       OCSPStatus = 0
	OCSPMalformedRequest OCSPStatus = 1
	OCSPInternalError    OCSPStatus = 2
	OCSPTryLater         OCSPStatus = 3
	OCSPUnauthorized     OCSPStatus = 6
)

// OCSPAnswer is an OCSPResponse and what HTTP caching needs to know about it.
type OCSPAnswer struct {
	DER        []byte
	Status     OCSPStatus
	ThisUpdate time.Time // zero unless successful
	NextUpdate time.Time
	// Cacheable: successful, without nonce, and about certificates we know, so
	// that a shared cache may keep it until NextUpdate (RFC 5019 section 6).
	Cacheable bool
	// Cause is why Status is an error of ours, for the log.
	Cause error
}

// Respond answers an OCSP request to the issuer with that slug. The answer is
// always a valid OCSPResponse; an error, of kind not-found, is returned only
// when there is no such issuer.
func (c *CA) Respond(ctx context.Context, slug string, der []byte) (*OCSPAnswer, error) {
	i, err := c.d.Storage.IssuerBySlug(ctx, slug)
	switch {
	case core.Is(err, core.KindNotFound) || err == nil && (i.Connector != ConnectorType || len(i.Certificate) == 0):
		return nil, core.Errorf(core.KindNotFound, "there is no issuer %q", slug)
	case err != nil:
		return failure(OCSPTryLater, err), nil
	}
	request, err := parseOCSPRequest(der)
	if err != nil {
		return failure(OCSPMalformedRequest, err), nil
	}
	a, err := c.authority(ctx, i)
	if err != nil {
		return failure(OCSPTryLater, err), nil
	}
	return c.answer(ctx, i, a, request), nil
}

// failure makes an answer without responseBytes.
func failure(s OCSPStatus, cause error) *OCSPAnswer {
	return &OCSPAnswer{DER: []byte{0x30, 3, byte(asn1.ENUM), 1, byte(s)}, Status: s, Cause: cause}
}

func (c *CA) answer(ctx context.Context, i *core.Issuer, a *authority, request *ocspRequest) *OCSPAnswer {
	now := c.now()
	out := &OCSPAnswer{Status: OCSPSuccessful, ThisUpdate: now, NextUpdate: now.Add(c.d.OCSPValidity), Cacheable: request.nonce == nil}
	ours := false
	var responses cryptobyte.Builder
	for _, id := range request.entries {
		status := &CertificateStatus{} // unknown
		if a.names(id) {
			ours = true
			found, err := c.d.Storage.CertificateStatus(ctx, i.ID, serialText(id.serial))
			switch {
			case err == nil:
				status = found
			case !core.Is(err, core.KindNotFound):
				return failure(OCSPTryLater, err)
			}
		}
		if !addSingle(&responses, id, status, out) {
			out.Cacheable = false
		}
	}
	if !ours {
		// We are no authority for any of these (RFC 6960 section 2.3).
		return failure(OCSPUnauthorized, nil)
	}
	r, err := c.responder(ctx, i, a)
	if err != nil {
		return failure(OCSPTryLater, err)
	}
	list, err := responses.Bytes()
	if err == nil {
		out.DER, err = r.sign(list, now, request.nonce)
	}
	if err != nil {
		return failure(OCSPInternalError, err)
	}
	return out
}

// names reports whether the CertID names this issuer.
func (a *authority) names(id certID) bool {
	if id.unknown {
		return false
	}
	name, key := a.hashes(id.hash)
	return bytes.Equal(name, id.name) && bytes.Equal(key, id.key)
}

// hashes are issuerNameHash and issuerKeyHash, the latter over the key bits
// without tag, length and unused-bits octet (RFC 6960 section 4.1.1).
func (a *authority) hashes(h crypto.Hash) (name, key []byte) {
	n := h.New()
	n.Write(a.subject)
	k := h.New()
	k.Write(spkiBits(a.spki))
	return n.Sum(nil), k.Sum(nil)
}

// spkiBits returns the contents of the subjectPublicKey BIT STRING.
func spkiBits(spki []byte) []byte {
	var seq, alg cryptobyte.String
	var bits []byte
	s := cryptobyte.String(spki)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1(&alg, asn1.SEQUENCE) || !seq.ReadASN1BitStringAsBytes(&bits) {
		return nil
	}
	return bits
}

// addSingle adds a SingleResponse (RFC 6960 section 4.2.1) and reports whether
// the certificate is known. A reserved serial is unknown: its certificate is
// not handed out yet, and if it never will be the serial is abandoned and then
// revoked.
func addSingle(b *cryptobyte.Builder, id certID, s *CertificateStatus, out *OCSPAnswer) (known bool) {
	known = true
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(id.raw)
		switch s.State {
		case core.CertActive:
			b.AddBytes([]byte{byte(asn1.Tag(0).ContextSpecific()), 0}) // good
		case core.CertRevoked, core.CertOnHold, core.CertAbandoned:
			b.AddASN1(context0(1), func(b *cryptobyte.Builder) { addRevokedInfo(b, s, out.ThisUpdate) })
		default:
			b.AddBytes([]byte{byte(asn1.Tag(2).ContextSpecific()), 0}) // unknown
			known = false
		}
		b.AddASN1GeneralizedTime(out.ThisUpdate)
		b.AddASN1(context0(0), func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(out.NextUpdate) })
		if known && !s.Invalid.IsZero() {
			b.AddASN1(context0(1), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { addExtension(b, invalidityDate(s.Invalid), nil) })
			})
		}
	})
	return known
}

// addRevokedInfo adds the contents of RevokedInfo; the reason is left out when
// it is unspecified (RFC 5280 section 5.3.1).
func addRevokedInfo(b *cryptobyte.Builder, s *CertificateStatus, now time.Time) {
	at, reason := s.RevokedAt, s.Reason
	if at.IsZero() || at.After(now) {
		at = now
	}
	if s.State == core.CertOnHold {
		reason = core.ReasonCertificateHold
	}
	b.AddASN1GeneralizedTime(at.UTC())
	if code := entryReason(reason); code != 0 {
		b.AddASN1(context0(0), func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(code)) })
	}
}

// sign wraps SingleResponses into a signed OCSPResponse with the responder's
// certificate. The responder is named by the SHA-1 of its key, as the syntax
// demands (RFC 6960 section 4.2.2.3).
func (r *responder) sign(responses []byte, now time.Time, nonce []byte) ([]byte, error) {
	var data cryptobyte.Builder
	data.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(context0(2), func(b *cryptobyte.Builder) { b.AddASN1OctetString(r.keyHash) })
		b.AddASN1GeneralizedTime(now)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(responses) })
		if nonce != nil {
			b.AddASN1(context0(1), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					addExtension(b, x509x.Extension{OID: oidOCSPNonce, Value: nonce}, nil)
				})
			})
		}
	})
	tbs, err := data.Bytes()
	if err != nil {
		return nil, err
	}
	_, signature, err := sign(tbs, r.alg, r.key)
	if err != nil {
		return nil, err
	}
	var basic cryptobyte.Builder
	basic.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		b.AddBytes(r.alg.DER())
		b.AddASN1BitString(signature)
		b.AddASN1(context0(0), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(r.certificate) })
		})
	})
	body, err := basic.Bytes()
	if err != nil {
		return nil, err
	}
	return wrapBasic(body)
}

// wrapBasic puts a BasicOCSPResponse into an OCSPResponse.
func wrapBasic(body []byte) ([]byte, error) {
	oid, err := x509x.AppendOID(nil, oidOCSPBasic)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(int64(OCSPSuccessful))
		b.AddASN1(context0(0), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(oid)
				b.AddASN1OctetString(body)
			})
		})
	})
	return b.Bytes()
}
