package validation

import (
	"net/netip"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation/validationtest"
)

func TestWhichAddressesAreRefused(t *testing.T) {
	const always, private, loopback, never = "always", "private", "loopback", "never"
	for ip, when := range map[string]string{
		"8.8.8.8": never, "2606:4700::1": never, "192.0.2.1": never,
		"10.0.0.1": private, "172.16.5.4": private, "192.168.1.1": private, "100.64.0.1": private, "100.127.255.254": private,
		"198.18.0.1": private, "fd12:3456::1": private, "fec0::1": private,
		"127.0.0.1": loopback, "127.255.0.3": loopback, "::1": loopback,
		"0.0.0.0": always, "0.1.2.3": always, "::": always, "169.254.1.1": always, "169.254.169.254": always, "fe80::1": always,
		"fe80::1%eth0": always, "224.0.0.1": always, "239.255.255.255": always, "ff02::1": always, "255.255.255.255": always,
		"240.0.0.1": always, "::ffff:127.0.0.1": always, "::ffff:8.8.8.8": always, "64:ff9b::7f00:1": always, "64:ff9b:1::1": always,
		"2002:7f00:1::1": always, "2001::1": always, "::7f00:1": always, "100.100.100.200": always, "fd00:ec2::254": always,
		"168.63.129.16": always,
	} {
		addr := netip.MustParseAddr(ip)
		for _, s := range []Service{{}, {allowLoopback: true}, {denyPrivate: true}, {allowLoopback: true, denyPrivate: true}} {
			want := when == always || when == private && s.denyPrivate || when == loopback && !s.allowLoopback
			if why := s.refuse(addr); (why != "") != want {
				t.Errorf("%s with loopback %v, no private %v: %q, want refused %v", ip, s.allowLoopback, s.denyPrivate, why, want)
			}
		}
	}
	if (&Service{}).refuse(netip.Addr{}) == "" {
		t.Error("no address at all is let through")
	}
}

func TestForbiddenAddressIsNotDialled(t *testing.T) {
	d := validationtest.NewDNS(t)
	w := validationtest.NewWeb(t, "127.0.0.1:0")
	w.Set(path, 200, keyAuth)
	d.Set("a.example", "A", "127.0.0.1")
	s := start(t, d, func(d *Deps) { d.AllowLoopback, d.HTTPPort, d.TLSPort = false, w.Port, w.Port })
	for _, m := range []string{core.MethodHTTP01, core.MethodTLSALPN01} {
		for _, id := range []core.Identifier{dnsName("a.example"), ipAddr("127.0.0.1")} {
			r := s.Check(t.Context(), question1(m, id))
			want(t, r, "connection", false, "127.0.0.1 is not allowed: it is this host itself")
			wantSeen(t, r, "not allowed: it is this host itself")
		}
	}
	if n := len(w.Requests()); n != 0 {
		t.Errorf("%d requests came through", n)
	}
}

func TestRefusedAddressDoesNotHideAllowedOne(t *testing.T) {
	d := validationtest.NewDNS(t)
	w := validationtest.NewWeb(t, "127.0.0.1:0")
	w.Set(path, 200, keyAuth)
	d.Set("a.example", "AAAA", "fe80::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1")
	d.Set("a.example", "A", "169.254.169.254", "127.0.0.1")
	s := start(t, d, func(d *Deps) { d.HTTPPort = w.Port })
	r := s.Check(t.Context(), question1(core.MethodHTTP01, dnsName("a.example")))
	want(t, r, "", false)
	wantSeen(t, r, "connection to [fe80::1]", "link-local", "at 127.0.0.1:")
}

func TestNew(t *testing.T) {
	good := func() Deps { return Deps{Resolvers: []string{"127.0.0.1:53"}, Now: clock} }
	v := Vantage{Name: "a", URL: "https://v.example", Token: "x"}
	for name, change := range map[string]func(*Deps){
		"no clock":              func(d *Deps) { d.Now = nil },
		"port":                  func(d *Deps) { d.HTTPPort = 70000 },
		"negative port":         func(d *Deps) { d.TLSPort = -1 },
		"time":                  func(d *Deps) { d.Timeout = -1 },
		"resolver without port": func(d *Deps) { d.Resolvers = []string{"127.0.0.1"} },
		"resolver port":         func(d *Deps) { d.Resolvers = []string{"127.0.0.1:x"} },
		"quorum":                func(d *Deps) { d.Quorum = 2 },
		"negative quorum":       func(d *Deps) { d.Quorum = -1 },
		"vantage name":          func(d *Deps) { d.Vantages = []Vantage{{URL: v.URL, Token: "x"}} },
		"vantage twice":         func(d *Deps) { d.Vantages = []Vantage{v, v} },
		"vantage in the clear":  func(d *Deps) { d.Vantages = []Vantage{{Name: "a", URL: "http://v.example", Token: "x"}} },
		"vantage with user":     func(d *Deps) { d.Vantages = []Vantage{{Name: "a", URL: "https://u:p@v.example", Token: "x"}} },
		"vantage without token": func(d *Deps) { d.Vantages = []Vantage{{Name: "a", URL: v.URL}} },
		"proxy":                 func(d *Deps) { d.Vantages, d.Outbound.Proxy = []Vantage{v}, "gopher://x" },
	} {
		d := good()
		change(&d)
		if _, err := New(d); !core.Is(err, core.KindInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := New(good())
	if err != nil || s.httpPort != 80 || s.tlsPort != 443 || s.timeout != DefaultTimeout {
		t.Fatal(err, s)
	}
}

func TestQuestionsThatMakeNoSense(t *testing.T) {
	s := start(t, validationtest.NewDNS(t))
	for _, c := range []struct {
		code   string
		change func(*Check)
	}{
		{"rejectedIdentifier", func(c *Check) { c.Wildcard = true }},
		{"rejectedIdentifier", func(c *Check) { c.Method, c.Wildcard = core.MethodTLSALPN01, true }},
		{"rejectedIdentifier", func(c *Check) { c.Method, c.Identifier = core.MethodDNS01, ipAddr("192.0.2.1") }},
		{"rejectedIdentifier", func(c *Check) { c.Method, c.Identifier = core.MethodDNSPersist01, ipAddr("192.0.2.1") }},
		{"rejectedIdentifier", func(c *Check) { c.Identifier = ipAddr("fe80::1%eth0") }},
		{"rejectedIdentifier", func(c *Check) { c.Identifier = ipAddr("192.0.2.01") }},
		{"rejectedIdentifier", func(c *Check) { c.Identifier.Type = core.IdentifierHardware }},
		{"rejectedIdentifier", func(c *Check) { c.Identifier.Value = "*.a.example" }},
		{"rejectedIdentifier", func(c *Check) { c.Identifier.Value = "a.example." }},
		{"rejectedIdentifier", func(c *Check) { c.Identifier.Value = "a..example" }},
		{"rejectedIdentifier", func(c *Check) { c.Identifier.Value = "a.example:80" }},
		{"rejectedIdentifier", func(c *Check) { c.Identifier.Value = "a@b.example" }},
		{"rejectedIdentifier", func(c *Check) { c.Identifier.Value = "127.0.0.1" }},
		{"rejectedIdentifier", func(c *Check) { c.Identifier.Value = "-a.example" }},
		{"rejectedIdentifier", func(c *Check) { c.Identifier.Value = "" }},
		{"serverInternal", func(c *Check) { c.Method = core.MethodDeviceAttest }},
		{"serverInternal", func(c *Check) { c.Token = "../../x" }},
		{"serverInternal", func(c *Check) { c.Token = "" }},
		{"serverInternal", func(c *Check) { c.KeyAuthorization = "other.thumbprint" }},
		{"serverInternal", func(c *Check) { c.Method, c.KeyAuthorization = core.MethodDNS01, "" }},
		{"serverInternal", func(c *Check) { c.Method, c.AccountURL = core.MethodDNSAccount01, "" }},
		{"serverInternal", func(c *Check) { c.Method = core.MethodDNSPersist01 }},
	} {
		q := question1(core.MethodHTTP01, dnsName("a.example"))
		c.change(&q)
		want(t, s.Check(t.Context(), q), c.code, false)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "a\x00b\x1b[3\r\nc": "a?b?[3??c", "bad \xff": "bad ?", "\u202eabc": "?abc", "grün": "grün",
		"0123456789a": "0123456…", "ααααααα": "ααα…",
	} {
		if got := printable(in, 10); got != want || len(got) > 10 {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
