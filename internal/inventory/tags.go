package inventory

import (
	"context"
	"strconv"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/jobs"
)

const (
	// tagBatch is how many things one transaction changes.
	tagBatch = 200
	// atOnce is up to how many things a change is made while its caller waits;
	// of more it is a job.
	atOnce = 1000
	// tagRounds bounds how often a change begins again because somebody gives
	// the tag to further things meanwhile.
	tagRounds = 5
)

// ChangeTagsJob carries out a change of tags on many things.
type ChangeTagsJob struct {
	Account core.AccountID `json:"account"`
	Change  core.TagChange `json:"change"`
	Things  int64          `json:"things"`
}

// Kind implements jobs.Args.
func (ChangeTagsJob) Kind() string { return "tags.change" }

// Changed is what a change of tags does.
type Changed struct {
	Things int64 // how many have the tag, one for each tag of a key
	Job    int64 // the job that does it; 0: it is done
}

// Tags lists the tags in use, with the numbers of things that p may see.
func (s *Service) Tags(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[core.Tag], error) {
	scope, any := core.TagScope{}, false
	for kind, action := range map[core.TagKind]identity.Action{
		core.TagCertificate: identity.CertificateView, core.TagCredential: identity.CredentialView, core.TagOrder: identity.OrderView,
	} {
		all, groups := identity.VisibleGroups(p, action)
		any = any || all || len(groups) > 0
		if !all {
			scope[kind] = append([]core.GroupID{}, groups...) // never nil: nil is all
		}
	}
	if !any {
		return core.Page[core.Tag]{}, core.Errorf(core.KindForbidden, "your roles do not include things that have tags")
	}
	q.Account = p.Account
	if q.Sort.Column == "" {
		q.Sort = core.Sort{Column: "tag"}
	}
	return s.d.Storage.ListTags(ctx, q, scope)
}

// TagColumns describes the list of tags.
func (s *Service) TagColumns() []core.Column { return s.d.Storage.TagColumns() }

// SetTags replaces the tags of a certificate. Errors: forbidden, invalid (field
// tags), not-found.
func (s *Service) SetTags(ctx context.Context, p *core.Principal, c *core.Certificate, tags []string) error {
	if err := identity.Can(p, identity.CertificateUpdate, c.Group); err != nil {
		return err
	}
	tags, err := core.CleanTags(tags)
	if err != nil {
		return err
	}
	e := core.EventOf(p, s.now(), "certificate.tag", "certificate:"+string(c.ID))
	e.Detail = map[string]any{"tags": tags, "before": append([]string{}, c.Tags...)} // [] rather than null
	return s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		s.d.Audit.Write(tx, e)
		return s.d.Storage.SetCertificateTags(ctx, tx, p.Account, c.ID, tags)
	})
}

// ChangeTags renames a tag or a key wherever it is, or takes it away, at once
// or by a job when many things have it. It may be repeated. Errors: forbidden,
// invalid, not-found (nothing has the tag).
func (s *Service) ChangeTags(ctx context.Context, p *core.Principal, ch core.TagChange) (*Changed, error) {
	if err := identity.Can(p, identity.TagManage, ""); err != nil {
		return nil, err
	}
	if err := ch.Check(); err != nil {
		return nil, err
	}
	tags, err := s.d.Storage.TagsOf(ctx, p.Account, ch)
	if err != nil {
		return nil, err
	}
	for _, t := range tags {
		if to, keep, ok := ch.Of(t); ok && keep && len(to) > core.MaxTagLen {
			return nil, core.Errorf(core.KindInvalid, "the tag %q would get more than %d octets", t, core.MaxTagLen).At("to")
		}
	}
	n, err := s.d.Storage.CountTagged(ctx, p.Account, tags)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, core.Errorf(core.KindNotFound, "nothing has this tag")
	}
	out := &Changed{Things: n}
	job := ChangeTagsJob{Account: p.Account, Change: ch, Things: n}
	queue := s.d.Queue()
	err = s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		s.d.Audit.Write(tx, s.tagEvent(p, ch, n))
		if n <= atOnce || queue == nil {
			return nil
		}
		// The things are counted into the key: a change that comes while the same
		// one runs concerns others.
		t, err := queue.Enqueue(ctx, tx, job, jobs.Options{Account: p.Account, UniqueKey: string(p.Account) + " " + ch.From + " " + strconv.FormatInt(n, 10)})
		out.Job = t.ID
		return err
	})
	if err != nil || out.Job != 0 {
		return out, err
	}
	return out, s.RunTagChange(ctx, job, nil)
}

func (s *Service) tagEvent(p *core.Principal, ch core.TagChange, n int64) core.Event {
	action := "tag.rename"
	if ch.To == "" {
		action = "tag.delete"
	}
	e := core.EventOf(p, s.now(), action, "tag:"+ch.From)
	e.Detail = map[string]any{"tag": ch.From, "key": ch.Key, "things": n}
	if ch.To != "" {
		e.Detail["to"] = ch.To
	}
	return e
}

// progressEvery is the distance between two notes of the progress of a job.
const progressEvery = 2 * time.Second

// RunTagChange carries out a change, batch by batch. It can be interrupted
// anywhere and run again: what has the new tag is not touched twice. progress,
// which may be nil, is told how far it has come.
func (s *Service) RunTagChange(ctx context.Context, j ChangeTagsJob, progress func(done, total int64) error) error {
	var done int64
	last := s.d.Now()
	for range tagRounds {
		tags, err := s.d.Storage.TagsOf(ctx, j.Account, j.Change)
		if err != nil {
			return err
		}
		left := int64(0)
		for _, tag := range tags {
			to, keep, _ := j.Change.Of(tag)
			n, err := s.changeOne(ctx, j.Account, tag, j.Change, func(n int) error {
				done += int64(n)
				if now := s.d.Now(); progress != nil && now.Sub(last) >= progressEvery {
					last = now
					return progress(min(done, j.Things), j.Things)
				}
				return nil
			})
			if err != nil {
				return err
			}
			if !keep || core.TagKey(to) != tag {
				left += n
			}
		}
		if left == 0 {
			break // a round that found nothing to change, or changed the spelling only
		}
	}
	if progress != nil {
		return progress(j.Things, j.Things)
	}
	return nil
}

// changeOne changes every thing that has one tag and returns how many.
func (s *Service) changeOne(ctx context.Context, account core.AccountID, tag string, ch core.TagChange, step func(int) error) (total int64, err error) {
	after := ""
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		var n int
		var last string
		err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
			if last, n, err = s.d.Storage.ChangeTagged(ctx, tx, account, tag, ch, after, tagBatch); err != nil || ch.To == "" || ch.Key {
				return err
			}
			return s.d.Storage.SpellTag(ctx, tx, account, ch.To)
		})
		if err != nil {
			return total, err
		}
		total += int64(n)
		if err := step(n); err != nil {
			return total, err
		}
		if last == "" {
			return total, nil
		}
		after = last
	}
}
