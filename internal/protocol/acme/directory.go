package acme

import (
	"encoding/json"
	"net/http"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// directoryMeta is RFC 8555 section 9.7.6 with RFC 9444 section 5 and the
// profiles draft.
type directoryMeta struct {
	Terms      string            `json:"termsOfService,omitempty"`
	Website    string            `json:"website,omitempty"`
	CAA        []string          `json:"caaIdentities,omitempty"`
	EAB        bool              `json:"externalAccountRequired"`
	Subdomains bool              `json:"subdomainAuthAllowed,omitempty"`
	Profiles   map[string]string `json:"profiles,omitempty"`
}

// directoryObject is RFC 8555 section 7.1.1.
type directoryObject struct {
	NewNonce    string        `json:"newNonce"`
	NewAccount  string        `json:"newAccount"`
	NewOrder    string        `json:"newOrder"`
	NewAuthz    string        `json:"newAuthz"`
	RevokeCert  string        `json:"revokeCert"`
	KeyChange   string        `json:"keyChange"`
	RenewalInfo string        `json:"renewalInfo"`
	Meta        directoryMeta `json:"meta"`
}

// directory answers with the resources of a credential. On the bare path these
// are the default credential's own.
func (s *Service) directory(w http.ResponseWriter, r *http.Request, c *core.Credential) error {
	base, o := s.base(c.Label), options(c)
	d := directoryObject{
		NewNonce: base + "new-nonce", NewAccount: base + "new-account", NewOrder: base + "new-order", NewAuthz: base + "new-authz",
		RevokeCert: base + "revoke-cert", KeyChange: base + "key-change", RenewalInfo: base + "renewal-info",
		Meta: directoryMeta{Terms: o.Terms, Website: o.Website, EAB: !o.EABOptional, Subdomains: o.Subdomains, Profiles: map[string]string{}},
	}
	for _, id := range c.Products {
		p, err := s.d.Enroll.Product(r.Context(), c.Account, id)
		if err != nil {
			return err
		}
		if p.State != core.ProductActive {
			continue
		}
		d.Meta.Profiles[p.Code] = p.Name
		for _, domain := range p.Profile.CAA {
			d.Meta.CAA = appendNew(d.Meta.CAA, domain)
		}
	}
	body, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	httpx.Reply(w, r, http.StatusOK, append(body, '\n'))
	return nil
}

// directory is the signed form of reading it.
func (c *call) directory() error { return c.s.directory(c.w, c.r, c.cred) }

// appendNew adds s unless it is there.
func appendNew(list []string, s string) []string {
	for _, x := range list {
		if x == s {
			return list
		}
	}
	return append(list, s)
}
