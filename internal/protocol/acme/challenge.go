package acme

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/validation"
	"github.com/certwright/certwright/internal/wire/httpx"
)

const (
	// busyFor is how long a process has for one attempt and the pause after it
	// before another takes the check up; each attempt begins it anew. Two that
	// make the same check do no harm: one decides.
	busyFor = 45 * time.Second
	// maxRecords is how many observations of a check are kept.
	maxRecords = 40
	// maxTries is how often a decision is written again when somebody else
	// changed the authorization meanwhile.
	maxTries = 8
)

// challenge reads a challenge or starts its check (section 7.5.1).
func (c *call) challenge() error {
	a, err := c.ownAuthorization()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(c.r.PathValue("n"))
	if err != nil || n < 0 || n >= len(a.Challenges) {
		return refuse(http.StatusNotFound, malformed, "there is no such challenge of this account")
	}
	ch := &a.Challenges[n]
	if len(c.msg.Payload) > 0 && a.Shown(c.s.d.Now()) == core.AuthorizationExpired {
		return refuse(http.StatusBadRequest, malformed, "the authorization has expired")
	}
	if len(c.msg.Payload) > 0 && a.State == core.AuthorizationPending && ch.State == core.ChallengePending {
		if a, err = c.respond(a, n); err != nil {
			return err
		}
	}
	return c.answerChallenge(a, n)
}

// answerChallenge writes a challenge with the way up to its authorization.
func (c *call) answerChallenge(a *core.Authorization, n int) error {
	c.w.Header().Add("Link", "<"+c.url("authz", string(a.ID))+`>;rel="up"`)
	if a.State == core.AuthorizationPending {
		httpx.RetryAfter(c.w.Header(), pollRetry)
	}
	return c.answer(http.StatusOK, c.challengeOf(a, n))
}

// respond checks control. When that takes no longer than the service's
// patience, which is the rule, the outcome is recorded with one commit and
// stands in the answer; else it is recorded that a check is under way, so that
// it survives this process, and the client polls.
func (c *call) respond(a *core.Authorization, n int) (*core.Authorization, error) {
	ctx := c.r.Context()
	var in struct {
		Object string `json:"attObj"`
		Error  string `json:"error"`
	}
	if err := c.payload(&in); err != nil {
		return nil, err
	}
	if a.Challenges[n].Method == core.MethodDeviceAttest {
		object, err := base64.RawURLEncoding.DecodeString(in.Object)
		if err != nil || len(object) == 0 {
			return nil, refuse(http.StatusBadRequest, malformed, "the response to device-attest-01 has no attObj in base64url")
		}
		return c.attested(a, n, object)
	}
	run := c.s.start(proof{cred: c.cred, acct: c.acct, authz: a.ID, n: n})
	patience := time.NewTimer(c.s.d.Patience)
	defer patience.Stop()
	select {
	case <-run.done:
		if run.outcome != nil {
			return run.outcome, nil
		}
	case <-patience.C:
		if err := c.s.markBusy(ctx, a, n); err != nil && !core.Is(err, core.KindConflict) {
			return nil, err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return c.s.d.Storage.Authorization(ctx, c.cred.ID, a.ID)
}

// markBusy records that a check is under way. When it was decided meanwhile,
// that is a conflict and stands.
func (s *Service) markBusy(ctx context.Context, a *core.Authorization, n int) error {
	b := *a
	b.Challenges = slices.Clone(a.Challenges)
	b.Challenges[n].State = core.ChallengeProcessing
	b.UpdatedAt = s.d.Now()
	b.BusyUntil = b.UpdatedAt.Add(busyFor)
	return s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error { return s.d.Storage.UpdateAuthorization(ctx, tx, &b) })
}

// proof is one challenge to be checked.
type proof struct {
	cred  *core.Credential
	acct  *core.ACMEAccount
	authz core.AuthorizationID
	n     int
}

// run is a check under way.
type run struct {
	done    chan struct{}       // closed at the end
	outcome *core.Authorization // then: as this check recorded it; nil: it is to be read
}

// start checks a challenge beside the request, once in this process however
// often the client asks. The channel is closed when it is decided.
func (s *Service) start(p proof) *run {
	key := string(p.authz) + "/" + strconv.Itoa(p.n)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.busy[key]; ok {
		return r
	}
	r := &run{done: make(chan struct{})}
	s.busy[key] = r
	s.runs.Go(func() {
		defer func() {
			s.mu.Lock()
			delete(s.busy, key)
			s.mu.Unlock()
			close(r.done)
		}()
		var err error
		if r.outcome, err = s.prove(s.stop, p); err != nil && s.stop.Err() == nil {
			s.d.Log.Error("check of an ACME challenge", "authorization", string(p.authz), "error", err.Error())
		}
	})
	return r
}

// prove makes attempts until one decides, and returns what it recorded. When
// the process stops in between, nothing is decided and another takes it up.
func (s *Service) prove(ctx context.Context, p proof) (*core.Authorization, error) {
	for tries := 0; ; tries++ {
		a, err := s.d.Storage.Authorization(ctx, p.cred.ID, p.authz)
		if err != nil {
			return nil, err
		}
		if a.Shown(s.d.Now()) != core.AuthorizationPending {
			return nil, nil
		}
		r := s.check(ctx, p, a)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		set := func(ch *core.Challenge) {
			ch.Failure, ch.Records, ch.Tries = r.Failure, r.Records[:min(len(r.Records), maxRecords)], tries+1
		}
		if r.Failure != nil && r.Retry && tries < len(s.d.Delays) {
			if err := s.note(ctx, p, set); err != nil {
				return nil, err
			}
			t := time.NewTimer(s.d.Delays[tries])
			select {
			case <-t.C:
				continue
			case <-ctx.Done():
				t.Stop()
				return nil, ctx.Err()
			}
		}
		return s.decide(ctx, p, a, set)
	}
}

// note shows a failed attempt in the challenge while further ones follow (RFC
// 8555 section 8.2). When somebody else writes at the same time, the next
// attempt says more.
func (s *Service) note(ctx context.Context, p proof, set func(*core.Challenge)) error {
	a, err := s.d.Storage.Authorization(ctx, p.cred.ID, p.authz)
	if err != nil || a.State != core.AuthorizationPending {
		return err
	}
	a.Challenges = slices.Clone(a.Challenges)
	set(&a.Challenges[p.n])
	if err = s.markBusy(ctx, a, p.n); core.Is(err, core.KindConflict) {
		return nil
	}
	return err
}

// check makes one attempt, when one of the places for attempts is free.
func (s *Service) check(ctx context.Context, p proof, a *core.Authorization) validation.Result {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return validation.Result{}
	}
	ch := &a.Challenges[p.n]
	q := validation.Check{Method: ch.Method, Identifier: a.Identifier, Wildcard: a.Wildcard || a.Subdomains, Token: ch.Token,
		KeyAuthorization: ch.Token + "." + p.acct.Thumbprint, AccountURL: s.base(p.cred.Label) + "acct/" + string(p.acct.ID)}
	if ch.Method == core.MethodDNSPersist01 {
		q.IssuerDomains = s.issuerDomains(ctx, p.cred, p.cred.Product)
	}
	if product, err := s.d.Enroll.Product(ctx, p.cred.Account, p.cred.Product); err == nil && len(product.Profile.CAA) > 0 && a.Identifier.Type == core.IdentifierDNS {
		q.CAA, q.IssuerDomains = true, product.Profile.CAA
	}
	return s.d.Checker.Check(ctx, q)
}

// decide records the outcome that set writes into the challenge, with what
// follows for authorization and orders, and returns what it recorded. a is read
// anew when it was changed meanwhile: its version tells.
func (s *Service) decide(ctx context.Context, p proof, a *core.Authorization, set func(*core.Challenge)) (*core.Authorization, error) {
	for range maxTries {
		if a.State != core.AuthorizationPending {
			return nil, nil // decided, deactivated or revoked meanwhile
		}
		decided, err := s.record(ctx, p, *a, set)
		if !core.Is(err, core.KindConflict) {
			return decided, err
		}
		if a, err = s.d.Storage.Authorization(ctx, p.cred.ID, a.ID); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the authorization was changed again and again meanwhile")
}

func (s *Service) record(ctx context.Context, p proof, a core.Authorization, set func(*core.Challenge)) (*core.Authorization, error) {
	now := s.d.Now()
	a.Challenges = slices.Clone(a.Challenges)
	ch := &a.Challenges[p.n]
	set(ch)
	e := core.EventOf(&core.Principal{Account: p.cred.Account, User: p.cred.User, Login: string(p.cred.Type) + "/" + p.cred.Label, Credential: p.cred}, now,
		"acme.authorization.valid", "authorization:"+string(a.ID))
	e.Detail = map[string]any{"identifier": a.Identifier.String(), "method": ch.Method, "acme_account": string(p.acct.ID)}
	var broken *core.ACMEProblem
	if f := ch.Failure; f != nil {
		ch.State, a.State = core.ChallengeInvalid, core.AuthorizationInvalid
		e.Action, e.Outcome = "acme.authorization.invalid", core.Refused
		e.Detail["type"], e.Detail["detail"] = f.Code, f.Detail
		broken = &core.ACMEProblem{Type: f.Code, Status: failureStatus(f.Code), Detail: a.Identifier.Value + ": " + f.Detail,
			About: []core.Reason{{Code: f.Code, Value: a.Identifier.String(), Detail: f.Detail}}}
	} else {
		ch.State, ch.ValidatedAt, a.State, a.Method = core.ChallengeValid, now.UTC().Truncate(time.Microsecond), core.AuthorizationValid, ch.Method
		a.ExpiresAt = now.Add(reuse(options(p.cred))).Truncate(time.Second)
	}
	a.BusyUntil, a.UpdatedAt = time.Time{}, now
	err := s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		if err := s.d.Storage.UpdateAuthorization(ctx, tx, &a); err != nil {
			return err
		}
		s.d.Audit.Write(tx, e)
		return s.d.Storage.SettleACMEOrders(ctx, tx, a.ID, broken, now)
	})
	if err != nil {
		return nil, err
	}
	a.Version++
	return &a, nil
}

// attested judges a device attestation, which takes no looking anywhere.
func (c *call) attested(a *core.Authorization, n int, object []byte) (*core.Authorization, error) {
	ch := &a.Challenges[n]
	got, err := c.s.d.Attest(object, ch.Token, ch.Token+"."+c.acct.Thumbprint, c.opt.Attestation, c.s.d.Now())
	var failure *core.Failure
	switch {
	case errors.As(err, &failure):
	case err != nil:
		return nil, err
	case !slices.Contains(got.Identifiers, a.Identifier.Value):
		failure = &core.Failure{Code: unauthorized, Detail: "the attestation is for another device"}
	}
	p := proof{cred: c.cred, acct: c.acct, authz: a.ID, n: n}
	decided, err := c.s.decide(c.r.Context(), p, a, func(ch *core.Challenge) {
		ch.Failure, ch.Tries = failure, 1
		if failure == nil {
			sum := sha256.Sum256(got.SPKI)
			ch.KeyHash = sum[:]
		}
	})
	if err != nil || decided != nil {
		return decided, err
	}
	return c.s.d.Storage.Authorization(c.r.Context(), c.cred.ID, a.ID)
}

// Sweep takes up the checks that a stopped process left. before is the end of
// their time: the present for a regular look, the far future at the start of
// an installation of one process. It returns how many it took up.
func (s *Service) Sweep(ctx context.Context, before time.Time) (int, error) {
	list, err := s.d.Storage.BusyAuthorizations(ctx, before, 200)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, a := range list {
		i := slices.IndexFunc(a.Challenges, func(ch core.Challenge) bool { return ch.State == core.ChallengeProcessing })
		if i < 0 {
			continue
		}
		cred, err := s.d.Storage.Credential(ctx, nil, a.Account, a.Credential)
		if err != nil {
			return n, err
		}
		acct, err := s.d.Storage.ACMEAccount(ctx, a.Credential, a.ACMEAccount)
		if err != nil {
			return n, err
		}
		err = s.markBusy(ctx, a, i) // the lease: who comes second gets a conflict
		if core.Is(err, core.KindConflict) {
			continue
		}
		if err != nil {
			return n, err
		}
		s.start(proof{cred: cred, acct: acct, authz: a.ID, n: i})
		n++
	}
	return n, nil
}
