package bench

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// acmeClient is a client of RFC 8555 that costs little: on two CPUs its time is
// taken from the server that it measures.
type acmeClient struct {
	http     *http.Client
	hosts    *hosts
	key      *ecdsa.PrivateKey
	account  string // URL
	thumb    string // of the key (RFC 7638)
	nonce    string // for the next request
	newOrder string // URL
	sent     int    // signed requests
}

// pause is between two looks at what is not finished.
const pause = 20 * time.Millisecond

var b64 = base64.RawURLEncoding.EncodeToString

// newACMEClient makes an account.
func newACMEClient(client *http.Client, s *acmeServer) (*acmeClient, error) {
	c := &acmeClient{http: client, hosts: s.hosts}
	res, err := client.Get(s.directory)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var directory struct{ NewNonce, NewAccount, NewOrder string }
	if err := json.NewDecoder(res.Body).Decode(&directory); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", s.directory, res.Status, err)
	}
	c.newOrder = directory.NewOrder
	res, err = client.Head(directory.NewNonce)
	if err != nil {
		return nil, err
	}
	_ = res.Body.Close()
	c.nonce = res.Header.Get("Replay-Nonce")
	if c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	point, err := c.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return nil, err
	}
	jwk := fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, b64(point[1:33]), b64(point[33:]))
	sum := sha256.Sum256([]byte(jwk))
	c.thumb = b64(sum[:])
	header, _, err := c.send(directory.NewAccount, `"jwk":`+jwk, `{"termsOfServiceAgreed":true}`, http.StatusCreated)
	if err != nil {
		return nil, err
	}
	c.account = header.Get("Location")
	return c, nil
}

// post sends a request of the account; the empty payload reads (RFC 8555
// section 6.3). An answer goes into out.
func (c *acmeClient) post(url, payload string, status int, out any) (http.Header, error) {
	header, body, err := c.send(url, `"kid":"`+c.account+`"`, payload, status)
	if err != nil {
		return nil, err
	}
	return header, json.Unmarshal(body, out)
}

// send signs a request (RFC 8555 section 6.2).
func (c *acmeClient) send(url, who, payload string, status int) (http.Header, []byte, error) {
	protected := b64([]byte(`{"alg":"ES256",` + who + `,"nonce":"` + c.nonce + `","url":"` + url + `"}`))
	body := b64([]byte(payload))
	sum := sha256.Sum256([]byte(protected + "." + body))
	r, v, err := ecdsa.Sign(rand.Reader, c.key, sum[:])
	if err != nil {
		return nil, nil, err
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	message := []byte(`{"protected":"` + protected + `","payload":"` + body + `","signature":"` + b64(signature[:]) + `"}`)
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(message))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/jose+json")
	res, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	c.sent++
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != status {
		err = fmt.Errorf("%s: %s: %s", url, res.Status, answer)
	}
	c.nonce = res.Header.Get("Replay-Nonce")
	return res.Header, answer, err
}

// acmeObject has what the client reads of orders, authorizations and challenges.
type acmeObject struct {
	Status         string
	Authorizations []string
	Finalize       string
	Certificate    string
	Challenges     []struct{ Type, URL, Token string }
}

// issue goes the whole way of RFC 8555 section 7.1 for one certificate, with
// the requests that clients in the field make, and returns the chain.
func (c *acmeClient) issue(w *wish) ([]byte, error) {
	var order, authz, challenge acmeObject
	header, err := c.post(c.newOrder, `{"identifiers":[{"type":"dns","value":"`+w.name+`"}]}`, http.StatusCreated, &order)
	if err != nil {
		return nil, err
	}
	url := header.Get("Location")
	if len(order.Authorizations) != 1 {
		return nil, fmt.Errorf("an order for one name has %d authorizations", len(order.Authorizations))
	}
	if _, err := c.post(order.Authorizations[0], "", http.StatusOK, &authz); err != nil {
		return nil, err
	}
	found := false
	for _, ch := range authz.Challenges {
		if ch.Type != "http-01" {
			continue
		}
		found = true
		c.hosts.put(ch.Token, c.thumb)
		if _, err := c.post(ch.URL, "{}", http.StatusOK, &challenge); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, errors.New("an authorization offers no http-01")
	}
	if _, err := c.until(order.Authorizations[0], "valid"); err != nil {
		return nil, err
	}
	ready, err := c.until(url, "ready")
	if err != nil {
		return nil, err
	}
	var done acmeObject
	if _, err := c.post(ready.Finalize, `{"csr":"`+b64(w.csr)+`"}`, http.StatusOK, &done); err != nil {
		return nil, err
	}
	last := &done
	if last.Status != "valid" {
		if last, err = c.until(url, "valid"); err != nil {
			return nil, err
		}
	}
	_, chain, err := c.send(last.Certificate, `"kid":"`+c.account+`"`, "", http.StatusOK)
	return chain, err
}

// until looks at an order or an authorization until it has the status.
func (c *acmeClient) until(url, status string) (*acmeObject, error) {
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(pause) {
		var o acmeObject
		if _, err := c.post(url, "", http.StatusOK, &o); err != nil {
			return nil, err
		}
		switch {
		case o.Status == status:
			return &o, nil
		case o.Status == "invalid" || time.Now().After(deadline):
			return nil, fmt.Errorf("%s is %s, not %s", url, o.Status, status)
		}
	}
}
