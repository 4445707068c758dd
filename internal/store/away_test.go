package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/certwright/certwright/internal/core"
)

func TestAway(t *testing.T) {
	for _, err := range []error{
		driver.ErrBadConn, io.ErrUnexpectedEOF, &net.OpError{Op: "dial", Err: errors.New("refused")},
		&pgconn.PgError{Code: "57P01"}, &pgconn.PgError{Code: "08006"}, fmt.Errorf("query: %w", &pgconn.PgError{Code: "53300"}),
	} {
		if got := away(err); !core.Is(got, core.KindUnavailable) || core.AsError(got).RetryAfter == 0 {
			t.Errorf("%v: %v", err, got)
		}
	}
	for _, err := range []error{nil, errors.New("x"), &pgconn.PgError{Code: "23505"}, fmt.Errorf("%w: %w", io.EOF, context.Canceled)} {
		if got := away(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}
