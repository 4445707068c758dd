package acme

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Storage keeps accounts, orders and authorizations. Everything is found
// within its credential only: what belongs to another gives not-found.
type Storage interface {
	core.Transactor

	// InsertACMEAccount adds an account; false when the credential has one with
	// this thumbprint already.
	InsertACMEAccount(ctx context.Context, tx core.Tx, a *core.ACMEAccount) (bool, error)
	ACMEAccount(ctx context.Context, credential core.CredentialID, id core.ACMEAccountID) (*core.ACMEAccount, error)
	ACMEAccountByKey(ctx context.Context, credential core.CredentialID, thumbprint string) (*core.ACMEAccount, error)
	// UpdateACMEAccount writes state, key, thumbprint, contacts, terms and
	// updated_at if the account still has the state and thumbprint given, else
	// it answers conflict; exists when another account of the credential has
	// the new thumbprint.
	UpdateACMEAccount(ctx context.Context, tx core.Tx, a *core.ACMEAccount, from core.ACMEAccountState, thumbprint string) error
	// CountACMEAccounts counts the valid accounts of a credential inside tx; on
	// PostgreSQL it locks the credential's row, so that two that count at the
	// same time see each other.
	CountACMEAccounts(ctx context.Context, tx core.Tx, credential core.CredentialID) (int, error)

	// InsertACMEOrder adds an order, its new authorizations (fresh) and the ties
	// to all its authorizations (o.Authorizations).
	InsertACMEOrder(ctx context.Context, tx core.Tx, o *core.ACMEOrder, fresh []*core.Authorization) error
	ACMEOrder(ctx context.Context, credential core.CredentialID, id core.ACMEOrderID) (*core.ACMEOrder, error)
	// OpenACMEOrder finds the newest order with the wish that is pending or
	// ready and expires after now; not-found when there is none.
	OpenACMEOrder(ctx context.Context, account core.ACMEAccountID, wish string, now time.Time) (*core.ACMEOrder, error)
	// UpdateACMEOrder writes state, csr, order, certificate, problem and
	// updated_at if the order still has the state given; else conflict.
	UpdateACMEOrder(ctx context.Context, tx core.Tx, o *core.ACMEOrder, from core.ACMEOrderState) error
	// ACMEOrdersOf lists the ids of an account's orders, newest first, that are
	// neither invalid nor expired at now; before is the last id of the page
	// before, empty for the first.
	ACMEOrdersOf(ctx context.Context, account core.ACMEAccountID, before core.ACMEOrderID, now time.Time, limit int) ([]core.ACMEOrderID, error)
	// CountACMEOrders counts an account's orders made since; oldest is when the
	// oldest of them was made.
	CountACMEOrders(ctx context.Context, account core.ACMEAccountID, since time.Time) (n int, oldest time.Time, err error)
	// ACMEReplaced reports whether an order of the credential that is not
	// invalid or expired names the certificate as the one that it replaces,
	// other than order except.
	ACMEReplaced(ctx context.Context, tx core.Tx, certificate core.CertificateID, except core.ACMEOrderID, now time.Time) (bool, error)
	// ACMEOrderByCertificate finds the order that a certificate was issued for.
	ACMEOrderByCertificate(ctx context.Context, account core.AccountID, certificate core.CertificateID) (*core.ACMEOrder, error)

	InsertAuthorization(ctx context.Context, tx core.Tx, a *core.Authorization) error
	Authorization(ctx context.Context, credential core.CredentialID, id core.AuthorizationID) (*core.Authorization, error)
	// Authorizations reads several in one query, in no order.
	Authorizations(ctx context.Context, ids []core.AuthorizationID) ([]*core.Authorization, error)
	// UsableAuthorizations lists an account's authorizations for any of the
	// identifiers (values without "*.") that are valid at now or pending and
	// end after now, newest first, at most 200.
	UsableAuthorizations(ctx context.Context, account core.ACMEAccountID, identifiers []core.Identifier, now time.Time) ([]*core.Authorization, error)
	// UpdateAuthorization writes state, method, challenges, busy_until,
	// expires_at and version+1 if the stored version is still a.Version; else
	// conflict. a.Version is not changed: the caller may run twice.
	UpdateAuthorization(ctx context.Context, tx core.Tx, a *core.Authorization) error
	// SettleACMEOrders brings pending orders of the authorization in line with
	// it: to ready when all their authorizations are valid, to invalid with the
	// problem given when it is not nil. It returns nothing: orders are read anew.
	SettleACMEOrders(ctx context.Context, tx core.Tx, id core.AuthorizationID, problem *core.ACMEProblem, now time.Time) error
	// BusyAuthorizations lists pending authorizations whose busy_until has
	// passed (work that a dead process left), oldest first.
	BusyAuthorizations(ctx context.Context, before time.Time, limit int) ([]*core.Authorization, error)

	// CertificateByIssued finds a certificate by the subjectKeyIdentifier of its
	// issuer and its serial number (lower-case hex without leading zeros), with
	// DER.
	// Issuer reads an issuer.
	Issuer(ctx context.Context, account core.AccountID, id core.IssuerID) (*core.Issuer, error)
	CertificateByIssued(ctx context.Context, account core.AccountID, aki []byte, serial string) (*core.Certificate, error)
	Certificate(ctx context.Context, account core.AccountID, id core.CertificateID) (*core.Certificate, error)
	// RenewalPulls lists the pulls in force of an account that concern the
	// issuer and product and were made after issued.
	RenewalPulls(ctx context.Context, account core.AccountID, issuer core.IssuerID, product core.ProductID, issued time.Time) ([]core.RenewalPull, error)

	// Credential reads a credential outside of a request of its own; tx is nil.
	Credential(ctx context.Context, tx core.Tx, account core.AccountID, id core.CredentialID) (*core.Credential, error)

	// RedeemNonce records that a nonce was used; false when it was used before.
	// Rows are forgotten after until.
	RedeemNonce(ctx context.Context, id []byte, until time.Time) (bool, error)
}
