// Package keystore reads and writes the files in which keys and certificates
// are kept: PEM, DER, PKCS #7, PKCS #12 (RFC 7292) and Java keystores. It has no
// policy on passwords or ciphers beyond what the formats need.
//
// Readers are bounded in size and in the work that a hostile file can ask for.
package keystore

import (
	"bytes"
	"crypto"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/certwright/certwright/internal/wire/cms"
)

// Errors that callers may test with errors.Is.
var (
	// ErrMalformed says that the file is not of its format.
	ErrMalformed = errors.New("keystore: malformed input")
	// ErrTooLarge says that the file, or the work it asks for, is over a limit.
	ErrTooLarge = errors.New("keystore: input too large")
	// ErrPassword says that the password is wrong or missing.
	ErrPassword = errors.New("keystore: wrong password")
	// ErrUnsupported says that the file uses an algorithm, or is of a kind, that
	// we do not know.
	ErrUnsupported = errors.New("keystore: unsupported")
)

// MaxSize is the largest file, in octets, that is read.
const MaxSize = 1 << 20

func malformed(where string) error { return fmt.Errorf("%w: %s", ErrMalformed, where) }

// Format is the name of a file format.
type Format string

// The formats.
const (
	PEM Format = "pem" // certificates and keys, RFC 7468
	DER Format = "der" // one certificate
	P7B Format = "p7b" // certificates only, PKCS #7
	P12 Format = "p12" // PKCS #12
	JKS Format = "jks" // Java keystore
)

// ParseFormat returns the format for a name or usual file extension, and false
// for another text.
func ParseFormat(name string) (Format, bool) {
	switch name {
	case "pem", "crt", "key":
		return PEM, true
	case "der", "cer":
		return DER, true
	case "p7b", "p7c", "pkcs7":
		return P7B, true
	case "p12", "pfx", "pkcs12":
		return P12, true
	case "jks":
		return JKS, true
	}
	return "", false
}

// HoldsKey reports whether files of the format can hold a private key.
func (f Format) HoldsKey() bool { return f == PEM || f == P12 || f == JKS }

// Entry is a private key with its certificate chain, or certificates alone.
type Entry struct {
	Alias string            // name inside a PKCS #12 (friendlyName) or JKS file
	Key   crypto.PrivateKey // *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey or nil
	Chain [][]byte          // DER certificates, the key's own first
}

// Options are the choices of a format when writing.
type Options struct {
	// Password protects PKCS #12 and JKS files, and the private key in a PEM
	// file unless it is empty.
	Password string
	// KeyPassword protects the private key in a JKS file; "" is Password.
	KeyPassword string
	// Legacy writes PKCS #12 with triple DES and SHA-1, which Windows before
	// 2019 and Java 8 want, rather than AES-256 and SHA-256.
	Legacy bool
	// Armour writes PKCS #7 as PEM rather than DER.
	Armour bool
	// Iterations of the key derivation; 0 is 10000, or 2048 for Legacy. For a PEM
	// key 0 is 600000.
	Iterations int
	// Created is the time that a JKS file gives its entries.
	Created time.Time
}

// Encode writes entries in a format. DER holds the first certificate only; PKCS
// #7 leaves the key out; an entry without key becomes trusted certificates in
// PKCS #12 and JKS. ErrUnsupported when the format cannot hold what is asked,
// such as a second private key in PEM.
func Encode(f Format, o Options, entries ...Entry) ([]byte, error) {
	var chain [][]byte
	keys := 0
	for _, e := range entries {
		chain = append(chain, e.Chain...)
		if e.Key != nil {
			keys++
			if len(e.Chain) == 0 {
				return nil, malformed("private key without certificate")
			}
		}
	}
	if len(chain) == 0 {
		return nil, malformed("no certificate")
	}
	switch f {
	case PEM:
		if keys > 1 {
			return nil, fmt.Errorf("%w: several private keys in PEM", ErrUnsupported)
		}
		return encodePEM(entries, chain, o)
	case DER:
		return chain[0], nil
	case P7B:
		der := cms.CertsOnly(chain...)
		if o.Armour {
			return pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: der}), nil
		}
		return der, nil
	case P12:
		return encodeP12(entries, o)
	case JKS:
		return encodeJKS(entries, o)
	}
	return nil, fmt.Errorf("%w: format %q", ErrUnsupported, f)
}

// EncodeChain writes certificates as PEM, in order.
func EncodeChain(chain ...[]byte) []byte {
	var b bytes.Buffer
	for _, der := range chain {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return b.Bytes()
}

func encodePEM(entries []Entry, chain [][]byte, o Options) ([]byte, error) {
	out := EncodeChain(chain...)
	for _, e := range entries {
		if e.Key == nil {
			continue
		}
		key, err := KeyPEM(e.Key, o.Password, o.Iterations)
		if err != nil {
			return nil, err
		}
		out = append(out, key...)
	}
	return out, nil
}

// Detect tells the format of a file from its contents, and false when it is
// none.
func Detect(data []byte) (Format, bool) {
	switch {
	case bytes.HasPrefix(data, []byte{0xfe, 0xed, 0xfe, 0xed}):
		return JKS, true
	case bytes.Contains(data, []byte("-----BEGIN ")):
		return PEM, true
	case len(data) < 4 || data[0] != 0x30:
		return "", false
	}
	switch inner := afterHeader(data); {
	case len(inner) == 0:
		return "", false
	case bytes.HasPrefix(inner, []byte{2, 1, 3}):
		return P12, true
	case inner[0] == 0x06:
		return P7B, true
	case inner[0] == 0x30:
		return DER, true
	}
	return "", false
}

// afterHeader returns what follows the tag and length of a BER element.
func afterHeader(ber []byte) []byte {
	n := 2
	if ber[1] > 0x80 {
		n += int(ber[1] & 0x7f)
	}
	return ber[min(n, len(ber)):]
}

// Decode reads a file whose format Detect tells. The password is used where the
// file needs one. A key gets the chain that its certificate begins; certificates
// that belong to no key are entries of their own: one for all of a PEM, DER or
// PKCS #7 file, in order, one each for PKCS #12 and JKS.
func Decode(data []byte, password string) ([]Entry, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%w: %d octets, at most %d", ErrTooLarge, len(data), MaxSize)
	}
	f, ok := Detect(data)
	if !ok {
		return nil, malformed("file of no known format")
	}
	switch f {
	case JKS:
		return decodeJKS(data, password)
	case P12:
		return decodeP12(data, password)
	case P7B:
		certs, err := cms.ParseCertsOnly(data)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		return group(nil, certs), nil
	case DER:
		if _, ok := readHead(data); !ok {
			return nil, malformed("certificate")
		}
		return group(nil, [][]byte{data}), nil
	}
	return decodePEM(data, password)
}

// decodePEM reads all blocks; those of other types are read over.
func decodePEM(data []byte, password string) ([]Entry, error) {
	var keys []crypto.PrivateKey
	var certs [][]byte
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
			if _, ok := readHead(block.Bytes); !ok && block.Type != "TRUSTED CERTIFICATE" {
				return nil, malformed("certificate")
			}
			certs = append(certs, firstElement(block.Bytes))
		case "PKCS7", "CMS":
			list, err := cms.ParseCertsOnly(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
			}
			certs = append(certs, list...)
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			key, err := parseKeyBlock(block, password)
			if err != nil {
				return nil, err
			}
			keys = append(keys, key)
		}
	}
	if len(keys)+len(certs) == 0 {
		return nil, malformed("PEM without certificate or key")
	}
	return group(keys, certs), nil
}
