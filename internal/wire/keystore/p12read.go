package keystore

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/x509"
	"fmt"
	"unicode/utf16"

	"github.com/certwright/certwright/internal/wire/cms"
	"github.com/certwright/certwright/internal/wire/x509x"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	oidPBMAC1        = "1.2.840.113549.1.5.14"
	oidPBEWithRC2    = "1.2.840.113549.1.12.1.5" // pbeWithSHAAnd128BitRC2-CBC
	oidPBEWithRC2x40 = "1.2.840.113549.1.12.1.6" // pbeWithSHAAnd40BitRC2-CBC
)

// p12Reader collects what is in a file.
type p12Reader struct {
	work
	password string
	keys     []p12Key
	certs    []p12Cert
}

type p12Key struct {
	bagAttributes
	key crypto.PrivateKey
}

type p12Cert struct {
	bagAttributes
	der []byte
}

// decodeP12 reads a PFX with password integrity (RFC 7292 section 4), with any
// number of keys. ErrUnsupported for public key integrity; bags of CRLs and
// secrets are read over.
func decodeP12(data []byte, password string) ([]Entry, error) {
	der, err := cms.NormaliseBER(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var pfx, mac cryptobyte.String
	var version int64
	var oid string
	s := cryptobyte.String(der)
	if !s.ReadASN1(&pfx, asn1.SEQUENCE) || !pfx.ReadASN1Integer(&version) || version != 3 {
		return nil, malformed("PKCS #12")
	}
	content, oid, ok := readContent(&pfx)
	if !ok {
		return nil, malformed("PKCS #12")
	}
	if oid != oidData {
		return nil, fmt.Errorf("%w: PKCS #12 with integrity of type %s", ErrUnsupported, oid)
	}
	safe, ok := readOctets(content, asn1.OCTET_STRING, asn1.OCTET_STRING.Constructed())
	if !ok {
		return nil, malformed("PKCS #12 content")
	}
	r := &p12Reader{work: work{left: maxIterations}, password: password}
	if !pfx.Empty() {
		if !pfx.ReadASN1(&mac, asn1.SEQUENCE) || !pfx.Empty() {
			return nil, malformed("PKCS #12 MAC")
		}
		if err := r.checkMAC(mac, safe); err != nil {
			return nil, err
		}
	}
	if err := r.readSafes(safe); err != nil {
		return nil, err
	}
	return r.entries(), nil
}

// readContent reads a ContentInfo and returns the contents of its [0].
func readContent(s *cryptobyte.String) (content cryptobyte.String, oid string, ok bool) {
	var info cryptobyte.String
	ok = s.ReadASN1(&info, asn1.SEQUENCE) && x509x.ReadOID(&info, &oid) && info.ReadASN1(&content, context(0)) && info.Empty()
	return content, oid, ok
}

// readOctets reads the only element of s: octets under the primitive tag, or in
// pieces under the constructed one.
func readOctets(s cryptobyte.String, primitive, constructed asn1.Tag) ([]byte, bool) {
	var body, part cryptobyte.String
	if s.PeekASN1Tag(primitive) {
		ok := s.ReadASN1(&body, primitive) && s.Empty()
		return body, ok
	}
	var out []byte
	if !s.ReadASN1(&body, constructed) || !s.Empty() {
		return nil, false
	}
	for !body.Empty() {
		if !body.ReadASN1(&part, asn1.OCTET_STRING) {
			return nil, false
		}
		out = append(out, part...)
	}
	return out, true
}

// checkMAC verifies MacData (RFC 7292 section 4, RFC 9579 for PBMAC1). The
// empty password is tried in both of its encodings.
func (r *p12Reader) checkMAC(mac cryptobyte.String, safe []byte) error {
	var info, alg, digest, salt cryptobyte.String
	count := int64(1)
	var oid string
	if !mac.ReadASN1(&info, asn1.SEQUENCE) || !info.ReadASN1Element(&alg, asn1.SEQUENCE) ||
		!info.ReadASN1(&digest, asn1.OCTET_STRING) || !info.Empty() || !mac.ReadASN1(&salt, asn1.OCTET_STRING) ||
		(!mac.Empty() && !mac.ReadASN1Integer(&count)) || !mac.Empty() {
		return malformed("PKCS #12 MAC")
	}
	var algSeq cryptobyte.String
	if a := alg; !a.ReadASN1(&algSeq, asn1.SEQUENCE) || !x509x.ReadOID(&algSeq, &oid) {
		return malformed("PKCS #12 MAC algorithm")
	}
	if oid == oidPBMAC1 {
		return r.checkPBMAC1(algSeq, digest, safe)
	}
	h, err := x509x.ParseDigest(alg)
	if err != nil {
		return fmt.Errorf("%w: MAC digest: %w", ErrUnsupported, err)
	}
	iterations, err := r.spend(count)
	if err != nil {
		return err
	}
	encoded, err := bmpPassword(r.password)
	if err != nil {
		return err
	}
	candidates := [][]byte{encoded}
	if r.password == "" {
		candidates = append(candidates, nil)
	}
	for _, password := range candidates {
		m := hmac.New(h.New, p12KDF(h, password, salt, 3, iterations, h.Size()))
		m.Write(safe)
		if hmac.Equal(m.Sum(nil), digest) {
			return nil
		}
	}
	return ErrPassword
}

// checkPBMAC1 verifies a MAC of RFC 8018 7.1 with PBKDF2 (RFC 9579).
func (r *p12Reader) checkPBMAC1(alg cryptobyte.String, want, safe []byte) error {
	var params, kdf, kdfParams, salt, prf, scheme cryptobyte.String
	var kdfOID, schemeOID string
	var count, length int64
	if !alg.ReadASN1(&params, asn1.SEQUENCE) || !params.ReadASN1(&kdf, asn1.SEQUENCE) || !x509x.ReadOID(&kdf, &kdfOID) ||
		!kdf.ReadASN1(&kdfParams, asn1.SEQUENCE) || !kdfParams.ReadASN1(&salt, asn1.OCTET_STRING) ||
		!kdfParams.ReadASN1Integer(&count) || !kdfParams.ReadASN1Integer(&length) ||
		!params.ReadASN1(&scheme, asn1.SEQUENCE) || !x509x.ReadOID(&scheme, &schemeOID) {
		return malformed("PBMAC1 parameters")
	}
	prfOID := oidHMACSHA1
	if !kdfParams.Empty() && (!kdfParams.ReadASN1(&prf, asn1.SEQUENCE) || !x509x.ReadOID(&prf, &prfOID)) {
		return malformed("PBMAC1 function")
	}
	prfHash, macHash := hmacDigest(prfOID), hmacDigest(schemeOID)
	if kdfOID != oidPBKDF2 || prfHash == 0 || macHash == 0 || length < 20 || length > 64 {
		return fmt.Errorf("%w: PBMAC1 with %s, %s and %s", ErrUnsupported, kdfOID, prfOID, schemeOID)
	}
	iterations, err := r.spend(count)
	if err != nil {
		return err
	}
	key, err := pbkdf2.Key(prfHash.New, r.password, salt, iterations, int(length))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	m := hmac.New(macHash.New, key)
	m.Write(safe)
	if !hmac.Equal(m.Sum(nil), want) {
		return ErrPassword
	}
	return nil
}

// readSafes reads the AuthenticatedSafe.
func (r *p12Reader) readSafes(der []byte) error {
	der, err := cms.NormaliseBER(der)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var seq cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) {
		return malformed("authenticated safe")
	}
	for !seq.Empty() {
		content, oid, ok := readContent(&seq)
		if !ok {
			return malformed("safe")
		}
		var plain []byte
		switch oid {
		case oidData:
			plain, ok = readOctets(content, asn1.OCTET_STRING, asn1.OCTET_STRING.Constructed())
			if !ok {
				return malformed("safe")
			}
		case oidEncryptedData:
			if plain, err = r.openSafe(content); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w: safe of type %s", ErrUnsupported, oid)
		}
		if err := r.readBags(plain, 0); err != nil {
			return err
		}
	}
	return nil
}

// openSafe decrypts an EncryptedData (RFC 5652 section 8).
func (r *p12Reader) openSafe(content cryptobyte.String) ([]byte, error) {
	var seq, info, alg cryptobyte.String
	var version int64
	var oid string
	if !content.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1Integer(&version) ||
		!seq.ReadASN1(&info, asn1.SEQUENCE) || !x509x.ReadOID(&info, &oid) || oid != oidData || !info.ReadASN1(&alg, asn1.SEQUENCE) {
		return nil, malformed("encrypted safe")
	}
	encrypted, ok := readOctets(info, asn1.Tag(0).ContextSpecific(), context(0))
	if !ok {
		return nil, malformed("encrypted safe")
	}
	return r.decrypt(alg, encrypted, r.password)
}

// maxBagDepth bounds safes within safes.
const maxBagDepth = 4

// readBags reads a SafeContents (RFC 7292 4.2).
func (r *p12Reader) readBags(der []byte, depth int) error {
	der, err := cms.NormaliseBER(der)
	if err != nil {
		return ErrPassword // what a wrong password decrypts to
	}
	var seq cryptobyte.String
	s := cryptobyte.String(der)
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || depth > maxBagDepth {
		return malformed("safe contents")
	}
	for !seq.Empty() {
		var bag, value, attributes cryptobyte.String
		var oid string
		var a bagAttributes
		if !seq.ReadASN1(&bag, asn1.SEQUENCE) || !x509x.ReadOID(&bag, &oid) || !bag.ReadASN1(&value, context(0)) ||
			!bag.ReadOptionalASN1(&attributes, nil, asn1.SET) || !bag.Empty() || !a.read(attributes) {
			return malformed("bag")
		}
		if err := r.readBag(oid, value, a, depth); err != nil {
			return err
		}
	}
	return nil
}

func (r *p12Reader) readBag(oid string, value cryptobyte.String, a bagAttributes, depth int) error {
	switch oid {
	case oidKeyBag, oidShroudedBag:
		pkcs8 := []byte(value)
		if oid == oidShroudedBag {
			var err error
			if pkcs8, err = r.decryptKey(value, r.password); err != nil {
				return err
			}
		}
		key, err := checkKey(x509.ParsePKCS8PrivateKey(pkcs8))
		if err != nil {
			return err
		}
		r.keys = append(r.keys, p12Key{a, key})
	case oidCertBag:
		var seq, content, der cryptobyte.String
		var kind string
		if !value.ReadASN1(&seq, asn1.SEQUENCE) || !x509x.ReadOID(&seq, &kind) || !seq.ReadASN1(&content, context(0)) ||
			!content.ReadASN1(&der, asn1.OCTET_STRING) {
			return malformed("certificate bag")
		}
		if kind == oidX509Cert {
			r.certs = append(r.certs, p12Cert{a, der})
		}
	case "1.2.840.113549.1.12.10.1.6": // safeContentsBag
		return r.readBags(value, depth+1)
	}
	return nil
}

// read reads PKCS12Attributes; unknown ones are read over.
func (a *bagAttributes) read(set cryptobyte.String) bool {
	for !set.Empty() {
		var one, values, value cryptobyte.String
		var tag asn1.Tag
		var oid string
		if !set.ReadASN1(&one, asn1.SEQUENCE) || !x509x.ReadOID(&one, &oid) || !one.ReadASN1(&values, asn1.SET) {
			return false
		}
		if values.Empty() || !values.ReadAnyASN1(&value, &tag) {
			continue
		}
		switch {
		case oid == oidFriendlyName && tag == asn1.Tag(x509x.TagBMP):
			u := make([]uint16, len(value)/2)
			for i := range u {
				u[i] = uint16(value[2*i])<<8 | uint16(value[2*i+1])
			}
			a.name = string(utf16.Decode(u))
		case oid == oidLocalKeyID && tag == asn1.OCTET_STRING:
			a.local = value
		case oid == oidJavaTrusted:
			a.trusted = true
		}
	}
	return true
}

// entries puts keys and certificates together: by public key, because
// localKeyId is often missing or wrong.
func (r *p12Reader) entries() []Entry {
	certs := make([][]byte, len(r.certs))
	names := map[string]string{}
	for i, c := range r.certs {
		certs[i] = c.der
		if names[string(c.der)] == "" {
			names[string(c.der)] = c.name
		}
	}
	keys := make([]crypto.PrivateKey, len(r.keys))
	for i, k := range r.keys {
		keys[i] = k.key
	}
	grouped := group(keys, certs)
	var out []Entry
	for i, e := range grouped {
		if i < len(keys) {
			if e.Alias = r.keys[i].name; e.Alias == "" && len(e.Chain) > 0 {
				e.Alias = names[string(e.Chain[0])]
			}
			out = append(out, e)
			continue
		}
		for _, der := range e.Chain {
			out = append(out, Entry{Alias: names[string(der)], Chain: [][]byte{bytes.Clone(der)}})
		}
	}
	return out
}
