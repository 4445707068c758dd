package api

import (
	"encoding/pem"
	"net/netip"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// readCSR reads a certification request as people send it: PEM, or base64 of
// DER. "" gives none.
func readCSR(text string) ([]byte, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	csr, err := x509x.ReadCSR([]byte(text))
	if err != nil {
		return nil, core.Wrap(core.KindBadCSR, err, "the certificate request cannot be read: %v", err).At("csr")
	}
	return csr.Raw, nil
}

// parseNames reads names as core.Names.Strings writes them: kind:value. A value
// without kind is taken for an address, a mail address, a URI or a DNS name by
// its looks. Whether a name is well-formed is the product's affair.
func parseNames(list []string) (core.Names, error) {
	var n core.Names
	for _, s := range list {
		kind, value, ok := strings.Cut(s, ":")
		if !ok || !knownKind(kind) {
			kind, value = guessKind(s), s
		}
		if value == "" {
			return n, core.Errorf(core.KindInvalid, "a name is empty").At("names")
		}
		switch kind {
		case "dns":
			n.DNS = append(n.DNS, value)
		case "ip":
			ip, err := netip.ParseAddr(value)
			if err != nil || ip.Zone() != "" {
				return n, core.Errorf(core.KindInvalid, "%q is not an IP address", value).At("names")
			}
			n.IP = append(n.IP, ip.Unmap())
		case "email":
			n.Email = append(n.Email, value)
		case "uri":
			n.URI = append(n.URI, value)
		case "upn":
			n.UPN = append(n.UPN, value)
		}
	}
	return n, nil
}

func knownKind(kind string) bool {
	switch kind {
	case "dns", "ip", "email", "uri", "upn":
		return true
	}
	return false
}

// guessKind tells by its looks what a name is.
func guessKind(s string) string {
	if _, err := netip.ParseAddr(s); err == nil {
		return "ip"
	}
	switch {
	case strings.Contains(s, "://"), strings.HasPrefix(s, "urn:"):
		return "uri"
	case strings.Contains(s, "@"):
		return "email"
	}
	return "dns"
}

// certificatePEM writes one certificate; "" for none.
func certificatePEM(der []byte) string { return block("CERTIFICATE", der) }

func block(label string, der []byte) string {
	if len(der) == 0 {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// chainPEM writes certificates, each by itself.
func chainPEM(chain [][]byte) []string {
	out := make([]string, 0, len(chain))
	for _, der := range chain {
		out = append(out, certificatePEM(der))
	}
	return out
}
