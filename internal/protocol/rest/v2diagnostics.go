package rest

import (
	"net"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/domain"
)

// diagnostics say what a look at a challenge found.
type diagnostics struct {
	SchemaVersion    int            `json:"schemaVersion"`
	AttemptTimestamp string         `json:"attemptTimestamp"`
	DomainID         string         `json:"domainId"`
	DomainName       string         `json:"domainName"`
	Method           string         `json:"method"`
	OverallStatus    string         `json:"overallStatus"`
	FailureClass     string         `json:"failureClass,omitempty"`
	Reason           string         `json:"reason,omitempty"`
	TokenIsStale     bool           `json:"tokenIsStale"`
	Expected         *expectedOut   `json:"expected,omitempty"`
	Consensus        map[string]any `json:"consensus,omitempty"`
	Perspectives     []perspective  `json:"perspectives"`
	NextSteps        []nextStep     `json:"nextSteps"`
}

type expectedOut struct {
	DomainName  string `json:"domainName"`
	RecordValue string `json:"recordValue,omitempty"`
	FileContent string `json:"fileContent,omitempty"`
}

type perspective struct {
	ResolverIP string `json:"resolverIp,omitempty"`
	Region     string `json:"region,omitempty"`
	Status     string `json:"status"`
	Asked      string `json:"asked,omitempty"`
	Answer     string `json:"answer,omitempty"`
}

type nextStep struct {
	Key      string            `json:"key"`
	Params   map[string]string `json:"params"`
	Severity string            `json:"severity"`
}

// diagnose describes an attempt; a is nil when no look was taken.
func diagnose(d *core.Domain, a *core.DomainAttempt, now time.Time) *diagnostics {
	out := &diagnostics{SchemaVersion: 1, DomainID: string(d.ID), DomainName: d.Name, Method: wireMethod(d.Method),
		OverallStatus: "VERIFIED", Perspectives: []perspective{}, NextSteps: []nextStep{}}
	if a == nil {
		return out
	}
	out.AttemptTimestamp, out.Method = when(a.At), wireMethod(a.Method)
	out.TokenIsStale = !a.Passed && !d.TokenUntil.IsZero() && !now.Before(d.TokenUntil)
	out.Expected = &expectedOut{DomainName: d.Name}
	value := a.Expected // "TXT name = value", "URL = content", or an address
	if i := strings.Index(value, " = "); i >= 0 {
		value = value[i+len(" = "):]
	}
	if a.Method == core.MethodHTTPFile {
		out.Expected.FileContent = value
	} else {
		out.Expected.RecordValue = value
	}
	for _, r := range a.Records {
		out.Perspectives = append(out.Perspectives, showRecord(&r))
	}
	if a.Passed {
		return out
	}
	out.OverallStatus = "FAILED"
	if a.Failure != nil {
		out.FailureClass, out.Reason = failureClass(a), a.Failure.Detail
	}
	return out
}

// steps says what to do next: publish what the challenge asks for.
func (out *diagnostics) steps(ch *domain.Challenge) {
	step := nextStep{Key: "publishRecord", Severity: "error", Params: map[string]string{"recordName": ch.RecordName, "recordValue": ch.Value}}
	if ch.Method == core.MethodHTTPFile {
		step = nextStep{Key: "publishFile", Severity: "error", Params: map[string]string{"fileUrl": ch.FileURL, "fileContent": ch.Token}}
	}
	out.NextSteps = append(out.NextSteps, step)
}

// failureClass is the class of a failure (RFC 8555 section 9.7.4 words inside).
func failureClass(a *core.DomainAttempt) string {
	switch a.Failure.Code {
	case "dns":
		return "RECORD_MISSING"
	case "unauthorized", "incorrectResponse":
		if !slices.ContainsFunc(a.Records, func(r core.Record) bool { return r.Answer != "" }) {
			return "RECORD_MISSING"
		}
		return "RECORD_MISMATCH"
	case "caa":
		return caaForbidden
	case "dnssec":
		return "DNSSEC_FAILED"
	case "connection", "tls":
		return "UNREACHABLE"
	}
	return "OTHER"
}

// caaForbidden is the class of a CAA record that does not let us issue.
const caaForbidden = "CAA_FORBIDDEN"

// showRecord shows one observation of a vantage point.
func showRecord(r *core.Record) perspective {
	out := perspective{Region: r.Where, Asked: r.Asked, Status: "ANSWERED", Answer: r.Answer}
	if out.Region == "" {
		out.Region = "local"
	}
	if r.Answer == "" {
		out.Status = "NO_ANSWER"
	}
	if i := strings.LastIndex(r.Asked, " at "); i >= 0 {
		if host, _, err := net.SplitHostPort(r.Asked[i+4:]); err == nil {
			out.ResolverIP = host
		}
	}
	return out
}

// consensus adds what the vantage points said together.
func (out *diagnostics) consensus(o *domain.Outcome) {
	if o.Perspectives == 0 {
		return
	}
	out.Consensus = map[string]any{"perspectiveCount": o.Perspectives, "quorumCount": o.Quorum, "agreed": o.Agreed,
		"totalPerspectivesQueried": o.Perspectives}
}

// wireMethod is a method in the spelling of diagnostics.
func wireMethod(m string) string { return strings.ToUpper(strings.ReplaceAll(m, "-", "_")) }
