package est

import (
	"net/http"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// csrattrs says what a request should contain (RFC 7030 section 4.5), from
// the default product. It needs no authentication: nothing in it is secret and
// clients ask before they have anything to show. See the package comment for
// the query "template=1".
func (c *call) csrattrs() error {
	if err := c.public(); err != nil {
		return err
	}
	product, err := c.s.d.Enroll.Product(c.r.Context(), c.cred.Account, c.cred.Product)
	if err != nil {
		return err
	}
	wish := plainWish
	if c.r.URL.Query().Get("template") == "1" {
		wish = templateWish
	}
	list, err := wish(&product.Profile)
	if err != nil {
		return err
	}
	if len(list) == 0 { // RFC 7030 section 4.5.2: nothing to say
		httpx.Reply(c.w, c.r, http.StatusNoContent, nil)
		return nil
	}
	der, err := x509x.MarshalCSRAttrs(list)
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "application/csrattrs")
	encoded(c.w, c.r, der)
	return nil
}

// plainWish is the form that every client reads (RFC 8951 section 3.5, RFC
// 9908 section 3.2): the first key rule, and the extended key usage.
func plainWish(p *core.Profile) ([]x509x.CSRAttr, error) {
	var list []x509x.CSRAttr
	if key, err := keyWish(p.Keys); err != nil {
		return nil, err
	} else if key != nil {
		a := x509x.WantOID(key.OID)
		switch {
		case key.Curve != "":
			a, err = x509x.WantEC(key.Curve)
		case key.Bits > 0:
			a, err = x509x.WantRSA(key.Bits)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	if len(p.ExtKeyUsage) > 0 {
		eku, err := ekuWish(p)
		if err != nil {
			return nil, err
		}
		a, err := x509x.WantExtensions([]x509x.Extension{eku})
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// templateWish is one template (RFC 9908 section 3.4): required and fixed
// subject attributes, key, names to be filled in, extended key usage.
func templateWish(p *core.Profile) ([]x509x.CSRAttr, error) {
	var t x509x.RequestTemplate
	var err error
	for _, r := range p.Subject {
		oid, ok := x509x.AttributeOID(r.Type)
		if !ok || r.Mode == "optional" {
			continue
		}
		rdn := x509x.RDNTemplate{RDN: x509x.RDN{OID: oid}}
		if r.Mode == "fixed" && len(r.Values) > 0 {
			rdn.Value, rdn.Present = r.Values[0], true
		}
		t.Subject = append(t.Subject, rdn)
	}
	if t.Key, err = keyWish(p.Keys); err != nil {
		return nil, err
	}
	if len(p.Names) > 0 {
		t.Extensions = append(t.Extensions, x509x.ExtensionTemplate{OID: x509x.OIDSubjectAltName})
	}
	if len(p.ExtKeyUsage) > 0 {
		eku, err := ekuWish(p)
		if err != nil {
			return nil, err
		}
		t.Extensions = append(t.Extensions, x509x.ExtensionTemplate(eku))
	}
	a, err := x509x.WantTemplate(t)
	return []x509x.CSRAttr{a}, err
}

// keyWish describes the key that the first rule prefers, nil without rules.
func keyWish(rules []core.KeyRule) (*x509x.KeyTemplate, error) {
	if len(rules) == 0 {
		return nil, nil
	}
	switch r := rules[0]; r.Algorithm {
	case "RSA":
		bits := 3072
		if sizes := rsaSizes(r); len(sizes) > 0 {
			bits = sizes[0]
		}
		return &x509x.KeyTemplate{OID: x509x.OIDKeyRSA, Bits: bits}, nil
	case "ECDSA":
		curves := map[string]string{"P-256": x509x.OIDCurveP256, "P-384": x509x.OIDCurveP384, "P-521": x509x.OIDCurveP521}
		curve := x509x.OIDCurveP256
		if len(r.Curves) > 0 {
			curve = curves[r.Curves[0]]
		}
		return &x509x.KeyTemplate{OID: x509x.OIDKeyEC, Curve: curve}, nil
	case "Ed25519":
		return &x509x.KeyTemplate{OID: x509x.OIDKeyEd25519}, nil
	}
	return nil, nil // an algorithm that CSR attributes cannot name
}

func ekuWish(p *core.Profile) (x509x.Extension, error) {
	oids := make([]string, len(p.ExtKeyUsage))
	for i, name := range p.ExtKeyUsage {
		oid, ok := x509x.ExtKeyUsageOID(name)
		if !ok {
			return x509x.Extension{}, core.Errorf(core.KindInternal, "extended key usage %q has no identifier", name)
		}
		oids[i] = oid
	}
	return x509x.MakeExtKeyUsage(false, oids...)
}
