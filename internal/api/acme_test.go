package api_test

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// acmeThings are one of each thing of an ACME client.
type acmeThings struct {
	credential core.CredentialID
	account    core.ACMEAccountID
	order      core.ACMEOrderID
	proof      core.AuthorizationID
}

// acme puts an account with an order and a failed challenge into a group.
func (w *world) acme(t *testing.T, group core.GroupID) acmeThings {
	t.Helper()
	owner := w.newCredential(t, group).Credential.User
	made := decode[resource.IssuedCredential](t, w.admin.do(t, "POST", "/credentials", resource.NewCredential{Type: core.CredentialACME, User: owner, Group: group,
		Products: []string{"tls-server"}, Options: core.CredentialOptions{ACME: &core.ACMEOptions{Methods: []string{core.MethodDNS01}}}}).is(t, 201))
	if made.Credential.Options.ACME == nil || made.Credential.Options.ACME.Methods[0] != core.MethodDNS01 {
		t.Errorf("options %+v", made.Credential.Options)
	}
	now, tenant := w.Clock.Now(), w.First.Account.ID
	x := acmeThings{made.Credential.ID, core.NewID[core.ACMEAccountID](now), core.NewID[core.ACMEOrderID](now), core.NewID[core.AuthorizationID](now)}
	z := &core.Authorization{ID: x.proof, Account: tenant, Credential: x.credential, ACMEAccount: x.account, Identifier: core.Identifier{Type: "dns", Value: "a.example"},
		State: core.AuthorizationPending, ExpiresAt: now.Add(time.Hour), Version: 1, CreatedAt: now, UpdatedAt: now,
		Challenges: []core.Challenge{{Method: core.MethodDNS01, State: core.ChallengeInvalid, Token: "the-token", Tries: 2, KeyHash: []byte{1},
			Failure: &core.Failure{Code: "dns", Detail: "no record"}, Records: []core.Record{{At: now, Asked: "TXT", Answer: "nothing"}}}}}
	must(t, w.db.InTx(t.Context(), func(ctx context.Context, tx core.Tx) error {
		_, err := w.db.InsertACMEAccount(ctx, tx, &core.ACMEAccount{ID: x.account, Account: tenant, Credential: x.credential, State: core.ACMEAccountValid,
			Key: []byte("{}"), Thumbprint: string(x.account), CreatedAt: now, UpdatedAt: now})
		return errors.Join(err, w.db.InsertACMEOrder(ctx, tx, &core.ACMEOrder{ID: x.order, Account: tenant, Credential: x.credential, ACMEAccount: x.account,
			State: core.ACMEOrderPending, Identifiers: []core.Identifier{z.Identifier}, Authorizations: []core.AuthorizationID{z.ID}, ExpiresAt: z.ExpiresAt,
			CreatedAt: now, UpdatedAt: now}, []*core.Authorization{z}))
	}))
	return x
}

func TestACME(t *testing.T) {
	w := newWorld(t)
	ctx, c := t.Context(), w.admin.client(t)
	x := w.acme(t, w.newGroup(t, "mine"))
	for _, l := range []string{"acme-accounts", "acme-orders", "acme-authorizations"} {
		rows, err := client.Collect(client.All[map[string]any](ctx, c, l, client.Query{Filter: core.Filter{{Column: "credential", Op: core.OpEquals, Values: []string{string(x.credential)}}}}), 0)
		if err != nil || len(rows) != 1 {
			t.Errorf("%s: %v %v", l, rows, err)
		}
	}
	a := w.admin.do(t, "GET", "/acme-orders/"+string(x.order), nil).is(t, 200)
	o := decode[resource.ACMEOrderDetail](t, a)
	if len(o.Authorizations) != 1 || len(o.Authorizations[0].Challenges) != 1 || o.Authorizations[0].Challenges[0].Failure.Code != "dns" ||
		o.Authorizations[0].Challenges[0].Records[0].Answer != "nothing" || strings.Contains(string(a.body), "the-token") {
		t.Errorf("%s", a.body)
	}

	got, err := c.RevokeACMEAccount(ctx, x.account, "lost")
	if err != nil || got.State != core.ACMEAccountRevoked {
		t.Error(got, err)
	}
	if _, err = c.RevokeACMEAccount(ctx, x.account, ""); !core.Is(err, core.KindConflict) {
		t.Error("revoked twice:", err)
	}
	if got, err = c.RestoreACMEAccount(ctx, x.account, ""); err != nil || got.State != core.ACMEAccountValid {
		t.Error(got, err)
	}
	must(t, w.db.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		return w.db.SetACMEAccountState(ctx, tx, w.First.Account.ID, x.account, core.ACMEAccountValid, core.ACMEAccountDeactivated)
	}))
	for _, verb := range []string{"revoke", "restore"} {
		w.admin.do(t, "POST", "/acme-accounts/"+string(x.account)+"/"+verb, nil).is(t, 409)
	}

	z, err := c.RevokeACMEAuthorization(ctx, x.proof, "")
	if err != nil || z.State != core.AuthorizationRevoked {
		t.Error(z, err)
	}
	if _, err = c.RevokeACMEAuthorization(ctx, x.proof, ""); !core.Is(err, core.KindConflict) {
		t.Error("revoked twice:", err)
	}
	if d, err := c.ACMEOrder(ctx, x.order); err != nil || d.State != core.ACMEOrderInvalid || d.Problem == nil {
		t.Error("the order that waited:", d, err)
	}
	for _, action := range []string{"acme.account.revoke", "acme.account.restore", "acme.authorization.revoke"} {
		log, err := client.Collect(client.All[resource.Entry](ctx, c, "audit", client.Query{Filter: core.Filter{{Column: "action", Op: core.OpEquals, Values: []string{action}}}}), 0)
		if err != nil || len(log) != 1 {
			t.Errorf("%s: %d entries, %v", action, len(log), err)
		}
	}
}

func TestACMEThingsOfOtherGroupsDoNotExist(t *testing.T) {
	w := newWorld(t)
	mine, foreign := w.newGroup(t, "mine"), w.newGroup(t, "foreign")
	w.acme(t, mine)
	x := w.acme(t, foreign)
	op := w.person(t, "owner-"+string(mine), nil)
	for _, l := range []string{"/acme-accounts", "/acme-orders", "/acme-authorizations"} {
		if page := decode[resource.Page[map[string]any]](t, op.do(t, "GET", l, nil).is(t, 200)); len(page.Items) != 1 {
			t.Errorf("%s: %+v", l, page)
		}
	}
	for _, r := range [][2]string{{"GET", "/acme-accounts/" + string(x.account)}, {"POST", "/acme-accounts/" + string(x.account) + "/revoke"},
		{"POST", "/acme-accounts/" + string(x.account) + "/restore"}, {"GET", "/acme-orders/" + string(x.order)},
		{"GET", "/acme-authorizations/" + string(x.proof)}, {"POST", "/acme-authorizations/" + string(x.proof) + "/revoke"}} {
		op.do(t, r[0], r[1], nil).is(t, 404).problem(t, core.KindNotFound)
	}
	w.withRole(t, "auditor").do(t, "POST", "/acme-accounts/"+string(x.account)+"/revoke", nil).is(t, 403)
}

func TestRenewalPulls(t *testing.T) {
	w := newWorld(t)
	ctx, c, now := t.Context(), w.admin.client(t), w.Clock.Now()
	issuer := w.h.Issuing.ID
	pull, err := c.CreateRenewalPull(ctx, resource.NewRenewalPull{Issuer: issuer, Product: "tls-server", Within: "24h", Explanation: "https://a.example/why", Reason: "drill"})
	if err != nil || pull.State != "running" || pull.End.Sub(pull.Start) != 24*time.Hour || pull.Issuer != issuer || pull.Product == "" {
		t.Fatal(pull, err)
	}
	for name, n := range map[string]resource.NewRenewalPull{
		"neither":         {Within: "24h"},
		"unknown issuer":  {Issuer: core.NewID[core.IssuerID](now), Within: "24h"},
		"unknown product": {Product: "none", Within: "24h"},
		"no end":          {Issuer: issuer},
		"two ends":        {Issuer: issuer, Within: "24h", End: now.Add(time.Hour)},
		"garbage":         {Issuer: issuer, Within: "soon"},
		"nothing":         {Issuer: issuer, Within: "0h"},
		"long":            {Issuer: issuer, Within: "91d"},
		"past":            {Issuer: issuer, Start: now.Add(-2 * time.Hour), End: now.Add(-time.Hour)},
		"explanation":     {Issuer: issuer, Within: "24h", Explanation: "javascript:x"},
	} {
		w.admin.do(t, "POST", "/renewal-pulls", n).problem(t, core.KindInvalid)
		_ = name
	}
	for role, status := range map[string]int{"operator": 201, "ca-administrator": 201, "auditor": 403, "requester": 403} {
		w.withRole(t, role).do(t, "POST", "/renewal-pulls", resource.NewRenewalPull{Issuer: issuer, Within: "24h"}).is(t, status)
	}
	if pull, err = c.CancelRenewalPull(ctx, pull.ID); err != nil || pull.State != "cancelled" || pull.CancelledAt.IsZero() {
		t.Error(pull, err)
	}
	if _, err = c.CancelRenewalPull(ctx, pull.ID); !core.Is(err, core.KindConflict) {
		t.Error("cancelled twice:", err)
	}
	rows, err := client.Collect(c.RenewalPulls(ctx, client.Query{Filter: core.Filter{{Column: "state", Op: core.OpEquals, Values: []string{"running"}}}}), 0)
	if err != nil || len(rows) != 2 {
		t.Error(len(rows), err)
	}
}

func TestIssuerChains(t *testing.T) {
	w := newWorld(t)
	ctx, c := t.Context(), w.admin.client(t)
	before, err := c.Issuer(ctx, w.h.Issuing.ID)
	must(t, err)
	// The issuing CA's own certificate alone is a chain for those who have a
	// cross-certificate of the root.
	own := before.PEM
	if _, err := x509.ParseCertificate(parsePEM(t, own).Raw); err != nil {
		t.Fatal(err)
	}
	got, err := c.AddChain(ctx, before.ID, own)
	if err != nil || len(got.Alternates) != 1 || got.Version <= before.Version {
		t.Fatal(got, err)
	}
	_, err = c.AddChain(ctx, before.ID, own)
	if !core.Is(err, core.KindExists) {
		t.Error("twice:", err)
	}
	for _, text := range []string{"x", own + "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", before.Chain[0]} {
		w.admin.do(t, "POST", "/issuers/"+string(before.ID)+"/chains", resource.NewChain{Certificates: text}).problem(t, core.KindInvalid)
	}
	if got, err = c.RemoveChains(ctx, before.ID); err != nil || len(got.Alternates) != 0 {
		t.Error(got, err)
	}
}
