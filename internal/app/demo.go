package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/certwright/certwright/internal/app/demo"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// demoSetting marks the account with demo data: nothing else is ever removed.
const demoSetting = "demo-account"

// demoMark is the value of that setting. It is written before the account is
// made, so that an account whose making was cut off can be found by its name.
type demoMark struct {
	Account core.AccountID `json:"account,omitempty"`
	Name    string         `json:"name,omitempty"` // empty: there is none
	Done    bool           `json:"done,omitempty"`
}

func (p *parts) demoMark(ctx context.Context) (m demoMark, version int64, err error) {
	if _, _, err = p.db.CreateSetting(ctx, demoSetting, []byte("{}")); err != nil {
		return m, 0, err
	}
	j, version, err := p.db.Setting(ctx, demoSetting)
	if err != nil {
		return m, 0, err
	}
	if err := json.Unmarshal(j, &m); err != nil {
		return m, 0, fmt.Errorf("the mark of the demo account is damaged: %w", err)
	}
	if m.Name == "" || m.Account != "" {
		return m, version, nil
	}
	all, err := p.identity.Accounts(ctx)
	for _, a := range all {
		if a.Name == m.Name {
			m.Account = a.ID
		}
	}
	return m, version, err
}

func (p *parts) setDemoMark(ctx context.Context, version int64, m demoMark) error {
	j, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return p.db.CompareAndSetSetting(ctx, demoSetting, version, j)
}

// FillDemo makes an account of its own with made-up data in it.
func FillDemo(ctx context.Context, cfg Config, certificates int, seed uint64, out io.Writer) error {
	return onHost(ctx, cfg, func(p *parts, _ *core.Principal) error {
		m, version, err := p.demoMark(ctx)
		if err != nil {
			return err
		}
		if m.Name != "" {
			return fmt.Errorf("there is a demo account, or what is left of one: remove it first with %s demo remove", program())
		}
		m.Name = fmt.Sprintf("Demo: %s (%s)", demo.Company, p.now().UTC().Format("02-Jan-2006 15:04:05"))
		if err := p.setDemoMark(ctx, version, m); err != nil {
			return err
		}
		first, err := p.identity.CreateAccount(ctx, identity.Host("", "demo"), identity.NewAccount{Name: m.Name, Login: "demo"})
		if err != nil {
			return err
		}
		err = demo.Fill(ctx, demo.Deps{Identity: p.identity, CA: p.ca, Products: p.products, Enroll: p.enroll, Domains: p.domains, Vetting: p.vetting, Tag: p.inventory.SetTags, Now: p.now,
			Progress: func(done, total int) { fmt.Fprintf(out, "%d of %d certificates\n", done, total) }}, first, certificates, seed)
		if err != nil {
			return fmt.Errorf("%w\nWhat was made can be removed with %s demo remove", err, program())
		}
		m.Account, m.Done = first.Account.ID, true
		if _, version, err = p.db.Setting(ctx, demoSetting); err != nil {
			return err
		}
		if err := p.setDemoMark(ctx, version, m); err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "\nAccount %d, %s, is filled.\n\n  Portal    %s/signin?account=%d\n  Sign in   user %s, one-time password %s\n\nRemove it with %s demo remove\n",
			first.Account.Number, m.Name, p.cfg.External.Main, first.Account.Number, first.User.Login, first.Password.Reveal(), program())
		return err
	})
}

// DemoAccount describes the demo account that RemoveDemo would remove; "" when
// there is none.
func DemoAccount(ctx context.Context, cfg Config) (about string, err error) {
	err = onHost(ctx, cfg, func(p *parts, _ *core.Principal) error {
		m, _, err := p.demoMark(ctx)
		about = m.Name
		return err
	})
	return about, err
}

// RemoveDemo removes the account that FillDemo made, with everything in it. The
// audit log keeps its rows, without what they say. Cut off in the middle it can
// be called again.
func RemoveDemo(ctx context.Context, cfg Config, out io.Writer) error {
	return onHost(ctx, cfg, func(p *parts, by *core.Principal) error {
		m, version, err := p.demoMark(ctx)
		if err != nil {
			return err
		}
		if m.Name == "" {
			return fmt.Errorf("there is no demo account")
		}
		if m.Account == by.Account {
			return fmt.Errorf("the first account is not removed")
		}
		if m.Account != "" {
			if err := p.db.DeleteAccount(ctx, m.Account, func(done, total int) { fmt.Fprintf(out, "%d of %d tables\n", done, total) }); err != nil {
				return err
			}
			e := core.EventOf(identity.Host(m.Account, "host"), p.now(), "", "")
			if _, err := p.audit.Erase(ctx, e, p.now()); err != nil {
				return err
			}
		}
		if err := p.setDemoMark(ctx, version, demoMark{}); err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s is removed\n", m.Name)
		return err
	})
}
