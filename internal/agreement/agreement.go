// Package agreement keeps the texts of subscriber agreements, one for the account and
// one for each product that has its own, in versions that are never changed.
package agreement

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// Storage is what the service needs from the database.
type Storage interface {
	core.Transactor
	// AgreementText reads one version with its body. Error: not-found.
	AgreementText(ctx context.Context, account core.AccountID, id core.AgreementTextID) (*core.AgreementText, error)
	// PresentAgreementText reads the present version of exactly this product (empty: of the
	// account), also an empty one. Error: not-found. tx may be nil.
	PresentAgreementText(ctx context.Context, tx core.Tx, account core.AccountID, product core.ProductID) (*core.AgreementText, error)
	// InsertAgreementText adds the version after the present one, which it supersedes.
	// Error: conflict, when the present version is not t.Version-1.
	InsertAgreementText(ctx context.Context, tx core.Tx, t *core.AgreementText) error
	ListAgreementTexts(ctx context.Context, q core.ListQuery) (core.Page[core.AgreementText], error)
	AgreementTextColumns() []core.Column
	Product(ctx context.Context, account core.AccountID, id core.ProductID) (*core.Product, error)
}

// Audit is the part of the audit log that the service writes to.
type Audit interface {
	Write(tx core.Tx, e ...core.Event)
}

// Deps are what the service stands on.
type Deps struct {
	Storage Storage
	Audit   Audit
	Now     func() time.Time
}

// Service keeps the texts. It is safe for concurrent use.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

// Clean is a text as it is kept: lines end in LF, no byte order mark, no white space at
// the end, one LF after a text that is not empty. Errors, all at "body": too-large;
// invalid (not UTF-8, characters that are not text).
func Clean(body string) (string, error) {
	if len(body) > core.MaxAgreementText {
		return "", core.Errorf(core.KindTooLarge, "an agreement has at most %d octets", core.MaxAgreementText).At("body")
	}
	if !utf8.ValidString(body) {
		return "", core.Errorf(core.KindInvalid, "the text is not UTF-8").At("body")
	}
	body = strings.ReplaceAll(strings.TrimPrefix(body, "\ufeff"), "\r\n", "\n")
	for _, r := range body {
		// Cf holds the characters that turn the direction of writing round, with which
		// a text can be shown other than it is; of them joiners are needed to write.
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d' && r != '\u00ad') {
			return "", core.Errorf(core.KindInvalid, "the text has the character %U, which is not shown", r).At("body")
		}
	}
	if body = strings.TrimRightFunc(body, unicode.IsSpace); body != "" {
		body += "\n"
	}
	return body, nil
}

// Publish adds a version of the text of a product, or with "" of the account. An empty
// body says that from now on there is no text: a product then has the account's again. base
// is the version that the author saw, 0: there was none. The same text once more changes
// nothing and gives the present version. Errors: forbidden; invalid, too-large (body); not-found
// (product); conflict (somebody else was faster).
func (s *Service) Publish(ctx context.Context, p *core.Principal, product core.ProductID, base int, body string) (*core.AgreementText, error) {
	if err := identity.Can(p, identity.SettingsManage, ""); err != nil {
		return nil, err
	}
	body, err := Clean(body)
	if err != nil {
		return nil, err
	}
	if product != "" {
		if _, err := s.d.Storage.Product(ctx, p.Account, product); err != nil {
			return nil, err
		}
	}
	var out *core.AgreementText
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		now := s.d.Now().UTC().Truncate(time.Microsecond)
		out = nil
		was, err := s.d.Storage.PresentAgreementText(ctx, tx, p.Account, product)
		version, old := 0, core.AgreementDigest("")
		switch {
		case err == nil:
			version, old = was.Version, was.Digest
		case !core.Is(err, core.KindNotFound):
			return err
		}
		t := &core.AgreementText{ID: core.NewID[core.AgreementTextID](now), Account: p.Account, Product: product, Version: version + 1, Body: body,
			Size: len(body), Digest: core.AgreementDigest(body), Author: p.User, CreatedAt: now}
		if t.Digest == old {
			if was == nil {
				return core.Errorf(core.KindInvalid, "there is no text to take away").At("body")
			}
			out = was
			return nil
		}
		if base != version {
			return core.Errorf(core.KindConflict, "the present version is %d, not %d: somebody else has changed the text", version, base).At("version")
		}
		if err := s.d.Storage.InsertAgreementText(ctx, tx, t); err != nil {
			return err
		}
		e := core.EventOf(p, now, "agreement.publish", "agreement:"+string(t.ID))
		e.Detail = map[string]any{"product": string(product), "version": t.Version, "digest": t.Digest, "size": t.Size}
		s.d.Audit.Write(tx, e)
		out = t
		return nil
	})
	return out, err
}

// Text reads one version with its body, to whoever may see products. Errors: forbidden, not-found.
func (s *Service) Text(ctx context.Context, p *core.Principal, id core.AgreementTextID) (*core.AgreementText, error) {
	if err := identity.Can(p, identity.ProductView, ""); err != nil {
		return nil, err
	}
	if !core.ValidID(id) {
		return nil, core.Errorf(core.KindNotFound, "there is no such text")
	}
	return s.d.Storage.AgreementText(ctx, p.Account, id)
}

// Texts lists versions without bodies, to whoever may see products.
func (s *Service) Texts(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.AgreementText], error) {
	if err := identity.Can(p, identity.ProductView, ""); err != nil {
		return core.Page[core.AgreementText]{}, err
	}
	q.Account = p.Account
	return s.d.Storage.ListAgreementTexts(ctx, q)
}

// Columns describes the list.
func (s *Service) Columns() []core.Column { return s.d.Storage.AgreementTextColumns() }

// Standing is the text that the subscriber of a product has to accept now: the product's
// own, else the account's; nil when there is none.
func (s *Service) Standing(ctx context.Context, account core.AccountID, product core.ProductID) (*core.AgreementText, error) {
	for _, of := range []core.ProductID{product, ""} {
		t, err := s.d.Storage.PresentAgreementText(ctx, nil, account, of)
		if err == nil && t.Body != "" {
			return t, nil
		}
		if err != nil && !core.Is(err, core.KindNotFound) {
			return nil, err
		}
	}
	return nil, nil
}

// Version reads one version for an order that refers to it. Error: not-found.
func (s *Service) Version(ctx context.Context, account core.AccountID, id core.AgreementTextID) (*core.AgreementText, error) {
	return s.d.Storage.AgreementText(ctx, account, id)
}
