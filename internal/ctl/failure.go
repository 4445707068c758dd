package ctl

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// The exit codes of certwright ctl. Usage errors of the command line itself
// are the embedding program's affair and exit with 2, too.
const (
	codeFailed      = 1
	codeUsage       = 2
	codeNotFound    = 3
	codeRefused     = 4
	codePending     = 5
	codeInterrupted = 130 // as shells do: 128 and the number of SIGINT
)

// kindCodes is the table from kind to exit code; a kind that is not here fails
// with 1.
var kindCodes = map[core.Kind]int{
	core.KindInvalid:         codeUsage,
	core.KindNotFound:        codeNotFound,
	core.KindUnauthenticated: codeRefused,
	core.KindForbidden:       codeRefused,
	core.KindBadCSR:          codeRefused,
	core.KindBadProof:        codeRefused,
	core.KindBadKey:          codeRefused,
	core.KindBadName:         codeRefused,
	core.KindPolicy:          codeRefused,
	core.KindLint:            codeRefused,
	core.KindNotValidated:    codeRefused,
	core.KindApprovalRefused: codeRefused,
	core.KindQuota:           codeRefused,
	core.KindRevoked:         codeRefused,
	core.KindExpired:         codeRefused,
	core.KindPending:         codePending,
}

// ExitCode returns the exit code for an error that a command of ctl returned:
// 0 for nil, 1 failed, 2 wrong usage, 3 not found, 4 refused or forbidden, 5
// pending, 130 interrupted.
func ExitCode(err error) int {
	var f *failure
	switch {
	case err == nil:
		return 0
	case errors.As(err, &f):
		return f.code
	}
	return codeFailed
}

// failure is an error as a person reads it, with its exit code.
type failure struct {
	text  string
	code  int
	cause error
}

// Error is one sentence, and a line for each reason.
func (f *failure) Error() string { return f.text }

// ExitCode is what the program exits with.
func (f *failure) ExitCode() int { return f.code }

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.cause }

// usage is an error about how ctl was called.
func usage(field, format string, args ...any) error {
	return core.Errorf(core.KindInvalid, format, args...).At(field)
}

// explain makes of an error what people read.
func explain(ctx context.Context, err error) error {
	var f *failure
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), context.Canceled):
		// Whatever the error says, it says so because of the interruption.
		return &failure{text: "interrupted", code: codeInterrupted, cause: context.Canceled}
	case errors.As(err, &f):
		return err
	}
	var e *core.Error
	if !errors.As(err, &e) {
		return &failure{text: clean(err.Error()), code: codeFailed, cause: err}
	}
	code, known := kindCodes[e.Kind]
	if !known {
		code = codeFailed
	}
	return &failure{text: sentence(e), code: code, cause: err}
}

// sentence writes an error for people: what is wrong, the part at fault unless
// the text names it, when to try again or what to do; then one line for each
// reason that says more.
func sentence(e *core.Error) string {
	s := e.Detail
	if s == "" {
		s = "it failed (" + string(e.Kind) + ")"
		if e.Unwrap() != nil {
			s = e.Unwrap().Error()
		}
	}
	if e.Field != "" && !strings.Contains(s, e.Field) {
		s += " (" + e.Field + ")"
	}
	if e.RetryAfter > 0 {
		s += fmt.Sprintf("; try again in %s", e.RetryAfter.Round(time.Second))
	}
	if e.Kind == core.KindUnauthenticated {
		s += "; run certwright ctl login"
	}
	s = clean(s)
	for _, r := range e.Reasons {
		s += reasonLine(r)
	}
	return s
}

// reasonLine is a reason on a line of its own.
func reasonLine(r core.Reason) string {
	line := "\n  " + r.Code + ": " + r.Detail
	if r.Field != "" && !strings.Contains(r.Detail, r.Field) {
		line += " (" + r.Field + ")"
	}
	if r.Value != "" && !strings.Contains(r.Detail, r.Value) {
		line += ": " + r.Value
	}
	return "\n" + clean(line[1:])
}
