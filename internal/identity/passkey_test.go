package identity

import (
	"testing"

	"github.com/certwright/certwright/internal/core"
)

// FuzzPasskeyAnswers: whatever a browser sends, it is read or refused as
// invalid.
func FuzzPasskeyAnswers(f *testing.F) {
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUA"}}`))
	f.Add([]byte(`{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AAAA","signature":"AAAA","userHandle":"AAAA"}}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"id":"AAAA","response":{"attestationObject":"v"}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if _, err := parseAssertion(answer); err != nil && !core.Is(err, core.KindInvalid) {
			t.Errorf("assertion: %v", err)
		}
		if _, err := parseCreation(answer); err != nil && !core.Is(err, core.KindInvalid) {
			t.Errorf("creation: %v", err)
		}
	})
}

// TestPasskeyHost: the host of the base URL decides whether there are passkeys.
func TestPasskeyHost(t *testing.T) {
	for base, off := range map[string]bool{
		"https://ca.example": false, "https://ca.example:8443": false, "https://localhost:8443": false, "http://localhost": false,
		"http://ca.example": true, "https://192.0.2.1": true, "https://[2001:db8::1]:8443": true, "https://": true, "": true, "https://%zz": true,
	} {
		s := &Service{baseURL: func() string { return base }}
		if (s.PasskeysOff() != "") != off {
			t.Errorf("%q: %q", base, s.PasskeysOff())
		}
		if _, err := s.party(); (err != nil) != off {
			t.Errorf("%q: %v", base, err)
		}
	}
}
