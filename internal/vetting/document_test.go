package vetting_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/vetting/vettingtest"
)

func TestEvidence(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		body := vettingtest.PDF("extract of the register, confidential")
		d, err := w.s.AddDocument(ctx, w.asker, w.org.ID, "register.pdf", "extract", body)
		ok(t, err)
		sum := sha256.Sum256(body)
		if d.Owner != w.org.ID || d.Order != "" || d.Size != len(body) || !bytes.Equal(d.SHA256, sum[:]) || d.Uploader != w.asker.Actor() || d.Sealed != nil || d.Type != "application/pdf" {
			t.Errorf("%+v", d)
		}
		kept, err := w.db.Document(ctx, w.First.Account.ID, d.ID)
		ok(t, err)
		if len(kept.Sealed) <= len(body) || bytes.Contains(kept.Sealed, []byte("%PDF")) || bytes.Contains(kept.Sealed, []byte("confidential")) {
			t.Errorf("the document is not sealed: %.80q", kept.Sealed)
		}
		if plain, err := w.box.Open(kept.Sealed, core.DocumentPlace("another")); err == nil {
			t.Errorf("opened in the place of another document: %.20q", plain)
		}
		got, octets, err := w.s.Document(ctx, w.validator, w.org.ID, d.ID)
		ok(t, err)
		if !bytes.Equal(octets, body) || got.Name != "register.pdf" || got.Sealed != nil {
			t.Errorf("%+v, %.20q", got, octets)
		}
		if n := len(w.Log.Events("document.read")); n != 1 {
			t.Errorf("%d events", n)
		}
		for _, tt := range []struct {
			what string
			body []byte
			name string
			kind core.Kind
		}{
			{"oversize", append(vettingtest.PDF(""), make([]byte, core.MaxDocument)...), "a.pdf", core.KindTooLarge},
			{"not PDF", []byte("PK\x03\x04"), "a.pdf", core.KindMediaType},
			{"cut off", []byte("%PDF-1.4"), "a.pdf", core.KindMediaType},
			{"a path for a name", body, "../a.pdf", core.KindInvalid},
		} {
			is(t, tt.what, second(w.s.AddDocument(ctx, w.asker, w.org.ID, tt.name, "", tt.body)), tt.kind)
		}
		largest := append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte{0}, core.MaxDocument-14)...)
		ok(t, second(w.s.AddDocument(ctx, w.validator, w.org.ID, "big.pdf", "", append(largest, "%%EOF"...))))
		list, err := w.s.Documents(ctx, w.validator, w.org.ID)
		ok(t, err)
		if len(list) != 2 || list[0].Sealed != nil {
			t.Errorf("%d documents", len(list))
		}
	})
}

// TestWhoSeesEvidence: people who may see documents of the whole account; all
// others what they brought themselves.
func TestWhoSeesEvidence(t *testing.T) {
	worlds(t, func(t *testing.T, w *world) {
		ctx, g := t.Context(), w.group(t, "web", w.org.ID)
		person := func(login string, r core.Role, in core.GroupID) *core.Principal {
			return w.Person(t, login, []core.GroupID{g}, core.Grant{Role: r, Group: in})
		}
		requester, cred := person("rita", core.RoleRequester, g), w.credential(g, "")
		brought := map[*core.Principal]core.DocumentID{}
		for _, p := range []*core.Principal{w.asker, w.validator, requester, cred, w.Admin} {
			d, err := w.s.AddDocument(ctx, p, w.org.ID, "a.pdf", "", vettingtest.PDF("x"))
			ok(t, err)
			brought[p] = d.ID
		}
		for _, tt := range []struct {
			what string
			p    *core.Principal
			n    int
			kind core.Kind // of the list
		}{
			{"administrator", w.Admin, 5, ""}, {"validator", w.validator, 5, ""}, {"operator", w.asker, 5, ""},
			{"approver", person("a1", core.RoleApprover, ""), 5, ""}, {"auditor", person("a2", core.RoleAuditor, ""), 5, ""},
			{"requester of a group", requester, 1, ""}, {"credential", cred, 1, ""}, {"operator of a group", person("o1", core.RoleOperator, g), 0, ""},
			{"approver of a group", person("a3", core.RoleApprover, g), 0, core.KindForbidden},
			{"CA administrator", person("c1", core.RoleCAAdministrator, ""), 0, core.KindForbidden},
			{"credential of another organisation", w.credential(w.group(t, "x", ""), ""), 0, core.KindNotFound},
			{"another account", w.stranger(t), 0, core.KindNotFound},
		} {
			list, err := w.s.Documents(ctx, tt.p, w.org.ID)
			is(t, tt.what, err, tt.kind)
			if len(list) != tt.n {
				t.Errorf("%s sees %d documents, want %d", tt.what, len(list), tt.n)
			}
			readable := 0
			for _, id := range brought {
				if _, _, err := w.s.Document(ctx, tt.p, w.org.ID, id); err == nil {
					readable++
				} else if !core.Is(err, core.KindNotFound) {
					t.Errorf("%s: %v", tt.what, err)
				}
			}
			if readable != tt.n {
				t.Errorf("%s reads %d documents, want %d", tt.what, readable, tt.n)
			}
		}
		is(t, "approver adds", second(w.s.AddDocument(ctx, person("a4", core.RoleApprover, ""), w.org.ID, "a.pdf", "", vettingtest.PDF(""))), core.KindForbidden)
		other := w.second(t, "Else")
		is(t, "under another organisation", third(w.s.Document(ctx, w.Admin, other.ID, brought[w.Admin])), core.KindNotFound)
		is(t, "garbage", third(w.s.Document(ctx, w.Admin, w.org.ID, "x")), core.KindNotFound)
	})
}
