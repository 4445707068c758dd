package httpx

import (
	"net/http"
	"strconv"
)

// coalesced is how much of header and body net/http sends in one write: its
// buffer is 4 KiB, and a header is some 400 octets at most here.
const coalesced = 4096 - 512

// Reply writes a whole answer with Content-Length. Headers must be set before.
//
// Small devices' HTTP code reads an answer with two reads: one for the header
// and what came with it, one for the rest, each at most one TLS record
// (strongSwan pki --est). So header and body leave in one write when they fit
// net/http's buffer; else the header is flushed alone and the body follows in
// one write, which TLS sends as one record up to 16 KiB provided that
// tls.Config.DynamicRecordSizingDisabled is set.
func Reply(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method == http.MethodHead || len(body) == 0 {
		return
	}
	if len(body) > coalesced && r.ProtoMajor == 1 {
		_ = http.NewResponseController(w).Flush()
	}
	_, _ = w.Write(body) // the client is gone when this fails
}
