package acme

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/certwright/certwright/internal/wire/jws"
)

// jwsMessage is JSON that is read as a message or key of its own.
type jwsMessage = json.RawMessage

// bound checks the external account binding of a new account (RFC 8555 section
// 7.3.4) and returns its key id: the credential's access key. The MAC key is
// the credential's secret, base64url-decoded, as all clients take it.
func (c *call) bound(raw jwsMessage) (string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		if c.opt.EABOptional {
			return "", nil
		}
		return "", refuse(http.StatusForbidden, externalAccountRequired,
			"accounts here are made with external account binding: the access key of the API credential as key id, its secret as HMAC key")
	}
	bad := func(detail string) (string, error) {
		return "", refuse(http.StatusBadRequest, malformed, "external account binding: "+detail)
	}
	m, err := jws.Parse(raw)
	if err != nil {
		return "", err
	}
	switch {
	case m.KeyID == "":
		return bad("there is no kid")
	case m.HasNonce:
		return bad("there is a nonce")
	case m.URL != c.msg.URL:
		return bad("its url is not that of the request")
	}
	key, err := jws.ParseKey(m.Payload)
	if err != nil || !key.Equal(c.key) {
		return bad("its payload is not the account key")
	}
	wrong := refuse(http.StatusForbidden, unauthorized, "external account binding: wrong key id or HMAC key")
	secret, err := c.s.d.Auth.SecretOf(c.cred)
	if err != nil {
		return "", err
	}
	mac, err := base64.RawURLEncoding.DecodeString(string(secret))
	if err != nil {
		return "", err
	}
	// The MAC is computed in any case, so that time tells nothing of the key id.
	err = m.VerifyMAC(mac)
	var e *jws.Error
	if errors.As(err, &e) && e.Code == jws.BadAlgorithm {
		return "", e
	}
	if err != nil || m.KeyID != c.cred.PublicID {
		return "", wrong
	}
	return m.KeyID, nil
}
