package domain

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// steps are the pauses between looks of the background; the last one repeats to
// the end of the token.
var steps = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute}

const (
	// workLease is how long whoever looks has before another may; it exceeds
	// what a look takes by far.
	workLease = 2 * time.Minute
	workBatch = 50
	workers   = 4
)

// pause is how long the background waits after a look at now, by the age of the
// challenge: so that it needs no counter.
func pause(age time.Duration) time.Duration {
	for _, s := range steps[:len(steps)-1] {
		if age -= s; age < 0 {
			return s
		}
	}
	return steps[len(steps)-1]
}

// Work looks at pending challenges whose time has come. It returns how many
// became verified. Several replicas may call it at the same time: a look is
// leased through NextCheck, so that each challenge is looked at by one of them,
// and taken up by another when that one dies.
func (s *Service) Work(ctx context.Context) (int, error) {
	due, err := s.d.Storage.DueDomains(ctx, s.now(), workBatch)
	if err != nil {
		return 0, err
	}
	var verified atomic.Int64
	var wait sync.WaitGroup
	slots := make(chan struct{}, workers)
	for _, d := range due {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			ok, err := s.workOne(ctx, d)
			if err != nil && ctx.Err() == nil && !core.Is(err, core.KindConflict) {
				s.d.Log.WarnContext(ctx, "look at the challenge of a domain", "domain", d.ID, "error", err)
			}
			if ok {
				verified.Add(1)
			}
		})
	}
	wait.Wait()
	return int(verified.Load()), ctx.Err()
}

func (s *Service) workOne(ctx context.Context, d *core.Domain) (bool, error) {
	now := s.now()
	until := now.Add(workLease)
	if !d.Auto || !open(d, now) || !looked(d.Method) {
		until = time.Time{} // nothing to look at any more
	}
	got := false
	err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
		got, err = s.d.Storage.LeaseDomain(ctx, tx, d, until)
		return err
	})
	if err != nil || !got || until.IsZero() {
		return false, err
	}
	d.NextCheck = until
	out, err := s.look(ctx, &core.Principal{Account: d.Account, System: "schedule"}, d, true)
	if err != nil || out.Attempt.Passed {
		return err == nil && out.Domain.Shown(s.now()) == core.ControlVerified, err
	}
	now = s.now()
	next := now.Add(pause(now.Sub(d.TokenUntil.Add(-TokenLife))))
	if next.After(d.TokenUntil) {
		next = time.Time{}
	}
	return false, s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		_, err := s.d.Storage.LeaseDomain(ctx, tx, d, next)
		return err
	})
}

// ProvenFor is Proven for whoever asks and a product: its owner is that of
// OwnerOf, and how far proofs carry is what the profile says. Without an owner
// nothing is proven.
func (s *Service) ProvenFor(ctx context.Context, p *core.Principal, profile *core.Profile, list []string) ([]string, error) {
	if !slices.ContainsFunc(list, func(n string) bool { return strings.HasPrefix(n, "dns:") }) {
		return nil, nil
	}
	o, err := s.OwnerOf(ctx, p)
	if core.Is(err, core.KindInvalid) || core.Is(err, core.KindNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.proven(ctx, p.Account, o, list, time.Duration(profile.ReuseDays)*24*time.Hour, profile.Ancestors)
}

// Proven returns which of names ("dns:a.example" as Names.Strings) the owner's
// valid proofs cover that are not older than reuse (0: 200 days).
func (s *Service) Proven(ctx context.Context, account core.AccountID, o Owner, list []string, reuse time.Duration, ancestors bool) ([]string, error) {
	o, err := s.settle(ctx, account, o)
	if err != nil {
		return nil, missing(err, "group")
	}
	return s.proven(ctx, account, o, list, reuse, ancestors)
}

// proven is Proven for an owner as it is stored.
func (s *Service) proven(ctx context.Context, account core.AccountID, o Owner, list []string, reuse time.Duration, ancestors bool) ([]string, error) {
	if reuse == 0 {
		reuse = DefaultProofLife
	}
	var among []string
	for _, n := range list {
		name, ok := strings.CutPrefix(n, "dns:")
		if !ok {
			continue
		}
		base := strings.TrimPrefix(name, "*.")
		if ancestors {
			among = append(among, line(base)...)
		} else {
			among = append(among, base)
		}
	}
	if len(among) == 0 {
		return nil, nil
	}
	slices.Sort(among)
	now := s.now()
	rows, err := s.d.Storage.ProvenDomains(ctx, account, o, slices.Compact(among), now)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range list {
		name, ok := strings.CutPrefix(n, "dns:")
		if ok && slices.ContainsFunc(rows, func(d *core.Domain) bool {
			return now.Before(d.VerifiedAt.Add(reuse)) && d.Covers(name, ancestors, now)
		}) {
			out = append(out, n)
		}
	}
	return out, nil
}
