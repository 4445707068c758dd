package notify

import (
	"bytes"
	"mime"
	"net/mail"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
)

var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// The password is guarded a second time, apart from the configuration.
func TestAuthGuard(t *testing.T) {
	for _, tt := range []struct{ tls, loopback, ok bool }{{true, false, true}, {false, true, true}, {false, false, false}} {
		l := &login{user: "u", password: "p", loopback: tt.loopback}
		for _, a := range []smtp.Auth{l, plain{*l}} {
			if _, _, err := a.Start(&smtp.ServerInfo{TLS: tt.tls}); (err == nil) != tt.ok {
				t.Errorf("%T %+v: %v", a, tt, err)
			}
		}
	}
}

func TestDaysLeft(t *testing.T) {
	day := 24 * time.Hour
	for _, tt := range []struct {
		d          time.Duration
		days       int
		left, verb string
	}{
		{30 * day, 30, "30 days left", "ends in 30 days"}, {2*day - 1, 1, "1 day left", "ends in 1 day"},
		{day, 1, "1 day left", "ends in 1 day"}, {day - 1, 0, "less than a day left", "ends in less than a day"},
		{0, 0, "less than a day left", "ends in less than a day"}, {-1, -1, "has ended", "has ended"},
		{-day, -2, "ended 1 day ago", "has ended"}, {-5 * day, -6, "ended 5 days ago", "has ended"},
	} {
		end := now.Add(tt.d)
		if DaysLeft(end, now) != tt.days || left(end, now) != tt.left || verb(end, now) != tt.verb {
			t.Errorf("%v: %d, %q, %q", tt.d, DaysLeft(end, now), left(end, now), verb(end, now))
		}
	}
}

func TestRenderExpiry(t *testing.T) {
	msg, err := RenderExpiry(ExpiryNotice{
		Recipient: "Web team", Portal: "https://pki.example.com", Now: now,
		Certificates: []Expiring{
			{Subject: "CN=late", Serial: "02", NotAfter: now.AddDate(0, 0, 14)},
			{
				Subject: "CN=www.example.com", Names: []string{"www.example.com", "example.com"}, Serial: "0a1b", Product: "TLS server",
				Issuer: "Issuing CA 1", NotAfter: now.AddDate(0, 0, 7), Renew: "Run: certbot renew", URL: "https://pki.example.com/c/1",
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if msg.Subject != "2 certificates end soon, the first: www.example.com ends in 7 days" {
		t.Errorf("subject %q", msg.Subject)
	}
	want := `Dear Web team,

these 2 certificates are about to end, the soonest first:

www.example.com
  Ends:    2026-06-08 12:00 UTC (7 days left)
  Names:   www.example.com, example.com
  Serial:  0a1b
  Product: TLS server
  Issuer:  Issuing CA 1
  Renewal: Run: certbot renew
  Details: https://pki.example.com/c/1

CN=late
  Ends:    2026-06-15 12:00 UTC (14 days left)
  Serial:  02

Certificates are renewed and listed at https://pki.example.com

This message was written by Certwright. To stop it for a certificate that is
no longer needed, revoke that certificate.
`
	if msg.Text != want {
		t.Errorf("text:\n%s\nwant:\n%s", msg.Text, want)
	}
	if _, err := RenderExpiry(ExpiryNotice{Now: now}); !core.Is(err, core.KindInvalid) {
		t.Error(err)
	}
}

// Names come from requesters: they can add neither lines nor headers, and the
// mail stays sendable.
func TestRenderExpiryHostile(t *testing.T) {
	evil := "x\r\nBcc: eve@example.com\r\n\r\n\u202egnp\x00\xff{{.}}" + strings.Repeat("é", 3000)
	var list []Expiring
	for i := range 150 {
		list = append(list, Expiring{Subject: evil, Names: []string{evil, evil}, Serial: evil, Product: evil, Renew: evil, URL: evil, NotAfter: now.Add(time.Duration(i) * time.Hour)})
	}
	m, err := New(Deps{Config: Config{Host: "h", From: "a@example.com"}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 150} {
		msg, err := RenderExpiry(ExpiryNotice{Recipient: evil, Certificates: list[:n], Portal: evil, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(msg.Text, "\nBcc") || strings.ContainsAny(msg.Text, "\r\x00\u202e") || !strings.Contains(msg.Text, "{{.}}") {
			t.Errorf("%.300q", msg.Text)
		}
		if (n > 100) != strings.Contains(msg.Text, "and 50 more.") {
			t.Errorf("%d certificates: the rest is not mentioned rightly", n)
		}
		msg.To = []string{"b@example.com"}
		if _, _, err := m.render(msg); err != nil {
			t.Error(err)
		}
	}
}

// FuzzRender: whatever is in a message, either it is refused or the result is
// one mail with exactly our header fields, read back as given.
func FuzzRender(f *testing.F) {
	f.Add("a@example.com", "subject", "text\n", "X-Tag", "value", "id-1")
	f.Add("Zoé <z@example.com>", "ünï =?utf-8?q?x?=", "\r\n.\r\n", "Reply-To", "=?", "")
	f.Add("a@b\r\nBcc: c@d", "x\nBcc: y", "", "Bcc", "e@f", "a>\r\n")
	m, err := New(Deps{Config: Config{Host: "h", From: "a@example.com"}, Now: func() time.Time { return now }})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to, subject, text, name, value, id string) {
		raw, rcpt, err := m.render(Message{To: []string{to}, Subject: subject, Text: text, Headers: map[string]string{name: value}, ID: id})
		if err != nil {
			if !core.Is(err, core.KindInvalid) {
				t.Fatal(err)
			}
			return
		}
		if len(rcpt) != 1 || strings.ContainsAny(rcpt[0], "\r\n <>") {
			t.Fatalf("recipients %q", rcpt)
		}
		for l := range bytes.Lines(raw) {
			if len(l) > 1000 || !bytes.HasSuffix(l, []byte("\r\n")) && !bytes.HasSuffix(raw, l) {
				t.Fatalf("line %q", l)
			}
		}
		got, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatalf("%v: %q", err, raw)
		}
		if len(got.Header) != 10 {
			t.Fatalf("header %v", got.Header)
		}
		s, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
		if err != nil || strings.Join(strings.Fields(s), " ") != strings.Join(strings.Fields(subject), " ") {
			t.Fatalf("subject %q became %q, %v", subject, s, err)
		}
	})
}
