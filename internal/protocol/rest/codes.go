package rest

import (
	"strconv"
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// code is one of the numbers by which the two APIs say what is wrong.
type code struct {
	id      string // "915" for EMS-915, "DOMAIN-001" for EMS-DOMAIN-001
	v1, v2  bool   // in which version it exists
	meaning string
}

// codes is the table of the numbers that the vendor's pages list, except for
// the runs of codeRuns.
var codes = []code{
	{"901", true, true, "invalid request"},
	{"902", true, true, "the request is no JSON"},
	{"904", true, false, "client authentication code empty"},
	{"905", true, false, "client authentication code invalid"},
	{"906", true, false, "access key empty"},
	{"907", true, false, "access key invalid"},
	{"908", true, false, "txn empty"},
	{"909", true, false, "txn invalid"},
	{"910", true, false, "ts invalid"},
	{"911", true, false, "version invalid"},
	{"912", true, false, "customer id empty"},
	{"913", true, false, "account number invalid"},
	{"914", true, false, "product code empty"},
	{"915", true, true, "product code unknown, not entitled, or not of this variant"},
	{"916", true, true, "requestor block missing or bad"},
	{"917", true, true, "certificate block missing or bad"},
	{"918", true, true, "additional block missing or bad"},
	{"919", true, true, "subscription block missing or bad"},
	{"920", true, true, "agreement not accepted"}, // v1: requestor
	{"921", true, true, "CSR malformed"},          // v1: requestor
	{"922", true, true, "CSR subject does not match the order"},
	{"927", true, false, "remarks empty"},
	{"936", true, false, "certificate information invalid"},
	{"937", true, false, "database"},
	{"939", true, false, "unknown error"},
	{"940", false, true, "reissue: bad CSR"},
	{"941", false, true, "reissue: reason missing"},
	{"942", true, false, "order number empty"},
	{"943", true, true, "order number invalid"},
	{"946", true, false, "order is being processed"},
	{"947", true, true, "txn used before"},
	{"952", true, false, "CSR invalid"},
	{"956", true, true, "request is not for this method"},
	{"962", true, false, "certificate generated already"},
	{"964", true, true, "rejection remarks empty"},
	{"966", true, false, "order rejected"},
	{"967", true, false, "certificate generation failed"},
	{"969", true, true, "revocation reason missing"},
	{"970", true, true, "revocation reason invalid"},
	{"971", true, false, "remarks invalid"},
	{"972", true, false, "revocation initiated already"},
	{"973", true, false, "certificate revoked already"},
	{"974", true, false, "serial number empty"},
	{"975", true, false, "serial number invalid"},
	{"976", true, true, "internal error"},
	{"977", true, true, "longer than allowed"},
	{"982", true, false, "order expired"},
	{"984", true, true, "cancellation remarks empty"},
	{"985", true, false, "order cancelled already"},
	{"986", true, false, "order rejected already"},
	{"987", true, false, "certificate generated already"},
	{"988", true, false, "rekey not allowed"},
	{"989", true, false, "rekey invalid"},
	{"991", true, true, "documents missing or bad"},
	{"992", true, false, "document over 3 MB"},
	{"994", true, false, "document is no PDF"},
	{"998", true, false, "document description over 25 characters"},
	{"1004", true, false, "request number empty"},
	{"1005", true, true, "request number invalid"},
	{"1006", true, false, "CSR empty"},
	{"1039", true, false, "order number empty"},
	{"1040", true, false, "order number invalid"},
	{"1042", true, false, "order not in a state for this call"},
	{"1052", true, false, "CSR invalid"},
	{"1053", true, false, "key too small"},
	{"1054", true, false, "key algorithm refused"},
	{"1055", true, false, "key refused"},
	{"1056", true, false, "CSR domain differs"},
	{"1057", true, false, "domain invalid"},
	{"1058", true, false, "wildcard not allowed"},
	{"1059", true, false, "only a wildcard is allowed"},
	{"1060", true, false, "domain is a public suffix"},
	{"1061", true, false, "no request for this e-mail address"},
	{"1063", true, true, "reissue exceeds the SAN limit"}, // v1: app code
	{"1064", true, false, "app code invalid"},
	{"1065", true, true, "authentication key invalid"},
	{"1066", true, false, "authentication key empty"},
	{"1068", true, false, "CSR submitted already"},
	{"1069", true, false, "ECC key not allowed"},
	{"1073", true, false, "organization number empty"},
	{"1075", true, true, "organization number invalid"},
	{"1076", true, false, "domain control cannot be verified"},
	{"1077", true, false, "no TXT record"},
	{"1078", true, false, "record does not match"},
	{"1079", true, false, "CAA record forbids issuing"},
	{"1080", true, true, "domain verified already"},
	{"1082", true, false, "agreement signed already"},
	{"1090", true, true, "not authorized"},
	{"1091", true, false, "signer address invalid"},
	{"1103", true, false, "domain verification pending"},
	{"1104", true, false, "CSR not submitted"},
	{"1105", true, false, "autoSecureWWW invalid"},
	{"1106", true, false, "autoSecureWWW not allowed"},
	{"1107", true, false, "file validation does not cover www"},
	{"1124", true, false, "product code invalid"},
	{"1131", true, false, "version empty"},
	{"1133", true, false, "ts empty"},
	{"1134", true, false, "organization not vetted"},
	{"1135", true, false, "organization not of this account"},
	{"1136", true, false, "group number invalid"},
	{"1137", true, false, "group not of this account"},
	{"1138", true, true, "limit used up"},
	{"1142", true, false, "no access to the group"},
	{"1154", true, false, "account user inactive"},
	{"1155", true, false, "account user deactivated"},
	{"1156", true, false, "account user expired"},
	{"1157", true, true, "domain empty"},
	{"1158", true, true, "DCV method empty"},
	{"1159", true, true, "DCV method invalid"},
	{"1160", false, true, "challenge not found"},
	{"1161", true, true, "challenge does not match"}, // v1: organization
	{"1162", true, false, "product not entitled"},
	{"1164", true, false, "domain not of the order"},
	{"1165", true, true, "order not in the right state"},
	{"1166", true, false, "DCV e-mail address empty"},
	{"1167", true, false, "DCV e-mail address invalid"},
	{"1169", true, true, "processed already"},
	{"1170", true, false, "domain restricted"},
	{"1180", true, true, "field empty"},
	{"1181", true, true, "field invalid"},
	{"1188", true, true, "longer than allowed"},
	{"1195", true, false, "product not mapped"},
	{"1197", true, false, "order not of this account"},
	{"1213", true, true, "revocation remarks invalid"},
	{"1214", true, false, "consent token"},
	{"1269", true, false, "product not mapped to the group"},
	{"DOMAIN-001", false, true, "CAA record forbids issuing"},
	{"DOMAIN-002", false, true, "domain registered already"},
	{"DOMAIN-003", false, true, "domain name invalid"},
	{"DOMAIN-101", false, true, "domain belongs to another organization"},
	{"DOMAIN-102", false, true, "validation could not be started again"},
	{"DOMAIN-103", false, true, "CAA check failed"},
}

// codeRun is a run of numbers that the vendor's pages describe together.
type codeRun struct {
	from, to int
	v1, v2   bool
	meaning  string
}

var codeRuns = []codeRun{
	{819, 827, false, true, "document signer: subject field"},
	{923, 926, true, false, "requestor field empty or invalid"},
	{991, 1001, true, false, "document"},
	{1084, 1092, true, false, "agreement"},
	{1108, 1123, true, false, "report criterion"},
	{1126, 1130, true, false, "tags"},
	{1138, 1141, true, false, "limit or credit used up"},
	{1171, 1179, true, false, "additional domains"},
	{1203, 1212, true, false, "custom field"},
	{1216, 1218, true, false, "subscription"},
	{1220, 1239, true, false, "contract signer or certificate approver"},
}

// allCodes is the table with its runs written out; a line of codes wins over a
// run.
func allCodes() []code {
	seen := map[string]bool{}
	out := append([]code(nil), codes...)
	for _, c := range codes {
		seen[c.id] = true
	}
	for _, r := range codeRuns {
		for n := r.from; n <= r.to; n++ {
			if id := strconv.Itoa(n); !seen[id] {
				out = append(out, code{id, r.v1, r.v2, r.meaning})
			}
		}
	}
	return out
}

// emsPrefix precedes the number on the wire.
const emsPrefix = "EMS-"

// mapping gives the number for an error of a kind about a field. The first
// line that fits decides; a field "x." fits what begins so, "" fits any.
type mapping struct {
	kind   core.Kind
	field  string
	v1, v2 string
}

// mappings is the table from errors of the services to numbers. Where an
// operation has a number of its own for an error, its handler says so.
var mappings = []mapping{
	{core.KindBadCSR, "csr.subject", "1056", "922"},
	{core.KindBadCSR, "", "1052", "921"},
	{core.KindBadProof, "", "1052", "921"},
	{core.KindBadKey, "", "1055", "921"},
	{core.KindBadName, "", "1057", "917"},
	{core.KindForbidden, "product", "1162", "915"},
	{core.KindForbidden, "organization", "1135", "1180"},
	{core.KindForbidden, "group", "1142", "1180"},
	{core.KindNotFound, "product", "1124", "915"},
	{core.KindNotFound, "organization", "1075", "1180"},
	{core.KindNotFound, "request", "1005", "1005"},
	{core.KindNotFound, "group", "1136", "1180"},
	{core.KindInvalid, "product", "1124", "915"},
	{core.KindPolicy, "product", "1162", "915"},
	{core.KindInvalid, "organization", "1073", "1180"},
	{core.KindPolicy, "organization", "1134", "1180"},
	{core.KindNotValidated, "organization", "1134", "1180"},
	{core.KindInvalid, "csr", "1006", "921"},
	{core.KindInvalid, "agreement", "1084", "920"},
	{core.KindInvalid, "signer_name", "1084", "920"},
	{core.KindInvalid, "names", "1057", "917"},
	{core.KindPolicy, "names", "1057", "917"},
	{core.KindInvalid, "validity", "1216", "919"},
	{core.KindPolicy, "validity", "1216", "919"},
	{core.KindInvalid, "documents", "991", "1181"},
	{core.KindInvalid, "fields.", "1203", "918"},
	{core.KindInvalid, "reason", "970", "970"},
	{core.KindPolicy, "reason", "970", "970"},
	{core.KindInvalid, "remarks", "1213", "1213"},
	{core.KindConflict, "signed", "1082", "1165"},
	{core.KindConflict, "request", "1005", "1165"},
	{core.KindConflict, "state", "1165", "1165"},
	{core.KindRevoked, "", "973", "1165"},
	{core.KindMediaType, "", "994", "902"},
	{core.KindTooLarge, "", "992", "977"},
	{core.KindQuota, "documents", "991", "977"},
	{core.KindQuota, "", "1138", "1138"},
	{core.KindInternal, "", "976", "976"},
	{core.KindInvalid, "", "1181", "1181"},
	{core.KindUnsupported, "", "901", "901"},
	{core.KindUnauthenticated, "", "1065", "1065"},
	{core.KindForbidden, "", "1090", "1090"},
	{core.KindNotFound, "", "943", "943"},
	{core.KindConflict, "", "1165", "1165"},
	{core.KindExists, "", "1169", "1169"},
	{core.KindPolicy, "", "936", "917"},
	{core.KindLint, "", "936", "917"},
	{core.KindNotValidated, "", "1103", "1161"},
	{core.KindApprovalRefused, "", "966", "1165"},
	{core.KindRateLimited, "", "1138", "1138"},
	{core.KindExpired, "", "982", "1160"},
	{core.KindPending, "", "946", "1165"},
	{core.KindUpstream, "", "967", "976"},
	{core.KindUnavailable, "", "976", "976"},
}

// mapped finds the line of an error.
func mapped(e *core.Error) mapping {
	for _, m := range mappings {
		if m.kind == e.Kind && (m.field == "" || m.field == e.Field || strings.HasSuffix(m.field, ".") && strings.HasPrefix(e.Field, m.field)) {
			return m
		}
	}
	return mapping{e.Kind, "", "976", "976"}
}

// codeV1 is the number of an error in version 1.
func codeV1(e *core.Error) string { return emsPrefix + mapped(e).v1 }

// Maps reports whether a kind of error has a wire form.
func Maps(k core.Kind) bool {
	for _, m := range mappings {
		if m.kind == k && m.field == "" {
			return statuses[k] != 0
		}
	}
	return false
}
