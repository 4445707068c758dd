package ordering

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// note is what the requester reads about the end of an order.
func (j *job) note() string {
	if j.d != nil {
		return j.d.Remarks
	}
	return j.remarks
}

// mayChange reports whether p may put the order together: its credentials, and
// people who may order for its group.
func mayChange(p *core.Principal, j *job) error {
	if err := identity.Can(p, identity.OrderCreate, j.o.Group); err != nil {
		return err
	}
	if !j.unfinished() {
		return wrongState(j.o)
	}
	return nil
}

func wrongState(o *core.Order) error {
	return core.Errorf(core.KindConflict, "the order is %s", o.State).At("state")
}

// SetCSR gives or changes the key of an order that is not issued yet. The
// content of the CSR must not contradict the order: its subject's common name
// and names, when present, must be among the order's (kind bad-csr, Field
// "csr.subject"); a bad CSR is bad-csr, bad-proof or bad-key with Field "csr". Wrong
// state: conflict.
func (s *Service) SetCSR(ctx context.Context, p *core.Principal, id core.OrderID, csr []byte) (*View, error) {
	return s.step(ctx, p, id, "order.csr", func(j *job) (*change, error) {
		if err := mayChange(p, j); err != nil {
			return nil, err
		}
		j.d.CSR, j.d.Ask.KeyGen = csr, ""
		if err := s.checkKey(ctx, p, j); err != nil {
			return nil, err
		}
		return &change{}, nil
	})
}

// AddDocuments keeps documents of an order, sealed. Errors: too-large,
// media-type (not a PDF), invalid (name, description), conflict (state), quota (more than 20).
func (s *Service) AddDocuments(ctx context.Context, p *core.Principal, id core.OrderID, up []Upload) (*View, error) {
	if len(up) == 0 {
		return nil, core.Errorf(core.KindInvalid, "no document is given").At("documents")
	}
	return s.step(ctx, p, id, "order.documents", func(j *job) (*change, error) {
		if err := mayChange(p, j); err != nil {
			return nil, err
		}
		full := core.Errorf(core.KindQuota, "an order has at most %d documents", maxDocuments).At("documents")
		if len(up) > maxDocuments {
			return nil, full
		}
		docs, err := s.sealed(p, up, j.o.Group, s.d.Now())
		if err != nil {
			return nil, err
		}
		kept, err := s.d.Storage.OrderDocuments(ctx, j.o.Account, j.o.ID)
		if err != nil {
			return nil, err
		}
		j.docs = append(kept, docs...)
		names := make([]string, len(docs))
		for i := range docs {
			docs[i].Order, names[i] = j.o.ID, docs[i].Name
		}
		return &change{detail: map[string]any{"documents": names}, more: func(ctx context.Context, tx core.Tx) error {
			n, err := s.d.Storage.CountDocuments(ctx, tx, j.o.ID)
			if err != nil {
				return err
			}
			if n+len(docs) > maxDocuments {
				return full
			}
			for i := range docs {
				if err := s.d.Storage.InsertDocument(ctx, tx, &docs[i]); err != nil {
					return err
				}
			}
			return nil
		}}, nil
	})
}

// Document returns one with its octets, to approvers, validators and whoever may see
// the order; audited.
func (s *Service) Document(ctx context.Context, p *core.Principal, id core.OrderID, doc core.DocumentID) (*core.Document, []byte, error) {
	j, err := s.load(ctx, p, id)
	if err != nil {
		return nil, nil, err
	}
	none := core.Errorf(core.KindNotFound, "there is no such document")
	if !core.ValidID(doc) {
		return nil, nil, none
	}
	d, err := s.d.Storage.Document(ctx, j.o.Account, doc)
	if err != nil {
		return nil, nil, err
	}
	if d.Order != j.o.ID {
		return nil, nil, none
	}
	body, err := s.d.Sealer.Open(d.Sealed, core.DocumentPlace(d.ID))
	if err != nil {
		return nil, nil, err
	}
	e := core.EventOf(p, s.d.Now(), "order.document-read", "order:"+string(j.o.ID))
	e.Detail = map[string]any{"document": string(d.ID), "name": d.Name}
	if err := s.d.Audit.Record(ctx, e); err != nil {
		return nil, nil, err
	}
	d.Sealed = nil
	return d, body, nil
}

// Agree records the subscriber's signature. Errors: invalid (signer name
// missing), conflict (state; signed already has Field "signed"; another text than the present
// one was read: "text").
func (s *Service) Agree(ctx context.Context, p *core.Principal, id core.OrderID, a core.Agreement) (*View, error) {
	return s.step(ctx, p, id, "order.agree", func(j *job) (*change, error) {
		if j.d != nil && j.d.Agreement != nil {
			return nil, core.Errorf(core.KindConflict, "the agreement is signed already").At("signed")
		}
		if err := mayChange(p, j); err != nil {
			return nil, err
		}
		if a.SignerName == "" || len(a.SignerName) > 200 || len(a.SignerPlace) > 200 {
			return nil, core.Errorf(core.KindInvalid, "the agreement needs the name of who signs it, and where, of at most 200 octets each").At("agreement")
		}
		var err error
		if j.d.Agreement, err = s.signed(ctx, p, j.o.Product, a, s.d.Now()); err != nil {
			return nil, err
		}
		return &change{detail: signature(j.d.Agreement)}, nil
	})
}

// ended makes the change that ends an order.
func ended(j *job, state core.OrderState, remarks string) (*change, error) {
	if err := j.o.State.To(state); err != nil {
		return nil, core.AsError(err).At("state")
	}
	if len(remarks) > 2000 {
		return nil, core.Errorf(core.KindInvalid, "remarks have at most 2000 octets").At("remarks")
	}
	if j.remarks = remarks; j.d != nil {
		j.d.Remarks = remarks
	}
	return &change{state: state, detail: map[string]any{"comment": remarks}}, nil
}

// Cancel ends an order or draft by its own side. Issued: conflict.
func (s *Service) Cancel(ctx context.Context, p *core.Principal, id core.OrderID, remarks string) (*View, error) {
	return s.step(ctx, p, id, "order.cancel", func(j *job) (*change, error) {
		if err := identity.Can(p, identity.OrderCancel, j.o.Group); err != nil {
			return nil, err
		}
		return ended(j, core.OrderCancelled, remarks)
	})
}

// Reject ends an order that is not issued: by its own credential (like Cancel, but the state is
// rejected), or by an approver or validator.
func (s *Service) Reject(ctx context.Context, p *core.Principal, id core.OrderID, remarks string) (*View, error) {
	return s.step(ctx, p, id, "order.reject", func(j *job) (*change, error) {
		c, err := ended(j, core.OrderRejected, remarks)
		if err != nil {
			return nil, err
		}
		if p.Credential != nil {
			return c, nil
		}
		if err := identity.MayReject(p, j.o); err != nil {
			return nil, err
		}
		if j.o.State == core.OrderApproval {
			c.more = s.word(p, j, false, remarks)
		}
		return c, nil
	})
}

// word records one person's word in the transaction of a change.
func (s *Service) word(p *core.Principal, j *job, yes bool, comment string) func(context.Context, core.Tx) error {
	return func(ctx context.Context, tx core.Tx) error {
		now := s.d.Now()
		err := s.d.Storage.AddApproval(ctx, tx, &core.Approval{ID: core.NewID[core.ApprovalID](now), Account: j.o.Account, Order: j.o.ID,
			User: p.User, Approved: yes, Comment: comment, CreatedAt: now})
		if core.Is(err, core.KindExists) {
			return &final{core.Errorf(core.KindConflict, "you have decided on this order already")}
		}
		return err
	}
}

// Approve is one person's agreement; see enroll.Approve. Orders of signers are approved
// before they have a key.
func (s *Service) Approve(ctx context.Context, p *core.Principal, id core.OrderID, comment string) (*View, error) {
	j, err := s.load(ctx, p, id)
	if err != nil {
		return nil, err
	}
	if err := identity.MayApprove(p, j.o); err != nil {
		return nil, err
	}
	if j.o.State != core.OrderApproval {
		return nil, core.Errorf(core.KindConflict, "the order is %s, it does not wait for approval", j.o.State).At("state")
	}
	if keyless(j.o) {
		return s.approveKeyless(ctx, p, id, comment)
	}
	if j.d != nil { // what was proven when it was handed over may have run out
		g, err := s.gap(ctx, j)
		if err != nil {
			return nil, err
		}
		if g != nil && len(g.waits) > 0 {
			if err := s.move(ctx, p, j, g); err != nil {
				return nil, err
			}
			return s.reload(ctx, p, id)
		}
	}
	if _, err := s.d.Enroll.Approve(ctx, p, id, comment); err != nil {
		return nil, err
	}
	if j, err = s.renewed(ctx, j, nil); err != nil {
		return nil, err
	}
	if j.d != nil && j.o.State == core.OrderIssued {
		if err := s.settleNow(ctx, j); err != nil {
			return nil, err
		}
	}
	return s.reload(ctx, p, id)
}

// settleNow settles an order that was issued without a word to this service.
func (s *Service) settleNow(ctx context.Context, j *job) error {
	at := s.dueAfter(j.o, j.d)
	if at.IsZero() {
		return nil
	}
	if err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return s.d.Storage.SetDue(ctx, tx, j.o.ID, at) }); err != nil {
		return err
	}
	j.d.DueAt = at
	return s.settle(ctx, j.o, j.d)
}

// approveKeyless records a word on an order of a document signer.
func (s *Service) approveKeyless(ctx context.Context, p *core.Principal, id core.OrderID, comment string) (*View, error) {
	return s.step(ctx, p, id, "order.approve", func(j *job) (*change, error) {
		if !keyless(j.o) || j.d == nil {
			return nil, wrongState(j.o)
		}
		given, err := s.d.Storage.Approvals(ctx, j.o.Account, id)
		if err != nil {
			return nil, err
		}
		n := 1
		for _, a := range given {
			if a.Approved {
				n++
			}
		}
		// Of two who agree at the same time one finds the order changed and
		// counts again.
		j.d.Approved = n >= max(j.product.Profile.Approvals, 1)
		return &change{detail: map[string]any{"comment": comment}, more: s.word(p, j, true, comment)}, nil
	})
}

// AskDocuments sends an order that waits for approval back for other documents.
func (s *Service) AskDocuments(ctx context.Context, p *core.Principal, id core.OrderID, comment string) (*View, error) {
	return s.step(ctx, p, id, "order.ask-documents", func(j *job) (*change, error) {
		if err := identity.MayReject(p, j.o); err != nil {
			return nil, err
		}
		if j.o.State != core.OrderApproval || j.d == nil {
			return nil, core.Errorf(core.KindConflict, "the order is %s, it does not wait for approval", j.o.State).At("state")
		}
		j.d.DocumentsAfter, j.d.Approved, j.d.Remarks = s.d.Now(), false, comment
		return &change{state: core.OrderDocuments, detail: map[string]any{"comment": comment},
			more: func(ctx context.Context, tx core.Tx) error {
				if err := s.d.Storage.DropApprovals(ctx, tx, id); err != nil {
					return err
				}
				return s.d.Storage.SetDue(ctx, tx, id, time.Time{})
			}}, nil
	})
}
