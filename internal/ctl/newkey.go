package ctl

import (
	"crypto"
	"encoding/pem"
	"errors"
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// nameFlags say whom a certificate is for.
type nameFlags struct {
	Subject string   `placeholder:"DN" help:"CN=host,O=Example,C=DE (RFC 4514, most special part first) or /C=DE/O=Example/CN=host."`
	DNS     []string `name:"dns" placeholder:"NAME" help:"DNS names."`
	IP      []string `name:"ip" placeholder:"ADDRESS" help:"IP addresses."`
	Email   []string `placeholder:"ADDRESS" help:"Mail addresses."`
	URI     []string `name:"uri" sep:"none" placeholder:"URI" help:"URIs."`
	UPN     []string `name:"upn" placeholder:"NAME" help:"Microsoft user principal names."`
}

// none reports whether nothing is said.
func (n *nameFlags) none() bool { return n.Subject == "" && len(n.texts()) == 0 }

// texts are the alternative names as the API writes them.
func (n *nameFlags) texts() []string {
	var out []string
	for _, k := range []struct {
		kind string
		list []string
	}{{"dns", n.DNS}, {"ip", n.IP}, {"email", n.Email}, {"uri", n.URI}, {"upn", n.UPN}} {
		for _, v := range k.list {
			out = append(out, k.kind+":"+v)
		}
	}
	return out
}

// subject reads the distinguished name.
func (n *nameFlags) subject() (x509x.Name, error) {
	name, err := x509x.ParseDN(n.Subject)
	if err != nil {
		return nil, usage("--subject", "%.100q is no distinguished name: %v", n.Subject, err)
	}
	return name, nil
}

// dn is the distinguished name as the API wants it.
func (n *nameFlags) dn() (core.DN, error) {
	name, err := n.subject()
	if err != nil {
		return nil, err
	}
	var out core.DN
	for _, r := range name {
		out = append(out, core.Attribute{Type: x509x.AttributeName(r.OID), Value: r.Value})
	}
	return out, nil
}

// fromDN is the encodable form of a name of the API.
func fromDN(dn core.DN) (x509x.Name, error) {
	var out x509x.Name
	for _, a := range dn {
		oid, ok := x509x.AttributeOID(a.Type)
		if !ok {
			return nil, core.Errorf(core.KindUnsupported, "ctl does not know the subject attribute %s; bring a CSR", a.Type)
		}
		out = append(out, x509x.RDN{OID: oid, Value: a.Value})
	}
	return out, nil
}

// generalNames turns names of the form kind:value into what goes into a CSR.
func generalNames(texts []string) ([]x509x.GeneralName, error) {
	var out []x509x.GeneralName
	for _, t := range texts {
		kind, value, _ := strings.Cut(t, ":")
		switch kind {
		case "dns":
			out = append(out, x509x.GeneralName{Kind: x509x.KindDNS, Value: strings.ToLower(value)})
		case "ip":
			out = append(out, x509x.GeneralName{Kind: x509x.KindIP, Value: value})
		case "email":
			out = append(out, x509x.GeneralName{Kind: x509x.KindEmail, Value: value})
		case "uri":
			out = append(out, x509x.GeneralName{Kind: x509x.KindURI, Value: value})
		case "upn":
			out = append(out, x509x.UPN(value))
		default:
			return nil, core.Errorf(core.KindUnsupported, "ctl cannot ask for the name %s; bring a CSR", t)
		}
	}
	return out, nil
}

// algorithmName writes a key algorithm as the server does: rsa-3072, RSA3072
// and "RSA 3072" are the same. What ctl does not know is passed on as it is.
func algorithmName(s string) string {
	plain := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
	switch plain {
	case "ecdsap256", "ecdsap384", "ecdsap521":
		return "ECDSA P-" + plain[len("ecdsap"):]
	case "ed25519":
		return "Ed25519"
	}
	if bits, ok := strings.CutPrefix(plain, "rsa"); ok {
		if n, err := strconv.Atoi(bits); err == nil && n > 0 {
			return "RSA " + strconv.Itoa(n)
		}
	}
	return s
}

// generateKey makes a private key on this machine.
func generateKey(algorithm string) (crypto.Signer, error) {
	key, err := x509x.GenerateKey(algorithmName(algorithm), 4096)
	if errors.Is(err, x509x.ErrAlgorithm) {
		return nil, usage("--new-key", "%.40q is no algorithm: ecdsa-p256, ecdsa-p384, ecdsa-p521, rsa-2048, rsa-3072, rsa-4096 or ed25519", algorithm)
	}
	return key, err
}

// makeCSR makes a certification request in PEM.
func makeCSR(key crypto.Signer, subject x509x.Name, names []x509x.GeneralName) (string, error) {
	der, err := subject.Marshal()
	if err != nil {
		return "", usage("--subject", "the subject cannot be written: %v", err)
	}
	r := x509x.Request{Subject: der}
	if len(names) > 0 {
		san, err := x509x.MarshalSAN(names)
		if err != nil {
			return "", usage("", "the names cannot be written: %v", err)
		}
		r.Extensions = []x509x.Extension{{OID: x509x.OIDSubjectAltName, Critical: len(subject) == 0, Value: san}}
	}
	csr, err := x509x.CreateCSR(r, key)
	if err != nil {
		return "", core.Wrap(core.KindInternal, err, "the CSR cannot be made")
	}
	return csrPEM(csr), nil
}

func csrPEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// readCSR reads a CSR of whatever form from a file, as PEM.
func (c *console) readCSR(name string) (string, error) {
	b, err := c.readFile(name)
	if err != nil {
		return "", err
	}
	csr, err := x509x.ReadCSR(b)
	if err != nil {
		return "", core.Wrap(core.KindBadCSR, err, "%s is no certification request: %v", name, err)
	}
	return csrPEM(csr.Raw), nil
}
