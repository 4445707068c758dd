package inventory

import (
	"bytes"
	"encoding/pem"
	"errors"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/cms"
	"github.com/certwright/certwright/internal/wire/keystore"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// Limits of an upload.
const (
	MaxUpload       = 5 << 20 // octets of all files together
	MaxFiles        = 50
	MaxCertificates = 2000
	// maxDER is the largest certificate in octets.
	maxDER = 64 << 10
)

// found is a certificate in a file, or why there is none in its place.
type found struct {
	der     []byte
	skipped string // no certificate, and none was expected: a private key
	refused string
}

// read returns what is in a file: PEM with any number of certificates, DER,
// PKCS #7 (both as PEM, too), PKCS #12 or a Java keystore, and Base64 of any but
// PEM. Kind invalid when the file as a whole cannot be read.
func read(file []byte, password string) ([]found, error) {
	file = bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(file)) == 0 {
		return nil, core.Errorf(core.KindInvalid, "the file is empty")
	}
	format, ok := keystore.Detect(file)
	if !ok {
		if raw, err := x509x.DecodeBase64(file); err == nil && len(raw) > 0 {
			if format, ok = keystore.Detect(raw); ok {
				file = raw
			}
		}
	}
	if !ok {
		return nil, core.Errorf(core.KindInvalid, "the file is neither PEM, DER, PKCS #7, PKCS #12 nor a Java keystore")
	}
	switch format {
	case keystore.PEM:
		return readPEM(file), nil
	case keystore.DER:
		return []found{{der: file}}, nil
	case keystore.P7B:
		list, err := cms.ParseCertsOnly(file)
		if err != nil {
			return nil, core.Wrap(core.KindInvalid, err, "the PKCS #7 file cannot be read")
		}
		if len(list) == 0 {
			return nil, core.Errorf(core.KindInvalid, "the PKCS #7 file holds no certificates")
		}
		return ofDER(list), nil
	}
	return readStore(file, password)
}

func ofDER(list [][]byte) []found {
	out := make([]found, len(list))
	for i, der := range list {
		out[i].der = der
	}
	return out
}

// readStore reads a PKCS #12 file or Java keystore.
func readStore(file []byte, password string) ([]found, error) {
	entries, err := keystore.Decode(file, password)
	switch {
	case errors.Is(err, keystore.ErrPassword):
		return nil, core.Wrap(core.KindInvalid, err, "the password is wrong, or missing").At("password")
	case errors.Is(err, keystore.ErrTooLarge):
		return nil, core.Wrap(core.KindInvalid, err, "a file with private keys has at most %d octets and asks for a bounded number of iterations", keystore.MaxSize)
	case errors.Is(err, keystore.ErrUnsupported):
		return nil, core.Wrap(core.KindInvalid, err, "the file uses an algorithm that is not known here")
	case err != nil:
		return nil, core.Wrap(core.KindInvalid, err, "the file cannot be read")
	}
	var out []found
	seen := map[string]bool{}
	for _, e := range entries {
		if e.Key != nil {
			out = append(out, found{skipped: keyLeftOut})
		}
		for _, der := range e.Chain {
			if !seen[string(der)] {
				seen[string(der)] = true
				out = append(out, found{der: der})
			}
		}
	}
	if len(seen) == 0 {
		return nil, core.Errorf(core.KindInvalid, "the file holds no certificates")
	}
	return out, nil
}

const keyLeftOut = "a private key: keys of certificates that were issued elsewhere are not kept"

// begin starts every PEM block.
var begin = []byte("-----BEGIN ")

// readPEM returns a result for each block, also for one that cannot be read:
// pem.Decode alone would read over it.
func readPEM(file []byte) []found {
	var out []found
	for {
		i := bytes.Index(file, begin)
		if i < 0 {
			return out
		}
		part := file[i:]
		if j := bytes.Index(part[len(begin):], begin); j >= 0 {
			part = part[:len(begin)+j]
		}
		file = file[i+len(part):]
		out = append(out, readBlock(part)...)
	}
}

func readBlock(part []byte) []found {
	b, _ := pem.Decode(part)
	if b == nil {
		return []found{{refused: "the PEM block cannot be read"}}
	}
	switch {
	case b.Type == "CERTIFICATE" || b.Type == "X509 CERTIFICATE":
		return []found{{der: b.Bytes}}
	case b.Type == "TRUSTED CERTIFICATE": // OpenSSL's: the certificate, then what it is trusted for
		var one cryptobyte.String
		s := cryptobyte.String(b.Bytes)
		if !s.ReadASN1Element(&one, asn1.SEQUENCE) {
			return []found{{refused: "the certificate cannot be read"}}
		}
		return []found{{der: one}}
	case b.Type == "PKCS7" || b.Type == "CMS":
		list, err := cms.ParseCertsOnly(b.Bytes)
		if err != nil || len(list) == 0 {
			return []found{{refused: "the PKCS #7 block holds no certificates that can be read"}}
		}
		return ofDER(list)
	case strings.HasSuffix(b.Type, "PRIVATE KEY"):
		return []found{{skipped: keyLeftOut}}
	}
	return []found{{skipped: "a PEM block of another kind: " + clean(b.Type, 60)}}
}
