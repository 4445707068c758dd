package core

import (
	"net/netip"
	"strings"
)

// Attribute is one attribute of a distinguished name. Type is the short name
// of RFC 4519 ("CN", "O", "serialNumber") or a dotted OID.
type Attribute struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// DN is a distinguished name in the order of encoding, one attribute to an RDN.
type DN []Attribute

// Get returns the values of an attribute type in order.
func (d DN) Get(typ string) []string {
	var out []string
	for _, a := range d {
		if a.Type == typ {
			out = append(out, a.Value)
		}
	}
	return out
}

// First returns the first value of an attribute type, or "".
func (d DN) First(typ string) string {
	for _, a := range d {
		if a.Type == typ {
			return a.Value
		}
	}
	return ""
}

// String writes the DN for people and the database, in the order of encoding:
// "CN=a.example, O=Example". Commas, plus signs and backslashes in values are
// escaped as in RFC 4514.
func (d DN) String() string {
	var b strings.Builder
	for i, a := range d {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.Type)
		b.WriteByte('=')
		for _, r := range a.Value {
			if strings.ContainsRune(`,+"\<>;=`, r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// OtherName is a subjectAltName otherName that has no field of its own.
type OtherName struct {
	OID   string `json:"oid"`
	Value []byte `json:"value"` // DER of the value inside [0]
}

// Names are subject alternative names (RFC 5280 section 4.2.1.6).
type Names struct {
	DNS   []string     `json:"dns,omitempty"` // A-labels, lower case
	IP    []netip.Addr `json:"ip,omitempty"`
	Email []string     `json:"email,omitempty"`
	URI   []string     `json:"uri,omitempty"`
	UPN   []string     `json:"upn,omitempty"` // Microsoft user principal name
	Other []OtherName  `json:"other,omitempty"`
}

// Len is the number of names.
func (n Names) Len() int {
	return len(n.DNS) + len(n.IP) + len(n.Email) + len(n.URI) + len(n.UPN) + len(n.Other)
}

// Strings lists the names as "dns:a.example", "ip:192.0.2.1" and so on.
func (n Names) Strings() []string {
	out := make([]string, 0, n.Len())
	for _, v := range n.DNS {
		out = append(out, "dns:"+v)
	}
	for _, v := range n.IP {
		out = append(out, "ip:"+v.String())
	}
	for _, v := range n.Email {
		out = append(out, "email:"+v)
	}
	for _, v := range n.URI {
		out = append(out, "uri:"+v)
	}
	for _, v := range n.UPN {
		out = append(out, "upn:"+v)
	}
	for _, v := range n.Other {
		out = append(out, "other:"+v.OID)
	}
	return out
}
