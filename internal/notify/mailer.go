package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
)

// TLSMode says how the connection to the mail server is protected.
type TLSMode string

// The modes.
const (
	TLSStart TLSMode = "starttls" // RFC 3207; required, not tried. The default.
	TLSFirst TLSMode = "tls"      // RFC 8314 section 3.3, usually port 465
	TLSNone  TLSMode = "none"     // plain; for a relay on this host or network
)

// Config describes the mail server.
type Config struct {
	Host     string
	Port     int // 0: 587, with TLSFirst 465, with TLSNone 25
	TLS      TLSMode
	Username string // empty: no authentication
	Password secret.Redacted
	From     string // address, with or without a name
	// Roots are the CAs trusted for the server's certificate; nil: the system's.
	// To add to those, begin with x509.SystemCertPool.
	Roots *x509.CertPool
	HELO  string // our name in EHLO; empty: "localhost"
}

// Deps is what a Mailer needs.
type Deps struct {
	Config Config
	Now    func() time.Time
	// Dial opens the connection; nil means a plain net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// sendTimeout bounds one Send, for contexts without an earlier end. RFC 5321
// section 4.5.3.2 would allow far longer; a job that waits is retried instead.
const sendTimeout = 2 * time.Minute

// quitTimeout is how long the end of a session may take.
const quitTimeout = 5 * time.Second

// retryAfter is when a message that failed for now is worth another try (RFC
// 5321 section 4.5.4.1 asks for 30 minutes at least between long tries; the
// first may be sooner).
const retryAfter = 5 * time.Minute

// Mailer sends mail. It is safe for concurrent use; each Send is a connection
// of its own.
type Mailer struct {
	cfg  Config
	from *mail.Address
	now  func() time.Time
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// New checks the configuration and makes a Mailer. Errors are of kind invalid
// and name the field.
func New(d Deps) (*Mailer, error) {
	c := d.Config
	if c.TLS == "" {
		c.TLS = TLSStart
	}
	if c.HELO == "" {
		c.HELO = "localhost"
	}
	if c.Port == 0 {
		c.Port = map[TLSMode]int{TLSStart: 587, TLSFirst: 465, TLSNone: 25}[c.TLS]
	}
	from, err := mail.ParseAddress(c.From)
	switch {
	case c.Host == "" || strings.ContainsAny(c.Host, " \r\n/"):
		return nil, core.Errorf(core.KindInvalid, "the mail server needs a host name").At("host")
	case c.TLS != TLSStart && c.TLS != TLSFirst && c.TLS != TLSNone:
		return nil, core.Errorf(core.KindInvalid, "the TLS mode is starttls, tls or none").At("tls")
	case c.Port < 1 || c.Port > 65535:
		return nil, core.Errorf(core.KindInvalid, "there is no port %d", c.Port).At("port")
	case strings.ContainsAny(c.HELO, " \r\n"):
		return nil, core.Errorf(core.KindInvalid, "the HELO name is a host name").At("helo")
	case err != nil || !plainAddress(from.Address):
		return nil, core.Errorf(core.KindInvalid, "the sender is not a mail address").At("from")
	case c.Username != "" && c.TLS == TLSNone && !loopback(c.Host):
		return nil, core.Errorf(core.KindInvalid, "a password is sent over TLS only; use the TLS mode starttls or tls").At("tls")
	}
	m := &Mailer{cfg: c, from: from, now: d.Now, dial: d.Dial}
	if m.dial == nil {
		m.dial = (&net.Dialer{}).DialContext
	}
	return m, nil
}

// loopback reports whether host is this machine by its very text.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// Temporary reports whether a message that failed with err may go through
// later: no connection, a server that is busy or wrongly set up, a 4xx answer.
// Other errors concern the message or its recipients and stay.
func Temporary(err error) bool { return core.Is(err, core.KindUnavailable) }

// Send delivers a message to the mail server, which answers for it from then
// on. Errors:
//
//   - invalid: the message itself is impossible (a line break in a header, no
//     recipient);
//   - unavailable, with RetryAfter: try again. Nobody has got the message. This
//     is also the answer to 5xx codes before the first recipient is named
//     (greeting, EHLO, STARTTLS, AUTH): they are about the set-up, not about
//     the message, and an administrator will mend it;
//   - upstream: the server refuses for good (5xx) the message, the sender or
//     recipients. Those refused are in Reasons; all others have got it.
func (m *Mailer) Send(ctx context.Context, msg Message) error {
	raw, to, err := m.render(msg)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	conn, err := m.dial(ctx, "tcp", net.JoinHostPort(m.cfg.Host, strconv.Itoa(m.cfg.Port)))
	if err != nil {
		return m.later(err, "cannot be reached")
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if m.cfg.TLS == TLSFirst {
		conn = tls.Client(conn, m.tlsConfig())
	}
	c, err := smtp.NewClient(conn, m.cfg.Host)
	if err != nil {
		return m.later(err, "does not greet")
	}
	defer c.Close()
	if err := m.prepare(c); err != nil {
		return err
	}
	err = m.deliver(c, raw, to)
	// The outcome is known; a server that does not answer QUIT changes nothing.
	t := time.AfterFunc(quitTimeout, func() { _ = conn.Close() })
	defer t.Stop()
	_ = c.Quit()
	return err
}

func (m *Mailer) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: m.cfg.Host, RootCAs: m.cfg.Roots, Time: m.now, MinVersion: tls.VersionTLS12}
}

// later makes the error of something that may work another time.
func (m *Mailer) later(cause error, what string) error {
	return core.Wrap(core.KindUnavailable, cause, "the mail server %s %s%s", m.cfg.Host, what, code(cause)).After(retryAfter)
}

// code gives the server's reply code for the detail; its text stays in the
// cause.
func code(err error) string {
	var e *textproto.Error
	if errors.As(err, &e) {
		return fmt.Sprintf(" (%d)", e.Code)
	}
	return ""
}

// prepare does EHLO, STARTTLS and AUTH.
func (m *Mailer) prepare(c *smtp.Client) error {
	if err := c.Hello(m.cfg.HELO); err != nil {
		return m.later(err, "refuses EHLO")
	}
	if m.cfg.TLS == TLSStart {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return m.later(nil, "does not offer STARTTLS, which is required")
		}
		if err := c.StartTLS(m.tlsConfig()); err != nil {
			return m.later(err, "does not complete STARTTLS")
		}
	}
	if m.cfg.Username == "" {
		return nil
	}
	a, err := m.auth(c)
	if err != nil {
		return err
	}
	if err := c.Auth(a); err != nil {
		return m.later(err, "refuses user name or password")
	}
	return nil
}

// deliver names sender and recipients and sends the data.
func (m *Mailer) deliver(c *smtp.Client, raw []byte, to []string) error {
	if ok, _ := c.Extension("SMTPUTF8"); !ok {
		for _, a := range append([]string{m.from.Address}, to...) {
			if !ascii(a) {
				return core.Errorf(core.KindUpstream, "the mail server %s takes no addresses outside ASCII (RFC 6531): %s", m.cfg.Host, a)
			}
		}
	}
	if err := c.Mail(m.from.Address); err != nil {
		return m.refused(err, "does not accept the sender")
	}
	refused, err := m.recipients(c, to)
	if err != nil {
		return err
	}
	var partly error
	if len(refused) > 0 {
		partly = core.Errorf(core.KindUpstream, "the mail server %s refuses %d of %d recipients", m.cfg.Host, len(refused), len(to)).Because(refused...)
	}
	if len(refused) == len(to) {
		return partly
	}
	w, err := c.Data()
	if err != nil {
		return m.refused(err, "does not accept the message")
	}
	if _, err := w.Write(raw); err != nil {
		return m.later(err, "broke off")
	}
	if err := w.Close(); err != nil {
		return m.refused(err, "does not accept the message")
	}
	return partly
}

// recipients names them and returns those refused for good. When one is
// refused for now nobody gets the message, so that a retry sends no doubles.
func (m *Mailer) recipients(c *smtp.Client, to []string) ([]core.Reason, error) {
	var refused []core.Reason
	for _, a := range to {
		err := c.Rcpt(a)
		if err == nil {
			continue
		}
		var e *textproto.Error
		if !errors.As(err, &e) || e.Code < 500 {
			return nil, m.later(err, "does not accept a recipient now")
		}
		refused = append(refused, core.Reason{Code: "mail.recipient", Field: "to", Value: a, Detail: fmt.Sprintf("refused with code %d", e.Code)})
	}
	return refused, nil
}

// refused sorts an answer about the message: 5xx is for good, everything else
// for now.
func (m *Mailer) refused(err error, what string) error {
	var e *textproto.Error
	if errors.As(err, &e) && e.Code >= 500 {
		return core.Wrap(core.KindUpstream, err, "the mail server %s %s (%d)", m.cfg.Host, what, e.Code)
	}
	return m.later(err, what)
}
