// Package catest has small working stand-ins for what package ca needs: a
// storage in memory and a sealer.
package catest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/ca"
	"github.com/certwright/certwright/internal/core"
)

// Storage keeps everything in memory. It honours the contract of ca.Storage,
// roll-back included. The zero value is empty and ready.
type Storage struct {
	mu    sync.Mutex
	state state
	// Fail, when set, is asked before each method and may return an error.
	Fail func(method string) error
}

type state struct {
	issuers []*core.Issuer
	certs   []*core.Certificate
	crls    map[core.IssuerID]ca.CRL
	// Numbers are not rolled back: a number once given is used up.
	numbers map[core.IssuerID]int64
}

func (s state) clone() state {
	out := state{crls: map[core.IssuerID]ca.CRL{}, numbers: s.numbers}
	for _, i := range s.issuers {
		c := *i
		out.issuers = append(out.issuers, &c)
	}
	for _, i := range s.certs {
		c := *i
		out.certs = append(out.certs, &c)
	}
	for k, v := range s.crls {
		out.crls[k] = v
	}
	return out
}

type tx struct {
	state  state
	commit []func()
}

// OnCommit implements core.Tx.
func (t *tx) OnCommit(f func()) { t.commit = append(t.commit, f) }

var errForeignTx = errors.New("catest: foreign transaction")

func (s *Storage) fail(method string) error {
	if s.Fail != nil {
		return s.Fail(method)
	}
	return nil
}

// InTx implements core.Transactor, one transaction after the other.
func (s *Storage) InTx(ctx context.Context, f func(ctx context.Context, tx core.Tx) error) error {
	if err := s.fail("InTx"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.numbers == nil {
		s.state.numbers = map[core.IssuerID]int64{}
	}
	t := &tx{state: s.state.clone()}
	if err := f(ctx, t); err != nil {
		return err
	}
	s.state = t.state
	for _, done := range t.commit {
		done()
	}
	return nil
}

func notFound(what string) error { return core.Errorf(core.KindNotFound, "no such %s", what) }

func (s *Storage) find(match func(*core.Issuer) bool) (*core.Issuer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.state.issuers {
		if match(i) {
			c := *i
			return &c, nil
		}
	}
	return nil, notFound("issuer")
}

// Issuer implements ca.Storage.
func (s *Storage) Issuer(_ context.Context, account core.AccountID, id core.IssuerID) (*core.Issuer, error) {
	if err := s.fail("Issuer"); err != nil {
		return nil, err
	}
	return s.find(func(i *core.Issuer) bool { return i.ID == id && i.Account == account })
}

// IssuerBySlug implements ca.Storage.
func (s *Storage) IssuerBySlug(_ context.Context, slug string) (*core.Issuer, error) {
	if err := s.fail("IssuerBySlug"); err != nil {
		return nil, err
	}
	return s.find(func(i *core.Issuer) bool { return i.Slug == slug })
}

// ListIssuers implements ca.Storage.
func (s *Storage) ListIssuers(_ context.Context, account core.AccountID) ([]*core.Issuer, error) {
	if err := s.fail("ListIssuers"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*core.Issuer
	for _, i := range s.state.issuers {
		if account == "" || i.Account == account {
			c := *i
			out = append(out, &c)
		}
	}
	return out, nil
}

// PutIssuer implements ca.Storage.
func (s *Storage) PutIssuer(_ context.Context, t core.Tx, i *core.Issuer) error {
	if err := s.fail("PutIssuer"); err != nil {
		return err
	}
	st, err := in(t)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(st.issuers, func(x *core.Issuer) bool { return x.ID == i.ID })
	if slices.ContainsFunc(st.issuers, func(x *core.Issuer) bool { return x.Slug == i.Slug && x.ID != i.ID }) {
		return core.Errorf(core.KindExists, "the slug %q is taken", i.Slug)
	}
	switch {
	case i.Version == 0 && at >= 0:
		return core.Errorf(core.KindExists, "the issuer is stored already")
	case i.Version != 0 && (at < 0 || st.issuers[at].Version != i.Version):
		return core.Errorf(core.KindConflict, "the issuer was changed meanwhile")
	}
	c := *i
	c.Version++
	t.OnCommit(func() { i.Version = c.Version })
	if at < 0 {
		st.issuers = append(st.issuers, &c)
		return nil
	}
	old := st.issuers[at]
	c.CRL, c.CRLNumber, c.CRLThis, c.CRLNext = old.CRL, old.CRLNumber, old.CRLThis, old.CRLNext
	c.Responder, c.ResponderKey = old.Responder, old.ResponderKey
	st.issuers[at] = &c
	return nil
}

func in(t core.Tx) (*state, error) {
	own, ok := t.(*tx)
	if !ok {
		return nil, errForeignTx
	}
	return &own.state, nil
}

// NextCRLNumber implements ca.Storage.
func (s *Storage) NextCRLNumber(_ context.Context, t core.Tx, issuer core.IssuerID) (int64, error) {
	if err := s.fail("NextCRLNumber"); err != nil {
		return 0, err
	}
	st, err := in(t)
	if err != nil {
		return 0, err
	}
	st.numbers[issuer]++
	return st.numbers[issuer], nil
}

// SaveCRL implements ca.Storage.
func (s *Storage) SaveCRL(_ context.Context, t core.Tx, issuer core.IssuerID, crl ca.CRL) error {
	if err := s.fail("SaveCRL"); err != nil {
		return err
	}
	st, err := in(t)
	if err != nil {
		return err
	}
	if st.crls[issuer].Number < crl.Number {
		st.crls[issuer] = crl
		for _, i := range st.issuers {
			if i.ID == issuer {
				i.CRL, i.CRLNumber, i.CRLThis, i.CRLNext = crl.DER, crl.Number, crl.ThisUpdate, crl.NextUpdate
			}
		}
	}
	return nil
}

// CRL implements ca.Storage.
func (s *Storage) CRL(_ context.Context, issuer core.IssuerID) (*ca.CRL, error) {
	if err := s.fail("CRL"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	crl, ok := s.state.crls[issuer]
	if !ok {
		return nil, notFound("CRL")
	}
	return &crl, nil
}

// SaveResponder implements ca.Storage.
func (s *Storage) SaveResponder(_ context.Context, t core.Tx, issuer core.IssuerID, certificate, sealedKey []byte) error {
	if err := s.fail("SaveResponder"); err != nil {
		return err
	}
	st, err := in(t)
	if err != nil {
		return err
	}
	for _, i := range st.issuers {
		if i.ID == issuer {
			i.Responder, i.ResponderKey = certificate, sealedKey
			return nil
		}
	}
	return notFound("issuer")
}

// PutCertificate implements ca.Storage.
func (s *Storage) PutCertificate(_ context.Context, t core.Tx, cert *core.Certificate) error {
	if err := s.fail("PutCertificate"); err != nil {
		return err
	}
	st, err := in(t)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(st.certs, func(c *core.Certificate) bool { return c.Issuer == cert.Issuer && c.Serial == cert.Serial }) {
		return core.Errorf(core.KindExists, "the serial was used before")
	}
	c := *cert
	st.certs = append(st.certs, &c)
	return nil
}

// CertificateStatus implements ca.Storage.
func (s *Storage) CertificateStatus(_ context.Context, issuer core.IssuerID, serial string) (*ca.CertificateStatus, error) {
	if err := s.fail("CertificateStatus"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.state.certs {
		if c.Issuer == issuer && c.Serial == serial {
			return &ca.CertificateStatus{State: c.State, RevokedAt: c.RevokedAt, Reason: c.Reason, Invalid: c.InvalidSince, NotAfter: c.NotAfter}, nil
		}
	}
	return nil, notFound("certificate")
}

// Revocations implements ca.Storage.
func (s *Storage) Revocations(_ context.Context, issuer core.IssuerID, since time.Time, f func(core.Revocation) error) error {
	if err := s.fail("Revocations"); err != nil {
		return err
	}
	s.mu.Lock()
	var list []core.Revocation
	for _, c := range s.state.certs {
		revoked := c.State == core.CertRevoked || c.State == core.CertOnHold || c.State == core.CertAbandoned
		if c.Issuer == issuer && revoked && !c.NotAfter.Before(since) {
			list = append(list, core.Revocation{Serial: c.Serial, RevokedAt: c.RevokedAt, Reason: c.Reason, Invalid: c.InvalidSince, NotAfter: c.NotAfter})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b core.Revocation) int { return strings.Compare(a.Serial, b.Serial) })
	for _, r := range list {
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// Certificates lists the rows, oldest first.
func (s *Storage) Certificates() []core.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []core.Certificate
	for _, c := range s.state.certs {
		out = append(out, *c)
	}
	return out
}

// Set changes the row with that serial, or adds it.
func (s *Storage) Set(cert core.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, c := range s.state.certs {
		if c.Issuer == cert.Issuer && c.Serial == cert.Serial {
			s.state.certs[n] = &cert
			return
		}
	}
	s.state.certs = append(s.state.certs, &cert)
}

// Sealer marks octets with their context instead of encrypting them, and so
// finds wrong contexts. It is for tests only.
type Sealer struct{}

const mark = "sealed\x00"

// Seal implements ca.Sealer.
func (Sealer) Seal(plain []byte, context string) ([]byte, error) {
	out := []byte(mark + context + "\x00")
	for _, b := range plain {
		out = append(out, b^0x5a)
	}
	return out, nil
}

// Open implements ca.Sealer.
func (Sealer) Open(sealed []byte, context string) ([]byte, error) {
	body, ok := bytes.CutPrefix(sealed, []byte(mark+context+"\x00"))
	if !ok {
		return nil, errors.New("catest: sealed for another context")
	}
	out := make([]byte, len(body))
	for i, b := range body {
		out[i] = b ^ 0x5a
	}
	return out, nil
}

// Account is the account of the issuers that New makes.
const Account = core.AccountID("01900000-0000-7000-8000-000000000001")

// New makes a CA on a fresh Storage with the clock now, the status URL
// "http://pki.internal" and a hierarchy.
func New(now func() time.Time) (*ca.CA, *Storage, *ca.Hierarchy, error) {
	s := &Storage{}
	c := ca.New(ca.Deps{Storage: s, Sealer: Sealer{}, Now: now, StatusURL: func() string { return "http://pki.internal" }})
	h, err := c.Bootstrap(context.Background(), nil, Account, ca.Config{Organisation: "Example", Country: "DE"})
	return c, s, h, err
}
