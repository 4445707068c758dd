package app

import (
	"context"
	"regexp"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
	"github.com/certwright/certwright/internal/notify/notifytest"
	"github.com/certwright/certwright/internal/store/storetest"
)

// TestForgottenPasswordMail: the link goes out through the mail server, to the
// user's address alone.
func TestForgottenPasswordMail(t *testing.T) {
	storetest.URLs(t, func(t *testing.T, url string) {
		ctx, c := t.Context(), config(t, url)
		smtp := withMail(t, &c, notifytest.Options{})
		p := started(t, c)
		var asked []core.ResetID
		p.followup.reset = func(_ context.Context, tx core.Tx, _ core.AccountID, id core.ResetID) error {
			tx.OnCommit(func() { asked = append(asked, id) })
			return nil
		}
		host, _ := onTheHost(t, p)
		if _, _, err := p.identity.CreateUser(ctx, host, identity.NewUser{Login: "ann", Email: "ann@example.internal", SignIn: true}); err != nil {
			t.Fatal(err)
		}
		for _, login := range []string{"ann", "nobody"} {
			if err := p.identity.AskReset(ctx, identity.AskReset{Login: login}); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range asked {
			if err := p.sendReset(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		mails := smtp.Mails()
		if len(asked) != 2 || len(mails) != 1 || len(mails[0].To) != 1 || mails[0].To[0] != "ann@example.internal" {
			t.Fatalf("%d asked, mails %+v", len(asked), mails)
		}
		link := regexp.MustCompile(`/password/reset/([A-Za-z0-9_=\r\n-]{43,60})`).FindStringSubmatch(mails[0].Data)
		if link == nil {
			t.Fatal(mails[0].Data)
		}
		secret := regexp.MustCompile(`=?\r\n`).ReplaceAllString(link[1], "")
		if u, err := p.identity.ResetOf(ctx, secret[:43]); err != nil || u.Login != "ann" {
			t.Errorf("%v\n%s", err, mails[0].Data)
		}
	})
}
