package identity

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

const (
	// resetTime is how long a link for a new password is good.
	resetTime = 30 * time.Minute
	// Within resetWindow so many mails go to one login, and so many are asked
	// for from one address, or from one /64 of IPv6.
	resetWindow     = time.Hour
	resetsByLogin   = 3
	resetsByAddress = 20
)

// AskReset is somebody who has forgotten his password.
type AskReset struct {
	Account   int64 // public number; 0: the first one
	Login     string
	Address   netip.Addr
	RequestID string
}

// ResetMails reports whether AskReset can send anything.
func (s *Service) ResetMails() bool { return s.askReset != nil }

// AskReset has a link for a new password mailed to the address of a user, if
// there is such a user and he has a password and an address. The answer is the
// same and takes as long whether there is or not, so is that to the fourth
// request for one login within an hour, which sends nothing. Errors: conflict
// when there is no mail server; rate-limited after 20 requests from one address.
func (s *Service) AskReset(ctx context.Context, in AskReset) error {
	if s.askReset == nil {
		return core.Errorf(core.KindConflict, "this server sends no mail")
	}
	login := strings.ToLower(strings.TrimSpace(in.Login))
	acc, err := s.storage.AccountByNumber(ctx, in.Account)
	if err != nil && !core.Is(err, core.KindNotFound) {
		return err
	}
	if err != nil {
		acc = &core.Account{}
	}
	u, err := s.storage.UserByLogin(ctx, acc.ID, login)
	if err != nil && !core.Is(err, core.KindNotFound) {
		return err
	}
	now := s.now()
	sum := sha256.Sum256([]byte(string(acc.ID) + "/" + login))
	r := &core.PasswordReset{ID: core.NewID[core.ResetID](now), Account: acc.ID, LoginHash: sum[:], Address: network(in.Address), CreatedAt: now, ExpiresAt: now.Add(resetTime)}
	who := "user:unknown"
	if err == nil {
		who = object("user", u.ID)
		if u.State == core.UserActive && u.PasswordHash != "" && u.Email != "" {
			r.User = u.ID
		}
	}
	p := &core.Principal{Account: acc.ID, Login: clip(login, 128), Address: in.Address, RequestID: in.RequestID}
	return s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		byLogin, byAddress, err := s.storage.CountResets(ctx, tx, r.LoginHash, r.Address, now.Add(-resetWindow))
		if err != nil {
			return err
		}
		if byAddress >= resetsByAddress {
			return core.Errorf(core.KindRateLimited, "too many of these requests came from your address").After(resetWindow)
		}
		e := core.EventOf(p, now, "password.ask-reset", who)
		if byLogin >= resetsByLogin {
			e.Outcome, e.Detail = core.Refused, map[string]any{"reason": "too many requests for this login"}
		} else {
			if err := s.storage.InsertReset(ctx, tx, r); err != nil {
				return err
			}
			if err := s.askReset(ctx, tx, acc.ID, r.ID); err != nil {
				return err
			}
		}
		if acc.ID != "" {
			s.audit.Write(tx, e)
		}
		return nil
	})
}

// network is an address as requests are counted by it.
func network(a netip.Addr) string {
	a = a.Unmap()
	if !a.IsValid() {
		return ""
	}
	if a.Is6() {
		p, err := a.WithZone("").Prefix(64)
		if err == nil {
			return p.String()
		}
	}
	return a.String()
}

// SendReset mails the link of a request. The secret is made here and only its
// hash kept; when sending failed, the next try makes another one. Requests of
// strangers and ended ones send nothing.
func (s *Service) SendReset(ctx context.Context, id core.ResetID, send func(ctx context.Context, to, subject, text string) error) error {
	r, err := s.storage.Reset(ctx, id)
	if core.Is(err, core.KindNotFound) || err == nil && (r.User == "" || !s.now().Before(r.ExpiresAt)) {
		return nil
	} else if err != nil {
		return err
	}
	u, err := s.storage.User(ctx, nil, r.Account, r.User)
	if err != nil || u.State != core.UserActive || u.Email == "" || u.PasswordHash == "" {
		return err
	}
	plain, hash := newSessionSecret()
	there := false
	err = s.storage.InTx(ctx, func(ctx context.Context, tx core.Tx) (err error) {
		there, err = s.storage.SetResetSecret(ctx, tx, id, hash)
		return err
	})
	if err != nil || !there {
		return err
	}
	text := fmt.Sprintf(`Somebody, probably you, has forgotten the password of %s at %s.

Choose a new one here until %s, once:

%s/password/reset/%s

If it was not you, do nothing: the password stays as it is. What is asked for
beside the password at sign-in stays as well.
`, u.Login, s.baseURL(), r.ExpiresAt.UTC().Format("02-Jan-2006 15:04 UTC"), s.baseURL(), plain)
	return send(ctx, u.Email, "A new password for "+u.Login, text)
}

// ResetOf returns whose password a link is for. Error: not-found when it was
// used, has ended or never was.
func (s *Service) ResetOf(ctx context.Context, plain string) (*core.User, error) {
	r, err := s.storage.ResetBySecret(ctx, stateHash(plain), s.now())
	if err != nil {
		return nil, noLink(err)
	}
	u, err := s.storage.User(ctx, nil, r.Account, r.User)
	if err == nil && u.State != core.UserActive {
		err = notFound("link")
	}
	return withoutHash(u), noLink(err)
}

func noLink(err error) error {
	if core.Is(err, core.KindNotFound) {
		return core.Errorf(core.KindNotFound, "this link was used, has ended or was replaced: ask for another one")
	}
	return err
}

// FinishReset sets a new password by a link, which is used up. All sessions of
// the user end; a second factor stays and is asked for at the next sign-in.
// Errors: not-found, invalid at password.
func (s *Service) FinishReset(ctx context.Context, plain, fresh string, in AskReset) error {
	u, err := s.ResetOf(ctx, plain)
	if err != nil {
		return err
	}
	if err := CheckPassword(fresh, u); err != nil {
		return err
	}
	phc, err := s.passwords.hash(ctx, fresh)
	if err != nil {
		return err
	}
	p := &core.Principal{Account: u.Account, User: u.ID, Login: u.Login, Address: in.Address, RequestID: in.RequestID}
	return s.change(ctx, p, "password.recover", object("user", u.ID), func(ctx context.Context, tx core.Tx, e *core.Event) error {
		there, err := s.storage.TakeReset(ctx, tx, stateHash(plain), s.now())
		if err != nil {
			return err
		}
		if !there {
			return noLink(notFound("link"))
		}
		return s.putPassword(ctx, tx, u, phc, false, "", e)
	})
}
