package app

import (
	"context"

	"github.com/certwright/certwright/internal/csvlist"
	"github.com/certwright/certwright/internal/inventory"
	"github.com/certwright/certwright/internal/jobs"
	"github.com/certwright/certwright/internal/store"
)

// makeInventory makes what reads certificates and lists from files.
func (p *parts) makeInventory() (err error) {
	p.inventory, err = inventory.New(inventory.Deps{Storage: p.db, Audit: p.audit, Now: p.now, Logger: p.log, Queue: func() inventory.Queue {
		if p.followup.queue == nil {
			return nil // a host command: no interface around a nil pointer
		}
		return p.followup.queue
	}})
	if err != nil {
		return err
	}
	p.lists, err = csvlist.New(csvlist.Deps{Identity: p.identity, Domains: p.domains})
	return err
}

// changeTags runs the job that changes tags of many things.
func (p *parts) changeTags(ctx context.Context, j jobs.Running, a inventory.ChangeTagsJob) error {
	return p.inventory.RunTagChange(ctx, a, func(done, total int64) error {
		return j.Progress(ctx, jobs.Progress{Done: int(done), Total: int(total)})
	})
}

// mendBatch is how many things with tags are looked at at once.
const mendBatch = 1000

// mendTags walks all things with tags and brings the tables that find and count them into
// line with their rows.
func (p *parts) mendTags(ctx context.Context) error {
	for _, kind := range store.MendTagKinds {
		mended := 0
		for after, first := "", true; first || after != ""; first = false {
			last, n, err := p.db.MendTags(ctx, kind, after, mendBatch)
			if err != nil {
				return err
			}
			after = last
			mended += n
		}
		if mended > 0 {
			p.log.WarnContext(ctx, "tags were changed by an older program beside this one and are found again", "kind", string(kind), "things", mended)
		}
	}
	return nil
}
