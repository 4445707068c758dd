package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// onHost opens the installation for a command of the host, which may run
// beside the server.
func onHost(ctx context.Context, cfg Config, f func(p *parts, by *core.Principal) error) (err error) {
	if err := cfg.Complete(); err != nil {
		return err
	}
	p, err := build(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.db.Close()) }()
	account, err := p.db.AccountByNumber(ctx, 0)
	if core.Is(err, core.KindNotFound) {
		return fmt.Errorf("there is no installation in %s yet: run certwright serve", dumpDatabase(cfg.Database))
	}
	if err != nil {
		return err
	}
	return f(p, identity.Host(account.ID, "host"))
}

// ResetPassword gives a user a one-time password and prints it. Sessions of
// the user end, a lock is lifted.
func ResetPassword(ctx context.Context, cfg Config, login string, out io.Writer) error {
	return onHost(ctx, cfg, func(p *parts, by *core.Principal) error {
		u, err := p.db.UserByLogin(ctx, by.Account, login)
		if err != nil {
			return err
		}
		fresh, err := p.identity.ResetPassword(ctx, by, u.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "user %s, one-time password %s\n", u.Login, fresh.Reveal())
		return err
	})
}

// ResetSecondFactor removes what a user is asked for beside his password.
func ResetSecondFactor(ctx context.Context, cfg Config, login string, out io.Writer) error {
	return onHost(ctx, cfg, func(p *parts, by *core.Principal) error {
		u, err := p.db.UserByLogin(ctx, by.Account, login)
		if err != nil {
			return err
		}
		if err := p.identity.ResetSecondFactor(ctx, by, u.ID); err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "user %s signs in without a second factor\n", u.Login)
		return err
	})
}

// RotateKEK seals the key ring under the key of another source. The server
// must be started with that source afterwards.
func RotateKEK(ctx context.Context, cfg Config, to string, out io.Writer) error {
	return onHost(ctx, cfg, func(p *parts, by *core.Principal) error {
		err := p.box.RotateKEK(ctx, to, func(tx core.Tx) error {
			e := core.EventOf(by, p.now(), "secret.rotate-kek", "secret:ring")
			p.audit.Write(tx, e)
			return nil
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "the key ring is sealed under %s (fingerprint %s)\nSet kek: %s in the configuration and restart every replica.\n", to, p.box.Fingerprint(), to)
		return err
	})
}

// VerifyAudit checks the whole audit log and names every row that was changed,
// removed, inserted or reordered. It fails when there is one.
func VerifyAudit(ctx context.Context, cfg Config, out io.Writer) error {
	return onHost(ctx, cfg, func(p *parts, _ *core.Principal) error {
		problems := 0
		sum, err := p.audit.Verify(ctx, func(x audit.Problem) {
			problems++
			fmt.Fprintln(out, x)
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%d rows in %d chains, %d checkpoints\n", sum.Rows, sum.Chains, sum.Checkpoints)
		if problems > 0 {
			return fmt.Errorf("the audit log was tampered with: %d problems", problems)
		}
		return nil
	})
}
