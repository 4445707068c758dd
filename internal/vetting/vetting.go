package vetting

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// Decision is a validator's word on a vetting.
type Decision struct {
	State     core.VettingState // validated, rejected, discrepancy
	Method    string            // one of core.VettingMethods; required to validate
	Source    string            // which register, letter, …
	Comment   string            // required unless validated
	Evidence  []core.DocumentID // of the organisation; validating needs this or a source
	ExpiresAt time.Time         // zero: 398 days for ov and ev, 825 for smime
	// Version is the one that the validator looked at; 0: whichever. It grows
	// also when the organisation's data change.
	Version int
}

// The limits of a decision's texts in characters, and of its evidence.
const (
	maxSource   = 500
	maxComment  = 2000
	maxEvidence = 50
)

// Standing returns the valid vetting of an organisation that serves purpose,
// else the open or last one; kind not-found when there was none.
func (s *Service) Standing(ctx context.Context, account core.AccountID, o core.OrganisationID, purpose core.Purpose) (*core.Vetting, error) {
	list, err := s.storage.VettingsOf(ctx, nil, account, o)
	if err != nil {
		return nil, err
	}
	if v := standing(list, purpose, s.now()); v != nil {
		return v, nil
	}
	return nil, core.Errorf(core.KindNotFound, "the organisation was never vetted for %s", purpose)
}

// standing chooses among vettings, newest first.
func standing(list []core.Vetting, purpose core.Purpose, now time.Time) *core.Vetting {
	var valid, open, last *core.Vetting
	for i := range list {
		v := &list[i]
		serves := v.Purpose == purpose || v.Purpose == core.PurposeEV && purpose == core.PurposeOV
		switch {
		case !serves:
		case v.Covers(purpose, now):
			if valid == nil || v.ExpiresAt.After(valid.ExpiresAt) {
				valid = v
			}
		case v.State.Open():
			if open == nil || open.Purpose != purpose && v.Purpose == purpose {
				open = v
			}
		case last == nil || last.Purpose != purpose && v.Purpose == purpose:
			last = v
		}
	}
	switch {
	case valid != nil:
		return valid
	case open != nil:
		return open
	}
	return last
}

// Ask opens a vetting, or returns the open one. Who asked for one that is in
// discrepancy puts it before the validators again.
func (s *Service) Ask(ctx context.Context, p *core.Principal, o core.OrganisationID, purpose core.Purpose) (*core.Vetting, error) {
	if err := mayAsk(p); err != nil {
		return nil, err
	}
	if !slices.Contains(core.Purposes, purpose) {
		return nil, core.Errorf(core.KindInvalid, "the purpose is ov, ev or smime").At("purpose")
	}
	if _, err := s.reach(ctx, p, o); err != nil {
		return nil, err
	}
	var out *core.Vetting
	now := s.now()
	err := s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if _, err := s.storage.LockOrganisation(ctx, tx, p.Account, o); err != nil {
			return err
		}
		list, err := s.storage.VettingsOf(ctx, tx, p.Account, o)
		if err != nil {
			return err
		}
		if out = openOf(list, purpose); out != nil {
			if out.State != core.VettingDiscrepancy || out.AskedBy != p.User {
				return nil
			}
			return s.move(ctx, tx, p, out, core.VettingPending, "vetting.ask", now)
		}
		out = &core.Vetting{ID: core.NewID[core.VettingID](now), Account: p.Account, Organisation: o, Purpose: purpose, State: core.VettingPending,
			AskedBy: p.User, AskedAs: p.Actor(), Version: 1, CreatedAt: now, UpdatedAt: now}
		s.write(tx, p, now, "vetting.ask", object(out.ID), facts(out))
		return s.storage.InsertVetting(ctx, tx, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// openOf returns the open vetting for purpose, nil when there is none.
func openOf(list []core.Vetting, purpose core.Purpose) *core.Vetting {
	for i := range list {
		if list[i].Purpose == purpose && list[i].State.Open() {
			return &list[i]
		}
	}
	return nil
}

func object(id core.VettingID) string { return "vetting:" + string(id) }

// facts are what the audit log says of a vetting.
func facts(v *core.Vetting) map[string]any {
	f := map[string]any{"organisation": string(v.Organisation), "purpose": string(v.Purpose), "state": string(v.State)}
	if v.State == core.VettingValidated {
		f["method"], f["source"], f["expires_at"] = v.Method, v.Source, v.ExpiresAt.Format(time.RFC3339)
		if len(v.Evidence) > 0 {
			f["evidence"] = v.Evidence
		}
	}
	return f
}

// move changes the state of v in tx, with an event.
func (s *Service) move(ctx context.Context, tx core.Tx, p *core.Principal, v *core.Vetting, to core.VettingState, action string, at time.Time) error {
	if err := v.State.To(to); err != nil {
		return err
	}
	from := v.Version
	v.State, v.Version, v.UpdatedAt = to, from+1, at
	s.write(tx, p, at, action, object(v.ID), facts(v))
	return s.storage.UpdateVetting(ctx, tx, v, from)
}

// Decide records a validator's word. Who asked for the vetting does not decide on it.
func (s *Service) Decide(ctx context.Context, p *core.Principal, id core.VettingID, d Decision) (*core.Vetting, error) {
	if err := identity.Can(p, identity.VettingDecide, ""); err != nil {
		return nil, err
	}
	if p.User == "" || p.Credential != nil {
		return nil, core.Errorf(core.KindForbidden, "only a person decides on a vetting")
	}
	v, err := s.vetting(ctx, nil, p, id)
	if err != nil {
		return nil, err
	}
	now := s.now()
	if v.AskedBy == p.User {
		e := core.EventOf(p, now, "vetting.decide", object(v.ID))
		e.Outcome, e.Detail = core.Refused, map[string]any{"reason": "asked for it himself", "state": string(d.State)}
		if err := s.d.Audit.Record(ctx, e); err != nil {
			return nil, err
		}
		return nil, core.Errorf(core.KindForbidden, "nobody may decide on a vetting that he asked for himself")
	}
	if err := s.checkDecision(ctx, v, &d, now); err != nil {
		return nil, err
	}
	err = s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if _, err := s.storage.LockOrganisation(ctx, tx, p.Account, v.Organisation); err != nil {
			return err
		}
		if v, err = s.storage.Vetting(ctx, tx, p.Account, id); err != nil {
			return err
		}
		if d.Version != 0 && d.Version != v.Version {
			return core.Errorf(core.KindConflict, "the vetting or the organisation's data were changed since you looked at them").At("version")
		}
		v.Validator, v.Method, v.Source, v.Comment, v.Evidence = p.User, d.Method, d.Source, d.Comment, d.Evidence
		v.DecidedAt, v.ExpiresAt, v.Reminded = now, d.ExpiresAt, 0
		if err := s.move(ctx, tx, p, v, d.State, "vetting.decide", now); err != nil {
			return err
		}
		if d.State == core.VettingValidated && s.d.Vetted != nil {
			return s.d.Vetted(ctx, tx, p.Account, v.Organisation)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// checkDecision verifies what a validator says and fills in the expiry.
func (s *Service) checkDecision(ctx context.Context, v *core.Vetting, d *Decision, now time.Time) error {
	switch d.State {
	case core.VettingValidated, core.VettingRejected, core.VettingDiscrepancy:
	default:
		return core.Errorf(core.KindInvalid, "a decision is validated, rejected or discrepancy").At("state")
	}
	if d.Method != "" && !slices.Contains(core.VettingMethods, d.Method) {
		return core.Errorf(core.KindInvalid, "a method is one of %s", strings.Join(core.VettingMethods, ", ")).At("method")
	}
	if err := core.CheckLine("source", d.Source, maxSource); err != nil {
		return err
	}
	if err := core.CheckLine("comment", d.Comment, maxComment); err != nil {
		return err
	}
	if err := s.checkEvidence(ctx, v, d.Evidence); err != nil {
		return err
	}
	if d.State != core.VettingValidated {
		d.ExpiresAt = time.Time{}
		if d.Comment == "" {
			return core.Errorf(core.KindInvalid, "say why in a comment").At("comment")
		}
		return nil
	}
	latest := now.AddDate(0, 0, v.Purpose.Days())
	switch {
	case d.Method == "":
		return core.Errorf(core.KindInvalid, "say by which method the organisation was examined").At("method")
	case len(d.Evidence) == 0 && d.Source == "":
		return core.Errorf(core.KindInvalid, "name the source, or the documents that are the evidence").At("source")
	case d.ExpiresAt.IsZero():
		d.ExpiresAt = latest
	case !d.ExpiresAt.After(now):
		return core.Errorf(core.KindInvalid, "the expiry lies in the past").At("expires_at")
	case d.ExpiresAt.After(latest):
		return core.Errorf(core.KindInvalid, "a vetting for %s stands for at most %d days", v.Purpose, v.Purpose.Days()).At("expires_at")
	}
	d.ExpiresAt = d.ExpiresAt.UTC().Truncate(time.Microsecond)
	return nil
}

// checkEvidence verifies that the documents are the organisation's.
func (s *Service) checkEvidence(ctx context.Context, v *core.Vetting, ids []core.DocumentID) error {
	if len(ids) == 0 {
		return nil
	}
	if len(ids) > maxEvidence {
		return core.Errorf(core.KindInvalid, "a decision names at most %d documents", maxEvidence).At("evidence")
	}
	list, err := s.storage.OrganisationDocuments(ctx, v.Account, v.Organisation)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(list, func(d core.Document) bool { return d.ID == id }) {
			return core.Errorf(core.KindInvalid, "the organisation has no document %q", id).At("evidence")
		}
	}
	return nil
}

// Cancel ends an open vetting: who asked for it may, and who may decide.
func (s *Service) Cancel(ctx context.Context, p *core.Principal, id core.VettingID, comment string) (*core.Vetting, error) {
	v, err := s.vetting(ctx, nil, p, id)
	if err != nil {
		return nil, err
	}
	if v.AskedBy == "" || v.AskedBy != p.User || mayAsk(p) != nil {
		if err := identity.Can(p, identity.VettingDecide, ""); err != nil {
			return nil, err
		}
	}
	if err := core.CheckLine("comment", comment, maxComment); err != nil {
		return nil, err
	}
	now := s.now()
	err = s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if v, err = s.storage.Vetting(ctx, tx, p.Account, id); err != nil {
			return err
		}
		v.Comment = comment
		return s.move(ctx, tx, p, v, core.VettingCancelled, "vetting.cancel", now)
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// vetting reads one that p may see.
func (s *Service) vetting(ctx context.Context, tx core.Tx, p *core.Principal, id core.VettingID) (*core.Vetting, error) {
	if err := identity.Can(p, identity.VettingView, ""); err != nil {
		return nil, err
	}
	none := core.Errorf(core.KindNotFound, "there is no such vetting")
	if !core.ValidID(id) {
		return nil, none
	}
	v, err := s.storage.Vetting(ctx, tx, p.Account, id)
	if err != nil {
		return nil, err
	}
	if _, err := s.reach(ctx, p, v.Organisation); err != nil {
		if core.Is(err, core.KindNotFound) {
			return nil, none
		}
		return nil, err
	}
	return v, nil
}

// Vetting returns one.
func (s *Service) Vetting(ctx context.Context, p *core.Principal, id core.VettingID) (*core.Vetting, error) {
	return s.vetting(ctx, nil, p, id)
}

// Vettings lists them. An API credential lists those of one organisation with
// Of.
func (s *Service) Vettings(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Vetting], error) {
	var none core.Page[core.Vetting]
	if err := identity.Can(p, identity.VettingView, ""); err != nil {
		return none, err
	}
	if p.Credential != nil {
		return none, core.Errorf(core.KindForbidden, "a credential sees the vettings of its own organisations only")
	}
	q.Account = p.Account
	return s.storage.ListVettings(ctx, q)
}

// Columns describes that list. Expired vettings count as validated there.
func (s *Service) Columns() []core.Column { return s.storage.VettingColumns() }

// Of lists the vettings of one organisation, newest first.
func (s *Service) Of(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]core.Vetting, error) {
	if err := identity.Can(p, identity.VettingView, ""); err != nil {
		return nil, err
	}
	if _, err := s.reach(ctx, p, o); err != nil {
		return nil, err
	}
	return s.storage.VettingsOf(ctx, nil, p.Account, o)
}
