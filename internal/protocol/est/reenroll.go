package est

import (
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/policy"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// oidChangeSubjectName is id-cmc-changeSubjectName (RFC 6402 section 2.8).
const oidChangeSubjectName = "1.3.6.1.5.5.7.7.36"

// renew turns req into a renewal of old, or, when the client proved itself by
// password, of the newest active certificate of the credential with the same
// subject and names (RFC 7030 section 4.2.2).
//
// Deviation: "identical" is judged also after the product's rules. A product
// may write attributes of its own, drop some, or add the common name to the
// alternative names, so a client that repeats its first request, as most do,
// would never be identical to what it got. A request passes when its subject
// and names are the old certificate's, or when the product would make exactly
// the old certificate's subject and names of it.
//
// With the attribute ChangeSubjectName (RFC 6402 section 2.8) subject and names
// of the request still name the old certificate, and the attribute says what
// the new one shall carry; policy decides whether it may. A request that holds
// the new names beside the attribute is understood as well.
func (c *call) renew(req *enroll.Request, csr *x509x.CSR, old *core.Certificate) error {
	wish, err := policy.FromCSR(csr)
	if err != nil {
		return err
	}
	change, err := changeOf(csr)
	if err != nil {
		return err
	}
	if old != nil {
		was, err := identityOf(old)
		if err != nil {
			return err
		}
		isNew := change != nil && change.is(wish)
		if !isNew && !c.sameIdentity(wish, was, old.Product) {
			return core.Errorf(core.KindForbidden, "subject or names of the request differ from those of the certificate to be renewed (%s); simplereenroll keeps them, simpleenroll or the attribute ChangeSubjectName asks for others", old.Subject)
		}
		if isNew {
			wish.Subject, wish.Names = was.Subject, was.Names
		}
	} else if old, err = c.findOld(wish); err != nil {
		return err
	}
	req.Replaces, req.Product = old.ID, old.Product
	if change != nil {
		req.Subject, req.Names = wish.Subject, &wish.Names
		if change.hasSubject {
			req.Subject = change.subject
		}
		if change.names != nil {
			req.Names = change.names
		}
	}
	return nil
}

// findOld looks for the certificate that a client with a password renews.
func (c *call) findOld(wish policy.Ask) (*core.Certificate, error) {
	list, err := c.s.d.Enroll.CertificatesByName(c.r.Context(), c.cred, wish.Subject.First("CN"), canonicalNames(wish.Names))
	if err != nil {
		return nil, err
	}
	for _, cert := range list {
		was, err := identityOf(cert)
		if err != nil {
			return nil, err
		}
		if c.sameIdentity(wish, was, cert.Product) {
			return cert, nil
		}
	}
	return nil, core.Errorf(core.KindForbidden, "this credential has no active certificate with the subject and names of the request; use simpleenroll for a first certificate")
}

// identityOf reads subject and names of one of our certificates.
func identityOf(cert *core.Certificate) (policy.Ask, error) {
	x, err := x509.ParseCertificate(cert.DER)
	if err != nil {
		return policy.Ask{}, core.Wrap(core.KindInternal, err, "certificate %s cannot be read", cert.ID)
	}
	name, err := x509x.ParseName(x.RawSubject)
	if err != nil {
		return policy.Ask{}, core.Wrap(core.KindInternal, err, "the subject of certificate %s cannot be read", cert.ID)
	}
	like := &x509x.CSR{Subject: name}
	for _, e := range x.Extensions {
		if oid := e.Id.String(); oid == x509x.OIDSubjectAltName {
			like.Extensions = []x509x.Extension{{OID: oid, Value: e.Value}}
		}
	}
	return policy.FromCSR(like)
}

// sameIdentity reports whether wish is the old identity, as it stands or after
// the rules of the product.
func (c *call) sameIdentity(wish, was policy.Ask, product core.ProductID) bool {
	if sameNames(wish.Subject, wish.Names, was) && slices.Equal(wish.Unsupported, was.Unsupported) {
		return true
	}
	p, err := c.s.d.Enroll.Product(c.r.Context(), c.cred.Account, product)
	if err != nil {
		return false
	}
	compiled, err := policy.Compile(*p)
	if err != nil {
		return false
	}
	made, reasons := compiled.Evaluate(wish, c.s.d.Now())
	for _, r := range reasons { // a refused name or attribute is not in made
		if strings.HasPrefix(r.Field, "san") || strings.HasPrefix(r.Field, "subject") {
			return false
		}
	}
	return sameNames(made.Subject, made.Names, was)
}

func sameNames(subject core.DN, names core.Names, was policy.Ask) bool {
	return slices.EqualFunc(subject, was.Subject, func(a, b core.Attribute) bool {
		return a.Type == b.Type && foldSpace(a.Value) == foldSpace(b.Value)
	}) && slices.Equal(canonicalNames(names), canonicalNames(was.Names))
}

// foldSpace prepares a value for comparison (RFC 5280 section 7.1: without
// regard to letter case and repeated blanks).
func foldSpace(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// canonicalNames lists names in a form to compare: sorted, each once, hosts in
// lower case, other names with their value.
func canonicalNames(n core.Names) []string {
	lower := func(in []string) []string {
		out := make([]string, len(in))
		for i, s := range in {
			out[i] = strings.ToLower(s)
		}
		return out
	}
	n.DNS, n.Email, n.UPN = lower(n.DNS), lower(n.Email), lower(n.UPN)
	others := n.Other
	n.Other = nil
	list := n.Strings()
	for _, o := range others {
		list = append(list, "other:"+o.OID+":"+hex.EncodeToString(o.Value))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// change is a ChangeSubjectName.
type change struct {
	subject    core.DN
	hasSubject bool
	names      *core.Names
}

// is reports whether wish already carries what the attribute asks for.
func (x *change) is(wish policy.Ask) bool {
	want := policy.Ask{Subject: wish.Subject, Names: wish.Names}
	if x.hasSubject {
		want.Subject = x.subject
	}
	if x.names != nil {
		want.Names = *x.names
	}
	return sameNames(wish.Subject, wish.Names, want)
}

// changeOf reads the attribute ChangeSubjectName, nil when there is none.
//
//	ChangeSubjectName ::= SEQUENCE {
//	    subject     Name OPTIONAL,
//	    subjectAlt  GeneralNames OPTIONAL } -- at least one
//
// Both are untagged SEQUENCEs; their contents (SETs, or context-specific tags)
// tell them apart.
func changeOf(csr *x509x.CSR) (*change, error) {
	a := csr.Attribute(oidChangeSubjectName)
	if a == nil {
		return nil, nil
	}
	bad := core.Errorf(core.KindBadCSR, "the attribute ChangeSubjectName cannot be read").At("ChangeSubjectName")
	if len(a.Values) != 1 {
		return nil, bad
	}
	var seq cryptobyte.String
	s := cryptobyte.String(a.Values[0])
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || seq.Empty() {
		return nil, bad
	}
	like, x := &x509x.CSR{}, &change{}
	for !seq.Empty() {
		var element, inner cryptobyte.String
		if !seq.ReadASN1Element(&element, asn1.SEQUENCE) {
			return nil, bad
		}
		e := element
		if !e.ReadASN1(&inner, asn1.SEQUENCE) {
			return nil, bad
		}
		isName := inner.Empty() || inner.PeekASN1Tag(asn1.SET)
		switch {
		case isName && !x.hasSubject && len(like.Extensions) == 0:
			var err error
			if like.Subject, err = x509x.ParseName(element); err != nil {
				return nil, bad
			}
			x.hasSubject = true
		case !isName && len(like.Extensions) == 0:
			like.Extensions = []x509x.Extension{{OID: x509x.OIDSubjectAltName, Value: element}}
		default:
			return nil, bad
		}
	}
	ask, err := policy.FromCSR(like)
	if err != nil || len(ask.Unsupported) > 0 {
		return nil, bad
	}
	x.subject = ask.Subject
	if len(like.Extensions) > 0 {
		x.names = &ask.Names
	}
	return x, nil
}
