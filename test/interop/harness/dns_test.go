package harness

import (
	"context"
	"net"
	"net/http"
	"slices"
	"testing"
)

// TestDNS asks the name server through Go's own resolver, over UDP and TCP.
func TestDNS(t *testing.T) {
	d := StartDNS(t)
	for _, network := range []string{"udp", "tcp"} {
		r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, d.Address())
		}}
		d.Set("alias.example.internal", "CNAME", "target.example.internal")
		d.Set("target.example.internal", "A", "127.0.0.7")
		d.Set("none.example.internal", "A")
		for name, want := range map[string][]string{"a.example.internal.": {"127.0.0.1"}, "a.example.test.": {"127.0.0.1"}, "alias.example.internal.": {"127.0.0.7"},
			"none.example.internal.": nil, "a.example.com.": nil} {
			got, err := r.LookupHost(t.Context(), name)
			if !slices.Equal(got, want) || (err == nil) != (want != nil) {
				t.Errorf("%s %s: %v %v", network, name, got, err)
			}
		}
		const challenge = "_acme-challenge.a.example.internal"
		for _, q := range []struct{ method, query string }{{http.MethodPost, "&value=one"}, {http.MethodPost, "&value=two"}} {
			call(t, q.method, d.Control+"?name="+challenge+q.query)
		}
		if got, err := r.LookupTXT(t.Context(), challenge+"."); err != nil || !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("%s: %v %v", network, got, err)
		}
		call(t, http.MethodDelete, d.Control+"?name="+challenge+"&value=one")
		if got, err := r.LookupTXT(t.Context(), challenge+"."); err != nil || !slices.Equal(got, []string{"two"}) {
			t.Errorf("%s: %v %v", network, got, err)
		}
		call(t, http.MethodDelete, d.Control+"?name="+challenge)
		if got, err := r.LookupTXT(t.Context(), challenge+"."); err == nil {
			t.Errorf("%s: %v", network, got)
		}
	}
	if n := d.Asked("_ACME-challenge.a.example.internal", "TXT"); n < 6 {
		t.Errorf("asked %d times", n)
	}
}

func call(t *testing.T, method, url string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("%s %s: %s", method, url, r.Status)
	}
}
