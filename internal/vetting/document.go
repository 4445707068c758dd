package vetting

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// maxDocuments is how many evidence documents an organisation can have.
const maxDocuments = 500

// AddDocument keeps an evidence document of an organisation, sealed. Whoever
// may ask for a vetting or decide on one brings evidence.
func (s *Service) AddDocument(ctx context.Context, p *core.Principal, o core.OrganisationID, name, description string, body []byte) (*core.Document, error) {
	if err := identity.Can(p, identity.EvidenceAdd, ""); err != nil {
		return nil, err
	}
	if _, err := s.reach(ctx, p, o); err != nil {
		return nil, err
	}
	if err := core.CheckPDF(name, description, body); err != nil {
		return nil, err
	}
	now, sum := s.now(), sha256.Sum256(body)
	d := &core.Document{ID: core.NewID[core.DocumentID](now), Account: p.Account, Owner: o, Name: name, Description: description,
		Type: "application/pdf", Size: len(body), SHA256: sum[:], Uploader: p.Actor(), CreatedAt: now}
	var err error
	if d.Sealed, err = s.d.Sealer.Seal(body, core.DocumentPlace(d.ID)); err != nil {
		return nil, err
	}
	err = s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if _, err := s.storage.LockOrganisation(ctx, tx, p.Account, o); err != nil {
			return err
		}
		n, err := s.storage.CountOrganisationDocuments(ctx, tx, o)
		if err != nil {
			return err
		}
		if n >= maxDocuments {
			return core.Errorf(core.KindQuota, "an organisation has at most %d documents", maxDocuments)
		}
		s.write(tx, p, now, "document.add", "document:"+string(d.ID), map[string]any{"organisation": string(o), "name": name, "size": d.Size, "sha256": hex.EncodeToString(sum[:])})
		return s.storage.InsertDocument(ctx, tx, d)
	})
	if err != nil {
		return nil, err
	}
	d.Sealed = nil
	return d, nil
}

// Documents lists them. Those who may not see evidence see what they brought
// themselves.
func (s *Service) Documents(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Document, error) {
	if _, err := s.reach(ctx, p, o); err != nil {
		return nil, err
	}
	all := seesEvidence(p)
	if err := identity.Can(p, identity.EvidenceAdd, ""); err != nil && !all {
		return nil, err
	}
	list, err := s.storage.OrganisationDocuments(ctx, p.Account, o)
	if err != nil || all {
		return list, err
	}
	return slices.DeleteFunc(list, func(d core.Document) bool { return d.Uploader != p.Actor() }), nil
}

// seesEvidence reports whether p sees the evidence about organisations: people
// who may see documents of the whole account.
func seesEvidence(p *core.Principal) bool {
	return p.Credential == nil && identity.Can(p, identity.DocumentView, "") == nil
}

// Document returns one with its octets.
func (s *Service) Document(ctx context.Context, p *core.Principal, o core.OrganisationID, id core.DocumentID) (*core.Document, []byte, error) {
	if _, err := s.reach(ctx, p, o); err != nil {
		return nil, nil, err
	}
	none := core.Errorf(core.KindNotFound, "there is no such document")
	if !core.ValidID(id) {
		return nil, nil, none
	}
	d, err := s.storage.Document(ctx, p.Account, id)
	if err != nil {
		return nil, nil, err
	}
	if d.Owner != o || !seesEvidence(p) && d.Uploader != p.Actor() {
		return nil, nil, none
	}
	body, err := s.d.Sealer.Open(d.Sealed, core.DocumentPlace(d.ID))
	if err != nil {
		return nil, nil, core.Wrap(core.KindInternal, err, "the document cannot be opened")
	}
	e := core.EventOf(p, s.now(), "document.read", "document:"+string(d.ID))
	e.Detail = map[string]any{"organisation": string(o), "name": d.Name}
	if err := s.d.Audit.Record(ctx, e); err != nil {
		return nil, nil, err
	}
	d.Sealed = nil
	return d, body, nil
}
