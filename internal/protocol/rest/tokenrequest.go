package rest

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
)

// maxTokenBody is the largest token request in octets.
const maxTokenBody = 8 << 10

// tokenRequest is a token request in any of its forms.
type tokenRequest struct {
	grantType, clientID, clientSecret, refreshToken string
	accountNumber, authKey, ts, txn                 string
	basic                                           bool
}

// signed reports whether the request is of the older form, signed with an
// access key.
func (q *tokenRequest) signed() bool { return q.authKey != "" || q.accountNumber != "" }

// readTokenRequest reads a form (RFC 6749 section 4.4.2) or the older JSON.
func readTokenRequest(contentType string, body []byte) (*tokenRequest, error) {
	bad := func(text string) (*tokenRequest, error) {
		return nil, badToken(http.StatusBadRequest, invalidRequest, text)
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media = ""
	}
	switch media {
	case "application/json":
		var in struct {
			GrantType     string `json:"grant_type"`
			ClientID      string `json:"client_id"`
			ClientSecret  string `json:"client_secret"`
			RefreshToken  string `json:"refresh_token"`
			AccountNumber text   `json:"accountNumber"`
			AuthKey       string `json:"authKey"`
			TS            string `json:"ts"`
			Txn           text   `json:"txn"`
		}
		if err := json.Unmarshal(body, &in); err != nil {
			return bad("the body is no JSON object of the expected form")
		}
		return &tokenRequest{grantType: in.GrantType, clientID: in.ClientID, clientSecret: in.ClientSecret, refreshToken: in.RefreshToken,
			accountNumber: string(in.AccountNumber), authKey: in.AuthKey, ts: in.TS, txn: string(in.Txn)}, nil
	case "application/x-www-form-urlencoded", "":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return bad("the body is no form")
		}
		for _, values := range form {
			if len(values) > 1 { // RFC 6749 section 3.2
				return bad("a parameter is given more than once")
			}
		}
		return &tokenRequest{grantType: form.Get("grant_type"), clientID: form.Get("client_id"), clientSecret: form.Get("client_secret"),
			refreshToken: form.Get("refresh_token")}, nil
	}
	return nil, badToken(http.StatusUnsupportedMediaType, invalidRequest, "the content type must be application/x-www-form-urlencoded or application/json")
}
