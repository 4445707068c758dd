package resource

import (
	"strings"

	"github.com/certwright/certwright/internal/core"
)

// problemURN begins the type of every problem; the kind follows.
const problemURN = "urn:certwright:problem:"

// ProblemType is the media type of a problem (RFC 9457).
const ProblemType = "application/problem+json"

// Problem is the body of every refusal and failure (RFC 9457).
type Problem struct {
	Type       string        `json:"type" doc:"urn:certwright:problem: and the kind" example:"urn:certwright:problem:not-found"`
	Title      string        `json:"title" doc:"the kind in words"`
	Status     int           `json:"status" doc:"HTTP status"`
	Detail     string        `json:"detail,omitempty" doc:"what is wrong in this case; absent from internal errors"`
	Field      string        `json:"field,omitempty" doc:"the part of the request at fault"`
	Reasons    []core.Reason `json:"reasons,omitempty" nullable:"false" doc:"grounds that programs can read"`
	RequestID  string        `json:"request_id,omitempty" doc:"names the request in the server's log"`
	RetryAfter int           `json:"retry_after,omitempty" doc:"seconds to wait before the next try"`
}

// ProblemTypeOf returns the type URI of a kind.
func ProblemTypeOf(k core.Kind) string { return problemURN + string(k) }

// Kind returns the kind that the type URI names; internal when it names none.
func (p *Problem) Kind() core.Kind {
	if k, ok := strings.CutPrefix(p.Type, problemURN); ok && k != "" {
		return core.Kind(k)
	}
	return core.KindInternal
}

// Error is the problem as a sentence. The server never sends it.
func (p *Problem) Error() string {
	s := p.Title
	if p.Detail != "" {
		s = p.Detail
	}
	if p.Field != "" {
		s += " (" + p.Field + ")"
	}
	for _, r := range p.Reasons {
		s += "\n  " + r.Code + ": " + r.Detail
		if r.Value != "" {
			s += " (" + r.Value + ")"
		}
	}
	if p.Kind() == core.KindInternal && p.RequestID != "" {
		s += "; request " + p.RequestID
	}
	return s
}

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return ProblemType }
