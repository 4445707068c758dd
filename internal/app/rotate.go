package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/enroll"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/identity/federation"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/store"
	"github.com/certwright/certwright/internal/vetting"
)

// RotateDEK makes a new data-encryption key, seals every stored value again
// under it, and drops the keys that were replaced more than a day ago and that
// nothing is sealed under any more. The server may run meanwhile.
func RotateDEK(ctx context.Context, cfg Config, out io.Writer) error {
	return onHost(ctx, cfg, func(p *parts, by *core.Principal) error {
		audited := func(action string, id func() string) func(core.Tx) error {
			return func(tx core.Tx) error {
				p.audit.Write(tx, core.EventOf(by, p.now(), action, "secret:"+id()))
				return nil
			}
		}
		id, err := p.box.RotateDEK(ctx, audited("secret.rotate", func() string { return "ring" }))
		if err != nil {
			return err
		}
		resealed := 0
		seen, err := p.db.Resealed(ctx, func(s store.Sealed) ([]byte, error) {
			fresh, err := p.reseal(s)
			if fresh != nil {
				resealed++
			}
			return fresh, err
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "key %s is active; %d of %d sealed values were sealed again\n", id, resealed, seen)
		return p.retire(ctx, out, audited)
	})
}

// reseal returns a value under the active key, nil when it is there already.
func (p *parts) reseal(s store.Sealed) ([]byte, error) {
	place := map[string]string{"issuer": ca.KeyPlace(core.IssuerID(s.ID)), "responder": ca.ResponderPlace(core.IssuerID(s.ID)),
		"credential": identity.SecretPlace(core.CredentialID(s.ID)), "order": enroll.KeyPlace(core.OrderID(s.ID)), "setting": s.ID,
		"document": core.DocumentPlace(core.DocumentID(s.ID)), "organisation": vetting.TokenPlace(core.OrganisationID(s.ID)),
		"totp": identity.TOTPPlace(core.UserID(s.ID)), "provider": federation.SecretsPlace(core.ProviderID(s.ID))}[s.Kind]
	value := s.Value
	var st storedTLS
	if s.Kind == "setting" {
		if err := json.Unmarshal(s.Value, &st); err != nil {
			return nil, err
		}
		value = st.Key
	}
	fresh, err := p.box.Reseal(value, place)
	if err != nil || bytes.Equal(fresh, value) {
		return nil, err
	}
	if s.Kind == "setting" {
		st.Key = fresh
		return json.Marshal(st)
	}
	return fresh, nil
}

// retire drops the replaced keys that are old enough, if nothing uses them.
func (p *parts) retire(ctx context.Context, out io.Writer, audited func(string, func() string) func(core.Tx) error) error {
	used := map[secret.KeyID]int{}
	_, err := p.db.Resealed(ctx, func(s store.Sealed) ([]byte, error) {
		value := s.Value
		if s.Kind == "setting" {
			var st storedTLS
			if err := json.Unmarshal(s.Value, &st); err != nil {
				return nil, err
			}
			value = st.Key
		}
		id, err := secret.KeyIDOf(value)
		used[id]++
		return nil, err
	})
	if err != nil {
		return err
	}
	for _, k := range p.box.Keys() {
		if k.Active || used[k.ID] > 0 {
			continue
		}
		err := p.box.Retire(ctx, k.ID, audited("secret.retire", func() string { return k.ID.String() }))
		if core.Is(err, core.KindConflict) {
			fmt.Fprintf(out, "key %s stays for a day, other servers may still seal under it\n", k.ID)
			continue
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "key %s is dropped\n", k.ID)
	}
	return nil
}
