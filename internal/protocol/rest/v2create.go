package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// create makes an order.
func (c *call) create(f *family) error {
	raw, err := c.body(true)
	if err != nil {
		return err
	}
	var b createBody
	if err := decode(raw, &b); err != nil {
		return err
	}
	return c.once(f, raw, func(with recorder) (*ordering.View, error) {
		n, err := c.wish(f, &b)
		if err != nil {
			return nil, err
		}
		n.With, n.IdempotencyKey = with, c.r.Header.Get("Idempotency-Key")
		return c.s.d.Orders.Create(c.ctx, c.p, *n)
	}, func(v *ordering.View) *orderAnswer { return c.answerOf(f, v) })
}

// recorder runs in the transaction that records an order.
type recorder func(ctx context.Context, tx core.Tx, o *core.Order, d *core.OrderDetails) error

// busyPause is how often the repeat of a request looks for the answer to the
// first.
const busyPause = 25 * time.Millisecond

// once runs a request that makes an order and answers 201. With an
// Idempotency-Key the answer is recorded with the order, and a repeat gives it
// again.
func (c *call) once(f *family, body []byte, run func(recorder) (*ordering.View, error), show func(*ordering.View) *orderAnswer) error {
	if err := c.acceptable("application/json"); err != nil {
		return err
	}
	key := c.r.Header.Get("Idempotency-Key")
	if key == "" {
		v, err := run(nil)
		if err != nil {
			return err
		}
		a := show(v)
		return c.created(place(f, a), a)
	}
	if len(key) > 255 {
		return refuse(http.StatusBadRequest, "", "1188", "the Idempotency-Key is longer than 255 characters")
	}
	want := c.digest(body)
	old, err := c.s.d.Storage.RESTAnswer(c.ctx, c.p.Credential.ID, key)
	if err == nil {
		return c.again(f, old, want, show)
	}
	if !core.Is(err, core.KindNotFound) {
		return err
	}
	taken, kept := false, false
	row := core.RESTAnswer{Credential: c.p.Credential.ID, Key: key, Digest: want, Status: http.StatusCreated}
	v, err := run(func(ctx context.Context, tx core.Tx, o *core.Order, _ *core.OrderDetails) error {
		taken = false
		row.Order, row.CreatedAt = o.ID, c.s.d.Now()
		fresh, err := c.s.d.Storage.InsertRESTAnswer(ctx, tx, &row)
		if err != nil {
			return err
		}
		if taken = !fresh; taken {
			return core.Errorf(core.KindConflict, "a request with the same Idempotency-Key came first")
		}
		tx.OnCommit(func() { kept = true })
		return nil
	})
	switch {
	case taken, err == nil && v.Repeat, core.Is(err, core.KindConflict) && core.AsError(err).Field == "idempotency-key":
		return c.late(f, key, want, v, show)
	case err != nil && kept && lasting(problemOf(err)):
		return c.finish(&row, problemOf(err))
	case err != nil:
		return err
	}
	return c.finishOrder(f, &row, v, show)
}

// lasting reports whether a refusal of an order that was recorded stays one:
// limits and outages pass.
func lasting(p *problem) bool {
	return p.Status < http.StatusInternalServerError && p.Status != http.StatusTooManyRequests && p.Status != http.StatusUnauthorized
}

// late answers a request that found out while it ran that another one came
// first; v is the order of that one, if it is known.
func (c *call) late(f *family, key string, want []byte, v *ordering.View, show func(*ordering.View) *orderAnswer) error {
	old, err := c.s.d.Storage.RESTAnswer(c.ctx, c.p.Credential.ID, key)
	switch {
	case err == nil:
		return c.again(f, old, want, show)
	case !core.Is(err, core.KindNotFound):
		return err
	case v == nil:
		return keyReused()
	}
	a := show(v) // the first answer is forgotten; the order is not
	return c.created(place(f, a), a)
}

// keyReused is the answer to a key that was used for another request.
func keyReused() error {
	return refuse(http.StatusUnprocessableEntity, "", "947", "the Idempotency-Key was used for another request")
}

// digest tells a repeat from another request with the same key.
func (c *call) digest(body []byte) []byte {
	h := sha256.New()
	for _, part := range []string{c.r.Method, c.r.URL.Path, c.r.Header.Get("X-Product-Code")} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	var v any
	if json.Unmarshal(body, &v) == nil { // white space and the order of members say nothing
		body, _ = json.Marshal(v)
	}
	h.Write(body)
	return h.Sum(nil)
}

// again answers the repeat of a request.
func (c *call) again(f *family, old *core.RESTAnswer, want []byte, show func(*ordering.View) *orderAnswer) error {
	if !bytes.Equal(old.Digest, want) {
		return keyReused()
	}
	deadline := time.NewTimer(c.s.d.Patience)
	defer deadline.Stop()
	pause := time.NewTicker(busyPause)
	defer pause.Stop()
wait:
	for !old.Final {
		select {
		case <-pause.C:
		case <-deadline.C: // whoever came first has died, or the CA is slow
			break wait
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
		next, err := c.s.d.Storage.RESTAnswer(c.ctx, old.Credential, old.Key)
		if err != nil {
			return err
		}
		old = next
	}
	if old.Final {
		return c.replay(old)
	}
	v, err := c.s.d.Orders.Order(c.ctx, c.p, old.Order)
	if err != nil {
		return err
	}
	return c.finishOrder(f, old, v, show)
}

// finishOrder completes a recorded answer with the order as it stands.
func (c *call) finishOrder(f *family, row *core.RESTAnswer, v *ordering.View, show func(*ordering.View) *orderAnswer) error {
	a := show(v)
	row.Status, row.Location = http.StatusCreated, v2Prefix+place(f, a)
	return c.finish(row, a)
}

// finish completes a recorded answer and gives it, or the one that another
// request completed first.
func (c *call) finish(row *core.RESTAnswer, v any) (err error) {
	if p, ok := v.(*problem); ok {
		row.Status = p.Status
		copied := *p
		copied.Instance = c.r.URL.Path
		v = &copied
	}
	if row.Body, err = json.Marshal(v); err != nil {
		return err
	}
	row.Body = append(row.Body, '\n')
	first := false
	if err := c.s.d.Storage.InTx(c.ctx, func(ctx context.Context, tx core.Tx) (err error) {
		first, err = c.s.d.Storage.FinishRESTAnswer(ctx, tx, row)
		return err
	}); err != nil {
		return err
	}
	if !first {
		if row, err = c.s.d.Storage.RESTAnswer(c.ctx, row.Credential, row.Key); err != nil {
			return err
		}
	}
	return c.replay(row)
}

// replay gives a recorded answer.
func (c *call) replay(a *core.RESTAnswer) error {
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	if a.Status >= http.StatusBadRequest {
		h.Set("Content-Type", "application/problem+json")
	}
	if a.Location != "" {
		h.Set("Location", a.Location)
	}
	httpx.Reply(c.w, c.r, a.Status, a.Body)
	return nil
}
