package httpx

import (
	"errors"
	"io"
	"net/http"

	"github.com/certwright/certwright/internal/core"
)

// DefaultMaxBody is the body limit in octets of a route that names none.
const DefaultMaxBody = 64 << 10

// ReadBody reads the whole body, at most limit octets (0 means
// DefaultMaxBody). Over the limit, or over the route's own limit: kind
// too-large, without reading on; a body that ends early: kind invalid.
func ReadBody(r *http.Request, limit int64) ([]byte, error) {
	if limit <= 0 {
		limit = DefaultMaxBody
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	size := r.ContentLength
	if size < 0 {
		size = 512
	}
	buf := make([]byte, 0, size+1)
	for {
		n, err := r.Body.Read(buf[len(buf):min(int64(cap(buf)), limit+1)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return nil, tooLarge(limit)
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			var big *http.MaxBytesError
			if errors.As(err, &big) {
				return nil, tooLarge(big.Limit)
			}
			return nil, core.Wrap(core.KindInvalid, err, "the request body ends before its announced length")
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

func tooLarge(limit int64) error {
	return core.Errorf(core.KindTooLarge, "the request body is over the limit of %d octets", limit)
}
