package ctl

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/keystore"
	"github.com/certwright/certwright/internal/wire/x509x"
)

// issueFlags are what orders and renewals have in common: whose key, and where
// key and certificate go.
type issueFlags struct {
	CSR             string `name:"csr" type:"path" xor:"key" placeholder:"FILE" help:"Certification request: PEM, DER or base64; - for standard input."`
	NewKey          string `xor:"key" placeholder:"ALGORITHM" help:"Make a key on this machine: ecdsa-p256, ecdsa-p384, rsa-3072, ed25519 …; needs --key-out."`
	KeyOut          string `type:"path" placeholder:"FILE" help:"Where the private key goes (0600)."`
	KeyPasswordFile string `type:"path" placeholder:"FILE" help:"File with a password to encrypt that key. Else CERTWRIGHT_CTL_KEY_PASSWORD, else it is in clear."`
	Out             string `type:"path" placeholder:"FILE" help:"Where the certificate goes; standard output unless given."`
	Chain           bool   `help:"With the intermediate CA certificates behind it."`
	Force           bool   `help:"Overwrite files."`
	IdempotencyKey  string `placeholder:"TEXT" help:"A name for this request: sent twice, it is done once. Made up unless given."`
	waitFlags
	Wait bool `help:"Wait until the certificate is issued or refused."`
}

// waitFlags say how long to wait.
type waitFlags struct {
	Timeout time.Duration `default:"10m" placeholder:"TIME" help:"How long to wait at most, such as 30s or 2h; 0 for no limit."`
}

// prepare checks what can be checked before the server is asked.
func (f *issueFlags) prepare(serverKey bool) error {
	needsKey := f.NewKey != "" || serverKey
	switch {
	case needsKey && f.KeyOut == "":
		return usage("--key-out", "give --key-out with the file for the private key")
	case !needsKey && f.KeyOut != "":
		return usage("--key-out", "--key-out is for a key that is made now; a CSR has its key already")
	case f.KeyOut == standard && (f.Out == "" || f.Out == standard):
		return usage("--key-out", "key and certificate cannot both go to standard output")
	}
	if f.IdempotencyKey == "" {
		f.IdempotencyKey = "ctl-" + rand.Text()
	}
	return free(f.Force, f.KeyOut, f.Out)
}

// keyPassword is the password for a new key; "" leaves it in clear.
func (f *issueFlags) keyPassword(ctx context.Context, s *session) (string, error) {
	return s.secret(ctx, secretSource{what: "password of the key", flag: "--key-password-file", file: f.KeyPasswordFile, env: envKeyPassword, optional: true})
}

// heldKey is a new private key that has no name yet: it gets one when the order
// may have been taken, and is removed when it was refused.
type heldKey struct {
	temp, name string
	force      bool
}

// request makes a key and a CSR for it. The key is on disk before anybody
// hears of it.
func (f *issueFlags) request(s *session, password string, subject x509x.Name, names []x509x.GeneralName) (string, *heldKey, error) {
	key, err := generateKey(f.NewKey)
	if err != nil {
		return "", nil, err
	}
	csr, err := makeCSR(key, subject, names)
	if err != nil {
		return "", nil, err
	}
	text, err := keyPEM(key, password)
	if err != nil {
		return "", nil, err
	}
	if f.KeyOut == standard {
		return csr, nil, s.writeFile(standard, text, modeSecret, f.Force)
	}
	temp, err := writeTemp(f.KeyOut, text, modeSecret)
	if err != nil {
		return "", nil, err
	}
	return csr, &heldKey{temp, f.KeyOut, f.Force}, nil
}

// settle keeps or removes the key, as the outcome of the order says, and
// returns that outcome.
func (h *heldKey) settle(outcome error) error {
	if h == nil {
		return outcome
	}
	var e *core.Error
	if errors.As(outcome, &e) {
		switch e.Kind {
		case core.KindInternal, core.KindUnavailable, core.KindUpstream:
			// The order may have been taken all the same.
		default:
			_ = os.Remove(h.temp)
			return outcome
		}
	}
	if err := keep(h.temp, h.name, h.force); err != nil {
		return errors.Join(outcome, err)
	}
	return outcome
}

// serverKey puts a key that the server made into its file.
func (f *issueFlags) serverKey(s *session, text, password string) error {
	out := []byte(text)
	if password != "" {
		key, err := keystore.ParseKey(out, "")
		if err != nil {
			return core.Wrap(core.KindUpstream, err, "the key that the server made cannot be read")
		}
		if out, err = keyPEM(crypto.PrivateKey(key), password); err != nil {
			return err
		}
	}
	return s.writeFile(f.KeyOut, out, modeSecret, f.Force)
}

// finish stores and shows what came of an order. again repeats the request: a
// key made by the server comes once, with the certificate.
func (f *issueFlags) finish(ctx context.Context, s *session, got *resource.IssuedOrder, password string, again func(context.Context) (*resource.IssuedOrder, error)) error {
	awaited := f.KeyOut != "" && f.NewKey == "" // a key of the server's
	if f.Wait && !got.Order.State.Final() {
		d, err := s.waitOrder(ctx, string(got.Order.ID), f.Timeout)
		switch {
		case err != nil && awaited:
			return f.later(err)
		case err != nil:
			return err
		case awaited && d.State == core.OrderIssued:
			got, err = again(ctx)
		default:
			err = s.complete(ctx, got, &d.Order)
		}
		if err != nil {
			return err
		}
	}
	if got.PrivateKey != "" && f.KeyOut != "" {
		if err := f.serverKey(s, got.PrivateKey, password); err != nil {
			return err
		}
		got.PrivateKey = ""
	} else if awaited && got.Order.State == core.OrderIssued {
		s.note("The server gave no key: it was fetched before, or the order used another.")
	}
	err := s.result(got, f.Out, f.Chain, f.Force)
	if awaited && core.Is(err, core.KindPending) {
		err = f.later(err)
	}
	return err
}

// later says how to get the key that the server has made for an order that is
// not decided yet.
func (f *issueFlags) later(err error) error {
	e := core.AsError(err)
	if e.Kind != core.KindPending {
		return err
	}
	text, _, _ := strings.Cut(e.Detail, ";")
	return core.Errorf(core.KindPending, "%s; the same command with --idempotency-key %s gets certificate and key then", text, f.IdempotencyKey)
}

// complete brings the certificate of an order that has been waited for.
func (s *session) complete(ctx context.Context, got *resource.IssuedOrder, o *resource.Order) error {
	got.Order, got.RetryAfter = *o, 0
	if o.State != core.OrderIssued {
		return nil
	}
	c, err := s.api.Certificate(ctx, string(o.Certificate))
	if err != nil {
		return err
	}
	got.Certificate, got.PEM, got.Chain = &c.Certificate, c.PEM, c.Chain
	return nil
}

// result writes the certificate, says how the order stands, and returns an
// error unless it is issued.
func (s *session) result(got *resource.IssuedOrder, out string, chain, force bool) error {
	if got.PEM != "" && (out != "" || !s.out.json) {
		if out == "" {
			out = standard
		}
		text := got.PEM
		if chain {
			text += intermediates(got.Chain)
		}
		if err := s.writeFile(out, []byte(text), modePublic, force); err != nil {
			return err
		}
	}
	if s.out.json && out != standard {
		if err := s.out.printJSON(got); err != nil {
			return err
		}
	}
	o := &got.Order
	switch {
	case o.State == core.OrderIssued:
		if got.Certificate != nil && !s.out.json {
			s.note("Certificate %d for %s is good until %s.", got.Certificate.Number, clean(subjectOf(got.Certificate)), date(got.Certificate.NotAfter))
		}
		return nil
	case !o.State.Final():
		return pending(o)
	}
	return closed(o)
}

// subjectOf is whom a certificate is for, in a sentence.
func subjectOf(c *resource.Certificate) string {
	if c.Subject == "" && len(c.Names) > 0 {
		return c.Names[0]
	}
	return c.Subject
}

// pending is the error for an order that is not decided yet.
func pending(o *resource.Order) error {
	what := map[core.OrderState]string{
		core.OrderDCV: "waits for proof that its names are yours", core.OrderApproval: "waits for approval", core.OrderUpstream: "waits for the CA",
	}[o.State]
	if what == "" {
		what = "is " + string(o.State)
	}
	return core.Errorf(core.KindPending, "order %d %s; certwright ctl order wait %d", o.Number, what, o.Number)
}

// closed is the error for an order that came to nothing.
func closed(o *resource.Order) error {
	text := "order " + clean(string(o.State))
	if o.Failure != "" {
		text += ": " + o.Failure
	}
	if o.State == core.OrderFailed {
		return &failure{text: clean(text), code: codeFailed}
	}
	return core.Errorf(core.KindApprovalRefused, "%s", text)
}

// intermediates are the certificates of a chain but its root, which a client
// has or does not trust.
func intermediates(chain []string) string {
	var b strings.Builder
	for _, text := range chain {
		for _, c := range parseCertificates([]byte(text)) {
			if string(c.RawSubject) != string(c.RawIssuer) {
				b.Write(keystore.EncodeChain(c.Raw))
			}
		}
	}
	return b.String()
}

// The pauses between two looks at an order.
const (
	firstPause = time.Second
	lastPause  = 20 * time.Second
)

// waitOrder looks at an order until it is decided. A kind of pending says that
// the time is over.
func (s *session) waitOrder(ctx context.Context, ref string, timeout time.Duration) (*resource.OrderDetail, error) {
	limit := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		d, err := s.api.Order(ctx, ref)
		if err != nil || d.State.Final() {
			return d, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-limit.Done():
			timer.Stop()
			return nil, pending(&d.Order)
		case <-timer.C:
		}
	}
}
