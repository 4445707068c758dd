package notify

import (
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode"

	"github.com/certwright/certwright/internal/core"
)

// Expiring is a certificate that is about to end, or has.
type Expiring struct {
	Subject  string   // DN text
	Names    []string // as core.Certificate.Names
	Serial   string   // hex
	Product  string   // its name
	Issuer   string   // its name
	NotAfter time.Time
	// Renew says in one or two sentences how this certificate is renewed; empty
	// when it is done in the portal.
	Renew string
	URL   string // of the certificate in the portal; empty: none
}

// ExpiryNotice is the content of one mail.
type ExpiryNotice struct {
	Recipient    string // name of the person or group; empty: no name
	Certificates []Expiring
	Portal       string // base URL of the portal; empty: not mentioned
	Now          time.Time
}

// maxListed is how many certificates a mail shows; the portal has the rest.
const maxListed = 100

const expiryText = `{{with .Recipient}}Dear {{.}},{{else}}Hello,{{end}}

{{.Lead}}
{{range .Listed}}
{{.Title}}
  Ends:    {{.Ends}} ({{.Left}})
{{- with .Names}}
  Names:   {{.}}{{end}}
  Serial:  {{.Serial}}
{{- with .Product}}
  Product: {{.}}{{end}}
{{- with .Issuer}}
  Issuer:  {{.}}{{end}}
{{- with .Renew}}
  Renewal: {{.}}{{end}}
{{- with .URL}}
  Details: {{.}}{{end}}
{{end -}}
{{with .More}}
{{.}}
{{end}}
{{- with .Portal}}
Certificates are renewed and listed at {{.}}
{{end}}
This message was written by Certwright. To stop it for a certificate that is
no longer needed, revoke that certificate.
`

// expiryItem is a certificate as the template shows it.
type expiryItem struct {
	Title, Ends, Left, Names, Serial, Product, Issuer, Renew, URL string
}

// RenderExpiry writes the notice about certificates that are about to end, the
// soonest first. The result has subject and text; the caller adds To. An empty
// list is an error of kind invalid.
func RenderExpiry(n ExpiryNotice) (Message, error) {
	if len(n.Certificates) == 0 {
		return Message{}, core.Errorf(core.KindInvalid, "an expiry notice without certificates")
	}
	list := slices.Clone(n.Certificates)
	slices.SortStableFunc(list, func(a, b Expiring) int { return a.NotAfter.Compare(b.NotAfter) })
	data := struct {
		Recipient, Lead, More, Portal string
		Listed                        []expiryItem
	}{Recipient: clean(n.Recipient, 200), Portal: clean(n.Portal, 500)}
	for _, c := range list[:min(len(list), maxListed)] {
		data.Listed = append(data.Listed, item(c, n.Now))
	}
	if more := len(list) - maxListed; more > 0 {
		data.More = fmt.Sprintf("and %d more.", more)
	}
	first := data.Listed[0]
	msg := Message{Subject: clean("Certificate "+first.Title+" "+verb(list[0].NotAfter, n.Now), 200)}
	data.Lead = "this certificate is about to end:"
	if len(list) > 1 {
		msg.Subject = clean(fmt.Sprintf("%d certificates end soon, the first: %s %s", len(list), first.Title, verb(list[0].NotAfter, n.Now)), 200)
		data.Lead = fmt.Sprintf("these %d certificates are about to end, the soonest first:", len(list))
	}
	t, err := template.New("expiry").Parse(expiryText)
	if err != nil {
		return Message{}, core.Wrap(core.KindInternal, err, "the expiry notice cannot be written")
	}
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return Message{}, core.Wrap(core.KindInternal, err, "the expiry notice cannot be written")
	}
	msg.Text = b.String()
	return msg, nil
}

func item(c Expiring, now time.Time) expiryItem {
	names := clean(strings.Join(c.Names[:min(len(c.Names), 20)], ", "), 1500)
	if more := len(c.Names) - 20; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	title := clean(c.Subject, 100)
	if len(c.Names) > 0 {
		title = clean(c.Names[0], 100)
	}
	if title == "" {
		title = clean(c.Serial, 100)
	}
	return expiryItem{
		Title: title, Ends: c.NotAfter.UTC().Format("2006-01-02 15:04 UTC"), Left: left(c.NotAfter, now), Names: names,
		Serial: clean(c.Serial, 100), Product: clean(c.Product, 200), Issuer: clean(c.Issuer, 200),
		Renew: clean(c.Renew, 1000), URL: clean(c.URL, 500),
	}
}

// DaysLeft returns the whole days from now until end, rounded down; negative
// once it is past.
func DaysLeft(end, now time.Time) int {
	d := end.Sub(now)
	if d < 0 {
		return -1 - int(-d/(24*time.Hour))
	}
	return int(d / (24 * time.Hour))
}

// left says it for people.
func left(end, now time.Time) string {
	switch d := DaysLeft(end, now); {
	case d < -2:
		return fmt.Sprintf("ended %d days ago", -d-1)
	case d == -2:
		return "ended 1 day ago"
	case d == -1:
		return "has ended"
	case d == 0:
		return "less than a day left"
	case d == 1:
		return "1 day left"
	default:
		return fmt.Sprintf("%d days left", d)
	}
}

// verb says it in a subject.
func verb(end, now time.Time) string {
	switch d := DaysLeft(end, now); {
	case d < 0:
		return "has ended"
	case d == 0:
		return "ends in less than a day"
	case d == 1:
		return "ends in 1 day"
	default:
		return fmt.Sprintf("ends in %d days", d)
	}
}

// clean makes a text that others chose fit for one line of a mail: no control
// or direction-changing characters, at most n octets.
func clean(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…" // the last character may be cut in half
	}
	return s
}
