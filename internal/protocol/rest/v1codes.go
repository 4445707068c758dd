package rest

import (
	"errors"
	"slices"
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// v1Internal is the number of what is our fault.
const v1Internal = "976"

// fault is a refusal of version 1: a number and what may be said about it.
type fault struct {
	code   string // "1065"
	detail string
	cause  error // for the log
}

// ems makes a refusal.
func ems(code string) *fault { return &fault{code: code} }

// because returns a copy that says more.
func (f *fault) because(detail string) *fault { c := *f; c.detail = detail; return &c }

// Error implements error.
func (f *fault) Error() string {
	if f.cause != nil {
		return f.message() + ": " + f.cause.Error()
	}
	return emsPrefix + f.code + " " + f.message()
}

// message is the text of the number, with the detail behind a colon.
func (f *fault) message() string {
	text := v1Messages[f.code]
	if f.detail == "" {
		return text
	}
	return strings.TrimSuffix(text, ".") + ": " + f.detail
}

// v1Mapping gives the number of version 1 for an error of a kind about a
// field, on top of the common table. methods limits it to some.
type v1Mapping struct {
	kind    core.Kind
	field   string // "x." fits what begins so; "" fits any
	methods string // with blanks between; "" fits any
	code    string
}

const v1Creates = "GenerateOrderSSL GenerateOrderSMIME GenerateOrderSignature GenerateOrderPrivatePKI"

// v1Mappings is looked at first to last; the first line that fits decides. What
// it does not hold is in the common table.
var v1Mappings = []v1Mapping{
	{core.KindBadCSR, "csr.subject", "", "1056"},
	{core.KindBadCSR, "", "SubmitCSR", "1052"},
	{core.KindBadCSR, "", "", "952"},
	{core.KindBadProof, "", "", "1055"},
	{core.KindNotFound, "product", "", "915"},
	{core.KindInvalid, "product", "", "915"},
	{core.KindConflict, "product", "", "915"},
	{core.KindPolicy, "product", "", "1162"},
	{core.KindForbidden, "organization", "", "1161"},
	{core.KindNotFound, "organization", "", "1135"},
	{core.KindInvalid, "organization", v1Creates, "1073"},
	{core.KindPolicy, "organization", "", "1075"},
	{core.KindConflict, "organization", "", "1075"},
	{core.KindInvalid, "pre_vetting_token", "", "1214"},
	{core.KindForbidden, "pre_vetting_token", "", "1214"},
	{core.KindNotFound, "request", "", "1005"},
	{core.KindInvalid, "request", "", "1005"},
	{core.KindConflict, "request", "", "1169"},
	{core.KindNotFound, "group", "", "1137"},
	{core.KindInvalid, "group", "", "1137"},
	{core.KindForbidden, "group", "", "1142"},
	{core.KindInvalid, "csr", "SubmitCSR", "1052"},
	{core.KindInvalid, "csr", "", "952"},
	{core.KindConflict, "csr", "", "1068"},
	{core.KindInvalid, "agreement", "", "1086"},
	{core.KindInvalid, "signer_name", "", "1086"},
	{core.KindInvalid, "validity", "", "1217"},
	{core.KindPolicy, "validity", "", "1217"},
	{core.KindInvalid, "documents", v1Creates, "991"},
	{core.KindInvalid, "documents.name", "", "997"},
	{core.KindInvalid, "name", "SubmitDocument", "997"},
	{core.KindInvalid, "description", "SubmitDocument", "998"},
	{core.KindQuota, "documents", "", "1001"},
	{core.KindQuota, "", "SubmitDocument", "1001"},
	{core.KindInvalid, "remarks", "RevokeOrder", "1213"},
	{core.KindInvalid, "remarks", "RejectOrder RejectRequest", "971"},
	{core.KindInvalid, "remarks", "", "927"},
	{core.KindInvalid, "reason", "RevokeOrder", "970"},
	{core.KindPolicy, "reason", "RevokeOrder", "970"},
	{core.KindInvalid, "requestor.email", "", "925"},
	{core.KindInvalid, "requestor.name", "", "921"},
	{core.KindInvalid, "requestor", "", "916"},
	{core.KindConflict, "signed", "", "1082"},
	{core.KindConflict, "state", "RevokeOrder", "1165"},
	{core.KindConflict, "", "", "1042"},
	{core.KindNotFound, "", "GetDcv VerifyDcv", "1164"},
	{core.KindNotFound, "", "GetOrganizationDetails", "1135"},
	{core.KindNotFound, "", "RejectRequest", "1005"},
	{core.KindNotFound, "", "", "1197"},
	{core.KindInvalid, "method", "", "1159"},
	{core.KindInvalid, "address", "", "1167"},
	{core.KindRateLimited, "", "VerifyDcv", "1076"},
	{core.KindRateLimited, "", "", "1139"},
	{core.KindUnsupported, "", "", "939"},
	{core.KindUnavailable, "", "", "937"},
}

func (m *v1Mapping) fits(e *core.Error, method string) bool {
	switch {
	case m.kind != e.Kind:
		return false
	case m.methods != "" && !slices.Contains(strings.Fields(m.methods), method):
		return false
	case m.field == "" || m.field == e.Field:
		return true
	}
	return strings.HasSuffix(m.field, ".") && strings.HasPrefix(e.Field, m.field)
}

// fault translates an error of a service.
func (c *v1Call) fault(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	e := core.AsError(err)
	f = &fault{code: strings.TrimPrefix(codeV1(e), emsPrefix), detail: e.Detail}
	for i := range v1Mappings {
		if v1Mappings[i].fits(e, c.method) {
			f.code = v1Mappings[i].code
			break
		}
	}
	for n, r := range e.Reasons { // the first is the detail
		if n == 0 && f.detail != "" || n > 4 {
			continue
		}
		f.detail = strings.TrimPrefix(f.detail+"; "+r.Detail, "; ")
		if r.Value != "" {
			f.detail += " (" + clip(r.Value) + ")"
		}
	}
	if code, ok := byReason(e); ok {
		f.code = code
	}
	if e.Unwrap() != nil || e.Kind == core.KindInternal {
		f.cause = err
	}
	return f
}

// v1Reasons are numbers for the first reason of a refusal by policy, by the
// beginning of its code.
var v1Reasons = []struct{ reason, code string }{
	{"key.size", "1053"}, {"key.algorithm", "1054"}, {"key.curve", "1054"}, {"key.", "1055"},
	{"name.wildcard", "1058"}, {"name.syntax", "1057"}, {"name.too-many", "1176"}, {"name.", "1170"},
	{"validity.", "1217"},
}

// byReason is the number for what policy says, when it is more telling than the
// kind.
func byReason(e *core.Error) (string, bool) {
	if len(e.Reasons) == 0 {
		return "", false
	}
	if e.Reasons[0].Code == "key.algorithm" && e.Reasons[0].Value == "ECDSA" {
		return "1069", true
	}
	for _, r := range v1Reasons {
		if strings.HasPrefix(e.Reasons[0].Code, r.reason) {
			return r.code, true
		}
	}
	return "", false
}
