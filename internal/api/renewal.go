package api

import (
	"context"
	"net/url"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// maxPull is how long the windows of a renewal pull may be spread.
const maxPull = 90 * 24 * time.Hour

func (a *API) renewalRoutes() {
	addList(a, get("renewals", "list-renewal-pulls", "/renewal-pulls", "List early renewals that ACME clients are asked for", identity.RenewalView), "renewal-pulls",
		a.d.Storage.RenewalPullColumns, func(ctx context.Context, _ *core.Principal, q core.ListQuery) (core.Page[core.RenewalPull], error) {
			return a.d.Storage.ListRenewalPulls(ctx, q)
		}, a.pullResource)
	register(a, post("renewals", "create-renewal-pull", "/renewal-pulls", "Ask ACME clients to renew early what an issuer or a product issued", identity.RenewalManage).created().
		says("It concerns certificates issued before now; clients learn of it when they ask for renewal information (RFC 9773)."), a.createPull)
	register(a, get("renewals", "get-renewal-pull", "/renewal-pulls/{id}", "Read a renewal pull", identity.RenewalView),
		func(ctx context.Context, p *core.Principal, in *ByID[core.PullID]) (*out[resource.RenewalPull], error) {
			return a.pullAnswer(ctx, p, in.ID)
		})
	register(a, post("renewals", "cancel-renewal-pull", "/renewal-pulls/{id}/cancel", "Cancel a renewal pull", identity.RenewalManage), a.cancelPull)
}

func (a *API) pullAnswer(ctx context.Context, p *core.Principal, id core.PullID) (*out[resource.RenewalPull], error) {
	got, err := a.d.Storage.RenewalPull(ctx, p.Account, id)
	if err != nil {
		return nil, err
	}
	return &out[resource.RenewalPull]{a.pullResource(got)}, nil
}

func (a *API) createPull(ctx context.Context, p *core.Principal, in *in[resource.NewRenewalPull]) (*out[resource.RenewalPull], error) {
	if err := identity.Can(p, identity.RenewalManage, ""); err != nil {
		return nil, err
	}
	b := &in.Body
	if b.Issuer == "" && b.Product == "" {
		return nil, core.Errorf(core.KindInvalid, "name an issuer, a product, or both").At("issuer")
	}
	now := a.d.Now().UTC()
	pull := core.RenewalPull{ID: core.NewID[core.PullID](now), Account: p.Account, Issuer: b.Issuer, Explanation: b.Explanation, Reason: b.Reason, CreatedAt: now}
	var err error
	if pull.Start, pull.End, err = span(b, now); err != nil {
		return nil, err
	}
	if u, err := url.Parse(b.Explanation); b.Explanation != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return nil, core.Errorf(core.KindInvalid, "the explanation is an http or https URL").At("explanation")
	}
	if b.Issuer != "" {
		if _, err := a.issuer(ctx, p, b.Issuer); core.Is(err, core.KindNotFound) {
			return nil, core.Errorf(core.KindInvalid, "there is no issuer %q", b.Issuer).At("issuer")
		} else if err != nil {
			return nil, err
		}
	}
	if pull.Product, err = a.productID(ctx, p, b.Product, "product"); err != nil {
		return nil, err
	}
	e := core.EventOf(p, now, "renewal.pull", "renewal-pull:"+string(pull.ID))
	e.Detail = map[string]any{"issuer": string(pull.Issuer), "product": string(pull.Product), "start": pull.Start, "end": pull.End,
		"explanation": pull.Explanation, "reason": pull.Reason}
	err = a.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		a.d.Audit.Write(tx, e)
		return a.d.Storage.InsertRenewalPull(ctx, tx, &pull)
	})
	if err != nil {
		return nil, err
	}
	return a.pullAnswer(ctx, p, pull.ID)
}

// span reads start and end of a pull.
func span(b *resource.NewRenewalPull, now time.Time) (start, end time.Time, err error) {
	start, end = now, b.End.UTC()
	if !b.Start.IsZero() {
		start = b.Start.UTC()
	}
	bad := func(field, text string) (time.Time, time.Time, error) {
		return start, end, core.Errorf(core.KindInvalid, "%s", text).At(field)
	}
	switch {
	case (b.Within == "") == b.End.IsZero():
		return bad("within", "say within which time, or the end; one of them")
	case b.Within != "":
		if end, err = core.ParseTime("+"+b.Within, start); err != nil {
			return bad("within", "write a time like 24h or 7d")
		}
	}
	start, end = start.Truncate(time.Microsecond), end.Truncate(time.Microsecond)
	switch {
	case !end.After(start) || !end.After(now):
		return bad("end", "the end must come after the start, and be in the future")
	case end.Sub(start) > maxPull:
		return bad("end", "renewals are spread over at most 90 days")
	}
	return start, end, nil
}

func (a *API) cancelPull(ctx context.Context, p *core.Principal, in *ByID[core.PullID]) (*out[resource.RenewalPull], error) {
	if err := identity.Can(p, identity.RenewalManage, ""); err != nil {
		return nil, err
	}
	got, err := a.d.Storage.RenewalPull(ctx, p.Account, in.ID)
	if err != nil {
		return nil, err
	}
	if !got.Cancelled.IsZero() {
		return nil, core.Errorf(core.KindConflict, "the renewal pull was cancelled already")
	}
	now := a.d.Now()
	e := core.EventOf(p, now, "renewal.cancel", "renewal-pull:"+string(got.ID))
	e.Detail = map[string]any{"issuer": string(got.Issuer), "product": string(got.Product)}
	err = a.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		a.d.Audit.Write(tx, e)
		return a.d.Storage.CancelRenewalPull(ctx, tx, p.Account, got.ID, now)
	})
	if err != nil {
		return nil, err
	}
	return a.pullAnswer(ctx, p, got.ID)
}

func (a *API) pullResource(r *core.RenewalPull) resource.RenewalPull {
	now := a.d.Now()
	state := "running"
	switch {
	case !r.Cancelled.IsZero():
		state = "cancelled"
	case !now.Before(r.End):
		state = "past"
	case now.Before(r.Start):
		state = "coming"
	}
	return resource.RenewalPull{ID: r.ID, State: state, Issuer: r.Issuer, Product: r.Product, Start: r.Start, End: r.End, Explanation: r.Explanation,
		Reason: r.Reason, CancelledAt: r.Cancelled, CreatedAt: r.CreatedAt}
}
