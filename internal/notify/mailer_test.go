package notify_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/notify"
	"github.com/certwright/certwright/internal/notify/notifytest"
)

var at = time.Date(2026, 4, 5, 6, 7, 8, 0, time.FixedZone("CEST", 7200))

func config(s *notifytest.Server, mode notify.TLSMode) notify.Config {
	return notify.Config{Host: s.Host, Port: s.Port, TLS: mode, From: "Certwright <certwright@example.com>", Roots: s.Pool, HELO: "pki.example.com"}
}

func mailer(t *testing.T, c notify.Config) *notify.Mailer {
	t.Helper()
	m, err := notify.New(notify.Deps{Config: c, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func message(to ...string) notify.Message {
	return notify.Message{To: to, Subject: "Zertifikat läuft ab", Text: "Grüße\n.\n..dots\nend", ID: "job-1", Headers: map[string]string{"Reply-To": "pki@example.com"}}
}

func send(m *notify.Mailer, msg notify.Message) error { return m.Send(context.Background(), msg) }

func TestSend(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts notifytest.Options
		mode notify.TLSMode
		user string
	}{
		{"starttls", notifytest.Options{StartTLS: true}, notify.TLSStart, ""},
		{"starttls by default", notifytest.Options{StartTLS: true}, "", ""},
		{"tls", notifytest.Options{TLS: true}, notify.TLSFirst, ""},
		{"none", notifytest.Options{}, notify.TLSNone, ""},
		{"plain over starttls", notifytest.Options{StartTLS: true, Auth: []string{"LOGIN", "PLAIN"}, User: "u", Password: "p w"}, notify.TLSStart, "u"},
		{"login over tls", notifytest.Options{TLS: true, Auth: []string{"XOAUTH2", "LOGIN"}, User: "u", Password: "p w"}, notify.TLSFirst, "u"},
		{"plain on loopback", notifytest.Options{Auth: []string{"PLAIN"}, User: "u", Password: "p w"}, notify.TLSNone, "u"},
		{"login on loopback", notifytest.Options{Auth: []string{"LOGIN"}, User: "u", Password: "p w"}, notify.TLSNone, "u"},
	} {
		s := notifytest.Start(t, tt.opts)
		c := config(s, tt.mode)
		if tt.user != "" {
			c.Username, c.Password = tt.user, "p w"
		}
		if err := send(mailer(t, c), message("Zoé <zoe@example.com>", "bob@example.org", "bob@example.org")); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		mails := s.Mails()
		if len(mails) != 1 {
			t.Fatalf("%s: %d mails", tt.name, len(mails))
		}
		got := mails[0]
		if got.From != "certwright@example.com" || strings.Join(got.To, " ") != "zoe@example.com bob@example.org" ||
			got.TLS != (tt.mode != notify.TLSNone) || got.User != tt.user || got.HELO != "pki.example.com" {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func TestMessageForm(t *testing.T) {
	s := notifytest.Start(t, notifytest.Options{})
	msg := message("Zoé <zoe@example.com>")
	for range 40 {
		msg.To = append(msg.To, "p"+strings.Repeat("x", len(msg.To))+"@example.com")
	}
	if err := send(mailer(t, config(s, notify.TLSNone)), msg); err != nil {
		t.Fatal(err)
	}
	data := s.Mails()[0].Data
	for l := range strings.SplitSeq(data, "\n") {
		if len(l) > 100 || (l != "" && !strings.HasSuffix(l, "\r")) {
			t.Errorf("line %q", l)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != msg.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 41 || to[0].Name != "Zoé" {
		t.Errorf("To: %v, %v", to, err)
	}
	if d, err := m.Header.Date(); err != nil || !d.Equal(at) || m.Header.Get("Date") != "Sun, 05 Apr 2026 04:07:08 +0000" {
		t.Errorf("Date: %v, %v", m.Header.Get("Date"), err)
	}
	for k, v := range map[string]string{
		"Message-Id": "<job-1@example.com>", "Reply-To": "pki@example.com", "Auto-Submitted": "auto-generated",
		"Mime-Version": "1.0", "Content-Type": "text/plain; charset=utf-8", "Content-Transfer-Encoding": "quoted-printable",
		"From": `"Certwright" <certwright@example.com>`,
	} {
		if m.Header.Get(k) != v {
			t.Errorf("%s: %q", k, m.Header.Get(k))
		}
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil || string(body) != "Grüße\r\n.\r\n..dots\r\nend\r\n" {
		t.Errorf("body %q, %v", body, err)
	}
}

func TestSubjects(t *testing.T) {
	s := notifytest.Start(t, notifytest.Options{})
	m := mailer(t, config(s, notify.TLSNone))
	for _, subject := range []string{
		"", "plain", "=?utf-8?q?forged?=", strings.Repeat("=?utf-8?q?forged?= ", 20), strings.Repeat("word ", 90), strings.Repeat("é", 200), "日本語 and ASCII", "a  b",
	} {
		if err := send(m, notify.Message{To: []string{"a@example.com"}, Subject: subject}); err != nil {
			t.Fatal(err)
		}
		mails := s.Mails()
		got, err := mail.ReadMessage(strings.NewReader(mails[len(mails)-1].Data))
		if err != nil {
			t.Fatal(err)
		}
		text, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
		if err != nil || text != strings.TrimSpace(subject) && text != subject {
			t.Errorf("%q arrives as %q, %v", subject, text, err)
		}
		if id := got.Header.Get("Message-Id"); len(id) != len("<@example.com>")+32 {
			t.Errorf("Message-ID %s", id)
		}
	}
}

func TestImpossibleMessages(t *testing.T) {
	s := notifytest.Start(t, notifytest.Options{})
	m := mailer(t, config(s, notify.TLSNone))
	many := make([]string, 101)
	for i := range many {
		many[i] = strings.Repeat("x", 1+i%60) + strings.Repeat("y", i/60) + "@example.com"
	}
	for name, change := range map[string]func(*notify.Message){
		"subject":         func(m *notify.Message) { m.Subject = "x\r\nBcc: eve@example.com" },
		"subject lf":      func(m *notify.Message) { m.Subject = "x\nBcc: eve@example.com" },
		"long subject":    func(m *notify.Message) { m.Subject = strings.Repeat("x", 501) },
		"invalid subject": func(m *notify.Message) { m.Subject = "\xff" },
		"to":              func(m *notify.Message) { m.To = []string{"a@example.com\r\nBcc: eve@example.com"} },
		"to command":      func(m *notify.Message) { m.To = []string{"\"a>\r\nRCPT TO:<eve\"@example.com"} },
		"to quoted":       func(m *notify.Message) { m.To = []string{`"a b"@example.com`} },
		"to nobody":       func(m *notify.Message) { m.To = nil },
		"to no address":   func(m *notify.Message) { m.To = []string{"a"} },
		"to two in one":   func(m *notify.Message) { m.To = []string{"a@example.com, b@example.com"} },
		"to many":         func(m *notify.Message) { m.To = many },
		"header name":     func(m *notify.Message) { m.Headers = map[string]string{"X\r\nBcc": "eve@example.com"} },
		"header colon":    func(m *notify.Message) { m.Headers = map[string]string{"Bcc: eve": "x"} },
		"header value":    func(m *notify.Message) { m.Headers = map[string]string{"X-A": "x\r\n\r\nbody"} },
		"header of ours":  func(m *notify.Message) { m.Headers = map[string]string{"bcc": "eve@example.com"} },
		"header empty":    func(m *notify.Message) { m.Headers = map[string]string{"": "x"} },
		"id":              func(m *notify.Message) { m.ID = "x>\r\nBcc: eve" },
		"text":            func(m *notify.Message) { m.Text = "\xff" },
		"long text":       func(m *notify.Message) { m.Text = strings.Repeat("x", 5<<20) },
	} {
		msg := message("a@example.com")
		change(&msg)
		if err := send(m, msg); !core.Is(err, core.KindInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.Sessions() != 0 {
		t.Errorf("%d connections for impossible messages", s.Sessions())
	}
}

// at each step 4xx, a cut and silence are for now; 5xx is for good from MAIL on.
func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		step string
		good bool // 5xx is for good
	}{{"", false}, {"EHLO", false}, {"STARTTLS", false}, {"AUTH", false}, {"MAIL", true}, {"RCPT", true}, {"DATA", true}, {".", true}} {
		for _, reply := range []string{"451 4.3.0 later", "554 5.7.1 never", "cut", "hang"} {
			s := notifytest.Start(t, notifytest.Options{
				StartTLS: true, Auth: []string{"PLAIN"}, User: "u", Password: "p",
				Reply: func(command, _ string) string {
					if command == tt.step {
						return reply
					}
					return ""
				},
			})
			c := config(s, notify.TLSStart)
			c.Username, c.Password = "u", "p"
			ctx, cancel := context.Background(), context.CancelFunc(func() {})
			if reply == "hang" {
				ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
			}
			err := mailer(t, c).Send(ctx, message("a@example.com"))
			cancel()
			kind := core.KindUnavailable
			if tt.good && strings.HasPrefix(reply, "5") {
				kind = core.KindUpstream
			}
			var e *core.Error
			if !errors.As(err, &e) || e.Kind != kind || notify.Temporary(err) != (kind == core.KindUnavailable) {
				t.Errorf("%s at %q: %v; want %s", reply, tt.step, err, kind)
				continue
			}
			if (e.RetryAfter > 0) != notify.Temporary(err) {
				t.Errorf("%s at %q: retry after %v", reply, tt.step, e.RetryAfter)
			}
			if strings.Contains(e.Detail, "4.3.0") || strings.Contains(e.Detail, "5.7.1") {
				t.Errorf("the detail shows the server's text: %s", e.Detail)
			}
			if len(s.Mails()) != 0 {
				t.Errorf("%s at %q: the message was accepted", reply, tt.step)
			}
		}
	}
}

// What happens after the message was accepted is no failure.
func TestAnswerToQuit(t *testing.T) {
	for _, reply := range []string{"451 later", "cut"} {
		s := notifytest.Start(t, notifytest.Options{Reply: func(c, _ string) string {
			if c == "QUIT" {
				return reply
			}
			return ""
		}})
		if err := send(mailer(t, config(s, notify.TLSNone)), message("a@example.com")); err != nil || len(s.Mails()) != 1 {
			t.Errorf("%s: %v, %d mails", reply, err, len(s.Mails()))
		}
	}
}

func TestRecipients(t *testing.T) {
	reply := func(c, arg string) string {
		switch {
		case c == "RCPT" && strings.Contains(arg, "never"):
			return "550 no such user"
		case c == "RCPT" && strings.Contains(arg, "later"):
			return "450 greylisted"
		}
		return ""
	}
	for _, tt := range []struct {
		to      []string
		kind    core.Kind
		reasons []string
		mails   int
	}{
		{[]string{"a@example.com", "b@example.com"}, "", nil, 1},
		{[]string{"never@example.com", "a@example.com"}, core.KindUpstream, []string{"never@example.com"}, 1},
		{[]string{"never@example.com"}, core.KindUpstream, []string{"never@example.com"}, 0},
		{[]string{"a@example.com", "later@example.com"}, core.KindUnavailable, nil, 0},
		{[]string{"never@example.com", "later@example.com"}, core.KindUnavailable, nil, 0},
	} {
		s := notifytest.Start(t, notifytest.Options{Reply: reply})
		err := send(mailer(t, config(s, notify.TLSNone)), message(tt.to...))
		if core.KindOf(err) != tt.kind || len(s.Mails()) != tt.mails {
			t.Errorf("%v: %v, %d mails", tt.to, err, len(s.Mails()))
			continue
		}
		var got []string
		if err != nil {
			for _, r := range core.AsError(err).Reasons {
				got = append(got, r.Value)
			}
		}
		if strings.Join(got, " ") != strings.Join(tt.reasons, " ") {
			t.Errorf("%v: reasons %v", tt.to, got)
		}
	}
}

func TestProtection(t *testing.T) {
	auth := func(command, _ string) string {
		if command == "AUTH" {
			t.Error("the password was sent")
		}
		return ""
	}
	plain := notifytest.Options{Auth: []string{"PLAIN"}, User: "u", Password: "p", Reply: auth}
	s := notifytest.Start(t, plain)
	c := config(s, notify.TLSStart)
	c.Username, c.Password = "u", "p"
	if err := send(mailer(t, c), message("a@example.com")); !notify.Temporary(err) || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("a server without STARTTLS: %v", err)
	}
	plain.StartTLS = true
	s = notifytest.Start(t, plain)
	c = config(s, notify.TLSStart)
	c.Username, c.Password, c.Roots = "u", "p", nil
	if err := send(mailer(t, c), message("a@example.com")); !notify.Temporary(err) {
		t.Errorf("an unknown certificate: %v", err)
	}
	c.Roots = s.Pool
	c.Host = "localhost.example.com" // not in the certificate
	m, err := notify.New(notify.Deps{Config: c, Now: func() time.Time { return at }, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := send(m, message("a@example.com")); !notify.Temporary(err) {
		t.Errorf("another host name: %v", err)
	}
	if len(s.Mails()) != 0 {
		t.Error("a mail was sent")
	}
}

func TestWrongPassword(t *testing.T) {
	for _, method := range []string{"PLAIN", "LOGIN"} {
		s := notifytest.Start(t, notifytest.Options{StartTLS: true, Auth: []string{method}, User: "u", Password: "right"})
		c := config(s, notify.TLSStart)
		c.Username, c.Password = "u", "wrong-secret"
		err := send(mailer(t, c), message("a@example.com"))
		if !notify.Temporary(err) || !strings.Contains(core.AsError(err).Detail, "535") || strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("%s: %v", method, err)
		}
	}
	s := notifytest.Start(t, notifytest.Options{StartTLS: true, Auth: []string{"CRAM-MD5"}})
	c := config(s, notify.TLSStart)
	c.Username = "u"
	if err := send(mailer(t, c), message("a@example.com")); !notify.Temporary(err) {
		t.Errorf("no method in common: %v", err)
	}
}

func TestAddressesOutsideASCII(t *testing.T) {
	for _, offered := range []bool{false, true} {
		s := notifytest.Start(t, notifytest.Options{SMTPUTF8: offered})
		err := send(mailer(t, config(s, notify.TLSNone)), message("zoé@example.com"))
		if offered != (err == nil) || (err != nil && !core.Is(err, core.KindUpstream)) {
			t.Errorf("offered %v: %v", offered, err)
		}
		if n := len(s.Mails()); (n == 1) != offered {
			t.Errorf("offered %v: %d mails", offered, n)
		}
	}
}

func TestConfig(t *testing.T) {
	good := notify.Config{Host: "mail.example.com", From: "a@example.com"}
	for name, tt := range map[string]struct {
		change func(*notify.Config)
		field  string
	}{
		"good":           {func(*notify.Config) {}, ""},
		"loopback":       {func(c *notify.Config) { c.Host, c.TLS, c.Username = "::1", notify.TLSNone, "u" }, ""},
		"no host":        {func(c *notify.Config) { c.Host = "" }, "host"},
		"mode":           {func(c *notify.Config) { c.TLS = "ssl" }, "tls"},
		"port":           {func(c *notify.Config) { c.Port = 70000 }, "port"},
		"from":           {func(c *notify.Config) { c.From = "certwright" }, "from"},
		"from injection": {func(c *notify.Config) { c.From = "a@example.com\r\nBcc: x@y" }, "from"},
		"helo":           {func(c *notify.Config) { c.HELO = "a\r\nMAIL" }, "helo"},
		"clear password": {func(c *notify.Config) { c.TLS, c.Username = notify.TLSNone, "u" }, "tls"},
	} {
		c := good
		tt.change(&c)
		_, err := notify.New(notify.Deps{Config: c, Now: time.Now})
		if (err == nil) != (tt.field == "") || (err != nil && core.AsError(err).Field != tt.field) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Default ports, unreachable servers, and the end of a silent session.
func TestDialAndTimeout(t *testing.T) {
	for mode, port := range map[notify.TLSMode]string{notify.TLSStart: "587", notify.TLSFirst: "465", notify.TLSNone: "25"} {
		var dialled string
		m, err := notify.New(notify.Deps{
			Config: notify.Config{Host: "mail.example.com", TLS: mode, From: "a@example.com"}, Now: func() time.Time { return at },
			Dial: func(_ context.Context, _, address string) (net.Conn, error) {
				dialled = address
				return nil, errors.New("unreachable")
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := send(m, message("a@example.com")); !notify.Temporary(err) || dialled != "mail.example.com:"+port {
			t.Errorf("%s: %q, %v", mode, dialled, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer server.Close()
		m, err := notify.New(notify.Deps{
			Config: notify.Config{Host: "mail.example.com", From: "a@example.com"}, Now: time.Now,
			Dial: func(context.Context, string, string) (net.Conn, error) { return client, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := send(m, message("a@example.com")); !notify.Temporary(err) || time.Since(start) != 2*time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// A server that never answers QUIT does not hold up a message that it took.
func TestSilentQuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			r := bufio.NewReader(server)
			_, _ = io.WriteString(server, "220 hello\r\n")
			for _, answer := range []string{"250 hello", "250 ok", "250 ok", "354 go", "250 accepted"} {
				for end := answer != "250 accepted"; ; {
					text, err := r.ReadString('\n')
					if err != nil {
						t.Error(err)
						return
					}
					if end || text == ".\r\n" {
						break
					}
				}
				_, _ = io.WriteString(server, answer+"\r\n")
			}
			_, _ = io.Copy(io.Discard, r)
		}()
		m, err := notify.New(notify.Deps{
			Config: notify.Config{Host: "mail.example.com", TLS: notify.TLSNone, From: "a@example.com"}, Now: time.Now,
			Dial: func(context.Context, string, string) (net.Conn, error) { return client, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := send(m, message("a@example.com")); err != nil || time.Since(start) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}
