package est

import (
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// checkBinding verifies the link between the request and the TLS session (RFC
// 7030 section 3.5): a challengePassword that holds the base64 of a channel
// binding must be that of this connection. A mismatch is refused whenever it
// can be told:
//
//   - TLS 1.2 with tls-unique (RFC 5929): any challengePassword must be it, or
//     the session's exporter value.
//   - TLS 1.3 has no tls-unique. Deviation: RFC 7030 knows no other binding;
//     a value that is base64 of 32 octets is taken for the tls-exporter of RFC
//     9266 and must be it. Anything else cannot be a binding and is ignored,
//     because OpenSSL's request dialogue puts all sorts of things there.
//   - Behind a proxy, or on a resumed TLS 1.2 session without extended master
//     secret, there is nothing to compare with.
//
// White space is ignored: the globalsign client wraps the value.
func (c *call) checkBinding(csr *x509x.CSR) error {
	value := strings.Join(strings.Fields(csr.ChallengePassword), "")
	state := c.r.TLS
	if value == "" || state == nil || !httpx.Direct(c.r.Context()) {
		return nil
	}
	unique := state.TLSUnique
	decoded, err := base64.StdEncoding.DecodeString(value)
	looksExported := err == nil && len(decoded) == 32
	if len(unique) > 0 && state.Version <= tls.VersionTLS12 {
		if same(value, unique) || looksExported && exported(state, decoded) {
			return nil
		}
		return core.Errorf(core.KindBadProof, "the challengePassword of the certificate request is not this TLS session's tls-unique value (RFC 7030 section 3.5)").At("challengePassword")
	}
	if state.Version >= tls.VersionTLS13 && looksExported && !exported(state, decoded) {
		return core.Errorf(core.KindBadProof, "the challengePassword of the certificate request is not this TLS session's tls-exporter value (RFC 9266)").At("challengePassword")
	}
	return nil
}

func same(value string, binding []byte) bool {
	return subtle.ConstantTimeCompare([]byte(value), base64.StdEncoding.AppendEncode(nil, binding)) == 1
}

// exported compares with the tls-exporter binding of RFC 9266 section 2.
func exported(state *tls.ConnectionState, value []byte) bool {
	want, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
	return err == nil && subtle.ConstantTimeCompare(value, want) == 1
}
