package policy

import (
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// Codes of the reasons that Evaluate gives. They are part of the API: clients
// may switch on them.
const (
	NameKind        = "name.kind"        // the product allows no names of this kind
	NameSyntax      = "name.syntax"      // not a well-formed name
	NameSuffix      = "name.suffix"      // outside the domains of the product
	NamePattern     = "name.pattern"     // matches no pattern of the product
	NameRange       = "name.range"       // address outside the ranges of the product
	NameWildcard    = "name.wildcard"    // wildcards are not allowed
	NameDuplicate   = "name.duplicate"   // two spellings of one name
	NameTooMany     = "name.too-many"    // more names of a kind than the product allows
	NameNotAllowed  = "name.not-allowed" // outside the names of the credential
	SANMissing      = "san.missing"      // a name of this kind is required
	CNNotInSAN      = "cn.not-in-san"    // the common name is none of the names and cannot become one
	SubjectRequired = "subject.required"
	SubjectUnknown  = "subject.unknown" // attribute without a rule
	SubjectValue    = "subject.value"   // not one of the values allowed
	SubjectPattern  = "subject.pattern"
	SubjectSyntax   = "subject.syntax"
	SubjectTooLong  = "subject.too-long"  // over the upper bound of RFC 5280 appendix A.1
	SubjectMultiple = "subject.duplicate" // several values of a single-valued attribute
	KeyAlgorithm    = "key.algorithm"
	KeySize         = "key.size"
	KeyCurve        = "key.curve"
	KeyWeak         = "key.weak"
	KeyUsage        = "key.usage"
	ValidityTooLong = "validity.too-long"
	ValidityPast    = "validity.past"
	RenewalTooEarly = "renewal.too-early"
	RenewalExpired  = "renewal.expired"
	RenewalState    = "renewal.state" // the old certificate is revoked or on hold
	RenewalSameKey  = "renewal.same-key"
)

// Refusal makes the error for a list of reasons, nil for none. Its kind follows
// the reasons: bad-key when the key is among them, else bad-name when a name
// is, else policy.
func Refusal(reasons []core.Reason) error {
	if len(reasons) == 0 {
		return nil
	}
	kind := core.KindPolicy
	for _, r := range reasons {
		switch group, _, _ := strings.Cut(r.Code, "."); group {
		case "key":
			kind = core.KindBadKey
		case "name", "san", "cn":
			if kind == core.KindPolicy {
				kind = core.KindBadName
			}
		}
	}
	detail := reasons[0].Detail
	if reasons[0].Value != "" {
		detail = reasons[0].Value + ": " + detail
	}
	return core.Errorf(kind, "%s", detail).At(reasons[0].Field).Because(reasons...)
}
