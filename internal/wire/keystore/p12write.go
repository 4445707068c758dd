package keystore

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // localKeyId is a name
	"slices"
	"strconv"
	"unicode/utf16"

	"github.com/certwright/certwright/internal/wire/x509x"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// PKCS #12 (RFC 7292).
const (
	oidData          = "1.2.840.113549.1.7.1"
	oidEncryptedData = "1.2.840.113549.1.7.6"
	oidKeyBag        = "1.2.840.113549.1.12.10.1.1"
	oidShroudedBag   = "1.2.840.113549.1.12.10.1.2"
	oidCertBag       = "1.2.840.113549.1.12.10.1.3"
	oidX509Cert      = "1.2.840.113549.1.9.22.1"
	oidFriendlyName  = "1.2.840.113549.1.9.20"
	oidLocalKeyID    = "1.2.840.113549.1.9.21"
	oidJavaTrusted   = "2.16.840.1.113894.746875.1.1" // what keytool marks trusted certificates with
)

// p12Writer holds the choices for one file.
type p12Writer struct {
	password   string
	legacy     bool
	iterations int
}

// encodeP12 writes a PFX in the layout of OpenSSL and Java: certificates in an
// encrypted safe, keys shrouded in a plain one, all under a MAC. go-pkcs12 gives
// keys no friendlyName, which Java and Windows show as the name of the entry;
// that is why this is our own.
func encodeP12(entries []Entry, o Options) ([]byte, error) {
	w := p12Writer{password: o.Password, legacy: o.Legacy, iterations: o.Iterations}
	if w.iterations == 0 {
		if w.iterations = 10000; w.legacy {
			w.iterations = 2048
		}
	}
	var certBags, keyBags [][]byte
	for _, e := range entries {
		keys, certs, err := w.bags(e)
		if err != nil {
			return nil, err
		}
		keyBags, certBags = append(keyBags, keys...), append(certBags, certs...)
	}
	certSafe, err := w.encryptedSafe(certBags)
	if err != nil {
		return nil, err
	}
	safe, err := build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(certSafe)
			if len(keyBags) > 0 {
				addData(b, sequenceOf(keyBags))
			}
		})
	})
	if err != nil {
		return nil, err
	}
	mac, err := w.mac(safe)
	if err != nil {
		return nil, err
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(3)
			addData(b, safe)
			b.AddBytes(mac)
		})
	})
}

// sequenceOf is a SEQUENCE of DER elements.
func sequenceOf(elements [][]byte) []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, e := range elements {
			b.AddBytes(e)
		}
	})
	return b.BytesOrPanic() // cannot fail
}

// addData adds a ContentInfo of type data.
func addData(b *cryptobyte.Builder, content []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		x509x.AddOID(b, oidData)
		b.AddASN1(context(0), func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
	})
}

// bags makes the SafeBags of an entry (RFC 7292 4.2). Certificates of an entry
// without key are marked as Java's trusted ones, and all but the first get a
// number after the alias.
func (w *p12Writer) bags(e Entry) (keys, certs [][]byte, err error) {
	var local []byte
	if e.Key != nil {
		sum := sha1.Sum(e.Chain[0]) //nolint:gosec
		local = sum[:]
		pkcs8, err := MarshalKey(e.Key)
		if err != nil {
			return nil, nil, err
		}
		alg, encrypted, err := w.encrypt(pkcs8)
		if err != nil {
			return nil, nil, err
		}
		bag, err := safeBag(oidShroudedBag, func(b *cryptobyte.Builder) { addShrouded(b, alg, encrypted) },
			bagAttributes{name: e.Alias, local: local})
		if err != nil {
			return nil, nil, err
		}
		keys = append(keys, bag)
	}
	for i, der := range e.Chain {
		a := bagAttributes{trusted: e.Key == nil}
		switch {
		case i == 0:
			a.name, a.local = e.Alias, local
		case e.Key == nil && e.Alias != "":
			a.name = e.Alias + "-" + strconv.Itoa(i+1)
		}
		bag, err := safeBag(oidCertBag, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				x509x.AddOID(b, oidX509Cert)
				b.AddASN1(context(0), func(b *cryptobyte.Builder) { b.AddASN1OctetString(der) })
			})
		}, a)
		if err != nil {
			return nil, nil, err
		}
		certs = append(certs, bag)
	}
	return keys, certs, nil
}

// bagAttributes are the attributes of a SafeBag.
type bagAttributes struct {
	name    string // friendlyName
	local   []byte // localKeyId
	trusted bool
}

// elements returns the DER of the attributes.
func (a bagAttributes) elements() ([][]byte, error) {
	var list []x509x.Attribute
	if a.name != "" {
		body := make([]byte, 0, 2*len(a.name))
		for _, u := range utf16.Encode([]rune(a.name)) {
			body = append(body, byte(u>>8), byte(u))
		}
		value, err := build(func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.Tag(x509x.TagBMP), func(b *cryptobyte.Builder) { b.AddBytes(body) })
		})
		if err != nil {
			return nil, err
		}
		list = append(list, x509x.Attribute{OID: oidFriendlyName, Values: [][]byte{value}})
	}
	if a.local != nil {
		value, err := build(func(b *cryptobyte.Builder) { b.AddASN1OctetString(a.local) })
		if err != nil {
			return nil, err
		}
		list = append(list, x509x.Attribute{OID: oidLocalKeyID, Values: [][]byte{value}})
	}
	if a.trusted {
		value, err := x509x.AppendOID(nil, x509x.EKUAny)
		if err != nil {
			return nil, err
		}
		list = append(list, x509x.Attribute{OID: oidJavaTrusted, Values: [][]byte{value}})
	}
	out := make([][]byte, len(list))
	for i := range list {
		var err error
		if out[i], err = list[i].Marshal(); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, bytes.Compare)
	return out, nil
}

func safeBag(oid string, value cryptobyte.BuilderContinuation, a bagAttributes) ([]byte, error) {
	attributes, err := a.elements()
	if err != nil {
		return nil, err
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			x509x.AddOID(b, oid)
			b.AddASN1(context(0), value)
			if len(attributes) > 0 {
				b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
					for _, e := range attributes {
						b.AddBytes(e)
					}
				})
			}
		})
	})
}

// encrypt returns AlgorithmIdentifier and ciphertext.
func (w *p12Writer) encrypt(plain []byte) (alg, out []byte, err error) {
	if !w.legacy {
		return encryptPBES2(plain, w.password, w.iterations)
	}
	salt, err := randomOctets(8)
	if err != nil {
		return nil, nil, err
	}
	block, iv, err := p12Cipher(oidPBEWith3DES, w.password, salt, w.iterations)
	if err != nil {
		return nil, nil, err
	}
	alg, err = build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			x509x.AddOID(b, oidPBEWith3DES)
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(salt)
				b.AddASN1Int64(int64(w.iterations))
			})
		})
	})
	return alg, encryptCBC(block, iv, plain), err
}

// encryptedSafe is a ContentInfo of type encryptedData (RFC 5652 section 8)
// around a SafeContents.
func (w *p12Writer) encryptedSafe(bags [][]byte) ([]byte, error) {
	alg, encrypted, err := w.encrypt(sequenceOf(bags))
	if err != nil {
		return nil, err
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			x509x.AddOID(b, oidEncryptedData)
			b.AddASN1(context(0), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1Int64(0)
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						x509x.AddOID(b, oidData)
						b.AddBytes(alg)
						b.AddASN1(asn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(encrypted) })
					})
				})
			})
		})
	})
}

// mac returns the MacData (RFC 7292 section 4) over the authenticated safe.
func (w *p12Writer) mac(safe []byte) ([]byte, error) {
	digest := crypto.SHA256
	if w.legacy {
		digest = crypto.SHA1
	}
	salt, err := randomOctets(digest.Size())
	if err != nil {
		return nil, err
	}
	password, err := bmpPassword(w.password)
	if err != nil {
		return nil, err
	}
	m := hmac.New(digest.New, p12KDF(digest, password, salt, 3, w.iterations, digest.Size()))
	m.Write(safe)
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					x509x.AddOID(b, digestOID(digest))
					b.AddASN1NULL() // old readers want it
				})
				b.AddASN1OctetString(m.Sum(nil))
			})
			b.AddASN1OctetString(salt)
			b.AddASN1Int64(int64(w.iterations))
		})
	})
}

func digestOID(h crypto.Hash) string {
	if h == crypto.SHA1 {
		return "1.3.14.3.2.26"
	}
	return "2.16.840.1.101.3.4.2.1"
}
