package core

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind says what went wrong in words that every protocol can translate into
// its own wire form. Each protocol has one table from Kind to wire code.
type Kind string

// The kinds. Anything that is not a *Error counts as KindInternal.
const (
	KindInternal        Kind = "internal"         // our fault; only the request id is shown
	KindInvalid         Kind = "invalid"          // malformed or contradictory request
	KindUnsupported     Kind = "unsupported"      // well-formed, but this server does not do it
	KindMediaType       Kind = "media-type"       // wrong content type
	KindTooLarge        Kind = "too-large"        // over a size limit
	KindUnauthenticated Kind = "unauthenticated"  // no or wrong proof of identity
	KindForbidden       Kind = "forbidden"        // known, but may not
	KindNotFound        Kind = "not-found"        // no such thing, or not visible to the asker
	KindConflict        Kind = "conflict"         // clashes with the present state
	KindExists          Kind = "exists"           // a unique value is taken
	KindBadCSR          Kind = "bad-csr"          // PKCS#10 cannot be read or contradicts the request
	KindBadProof        Kind = "bad-proof"        // proof of possession failed
	KindBadKey          Kind = "bad-key"          // key type, size or quality refused
	KindBadName         Kind = "bad-name"         // a requested identifier is refused by policy
	KindPolicy          Kind = "policy"           // another product rule refuses; see Reasons
	KindLint            Kind = "lint"             // the certificate would violate a lint; see Reasons
	KindNotValidated    Kind = "not-validated"    // control of an identifier is not proven
	KindApprovalRefused Kind = "approval-refused" // a person said no
	KindRateLimited     Kind = "rate-limited"     // too many; see RetryAfter
	KindQuota           Kind = "quota"            // a limit of the product, credential or account is used up
	KindRevoked         Kind = "revoked"          // the certificate in question is revoked
	KindExpired         Kind = "expired"          // the thing in question is past its end
	KindPending         Kind = "pending"          // not finished yet; see RetryAfter
	KindUpstream        Kind = "upstream"         // a CA or directory behind us failed
	KindUnavailable     Kind = "unavailable"      // we cannot serve now; try later
)

// Kinds lists every kind; tests walk it to prove that each protocol's table is
// complete.
var Kinds = []Kind{
	KindInternal, KindInvalid, KindUnsupported, KindMediaType, KindTooLarge,
	KindUnauthenticated, KindForbidden, KindNotFound, KindConflict, KindExists,
	KindBadCSR, KindBadProof, KindBadKey, KindBadName, KindPolicy, KindLint,
	KindNotValidated, KindApprovalRefused, KindRateLimited, KindQuota,
	KindRevoked, KindExpired, KindPending, KindUpstream, KindUnavailable,
}

// Reason is one machine-readable ground of a refusal.
type Reason struct {
	// Code is a stable word such as "name.suffix" or "lint.e_dnsname_underscore".
	Code string `json:"code"`
	// Field names the part of the request: "subject.CN", "san.dns", "key".
	Field string `json:"field,omitempty"`
	// Value is the offending value as the requester gave it.
	Value string `json:"value,omitempty"`
	// Detail is a sentence for people.
	Detail string `json:"detail"`
}

// Error is the one error type that crosses package borders. Detail, Field and
// Reasons may be shown to the requester; the wrapped cause never is.
type Error struct {
	Kind       Kind
	Detail     string
	Field      string
	Reasons    []Reason
	RetryAfter time.Duration
	cause      error
}

// Errorf makes an Error whose detail may be shown. To keep a cause use [Wrap].
func Errorf(kind Kind, format string, args ...any) *Error {
	e := &Error{Kind: kind, Detail: fmt.Sprintf(format, args...)}
	return e
}

// Wrap makes an Error that shows detail and keeps cause for the log.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...), cause: cause}
}

// Error gives detail and cause; it is for logs, never for answers.
func (e *Error) Error() string {
	s := string(e.Kind)
	if e.Field != "" {
		s += " (" + e.Field + ")"
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// At returns a copy that names the field at fault.
func (e *Error) At(field string) *Error { c := *e; c.Field = field; return &c }

// Because returns a copy with reasons.
func (e *Error) Because(r ...Reason) *Error { c := *e; c.Reasons = r; return &c }

// After returns a copy with a time to wait before the next try.
func (e *Error) After(d time.Duration) *Error { c := *e; c.RetryAfter = d; return &c }

// KindOf returns the kind of err: "" for nil, unavailable for an ended context,
// KindInternal for other foreign errors.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if cut(err) {
		return KindUnavailable
	}
	return KindInternal
}

// AsError returns err as *Error; a foreign error becomes KindInternal with no
// detail and the foreign error as cause.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if cut(err) {
		return &Error{Kind: KindUnavailable, Detail: "the request was cut off; try again", cause: err}
	}
	return &Error{Kind: KindInternal, cause: err}
}

// cut reports whether err says that whoever asked has gone or ran out of time.
func cut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// Is reports whether err is an Error of the given kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
