// Package client speaks the management API: certwright ctl and other Go
// programs use it. Every method takes a context, gives a *core.Error for what
// the server refuses, and tries again by itself where that cannot do a thing
// twice.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// Prefix is where the API lives below the base URL.
const Prefix = "/api/certwright/v1"

const (
	maxAnswer    = 64 << 20 // octets of a JSON answer
	maxProblem   = 1 << 20
	defaultTries = 4
	defaultWait  = time.Minute // longest Retry-After that is honoured
	firstBackoff = 200 * time.Millisecond
)

// Config says where the server is and who asks.
type Config struct {
	// BaseURL is https://host[:port], without the API's prefix.
	BaseURL string
	// Token is a personal API token. Without one only SignIn and what needs no
	// authentication work.
	Token string
	// Roots are the CAs trusted for the server; nil: the system's.
	Roots *x509.CertPool
	// Insecure does not verify the server's certificate. For first steps only.
	Insecure bool
	// Timeout of one attempt of a request with a short answer; 0: 1 minute.
	// Downloads that stream are bounded by their context alone.
	Timeout time.Duration
	// Tries is how often a request that may be repeated is sent; 0: 4.
	Tries int
	// MaxWait is the longest Retry-After that is waited for; 0: 1 minute. A
	// longer one is given back as an error at once.
	MaxWait time.Duration
	// Agent is the User-Agent.
	Agent string
	// Transport replaces the HTTP transport, with Roots and Insecure; for tests
	// and proxies.
	Transport http.RoundTripper
}

// Client is a connection to one server. It is safe for concurrent use.
type Client struct {
	base    string
	token   string
	agent   string
	timeout time.Duration
	tries   int
	maxWait time.Duration
	http    *http.Client
}

// New makes a client.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.BaseURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return nil, core.Errorf(core.KindInvalid, "%q is not the URL of a server; write https://host[:port]", c.BaseURL).At("url")
	}
	if c.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.TLSClientConfig = &tls.Config{RootCAs: c.Roots, InsecureSkipVerify: c.Insecure, MinVersion: tls.VersionTLS12}
		c.Transport = t
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, core.AsError(err)
	}
	cl := &Client{
		base: strings.TrimRight(c.BaseURL, "/") + Prefix, token: c.Token, agent: c.Agent, timeout: c.Timeout, tries: c.Tries, maxWait: c.MaxWait,
		// A redirect could carry the token elsewhere, and the API has none.
		http: &http.Client{Transport: c.Transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	if cl.timeout == 0 {
		cl.timeout = time.Minute
	}
	if cl.tries == 0 {
		cl.tries = defaultTries
	}
	if cl.maxWait == 0 {
		cl.maxWait = defaultWait
	}
	if cl.agent == "" {
		cl.agent = "certwright-client"
	}
	return cl, nil
}

// call is one request.
type call struct {
	method string
	path   string // below the prefix, escaped
	query  url.Values
	body   any    // JSON; nil: none
	raw    []byte // body of another media type, in place of body
	media  string // of raw
	key    string // Idempotency-Key
	stream bool   // no time limit of our own
}

// repeatable reports whether sending twice cannot do a thing twice.
func (c *call) repeatable() bool { return c.method == http.MethodGet || c.key != "" }

// do sends the request and decodes the JSON answer into out; nil discards it.
func (c *Client) do(ctx context.Context, k call, out any) error {
	if !k.stream {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout*time.Duration(c.tries)+c.maxWait)
		defer cancel()
	}
	resp, err := c.send(ctx, k)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
		return err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return core.Wrap(core.KindUnavailable, err, "the server's answer broke off: %v", err)
	case len(body) > maxAnswer:
		return core.Errorf(core.KindTooLarge, "the server's answer is over %d octets", maxAnswer)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return core.Wrap(core.KindUpstream, err, "the server's answer cannot be read; is this a Certwright server?")
	}
	return nil
}

// send returns a successful answer, after as many tries as are allowed.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	body := k.raw
	if k.body != nil {
		var err error
		if body, err = json.Marshal(k.body); err != nil {
			return nil, core.AsError(err)
		}
	}
	backoff := firstBackoff
	for try := 1; ; try++ {
		resp, err := c.once(ctx, k, body)
		if err == nil {
			return resp, nil
		}
		e := core.AsError(err)
		wait := max(e.RetryAfter, backoff/2+rand.N(backoff))
		if try >= c.tries || !k.repeatable() || !passing(e.Kind) || e.RetryAfter > c.maxWait || ctx.Err() != nil {
			return nil, e
		}
		backoff *= 2
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, e
		case <-timer.C:
		}
	}
}

// passing reports whether the same request may succeed a little later.
func passing(k core.Kind) bool {
	return k == core.KindUnavailable || k == core.KindRateLimited || k == core.KindUpstream
}

// once sends the request once.
func (c *Client) once(ctx context.Context, k call, body []byte) (*http.Response, error) {
	u := c.base + k.path
	if len(k.query) > 0 {
		u += "?" + k.query.Encode()
	}
	cancel := context.CancelFunc(func() {})
	if !k.stream {
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, u, bytes.NewReader(body))
	if err != nil {
		cancel()
		return nil, core.AsError(err)
	}
	if k.body != nil {
		req.Header.Set("Content-Type", "application/json")
	} else if k.media != "" {
		req.Header.Set("Content-Type", k.media)
	}
	if k.key != "" {
		req.Header.Set("Idempotency-Key", k.key)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	req.Header.Set("X-Requested-With", "certwright") // a session's guard against forged requests
	req.Header.Set("User-Agent", c.agent)
	resp, err := c.http.Do(req)
	if err != nil {
		cancel()
		return nil, unreachable(err)
	}
	resp.Body = &cancelBody{resp.Body, cancel}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, decodeProblem(resp)
}

// cancelBody ends the attempt's time limit with its body.
type cancelBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (b *cancelBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// unreachable explains why no answer came.
func unreachable(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // without the URL, which may hold a filter
	}
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		// Trying again would not help.
		return core.Wrap(core.KindForbidden, err, "the server's certificate is not trusted: %v", cert.Err)
	}
	return core.Wrap(core.KindUnavailable, err, "the server cannot be reached: %v", err)
}

// decodeProblem makes an error of a refusal. Whatever is not a problem
// document, such as a proxy's page, gets its kind from the status.
func decodeProblem(resp *http.Response) error {
	var p resource.Problem
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	ct, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	e := &core.Error{Kind: kindOfStatus(resp.StatusCode), Detail: fmt.Sprintf("the server answered %s", resp.Status)}
	if ct == resource.ProblemType && json.Unmarshal(body, &p) == nil && p.Type != "" {
		e.Kind, e.Detail, e.Field, e.Reasons = p.Kind(), p.Detail, p.Field, p.Reasons
		if e.Detail == "" {
			e.Detail = p.Title
		}
		if e.Kind == core.KindInternal && p.RequestID != "" {
			e.Detail += "; look for request " + p.RequestID + " in the server's log"
		}
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}

// kindOfStatus guesses the kind of an answer that is not a problem document.
func kindOfStatus(status int) core.Kind {
	switch status {
	case http.StatusUnauthorized:
		return core.KindUnauthenticated
	case http.StatusForbidden:
		return core.KindForbidden
	case http.StatusNotFound:
		return core.KindNotFound
	case http.StatusConflict:
		return core.KindConflict
	case http.StatusRequestEntityTooLarge:
		return core.KindTooLarge
	case http.StatusUnsupportedMediaType:
		return core.KindMediaType
	case http.StatusTooManyRequests:
		return core.KindRateLimited
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return core.KindUnavailable
	}
	if status >= 400 && status < 500 {
		return core.KindInvalid
	}
	return core.KindInternal
}

// get reads path into a new T.
func get[T any](ctx context.Context, c *Client, path string, query url.Values) (*T, error) {
	return ask[T](ctx, c, call{method: http.MethodGet, path: path, query: query})
}

// post sends body to path and reads the answer.
func post[T any](ctx context.Context, c *Client, path string, body any) (*T, error) {
	if body == nil {
		body = struct{}{}
	}
	return ask[T](ctx, c, call{method: http.MethodPost, path: path, body: body})
}

// put replaces what is at path by body and reads the answer.
func put[T any](ctx context.Context, c *Client, path string, body any) (*T, error) {
	return ask[T](ctx, c, call{method: http.MethodPut, path: path, body: body})
}

// patch changes what is at path as body says and reads the answer.
func patch[T any](ctx context.Context, c *Client, path string, body any) (*T, error) {
	return ask[T](ctx, c, call{method: http.MethodPatch, path: path, body: body})
}

// remove deletes what is at path.
func (c *Client) remove(ctx context.Context, path string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: path}, nil)
}

func ask[T any](ctx context.Context, c *Client, k call) (*T, error) {
	out := new(T)
	if err := c.do(ctx, k, out); err != nil {
		return nil, err
	}
	return out, nil
}

// at makes a path of segments, each escaped.
func at[T ~string](first string, id T, rest ...string) string {
	p := "/" + first + "/" + url.PathEscape(string(id))
	for _, r := range rest {
		p += "/" + url.PathEscape(r)
	}
	return p
}
