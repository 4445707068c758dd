package rest

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Storage keeps tokens, used transaction names, first answers and deployment
// requests, and reads what lists of groups and certificates show.
type Storage interface {
	core.Transactor

	InsertRESTToken(ctx context.Context, tx core.Tx, t *core.RESTToken) error
	// RESTToken finds a pair by the hash of its bearer token, of any state.
	RESTToken(ctx context.Context, access []byte) (*core.RESTToken, error)
	// RESTRefresh finds a pair by the hash of its refresh token; tx may be nil.
	RESTRefresh(ctx context.Context, tx core.Tx, refresh []byte) (*core.RESTToken, error)
	// UseRESTRefresh marks a refresh token as used; false when it was used or
	// revoked before.
	UseRESTRefresh(ctx context.Context, tx core.Tx, refresh []byte, at time.Time) (bool, error)
	// RevokeRESTFamily ends every token that came from the same first one.
	RevokeRESTFamily(ctx context.Context, tx core.Tx, family string, at time.Time) error

	// UseRESTTxn records that a transaction name of a credential was used; false
	// when it was used before. It is forgotten after until.
	UseRESTTxn(ctx context.Context, credential core.CredentialID, txn string, until time.Time) (bool, error)

	// RESTAnswer finds the answer for a credential's idempotency key.
	RESTAnswer(ctx context.Context, credential core.CredentialID, key string) (*core.RESTAnswer, error)
	// InsertRESTAnswer adds one; false when there is one already.
	InsertRESTAnswer(ctx context.Context, tx core.Tx, a *core.RESTAnswer) (bool, error)
	// FinishRESTAnswer completes one that is not final yet; false when it is.
	FinishRESTAnswer(ctx context.Context, tx core.Tx, a *core.RESTAnswer) (bool, error)

	// DeploymentRequests lists those of a certificate, newest first, and says
	// how many there are.
	DeploymentRequests(ctx context.Context, account core.AccountID, certificate core.CertificateID, offset, limit int) ([]core.DeploymentRequest, int, error)

	// Certificate reads a certificate with DER.
	Certificate(ctx context.Context, account core.AccountID, id core.CertificateID) (*core.Certificate, error)
	// Group and Organisation read one; tx may be nil.
	Group(ctx context.Context, tx core.Tx, account core.AccountID, id core.GroupID) (*core.Group, error)
	Organisation(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) (*core.Organisation, error)
	User(ctx context.Context, tx core.Tx, account core.AccountID, id core.UserID) (*core.User, error)
	Issuer(ctx context.Context, account core.AccountID, id core.IssuerID) (*core.Issuer, error)
}
