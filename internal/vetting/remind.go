package vetting

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// remindDays are the distances to the end of a vetting at which people are
// told, the nearest first, so that nobody is told twice in one go.
var remindDays = []int{1, 7, 14, 30, 60}

const (
	// remindBatch bounds how many vettings one look handles for one distance.
	remindBatch = 500
	remindLease = "vetting.reminders"
	// remindTerm is how long one replica may take; the next look comes later.
	remindTerm = 10 * time.Minute
)

// Remind sends what is due about vettings that end soon, to the organisation
// and the account's validators, and returns about how many vettings it told.
// Each distance is announced once: a vetting whose mails all failed for a
// passing reason comes again, one without recipients stays unannounced. Of
// several replicas one sends.
func (s *Service) Remind(ctx context.Context) (int, error) {
	if s.d.Mail == nil {
		return 0, nil
	}
	now := s.now()
	owner := string(core.NewID[core.VettingID](now))
	token, ok, err := s.storage.AcquireLease(ctx, remindLease, owner, remindTerm)
	if err != nil || !ok {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, remindTerm-time.Minute)
	defer cancel()
	told := 0
	var errs []error
	for _, days := range remindDays {
		list, err := s.storage.EndingVettings(ctx, now, now.AddDate(0, 0, days), days, remindBatch)
		if err != nil {
			errs = append(errs, err)
			break
		}
		for i := range list {
			ok, err := s.remind(ctx, &list[i], days, now, token)
			if ok {
				told++
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("vetting %s: %w", list[i].ID, err))
			}
		}
	}
	if err := s.storage.ReleaseLease(context.WithoutCancel(ctx), remindLease, owner, token); err != nil && !core.Is(err, core.KindConflict) {
		errs = append(errs, err)
	}
	return told, errors.Join(errs...)
}

// remind tells about one vetting and records that. ok: a mail went out.
func (s *Service) remind(ctx context.Context, v *core.Vetting, days int, now time.Time, lease int64) (ok bool, err error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	list, err := s.storage.VettingsOf(ctx, nil, v.Account, v.Organisation)
	if err != nil {
		return false, err
	}
	var errs []error
	if !followed(list, v) {
		org, err := s.storage.Organisation(ctx, nil, v.Account, v.Organisation)
		if err != nil {
			return false, err
		}
		to, err := s.remindedPeople(ctx, org)
		if err != nil || len(to) == 0 {
			return false, err
		}
		passing := false
		for _, a := range to {
			err := s.d.Mail.Send(ctx, a, reminderSubject(v, org, now), s.reminder(v, org, now))
			ok = ok || err == nil
			passing = passing || core.Is(err, core.KindUnavailable)
			errs = append(errs, err)
		}
		if !ok && passing {
			return false, errors.Join(errs...)
		}
	}
	errs = append(errs, s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.storage.GuardLease(ctx, tx, remindLease, lease); err != nil {
			return err
		}
		return s.storage.MarkReminded(ctx, tx, v.ID, v.ExpiresAt, days)
	}))
	return ok, errors.Join(errs...)
}

// followed reports whether another vetting carries on when v ends.
func followed(list []core.Vetting, v *core.Vetting) bool {
	for i := range list {
		if o := &list[i]; o.ID != v.ID && o.Covers(v.Purpose, v.ExpiresAt) {
			return true
		}
	}
	return false
}

// remindedPeople are the organisation's contact and the validators, each once.
func (s *Service) remindedPeople(ctx context.Context, org *core.Organisation) ([]string, error) {
	users, err := s.storage.Validators(ctx, org.Account)
	if err != nil {
		return nil, err
	}
	var out []string
	seen := map[string]bool{"": true}
	add := func(a string) {
		if k := strings.ToLower(a); !seen[k] {
			seen[k], out = true, append(out, a)
		}
	}
	add(org.Email)
	for _, u := range users {
		add(u.Email)
	}
	return out, nil
}

func left(v *core.Vetting, now time.Time) string {
	switch d := int(v.ExpiresAt.Sub(now) / (24 * time.Hour)); d {
	case 0:
		return "in less than a day"
	case 1:
		return "in 1 day"
	default:
		return fmt.Sprintf("in %d days", d)
	}
}

func reminderSubject(v *core.Vetting, org *core.Organisation, now time.Time) string {
	return fmt.Sprintf("The vetting of %s for %s ends %s", line(org.Name), v.Purpose, left(v, now))
}

func (s *Service) reminder(v *core.Vetting, org *core.Organisation, now time.Time) string {
	return fmt.Sprintf(`Hello,

the vetting of an organisation ends %s:

%s
  Number:   %d
  Purpose:  %s
  Ends:     %s

Certificates that name the organisation are not issued after that until a
validator has examined it again. To ask for it:

  certwright ctl vetting ask %d %s

Certwright is at %s
This message was written by Certwright.
`, left(v, now), line(org.Name), org.Number, v.Purpose, v.ExpiresAt.UTC().Format("2006-01-02 15:04 UTC"), org.Number, v.Purpose, s.d.BaseURL())
}
