package identitytest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// Flags of authenticator data, WebAuthn level 3 section 6.1.
const (
	UserPresent    = 0x01
	UserVerified   = 0x04
	BackupEligible = 0x08
	BackedUp       = 0x10
	attested       = 0x40
)

// Authenticator is a software authenticator with one passkey, and the browser
// around it. What it answers can be made wrong by its fields.
type Authenticator struct {
	Origin string
	Host   string
	ID     []byte
	User   []byte // user handle, learnt at creation
	Count  uint32 // the next answer's counter; it does not move by itself
	Flags  byte

	key *ecdsa.PrivateKey
}

// NewAuthenticator makes one for an origin, verifying its user.
func NewAuthenticator(t testing.TB, origin, host string) *Authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &Authenticator{Origin: origin, Host: host, ID: make([]byte, 32), Count: 1, Flags: UserPresent | UserVerified, key: key}
	_, _ = rand.Read(a.ID)
	return a
}

// Create answers the options of navigator.credentials.create.
func (a *Authenticator) Create(t testing.TB, options []byte) []byte {
	t.Helper()
	var o struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	var err error
	if a.User, err = base64.RawURLEncoding.DecodeString(o.User.ID); err != nil {
		t.Fatal(err)
	}
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": a.data(t, true)})
	if err != nil {
		t.Fatal(err)
	}
	return a.answer(t, map[string]any{
		"clientDataJSON": b64(a.clientData(t, "webauthn.create", o.Challenge)), "attestationObject": b64(object), "transports": []string{"internal"},
	})
}

// Get answers the options of navigator.credentials.get.
func (a *Authenticator) Get(t testing.TB, options []byte) []byte {
	t.Helper()
	var o struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	client := a.clientData(t, "webauthn.get", o.Challenge)
	data := a.data(t, false)
	sum := sha256.Sum256(client)
	signed := sha256.Sum256(append(bytes.Clone(data), sum[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, signed[:])
	if err != nil {
		t.Fatal(err)
	}
	return a.answer(t, map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(sig), "userHandle": b64(a.User),
	})
}

func (a *Authenticator) answer(t testing.TB, response map[string]any) []byte {
	out, err := json.Marshal(map[string]any{"id": b64(a.ID), "rawId": b64(a.ID), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (a *Authenticator) clientData(t testing.TB, typ, challenge string) []byte {
	out, err := json.Marshal(map[string]any{"type": typ, "challenge": challenge, "origin": a.Origin, "crossOrigin": false})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// data is authenticator data, with the key when it is a new one.
func (a *Authenticator) data(t testing.TB, fresh bool) []byte {
	host := sha256.Sum256([]byte(a.Host))
	flags := a.Flags
	if fresh {
		flags |= attested
	}
	out := binary.BigEndian.AppendUint32(append(host[:], flags), a.Count)
	if !fresh {
		return out
	}
	point, err := a.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	key, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, make([]byte, 16)...) // AAGUID
	out = binary.BigEndian.AppendUint16(out, uint16(len(a.ID)))
	return append(append(out, a.ID...), key...)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
