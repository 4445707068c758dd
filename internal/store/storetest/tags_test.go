package storetest

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/store"
)

// foreign makes a certificate as an import has it.
func foreign(n int, group core.GroupID, tags ...string) *core.Certificate {
	at := orderNoon.Add(time.Duration(n) * time.Second)
	return &core.Certificate{ID: core.NewID[core.CertificateID](at), Account: "a", Number: int64(n), Issuer: core.ForeignIssuer("a", []byte("dn"), nil), IssuerDN: "CN=Elsewhere",
		User: "u", Group: group, Protocol: core.ProtocolImport, State: core.CertActive, Serial: fmt.Sprint(n), Subject: fmt.Sprintf("CN=c%d", n), CommonName: fmt.Sprintf("c%d", n),
		KeyAlgorithm: "RSA 2048", SPKIHash: []byte{1}, Fingerprint: []byte(fmt.Sprint("print", n)), NotBefore: at, NotAfter: at.AddDate(1, 0, 0), Tags: tags, CreatedAt: at, DER: []byte{byte(n)}}
}

func insertForeign(t *testing.T, db *store.DB, c *core.Certificate) (ok bool) {
	t.Helper()
	write(t, db, func(ctx context.Context, tx core.Tx) (err error) {
		ok, err = db.InsertImported(ctx, tx, c)
		return err
	})
	return ok
}

func TestImported(t *testing.T) {
	Engines(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		c := foreign(1, "g1", "env:prod")
		c.CA = true
		if !insertForeign(t, db, c) {
			t.Fatal("not inserted")
		}
		got, err := db.CertificateByFingerprint(ctx, "a", c.Fingerprint)
		if err != nil || got.ID != c.ID || got.IssuerDN != c.IssuerDN || !got.CA || got.Product != "" || got.Order != "" || string(got.DER) != "\x01" || !slices.Equal(got.Tags, c.Tags) {
			t.Fatalf("%+v %v", got, err)
		}
		again := foreign(1, "")
		again.ID = core.NewID[core.CertificateID](time.Now())
		if insertForeign(t, db, again) {
			t.Error("the same certificate twice")
		}
		serial := foreign(2, "")
		serial.Serial = "1"
		if insertForeign(t, db, serial) {
			t.Error("a serial number twice")
		}
		elsewhere := foreign(1, "")
		elsewhere.ID, elsewhere.Account, elsewhere.Issuer = core.NewID[core.CertificateID](time.Now()), "b", core.ForeignIssuer("b", []byte("dn"), nil)
		if !insertForeign(t, db, elsewhere) {
			t.Error("another account cannot know it")
		}
		if x, err := db.CertificateBySerial(ctx, "a", c.Issuer, "1"); err != nil || x.ID != c.ID {
			t.Errorf("%+v %v", x, err)
		}
		if list, err := db.CAsNamed(ctx, "a", "CN=c1"); err != nil || len(list) != 1 || string(list[0].DER) != "\x01" {
			t.Errorf("%+v %v", list, err)
		}
		if dn, err := db.ForeignIssuer(ctx, "a", c.Issuer); err != nil || dn != "CN=Elsewhere" {
			t.Error(dn, err)
		}
		if _, err := db.ForeignIssuer(ctx, "b", c.Issuer); !core.Is(err, core.KindNotFound) {
			t.Error(err)
		}
		list, err := db.ExpiringCertificates(ctx, orderNoon, orderNoon.AddDate(2, 0, 0), 30, 10)
		if err != nil || len(list) != 2 {
			t.Errorf("%d are announced, %v", len(list), err)
		}
	})
}

// tagsOf writes the tags in use as tag=certificates/credentials/orders.
func tagsOf(t *testing.T, db *store.DB, scope core.TagScope, filter ...core.Cond) string {
	t.Helper()
	q := core.ListQuery{Account: "a", Sort: core.Sort{Column: "tag"}, Filter: filter, Limit: 2}
	var out []string
	for {
		p, err := db.ListTags(t.Context(), q, scope)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range p.Items {
			out = append(out, fmt.Sprintf("%s=%d/%d/%d", x.Tag, x.Certificates, x.Credentials, x.Orders))
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			return strings.Join(out, " ")
		}
	}
}

// numbersTagged are the numbers of the certificates that a filter for tags finds.
func numbersTagged(t *testing.T, db *store.DB, op core.Operator, tag string) string {
	t.Helper()
	f := core.Filter{{Column: "tags", Op: op, Values: []string{tag}}}
	p, err := db.ListCertificates(t.Context(), core.ListQuery{Account: "a", Filter: f, Sort: core.Sort{Column: "number"}})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range p.Items {
		out = append(out, fmt.Sprint(c.Number))
	}
	return strings.Join(out, " ")
}

func TestTags(t *testing.T) {
	Engines(t, func(t *testing.T, db *store.DB) {
		c1, c2, c3 := foreign(1, "g1", "env:prod", "Web"), foreign(2, "g2", "ENV:prod"), foreign(3, "", "50%_")
		for _, c := range []*core.Certificate{c1, c2, c3} {
			insertForeign(t, db, c)
		}
		o, d := ordered(t, db, 1, func(_ *core.Order, d *core.OrderDetails) { d.Ask.Tags = []string{"web", "env:test"} })
		check := func(want string) {
			t.Helper()
			if got := tagsOf(t, db, nil); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		check("50%_=1/0/0 env:prod=2/0/0 env:test=0/0/1 Web=1/0/1")
		one, none := []core.GroupID{"01900000-0000-7000-8000-000000000001"}, []core.GroupID{}
		if got := tagsOf(t, db, core.TagScope{core.TagCertificate: one, core.TagOrder: none, core.TagCredential: none}); got != "" {
			t.Error(got)
		}
		if got := tagsOf(t, db, nil, core.Cond{Column: "key", Op: core.OpEquals, Values: []string{"Env"}}, core.Cond{Column: "certificates", Op: core.OpGreater, Values: []string{"0"}}); got != "env:prod=2/0/0" {
			t.Error(got)
		}
		for tag, want := range map[string]string{"env:PROD": "1 2", "web": "1", "env": "", "50%_": "3", "50__": ""} {
			if got := numbersTagged(t, db, core.OpEquals, tag); got != want {
				t.Errorf("%s: %s, want %s", tag, got, want)
			}
		}
		if got := numbersTagged(t, db, core.OpNotEquals, "env:prod"); got != "3" {
			t.Error(got)
		}
		orders, err := db.ListOrders(t.Context(), core.ListQuery{Account: "a", Filter: core.Filter{{Column: "tags", Op: core.OpEquals, Values: []string{"WEB"}}}})
		if err != nil || len(orders.Items) != 1 || orders.Items[0].ID != o.ID {
			t.Errorf("%+v %v", orders, err)
		}
		write(t, db, func(ctx context.Context, tx core.Tx) error {
			return db.SetCertificateTags(ctx, tx, "a", c1.ID, []string{"Web", "new"})
		})
		check("50%_=1/0/0 env:prod=1/0/0 env:test=0/0/1 new=1/0/0 Web=1/0/1")
		d.Ask.Tags, d.Version = []string{"new"}, 2
		write(t, db, func(ctx context.Context, tx core.Tx) error { return db.UpdateDetails(ctx, tx, d) })
		check("50%_=1/0/0 env:prod=1/0/0 new=1/0/1 Web=1/0/0")
		if n, err := db.CountTagged(t.Context(), "a", []string{"new", "web"}); err != nil || n != 3 {
			t.Error(n, err)
		}
		// A name that is found in no tag, but would be were it a pattern.
		if got, err := db.TagsOf(t.Context(), "a", core.TagChange{From: "e%", Key: true}); err != nil || len(got) != 0 {
			t.Error(got, err)
		}
		change := func(ch core.TagChange) {
			t.Helper()
			tags, err := db.TagsOf(t.Context(), "a", ch)
			if err != nil {
				t.Fatal(err)
			}
			for _, tag := range tags {
				for after, first := "", true; first || after != ""; first = false {
					write(t, db, func(ctx context.Context, tx core.Tx) (err error) {
						after, _, err = db.ChangeTagged(ctx, tx, "a", tag, ch, after, 1)
						return err
					})
				}
			}
		}
		change(core.TagChange{From: "NEW", To: "web"})
		check("50%_=1/0/0 env:prod=1/0/0 Web=1/0/1")
		if got, err := db.OrderDetails(t.Context(), "a", o.ID); err != nil || !slices.Equal(got.Ask.Tags, []string{"web"}) || got.Version != 3 {
			t.Errorf("%+v %v", got, err)
		}
		change(core.TagChange{From: "env", To: "stage", Key: true})
		check("50%_=1/0/0 stage:prod=1/0/0 Web=1/0/1")
		change(core.TagChange{From: "web"})
		check("50%_=1/0/0 stage:prod=1/0/0")
		refill(t, db)
		check("50%_=1/0/0 stage:prod=1/0/0")
	})
}

// refill empties the tables of tags and fills them as the migration did: the
// outcome is the same.
func refill(t *testing.T, db *store.DB) {
	t.Helper()
	text, err := os.ReadFile("../migrations/" + string(db.Dialect()) + "/00016_import.sql")
	if err != nil {
		t.Fatal(err)
	}
	up, _, _ := strings.Cut(string(text), "-- +goose Down")
	_, fill, ok := strings.Cut(up, "INSERT INTO tag_uses")
	if !ok {
		t.Fatal("the migration fills nothing")
	}
	for _, q := range append([]string{"DELETE FROM tag_counts", "DELETE FROM tag_uses", "DELETE FROM tags"}, strings.Split("INSERT INTO tag_uses"+fill, ";\n")...) {
		if strings.TrimSpace(q) == "" {
			continue
		}
		if _, err := db.SQL().ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%v: %s", err, q)
		}
	}
}

// Certificates that get and lose tags at the same time leave the right numbers.
func TestTagsAtOnce(t *testing.T) {
	Engines(t, func(t *testing.T, db *store.DB) {
		c1, c2 := foreign(1, ""), foreign(2, "")
		insertForeign(t, db, c1)
		insertForeign(t, db, c2)
		errs := make(chan error)
		sets := [][]string{{"a", "b", "c"}, {"c", "b"}, {"d", "a"}, {}, {"b", "d"}}
		for i, c := range []*core.Certificate{c1, c2, c1, c2} {
			go func() {
				for j := range 20 {
					err := db.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error {
						return db.SetCertificateTags(ctx, tx, "a", c.ID, sets[(i*3+j)%len(sets)])
					})
					if err != nil {
						errs <- err
						return
					}
				}
				errs <- nil
			}()
		}
		for range 4 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		for _, c := range []*core.Certificate{c1, c2} {
			write(t, db, func(ctx context.Context, tx core.Tx) error {
				return db.SetCertificateTags(ctx, tx, "a", c.ID, []string{"b", "c"})
			})
		}
		if got := tagsOf(t, db, nil); got != "b=2/0/0 c=2/0/0" {
			t.Error(got)
		}
	})
}
