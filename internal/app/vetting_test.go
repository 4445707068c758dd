package app

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/notify/notifytest"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/store/storetest"
	"github.com/certwright/certwright/internal/vetting"
	"github.com/certwright/certwright/internal/vetting/vettingtest"
)

// TestVetting: mail goes out through the mail server, a change of the
// organisation takes its standing back, and evidence and token are sealed again
// under a new key.
func TestVetting(t *testing.T) {
	storetest.URLs(t, func(t *testing.T, url string) {
		ctx, c := t.Context(), config(t, url)
		smtp := withMail(t, &c, notifytest.Options{})
		p := started(t, c)
		host, _ := onTheHost(t, p)
		person := func(login string, r core.Role) *core.Principal {
			u, _, err := p.identity.CreateUser(ctx, host, identity.NewUser{Login: login, Email: login + "@example.internal", Grants: []core.Grant{{Role: r}}})
			if err != nil {
				t.Fatal(err)
			}
			return &core.Principal{Account: u.Account, User: u.ID, Grants: u.Grants}
		}
		olga, vera := person("olga", core.RoleOperator), person("vera", core.RoleValidator)
		data := identity.OrganisationData{Name: "Works", Country: "DE", Email: "works@example.internal"}
		o, err := p.identity.CreateOrganisation(ctx, host, data)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := p.vetting.AddDocument(ctx, olga, o.ID, "a.pdf", "", vettingtest.PDF("evidence"))
		if err != nil {
			t.Fatal(err)
		}
		token, err := p.vetting.Token(ctx, host, o.ID, false)
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.vetting.Ask(ctx, olga, o.ID, core.PurposeOV)
		if err == nil {
			v, err = p.vetting.Decide(ctx, vera, v.ID, vetting.Decision{State: core.VettingValidated, Method: "register", Evidence: []core.DocumentID{doc.ID}, ExpiresAt: time.Now().Add(36 * time.Hour)})
		}
		if err != nil {
			t.Fatal(err)
		}
		if n, err := p.vetting.Remind(ctx); n != 1 || err != nil {
			t.Errorf("reminded of %d, %v", n, err)
		}
		mails := smtp.Mails()
		if len(mails) != 2 || !strings.Contains(mails[0].Data, "The vetting of Works for ov ends in 1 day") {
			t.Errorf("%d mails: %+v", len(mails), mails)
		}
		data.Country = "AT"
		if _, err := p.identity.UpdateOrganisation(ctx, host, o.ID, data); err != nil {
			t.Fatal(err)
		}
		if v, err = p.vetting.Vetting(ctx, vera, v.ID); err != nil || v.State != core.VettingDiscrepancy {
			t.Errorf("%+v, %v", v, err)
		}

		var out bytes.Buffer
		if err := RotateDEK(ctx, c, &out); err != nil {
			t.Fatal(err)
		}
		q := open(t, c)
		kept, err := q.db.Document(ctx, o.Account, doc.ID)
		if err != nil {
			t.Fatal(err)
		}
		if id, err := secret.KeyIDOf(kept.Sealed); err != nil || id != q.box.Active() || id == p.box.Active() {
			t.Errorf("the document is sealed under %v, %v", id, err)
		}
		if _, body, err := q.vetting.Document(ctx, vera, o.ID, doc.ID); err != nil || !bytes.Equal(body, vettingtest.PDF("evidence")) {
			t.Errorf("%q, %v", body, err)
		}
		if again, err := q.vetting.Token(ctx, host, o.ID, false); err != nil || again != token {
			t.Errorf("%q, %v", again, err)
		}
	})
}
