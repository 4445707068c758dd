package validation

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// Limits of what is shown, in octets, and of the number of records.
const (
	maxAnswer  = 300
	maxAsked   = 400
	maxDetail  = 800
	maxRecords = 60
)

// printable makes foreign text safe to show: what is not a printable character
// becomes "?", and no more than limit octets remain.
func printable(s string, limit int) string {
	const more = "…"
	var b strings.Builder
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			r = '?'
		}
		if b.Len()+utf8.RuneLen(r) > limit {
			out := b.String()
			for len(out) > limit-len(more) {
				_, n := utf8.DecodeLastRuneInString(out)
				out = out[:len(out)-n]
			}
			return out + more
		}
		b.WriteRune(r)
	}
	return b.String()
}

// reason says in plain words what went wrong on the network. Texts of errors
// are not shown: some hold what the other side sent, some our own addresses.
func reason(err error) string {
	var n net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "given up"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &n) && n.Timeout():
		return "timed out"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return "no route"
	case broken(err):
		return "the connection was closed"
	}
	return "no usable answer"
}

// broken reports whether the other side ended a connection.
func broken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// network reports whether err is the network's doing, not the other side's
// wish.
func network(err error) bool {
	var n net.Error
	return broken(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.As(err, &n) && n.Timeout()
}
