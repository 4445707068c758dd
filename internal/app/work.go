package app

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/jobs"
)

// The jobs of the platform. Arguments hold ids only.
type (
	// publishCRL makes a new CRL of an issuer after a revocation.
	publishCRL struct {
		Account core.AccountID `json:"account"`
		Issuer  core.IssuerID  `json:"issuer"`
	}
	// renewStatus makes the CRLs and responder certificates that are due.
	renewStatus struct{}
	// checkpoint signs the heads of the audit log.
	checkpoint struct{}
	// expiryNotices tells owners about certificates that end soon.
	expiryNotices struct{}
	// vettingReminders tells about vettings of organisations that end soon.
	vettingReminders struct{}
	// mailReset mails the link for a new password.
	mailReset struct {
		Reset core.ResetID `json:"reset"`
	}
	// tidy removes sessions that have ended.
	tidy struct{}
	// mendTags finds tags that an older program changed without the tables that find them.
	mendTags struct{}
)

func (publishCRL) Kind() string       { return "crl.publish" }
func (renewStatus) Kind() string      { return "status.renew" }
func (checkpoint) Kind() string       { return "audit.checkpoint" }
func (expiryNotices) Kind() string    { return "expiry.notices" }
func (vettingReminders) Kind() string { return "vetting.reminders" }
func (mailReset) Kind() string        { return "password.mail" }
func (tidy) Kind() string             { return "sessions.tidy" }
func (mendTags) Kind() string         { return "tags.mend" }

// crlGather is how long revocations gather before one CRL is made for all.
const crlGather = 2 * time.Second

// work is the queue and what each process does at regular times by itself.
type work struct {
	*jobs.Queue
	s      *server
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func newWork(ctx context.Context, s *server) (*work, error) {
	d := jobs.Deps{DB: s.db.SQL(), Dialect: string(s.db.Dialect()), Logger: s.log, Now: s.now}
	if err := jobs.Migrate(ctx, d.DB, d.Dialect); err != nil {
		return nil, err
	}
	q, err := jobs.New(d)
	if err != nil {
		return nil, err
	}
	w := &work{Queue: q, s: s}
	s.followup.crl, s.followup.reset, s.followup.queue = w.askCRL, w.askReset, q
	return w, nil
}

// askCRL records the wish for a new CRL. Wishes of the same moment share a job,
// which runs when that moment is over; a moment later the next one begins, so
// none is lost to a job that has read already.
func (w *work) askCRL(ctx context.Context, tx core.Tx, account core.AccountID, issuer core.IssuerID) error {
	moment := w.s.now().Truncate(crlGather)
	_, err := w.Enqueue(ctx, tx, publishCRL{Account: account, Issuer: issuer}, jobs.Options{Account: account,
		UniqueKey: string(issuer) + " " + strconv.FormatInt(moment.Unix(), 10), ScheduledAt: moment.Add(crlGather + time.Second)})
	return err
}

// askReset records the wish for a mail to somebody who has forgotten his
// password.
func (w *work) askReset(ctx context.Context, tx core.Tx, account core.AccountID, id core.ResetID) error {
	_, err := w.Enqueue(ctx, tx, mailReset{Reset: id}, jobs.Options{Account: account, UniqueKey: string(id)})
	return err
}

// start runs jobs and regular work until stop.
func (w *work) start(ctx context.Context) error {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	s := w.s
	handlers := []jobs.Handler{
		jobs.Handle(func(ctx context.Context, _ jobs.Running, a publishCRL) error {
			_, err := s.ca.PublishCRL(ctx, a.Account, a.Issuer)
			return err
		}, 10*time.Minute),
		jobs.Handle(func(ctx context.Context, _ jobs.Running, _ renewStatus) error {
			return errors.Join(s.ca.PublishDue(ctx), s.ca.RenewResponders(ctx))
		}, 10*time.Minute),
		jobs.Handle(func(ctx context.Context, _ jobs.Running, _ checkpoint) error {
			_, _, err := s.audit.Checkpoint(ctx)
			return err
		}, 0),
		jobs.Handle(func(ctx context.Context, _ jobs.Running, _ expiryNotices) error { return s.notifyExpiry(ctx) }, 10*time.Minute),
		jobs.Handle(func(ctx context.Context, _ jobs.Running, _ vettingReminders) error {
			_, err := s.vetting.Remind(ctx)
			return err
		}, 10*time.Minute),
		jobs.Handle(func(ctx context.Context, _ jobs.Running, a mailReset) error { return s.sendReset(ctx, a.Reset) }, 5*time.Minute),
		jobs.Handle(s.changeTags, time.Hour),
		jobs.Handle(func(ctx context.Context, _ jobs.Running, _ mendTags) error { return s.mendTags(ctx) }, 30*time.Minute),
		jobs.Handle(func(ctx context.Context, _ jobs.Running, _ tidy) error {
			_, err := s.identity.Sweep(ctx)
			return errors.Join(err, s.federation.Sweep(ctx), s.tidyACME(ctx), s.tidyREST(ctx))
		}, 0),
	}
	schedules := []jobs.Schedule{
		{Args: renewStatus{}, Every: 10 * time.Minute},
		{Args: checkpoint{}, Every: time.Hour},
		{Args: expiryNotices{}, Every: time.Hour, Offset: 7 * time.Minute},
		{Args: vettingReminders{}, Every: time.Hour, Offset: 37 * time.Minute},
		{Args: tidy{}, Every: time.Hour, Offset: 23 * time.Minute},
		{Args: mendTags{}, Every: 6 * time.Hour, Offset: 47 * time.Minute},
	}
	if err := w.Queue.Start(run, handlers, schedules); err != nil {
		cancel()
		return err
	}
	w.every(run, 15*time.Second, "take up half issued orders", func(ctx context.Context) error {
		_, err := s.enroll.Sweep(ctx)
		return err
	})
	w.every(run, 15*time.Second, "take up half done checks of control", func(ctx context.Context) error {
		_, err := s.acme.Sweep(ctx, s.now())
		return err
	})
	w.every(run, 15*time.Second, "look at challenges of domains", func(ctx context.Context) error {
		_, err := s.domains.Work(ctx)
		return err
	})
	w.every(run, 15*time.Second, "take on orders that wait for nothing more", func(ctx context.Context) error {
		_, err := s.orders.Work(ctx)
		return err
	})
	w.every(run, time.Second, "index certificates for searching", w.indexSearch)
	w.every(run, time.Hour, "renew the server certificate", s.tls.load)
	w.every(run, 10*time.Minute, "read the key ring", s.box.Refresh)
	w.every(run, 20*time.Second, "write folded refusals", func(ctx context.Context) error { return s.audit.Flush(ctx, false) })
	return nil
}

// indexSearch takes the new certificates into the search index, slice by slice,
// so that issuing goes on in between.
func (w *work) indexSearch(ctx context.Context) error {
	for ctx.Err() == nil {
		if n, err := w.s.db.IndexSearch(ctx); err != nil || n == 0 {
			return err
		}
	}
	return nil
}

// every runs f at a distance until ctx ends. A failure is logged and tried
// again at the next time.
func (w *work) every(ctx context.Context, d time.Duration, what string, f func(context.Context) error) {
	w.done.Go(func() {
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				if err := f(ctx); err != nil && ctx.Err() == nil {
					w.s.log.Error(what, "error", err)
				}
			}
		}
	})
}

func (w *work) stop(ctx context.Context) error {
	err := w.Queue.Stop(ctx)
	w.cancel()
	w.done.Wait()
	return err
}
