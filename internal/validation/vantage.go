package validation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// VantagePath is where a vantage answers, below its URL.
const VantagePath = "/vantage/v1/check"

// Limits of what is exchanged with a vantage, in octets.
const (
	MaxVantageQuestion = 16 << 10
	MaxVantageAnswer   = 512 << 10
)

// Vantage is a further place to look from: a process elsewhere, with a way of
// its own into the network, so that whoever can bend one way does not get a
// certificate by it.
type Vantage struct {
	Name  string // shown in records and failures
	URL   string // https, or http to this host
	Token secret.Redacted
}

// question is Check on its way to a vantage.
type question struct {
	Method           string          `json:"method"`
	Identifier       core.Identifier `json:"identifier"`
	Wildcard         bool            `json:"wildcard,omitempty"`
	Token            string          `json:"token,omitempty"`
	KeyAuthorization string          `json:"key_authorization,omitempty"`
	AccountURL       string          `json:"account_url,omitempty"`
	IssuerDomains    []string        `json:"issuer_domains,omitempty"`
	CAA              bool            `json:"caa,omitempty"`
	Record           string          `json:"record,omitempty"`
	Value            string          `json:"value,omitempty"`
	FileName         string          `json:"file_name,omitempty"`
}

// finding is Result on its way back.
type finding struct {
	Failure *core.Failure `json:"failure,omitempty"`
	Records []core.Record `json:"records,omitempty"`
	Retry   bool          `json:"retry,omitempty"`
}

// setVantages checks the list and makes the client.
func (s *Service) setVantages(o httpx.Outbound) error {
	if s.quorum < 0 || s.quorum > 1+len(s.vantages) {
		return core.Errorf(core.KindInvalid, "the quorum is 0, or up to the number of vantages and one for this server").At("quorum")
	}
	names := map[string]bool{}
	for _, v := range s.vantages {
		if v.Name == "" || v.Name != printable(v.Name, 60) || names[v.Name] {
			return core.Errorf(core.KindInvalid, "each vantage needs a name of its own, of up to 60 octets").At("vantages")
		}
		names[v.Name] = true
		if !vantageURL(v.URL) {
			return core.Errorf(core.KindInvalid, "the vantage %s needs an https URL; http only to this host", v.Name).At("vantages")
		}
		if v.Token.Reveal() == "" {
			return core.Errorf(core.KindInvalid, "the vantage %s needs a token", v.Name).At("vantages")
		}
	}
	if len(s.vantages) == 0 {
		return nil
	}
	o.Timeout = s.timeout + s.timeout/2 // its own attempt, and the way there
	c, err := o.Client()
	if err != nil {
		return core.Wrap(core.KindInvalid, err, "vantages cannot be reached").At("vantages")
	}
	// A token goes to the configured place only.
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.client = c
	return nil
}

// vantageURL keeps tokens from travelling in the clear.
func vantageURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// errVantage is an answer that a vantage should not give.
var errVantage = errors.New("the answer is no result")

// ask asks a vantage. Errors hold no secrets and are for the log.
func (s *Service) ask(ctx context.Context, v Vantage, c Check) (Result, error) {
	body, err := json.Marshal(question(c))
	if err != nil {
		return Result{}, err
	}
	if len(body) > MaxVantageQuestion {
		return Result{}, errors.New("the question is too long")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(v.URL, "/")+VantagePath, bytes.NewReader(body))
	if err != nil {
		return Result{}, err
	}
	req.Header.Set("Authorization", "Bearer "+v.Token.Reveal())
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	resp, err := s.client.Do(req)
	if err != nil {
		return Result{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Result{}, fmt.Errorf("it answered with status %d", resp.StatusCode)
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, MaxVantageAnswer+1))
	if err != nil {
		return Result{}, err
	}
	return decodeFinding(body, v.Name)
}

// strict decodes one JSON value with known fields and nothing behind it.
func strict(body []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the value")
	}
	return nil
}

// decodeFinding reads what a vantage answers. It is shown to strangers, so that
// the same limits hold as for what is seen here.
func decodeFinding(body []byte, where string) (Result, error) {
	if len(body) > MaxVantageAnswer {
		return Result{}, errVantage
	}
	var f finding
	if err := strict(body, &f); err != nil || bytes.Equal(bytes.TrimSpace(body), []byte("null")) {
		return Result{}, errVantage
	}
	r := Result{Retry: f.Retry && f.Failure != nil}
	for _, e := range f.Records[:min(len(f.Records), maxRecords)] {
		r.Records = append(r.Records, core.Record{At: e.At, Where: where, Asked: printable(e.Asked, maxAsked), Answer: printable(e.Answer, maxAnswer)})
	}
	if f.Failure == nil {
		return r, nil
	}
	switch f.Failure.Code {
	case "connection", "dns", "dnssec", "tls", "unauthorized", "caa", "rejectedIdentifier", "serverInternal":
	default:
		return Result{}, errVantage
	}
	r.Failure = &core.Failure{Code: f.Failure.Code, Detail: printable(f.Failure.Detail, maxDetail)}
	return r, nil
}

// ServeVantage answers one question that another server asks this one, as body
// of a request whose token the caller has checked. The answer is JSON. The
// question may have MaxVantageQuestion octets; what cannot be read is an error
// of kind invalid. Vantages of this server itself are not asked.
func ServeVantage(ctx context.Context, body []byte, s *Service) ([]byte, error) {
	c, err := decodeQuestion(body)
	if err != nil {
		return nil, err
	}
	r := s.Local(ctx, c)
	return json.Marshal(finding{Failure: r.Failure, Records: r.Records, Retry: r.Retry})
}

// decodeQuestion reads a question. Whether it makes sense is for Local to say.
func decodeQuestion(body []byte) (Check, error) {
	if len(body) > MaxVantageQuestion {
		return Check{}, core.Errorf(core.KindInvalid, "the question has more than %d octets", MaxVantageQuestion)
	}
	var q question
	if err := strict(body, &q); err != nil {
		return Check{}, core.Wrap(core.KindInvalid, err, "the question is not the JSON of a check")
	}
	return Check(q), nil
}
