package rest_test

import (
	"encoding/base64"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// alive reports whether a bearer token is taken.
func (x *v2Client) alive(token string) bool {
	x.t.Helper()
	a := x.do(http.MethodGet, "/auth/me", "", nil, header("Authorization", "Bearer "+token))
	switch {
	case a.status == http.StatusOK:
		return true
	case a.status == http.StatusUnauthorized && a.header.Get("WWW-Authenticate") != "", a.status == http.StatusForbidden:
		return false
	}
	x.t.Fatalf("%d %s", a.status, a.raw)
	return false
}

// TestV2Refresh: a refresh token serves once; when it comes again, everything
// that came from it ends.
func TestV2Refresh(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		c := w.oauth(t, v2Account, v1Products)
		x := &v2Client{t: t, w: w, cred: c}
		login := "&client_id=" + v2Account + "&client_secret=" + w.Secret
		first := x.form("grant_type=client_credentials" + login)
		refresh := func(token string) *v2Answer { return x.form("grant_type=refresh_token&refresh_token=" + token + login) }
		second := refresh(first.get("refresh_token"))
		if second.status != http.StatusOK || second.get("access_token") == first.get("access_token") || !x.alive(second.get("access_token")) || !x.alive(first.get("access_token")) {
			t.Fatalf("%s", second.raw)
		}
		stranger := w.oauth(t, "9000000009", v1Products)
		if a := x.form("grant_type=refresh_token&refresh_token=" + second.get("refresh_token") + "&client_id=" + stranger.PublicID + "&client_secret=" + w.Secret); a.status != 400 || a.get("error") != "invalid_grant" {
			t.Fatalf("another client's refresh token: %s", a.raw)
		}
		if a := refresh(first.get("refresh_token")); a.status != http.StatusBadRequest || a.get("error") != "invalid_grant" {
			t.Fatalf("used twice: %s", a.raw)
		}
		if x.alive(first.get("access_token")) || x.alive(second.get("access_token")) {
			t.Error("tokens of a copied family still serve")
		}
		if a := refresh(second.get("refresh_token")); a.status != http.StatusBadRequest {
			t.Errorf("the family goes on: %s", a.raw)
		}
		third := x.form("grant_type=client_credentials" + login)
		w.Advance(time.Hour)
		if x.alive(third.get("access_token")) {
			t.Error("a token serves longer than it said")
		}
		if a := refresh(third.get("refresh_token")); a.status != http.StatusOK {
			t.Errorf("refresh after an hour: %s", a.raw)
		}
		fourth := x.form("grant_type=client_credentials" + login)
		w.Advance(8 * 24 * time.Hour)
		if a := refresh(fourth.get("refresh_token")); a.get("error") != "invalid_grant" {
			t.Errorf("refresh after eight days: %s", a.raw)
		}
		if n, err := w.DB.ForgetREST(t.Context(), w.Now(), w.Now().Add(-time.Hour)); err != nil || n < 4 {
			t.Errorf("%d rows forgotten, %v", n, err)
		}
	})
}

// TestV2RefreshParallel: of many that use one refresh token at the same time
// one at most wins, and then the others end its family.
func TestV2RefreshParallel(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		x := &v2Client{t: t, w: w, cred: w.oauth(t, v2Account, v1Products)}
		login := "&client_id=" + v2Account + "&client_secret=" + w.Secret
		first := x.form("grant_type=client_credentials" + login)
		var wg sync.WaitGroup
		got := make([]*v2Answer, 8)
		for i := range got {
			wg.Go(func() {
				got[i] = x.form("grant_type=refresh_token&refresh_token=" + first.get("refresh_token") + login)
			})
		}
		wg.Wait()
		won := 0
		for _, a := range got {
			if a.status == http.StatusOK {
				won++
				if x.alive(a.get("access_token")) {
					t.Error("the family still serves")
				}
			}
		}
		if won != 1 {
			t.Errorf("%d winners", won)
		}
	})
}

// TestV2TokenEnds: a token ends at once with its credential, its secret and
// outside of its addresses.
func TestV2TokenEnds(t *testing.T) {
	v2Each(t, func(t *testing.T, w *v1World) {
		number := 9000000000
		for name, change := range map[string]func(*core.Credential){
			"revoked":     func(c *core.Credential) { c.State, c.RevokedAt = core.CredentialRevoked, w.Now() },
			"new secret":  func(c *core.Credential) { c.SecretSetAt = w.Now().Add(time.Microsecond) },
			"expired":     func(c *core.Credential) { c.ExpiresAt = w.Now() },
			"other place": func(c *core.Credential) { c.Sources = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} },
		} {
			number++
			x := w.v2(t, w.oauth(t, strconv.Itoa(number), v1Products))
			if !x.alive(x.token) {
				t.Fatalf("%s: not alive", name)
			}
			w.edit(t, x.cred, change)
			if x.alive(x.token) {
				t.Errorf("%s: the token still serves", name)
			}
		}
		user := w.v2(t, w.oauth(t, "9777777777", v1Products))
		u, err := w.DB.User(t.Context(), nil, w.Account, w.User)
		if err != nil {
			t.Fatal(err)
		}
		u.State = core.UserDisabled
		if err := w.DB.InTx(t.Context(), func(ctx ctxt, tx core.Tx) error { return w.DB.UpdateUser(ctx, tx, u) }); err != nil {
			t.Fatal(err)
		}
		if user.alive(user.token) {
			t.Error("the token of a disabled user's credential still serves")
		}
	})
}

// TestV2TokenRequests: what is no right token request.
func TestV2TokenRequests(t *testing.T) {
	v2Once(t, func(t *testing.T, w *v1World) {
		w.oauth(t, v2Account, v1Products)
		key := w.credential(t, "9555555555", v1Products)
		x := &v2Client{t: t, w: w}
		basic := func(s string) func(*http.Request) {
			return header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(s)))
		}
		const form, right = "application/x-www-form-urlencoded", "grant_type=client_credentials&client_id=" + v2Account + "&client_secret="
		legacy := func(change func(m m)) []byte {
			meta := w.client(t, key).meta()
			b := m{"grant_type": "client_credentials", "accountNumber": key.PublicID, "ver": "1.0", "ts": meta["ts"], "txn": meta["txn"], "authKey": meta["authKey"]}
			change(b)
			return jsonOf(t, b)
		}
		once := legacy(func(m) {})
		for _, c := range []struct {
			name, method, contentType, body string
			change                          func(*http.Request)
			status                          int
			word                            string
		}{
			{"get", "GET", form, "", nil, 405, "invalid_request"},
			{"nothing", "POST", form, "", nil, 400, "invalid_request"},
			{"other type", "POST", "text/plain", right + w.Secret, nil, 415, "invalid_request"},
			{"twice", "POST", form, right + w.Secret + "&grant_type=refresh_token", nil, 400, "invalid_request"},
			{"bad escape", "POST", form, "grant_type=%zz", nil, 400, "invalid_request"},
			{"two ways", "POST", form, right + w.Secret, basic(v2Account + ":" + w.Secret), 400, "invalid_request"},
			{"two names", "POST", form, "grant_type=client_credentials&client_id=1", basic(v2Account + ":" + w.Secret), 400, "invalid_request"},
			{"unknown", "POST", form, strings.Replace(right, v2Account, "1234567890", 1) + w.Secret, nil, 401, "invalid_client"},
			{"wrong basic", "POST", form, "grant_type=client_credentials", basic(v2Account + ":x"), 401, "invalid_client"},
			{"no refresh token", "POST", form, strings.Replace(right, "client_credentials", "refresh_token", 1) + w.Secret, nil, 400, "invalid_request"},
			{"too long", "POST", form, right + strings.Repeat("x", 9000), nil, 413, "invalid_request"},
			{"broken JSON", "POST", "application/json", `{"grant_type":`, nil, 400, "invalid_request"},
			{"JSON list", "POST", "application/json", `[1]`, nil, 400, "invalid_request"},
			{"signed", "POST", "application/json", string(once), nil, 200, ""},
			{"signed again", "POST", "application/json", string(once), nil, 400, "invalid_request"},
			{"signed wrongly", "POST", "application/json", string(legacy(func(b m) { b["txn"] = "something-else" })), nil, 401, "invalid_client"},
			{"signed by an OAuth client", "POST", "application/json", string(legacy(func(b m) { b["accountNumber"] = v2Account })), nil, 401, "invalid_client"},
			{"number as number", "POST", "application/json", strings.Replace(string(legacy(func(m) {})), `"9555555555"`, `9555555555`, 1), nil, 200, ""},
		} {
			var change []func(*http.Request)
			if c.change != nil {
				change = append(change, c.change)
			}
			a := x.do(c.method, "/oauth/token", c.contentType, []byte(c.body), change...)
			if a.status != c.status || a.get("error") != c.word || a.header.Get("Cache-Control") != "no-store" || c.word != "" && a.get("error_description") == "" {
				t.Errorf("%s: %d %s, want %d %s", c.name, a.status, a.raw, c.status, c.word)
			}
			if c.name == "wrong basic" && a.header.Get("WWW-Authenticate") == "" {
				t.Error("401 to HTTP Basic without WWW-Authenticate")
			}
		}
		late := w.client(t, key)
		meta := late.meta()
		meta["ts"] = w.Now().Add(-16 * time.Minute).Format(time.RFC3339)
		late.sign(meta)
		a := x.do("POST", "/oauth/token", "application/json", jsonOf(t, m{"grant_type": "client_credentials", "accountNumber": key.PublicID, "ts": meta["ts"], "txn": meta["txn"], "authKey": meta["authKey"]}))
		if a.status != 400 {
			t.Errorf("signed a while ago: %d %s", a.status, a.raw)
		}
	})
}
