package identity

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Storage is what identity needs from the database. Methods that take a tx
// write in it, or read what it sees; where a read says so, tx may be nil and
// the read happens outside of any transaction. Everything that takes an account
// answers not-found for objects of another one. A taken unique value gives
// kind exists.
type Storage interface {
	core.Transactor
	// NextNumber allots the next public number of a kind in an account,
	// starting with first. Numbers grow and are never given twice.
	NextNumber(ctx context.Context, tx core.Tx, account core.AccountID, kind string, first int64) (int64, error)
	AccountStorage
	OrganisationStorage
	GroupStorage
	UserStorage
	SecondFactorStorage
	PasskeyStorage
	ResetStorage
	SignInStateStorage
	SessionStorage
	TokenStorage
	CredentialStorage
	ExternalStorage
}

// AccountStorage keeps tenants.
type AccountStorage interface {
	InsertAccount(ctx context.Context, tx core.Tx, a *core.Account) error
	RenameAccount(ctx context.Context, tx core.Tx, id core.AccountID, name string) error
	Account(ctx context.Context, id core.AccountID) (*core.Account, error)
	// AccountByNumber finds an account; 0 means the first one.
	AccountByNumber(ctx context.Context, number int64) (*core.Account, error)
	Accounts(ctx context.Context) ([]core.Account, error)
	// AnyAccount reports whether there is an account, seen from tx.
	AnyAccount(ctx context.Context, tx core.Tx) (bool, error)
	// LockAccount makes other transactions that lock the account wait until tx
	// ends, so that a rule over several rows can be checked.
	LockAccount(ctx context.Context, tx core.Tx, id core.AccountID) error
}

// OrganisationStorage keeps organisations.
type OrganisationStorage interface {
	InsertOrganisation(ctx context.Context, tx core.Tx, o *core.Organisation) error
	UpdateOrganisation(ctx context.Context, tx core.Tx, o *core.Organisation) error
	// LockOrganisation reads an organisation that nobody else can write until
	// tx ends.
	LockOrganisation(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) (*core.Organisation, error)
	// DeleteOrganisation answers conflict when something refers to it.
	DeleteOrganisation(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) error
	// Organisation reads one; tx may be nil.
	Organisation(ctx context.Context, tx core.Tx, account core.AccountID, id core.OrganisationID) (*core.Organisation, error)
	Organisations(ctx context.Context, q core.ListQuery) (core.Page[core.Organisation], error)
	OrganisationColumns() []core.Column
}

// GroupStorage keeps groups and their members.
type GroupStorage interface {
	InsertGroup(ctx context.Context, tx core.Tx, g *core.Group) error
	UpdateGroup(ctx context.Context, tx core.Tx, g *core.Group) error
	// DeleteGroup removes the group, its memberships and the grants for it. It
	// answers conflict when a credential refers to the group.
	DeleteGroup(ctx context.Context, tx core.Tx, account core.AccountID, id core.GroupID) error
	// GroupUse names what belongs to the group: "credentials", "orders",
	// "certificates", or "" for nothing.
	GroupUse(ctx context.Context, account core.AccountID, id core.GroupID) (string, error)
	// Group reads one; tx may be nil.
	Group(ctx context.Context, tx core.Tx, account core.AccountID, id core.GroupID) (*core.Group, error)
	// Groups lists groups, of those in within only unless it is nil.
	Groups(ctx context.Context, q core.ListQuery, within []core.GroupID) (core.Page[core.Group], error)
	GroupColumns() []core.Column
	// SetMembership makes groups the user's groups.
	SetMembership(ctx context.Context, tx core.Tx, account core.AccountID, user core.UserID, groups []core.GroupID) error
	// AddMember and RemoveMember report whether they changed something.
	AddMember(ctx context.Context, tx core.Tx, account core.AccountID, group core.GroupID, user core.UserID) (bool, error)
	RemoveMember(ctx context.Context, tx core.Tx, account core.AccountID, group core.GroupID, user core.UserID) (bool, error)
}

// UserStorage keeps people and what sign-in needs of them.
type UserStorage interface {
	InsertUser(ctx context.Context, tx core.Tx, u *core.User) error
	// UpdateUser writes name, mail, state and grants.
	UpdateUser(ctx context.Context, tx core.Tx, u *core.User) error
	DeleteUser(ctx context.Context, tx core.Tx, account core.AccountID, id core.UserID) error
	// UserUse names what refers to the user: "credentials", "orders",
	// "certificates", "approvals", or "" for nothing.
	UserUse(ctx context.Context, account core.AccountID, id core.UserID) (string, error)
	// User reads one with its groups; tx may be nil.
	User(ctx context.Context, tx core.Tx, account core.AccountID, id core.UserID) (*core.User, error)
	UserByLogin(ctx context.Context, account core.AccountID, login string) (*core.User, error)
	// Users lists people, members of the groups in within only unless it is nil.
	Users(ctx context.Context, q core.ListQuery, within []core.GroupID) (core.Page[core.User], error)
	UserColumns() []core.Column
	// Administrators lists the active users that have the role administrator
	// in any scope, seen from tx.
	Administrators(ctx context.Context, tx core.Tx, account core.AccountID) ([]*core.User, error)

	// SetPassword stores a hash and forgets failures and lock.
	SetPassword(ctx context.Context, tx core.Tx, id core.UserID, hash string, mustChange bool, at time.Time) error
	// Rehash replaces old by the same password under newer parameters, if old
	// is still there.
	Rehash(ctx context.Context, tx core.Tx, id core.UserID, old, hash string) error
	// CountFailure adds one wrong password and returns how many there are now.
	CountFailure(ctx context.Context, tx core.Tx, id core.UserID) (int, error)
	LockUser(ctx context.Context, tx core.Tx, id core.UserID, until time.Time) error
	// CountSignIn records a right password and forgets failures. It returns
	// false and changes nothing when the user is locked at that time, is not
	// active, or has another password hash by now.
	CountSignIn(ctx context.Context, tx core.Tx, id core.UserID, hash string, at time.Time) (bool, error)
}

// SecondFactorStorage keeps what is asked for beside a password.
type SecondFactorStorage interface {
	// TOTP reads a user's; tx may be nil.
	TOTP(ctx context.Context, tx core.Tx, user core.UserID) (*core.TOTP, error)
	// PutTOTP stores an unconfirmed one in place of another unconfirmed one; it
	// answers conflict when there is a confirmed one.
	PutTOTP(ctx context.Context, tx core.Tx, f *core.TOTP) error
	// ConfirmTOTP reports false when there is nothing to confirm.
	ConfirmTOTP(ctx context.Context, tx core.Tx, user core.UserID, step int64, at time.Time) (bool, error)
	// UseTOTPStep reports false when this step or a newer one was used before.
	UseTOTPStep(ctx context.Context, tx core.Tx, user core.UserID, step int64) (bool, error)
	// DeleteTOTP reports false when there is none.
	DeleteTOTP(ctx context.Context, tx core.Tx, user core.UserID) (bool, error)
	SetRecoveryCodes(ctx context.Context, tx core.Tx, user core.UserID, hashes [][]byte) error
	// UseRecoveryCode reports false when there is no such code, or it was used.
	UseRecoveryCode(ctx context.Context, tx core.Tx, user core.UserID, hash []byte, at time.Time) (bool, error)
	RecoveryCodesLeft(ctx context.Context, user core.UserID) (int, error)
}

// PasskeyStorage keeps passkeys and which roles need a second factor.
type PasskeyStorage interface {
	// InsertPasskey answers exists when its credential id is taken, by anybody.
	InsertPasskey(ctx context.Context, tx core.Tx, k *core.Passkey) error
	// Passkey reads one; tx may be nil.
	Passkey(ctx context.Context, tx core.Tx, account core.AccountID, id core.PasskeyID) (*core.Passkey, error)
	// PasskeyByCredential reads one of any account.
	PasskeyByCredential(ctx context.Context, credential []byte) (*core.Passkey, error)
	// PasskeysOf lists a user's, oldest first.
	PasskeysOf(ctx context.Context, user core.UserID) ([]core.Passkey, error)
	Passkeys(ctx context.Context, q core.ListQuery) (core.Page[core.Passkey], error)
	PasskeyColumns() []core.Column
	// UsePasskey records a use and moves the counter. It reports false when the
	// counter is no longer from, or the passkey is refused or gone.
	UsePasskey(ctx context.Context, tx core.Tx, id core.PasskeyID, from, to uint32, backedUp bool, at time.Time) (bool, error)
	// RefusePasskey has it refused from now on.
	RefusePasskey(ctx context.Context, tx core.Tx, id core.PasskeyID, at time.Time) error
	RenamePasskey(ctx context.Context, tx core.Tx, account core.AccountID, id core.PasskeyID, name string) error
	DeletePasskey(ctx context.Context, tx core.Tx, account core.AccountID, id core.PasskeyID) error
	DeletePasskeys(ctx context.Context, tx core.Tx, user core.UserID) (int, error)
	// CountPasskeySignIn records a sign-in; false when the user is not active.
	CountPasskeySignIn(ctx context.Context, tx core.Tx, user core.UserID, at time.Time) (bool, error)

	// SignInPolicy reads an account's, an empty one of version 0 when there is
	// none; tx may be nil.
	SignInPolicy(ctx context.Context, tx core.Tx, account core.AccountID) (*core.SignInPolicy, error)
	// PutSignInPolicy reports false when the stored version is not from.
	PutSignInPolicy(ctx context.Context, tx core.Tx, p *core.SignInPolicy, from int) (bool, error)
}

// ResetStorage keeps requests of those who have forgotten their password.
type ResetStorage interface {
	InsertReset(ctx context.Context, tx core.Tx, r *core.PasswordReset) error
	// CountResets says how many there were since then for a login and from an
	// address.
	CountResets(ctx context.Context, tx core.Tx, login []byte, address string, since time.Time) (byLogin, byAddress int, err error)
	Reset(ctx context.Context, id core.ResetID) (*core.PasswordReset, error)
	// ResetBySecret finds one that can still be used.
	ResetBySecret(ctx context.Context, hash []byte, now time.Time) (*core.PasswordReset, error)
	// SetResetSecret reports false when the request is nobody's, or used.
	SetResetSecret(ctx context.Context, tx core.Tx, id core.ResetID, hash []byte) (bool, error)
	// TakeReset uses one up and reports whether it was still there.
	TakeReset(ctx context.Context, tx core.Tx, hash []byte, now time.Time) (bool, error)
	// DropResets uses up all of a user.
	DropResets(ctx context.Context, tx core.Tx, user core.UserID) error
	PurgeResets(ctx context.Context, tx core.Tx, before time.Time) error
}

// SignInStateStorage keeps sign-ins between two requests.
type SignInStateStorage interface {
	InsertSignInState(ctx context.Context, tx core.Tx, s *core.SignInState) error
	// SignInState reads one that has not ended; tx may be nil.
	SignInState(ctx context.Context, tx core.Tx, kind string, hash []byte, now time.Time) (*core.SignInState, error)
	// TakeSignInState removes one and reports whether it was still there.
	TakeSignInState(ctx context.Context, tx core.Tx, hash []byte) (bool, error)
	// DropSignInStates removes all of a user.
	DropSignInStates(ctx context.Context, tx core.Tx, user core.UserID) error
	PurgeSignInStates(ctx context.Context, tx core.Tx, now time.Time) error
}

// SessionStorage keeps sessions.
type SessionStorage interface {
	InsertSession(ctx context.Context, tx core.Tx, s *core.Session) error
	// SessionByHash reads a session and its user with groups.
	SessionByHash(ctx context.Context, hash []byte) (*core.Session, *core.User, error)
	Session(ctx context.Context, account core.AccountID, id core.SessionID) (*core.Session, error)
	// ProveSession records that the person has just shown who he is.
	ProveSession(ctx context.Context, tx core.Tx, account core.AccountID, id core.SessionID, at time.Time) error
	TouchSession(ctx context.Context, tx core.Tx, id core.SessionID, at time.Time) error
	Sessions(ctx context.Context, q core.ListQuery) (core.Page[core.Session], error)
	SessionColumns() []core.Column
	DeleteSession(ctx context.Context, tx core.Tx, account core.AccountID, id core.SessionID) error
	// DeleteSessions ends all sessions of a user but one and returns how many.
	DeleteSessions(ctx context.Context, tx core.Tx, account core.AccountID, user core.UserID, except core.SessionID) (int, error)
	// PurgeSessions removes those that ended by now or were idle since then.
	PurgeSessions(ctx context.Context, tx core.Tx, now, idle time.Time) (int, error)
}

// TokenStorage keeps personal API tokens.
type TokenStorage interface {
	InsertToken(ctx context.Context, tx core.Tx, t *core.Token) error
	// TokenByHash reads a token and its user with groups.
	TokenByHash(ctx context.Context, hash []byte) (*core.Token, *core.User, error)
	Token(ctx context.Context, account core.AccountID, id core.TokenID) (*core.Token, error)
	TouchToken(ctx context.Context, tx core.Tx, id core.TokenID, at time.Time) error
	Tokens(ctx context.Context, q core.ListQuery) (core.Page[core.Token], error)
	TokenColumns() []core.Column
	// RevokeToken answers conflict when the token is revoked already.
	RevokeToken(ctx context.Context, tx core.Tx, account core.AccountID, id core.TokenID, at time.Time) error
}

// CredentialStorage keeps API credentials.
type CredentialStorage interface {
	// InsertCredential names the field at fault when a unique value is taken:
	// label, public_id or default.
	InsertCredential(ctx context.Context, tx core.Tx, c *core.Credential) error
	// UpdateCredential writes everything but identity, type, label and
	// creation, if the stored credential is active and has version from; else
	// it answers conflict.
	UpdateCredential(ctx context.Context, tx core.Tx, c *core.Credential, from int) error
	// Credential reads one; tx may be nil.
	Credential(ctx context.Context, tx core.Tx, account core.AccountID, id core.CredentialID) (*core.Credential, error)
	// CredentialByLabel and CredentialByPublicID serve requests, of all
	// accounts. An empty label finds the active default of the type. The
	// second result says whether the credential's user is active. The row is
	// read anew each time.
	CredentialByLabel(ctx context.Context, typ core.CredentialType, label string) (*core.Credential, bool, error)
	CredentialByPublicID(ctx context.Context, typ core.CredentialType, publicID string) (*core.Credential, bool, error)
	// Credentials lists, of the groups in within only unless it is nil.
	Credentials(ctx context.Context, q core.ListQuery, within []core.GroupID) (core.Page[core.Credential], error)
	CredentialColumns() []core.Column
}

// Catalogue is what identity reads of products and certificates.
type Catalogue interface {
	Product(ctx context.Context, account core.AccountID, id core.ProductID) (*core.Product, error)
	// CertificateByFingerprint finds a certificate of ours by the SHA-256 of
	// its DER. The DER itself is not needed.
	CertificateByFingerprint(ctx context.Context, account core.AccountID, fingerprint []byte) (*core.Certificate, error)
}

// Audit is the part of the audit log that identity writes to.
type Audit interface {
	Write(tx core.Tx, e ...core.Event)
	Record(ctx context.Context, e core.Event) error
}

// Sealer encrypts secrets that must be read back.
type Sealer interface {
	Seal(plain []byte, context string) ([]byte, error)
	Open(sealed []byte, context string) ([]byte, error)
}
