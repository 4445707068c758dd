package store

import (
	"encoding/json"

	"github.com/uptrace/bun"

	"github.com/certwright/certwright/internal/core"
)

// orderRow is a row of orders.
type orderRow struct {
	bun.BaseModel `bun:"table:orders,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Number        int64  `bun:"number"`
	Credential    string `bun:"credential,nullzero"`
	User          string `bun:"user_id"`
	Group         string `bun:"group_id,nullzero"`
	Product       string `bun:"product"`
	Issuer        string `bun:"issuer"`
	Protocol      string `bun:"protocol"`
	State         string `bun:"state"`
	Subject       string `bun:"subject"`
	Names         string `bun:"names"`
	Idempotency   string `bun:"idempotency,nullzero"`
	Replaces      string `bun:"replaces,nullzero"`
	Certificate   string `bun:"certificate,nullzero"`
	Request       []byte `bun:"request"`
	KeySealed     []byte `bun:"key_sealed"`
	Failure       string `bun:"failure"`
	Reference     string `bun:"reference"`
	LeaseUntil    int64  `bun:"lease_until,nullzero"`
	Attempt       int    `bun:"attempt"`
	CreatedAt     int64  `bun:"created_at"`
	UpdatedAt     int64  `bun:"updated_at"`
}

func (r *orderRow) core() (core.Order, error) {
	o := core.Order{
		ID: core.OrderID(r.ID), Account: core.AccountID(r.Account), Number: r.Number,
		Credential: core.CredentialID(r.Credential), User: core.UserID(r.User), Group: core.GroupID(r.Group),
		Product: core.ProductID(r.Product), Issuer: core.IssuerID(r.Issuer), Protocol: r.Protocol,
		State: core.OrderState(r.State), Subject: r.Subject, IdempotencyKey: r.Idempotency,
		Replaces: core.CertificateID(r.Replaces), Certificate: core.CertificateID(r.Certificate),
		KeySealed: r.KeySealed, Failure: r.Failure, Reference: r.Reference, LeaseUntil: timeAt(r.LeaseUntil), Attempt: r.Attempt,
		CreatedAt: timeAt(r.CreatedAt), UpdatedAt: timeAt(r.UpdatedAt),
	}
	var err error
	if o.Names, err = fromJSON[[]string](r.Names); err != nil {
		return o, err
	}
	return o, json.Unmarshal(r.Request, &o.Request)
}

// certificateRow is a row of certificates.
type certificateRow struct {
	bun.BaseModel `bun:"table:certificates,alias:t"`
	ID            string `bun:"id,pk"`
	Account       string `bun:"account"`
	Number        int64  `bun:"number"`
	Order         string `bun:"order_id,nullzero"`
	Issuer        string `bun:"issuer"`
	Product       string `bun:"product"`
	Credential    string `bun:"credential,nullzero"`
	User          string `bun:"user_id"`
	Group         string `bun:"group_id,nullzero"`
	Protocol      string `bun:"protocol"`
	State         string `bun:"state"`
	Serial        string `bun:"serial"`
	Subject       string `bun:"subject"`
	CommonName    string `bun:"common_name"`
	Names         string `bun:"names"`
	KeyAlgorithm  string `bun:"key_algorithm"`
	SPKIHash      []byte `bun:"spki_hash"`
	SKI           []byte `bun:"ski"`
	Fingerprint   []byte `bun:"fingerprint"`
	NotBefore     int64  `bun:"not_before"`
	NotAfter      int64  `bun:"not_after"`
	Replaces      string `bun:"replaces,nullzero"`
	ReplacedBy    string `bun:"replaced_by,nullzero"`
	RevokedAt     int64  `bun:"revoked_at,nullzero"`
	Reason        int    `bun:"reason"`
	InvalidSince  int64  `bun:"invalid_since,nullzero"`
	HasKey        bool   `bun:"has_key"`
	Tags          string `bun:"tags"`
	Notified      int    `bun:"notified"`
	CreatedAt     int64  `bun:"created_at"`
	IssuerDN      string `bun:"issuer_dn"`
	CA            bool   `bun:"is_ca"`
}

func (r *certificateRow) core() (core.Certificate, error) {
	c := core.Certificate{
		ID: core.CertificateID(r.ID), Account: core.AccountID(r.Account), Number: r.Number,
		Order: core.OrderID(r.Order), Issuer: core.IssuerID(r.Issuer), Product: core.ProductID(r.Product),
		Credential: core.CredentialID(r.Credential), User: core.UserID(r.User), Group: core.GroupID(r.Group),
		Protocol: r.Protocol, State: core.CertificateState(r.State), Serial: r.Serial, Subject: r.Subject,
		CommonName: r.CommonName, KeyAlgorithm: r.KeyAlgorithm, SPKIHash: r.SPKIHash, SKI: r.SKI,
		Fingerprint: r.Fingerprint, NotBefore: timeAt(r.NotBefore), NotAfter: timeAt(r.NotAfter),
		Replaces: core.CertificateID(r.Replaces), ReplacedBy: core.CertificateID(r.ReplacedBy),
		RevokedAt: timeAt(r.RevokedAt), Reason: r.Reason, InvalidSince: timeAt(r.InvalidSince),
		HasKey: r.HasKey, Notified: r.Notified, CreatedAt: timeAt(r.CreatedAt),
		IssuerDN: r.IssuerDN, CA: r.CA,
	}
	var err error
	if c.Names, err = fromJSON[[]string](r.Names); err != nil {
		return c, err
	}
	c.Tags, err = fromJSON[[]string](r.Tags)
	return c, err
}
