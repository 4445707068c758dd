package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/certwright/certwright/internal/audit"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// ListText is a list's query of a page, as its SQL and arguments.
type ListText func(ctx context.Context, q core.ListQuery, limit int) (string, []any, error)

// AnyList is a list as the tests of plans see it.
type AnyList struct {
	Text  ListText
	Order func(core.ListQuery) []string
	row   string
}

func anyList[R, T any](db *DB, l *listing[R, T]) AnyList {
	return AnyList{row: fmt.Sprintf("%T", *new(R)),
		Text: func(ctx context.Context, q core.ListQuery, limit int) (string, []any, error) {
			order, desc, err := l.order(q)
			if err != nil {
				return "", nil, err
			}
			return l.text(ctx, db, q, order, desc, limit)
		},
		Order: func(q core.ListQuery) []string { order, _, _ := l.order(q); return order },
	}
}

// Lists are all lists, as somebody sees them who may see everything. The test
// fails when one is missing here.
func (db *DB) Lists(t *testing.T) map[string]AnyList {
	t.Helper()
	all, now := ordering.Scope{AllGroups: true}, db.now()
	lists := map[string]AnyList{
		"certificates": anyList(db, &certificateList), "orders": anyList(db, &orderList), "audit": anyList[auditRow, audit.Entry](db, auditList()),
		"acme-accounts": anyList(db, acmeAccountList(nil)), "acme-orders": anyList(db, acmeOrderList(nil, now)), "authorizations": anyList(db, authorizationList(nil, now)),
		"consents": anyList(db, consentList()), "deployment-requests": anyList(db, deploymentList(all)), "domains": anyList(db, domainList(nil, now)),
		"credentials": anyList(db, credentialList(nil, now)), "organisations": anyList(db, organisationList()), "groups": anyList(db, groupList(nil)),
		"passkeys": anyList(db, passkeyList), "providers": anyList(db, providerList()), "sessions": anyList(db, sessionList(now)), "tokens": anyList(db, tokenList(now)),
		"users": anyList(db, userList(nil, now)), "issuers": anyList(db, &issuerList), "products": anyList(db, &productList), "renewal-pulls": anyList(db, pullList(now)),
		"tags": anyList(db, tagList(nil)), "vettings": anyList(db, vettingList()), "views": anyList(db, viewList("user")),
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`listing\[(\w+Row),`).FindAllSubmatch(text, -1) {
			found := false
			for _, l := range lists {
				found = found || l.row == "store."+string(m[1])
			}
			if !found {
				t.Errorf("the list of %s in %s is not among those whose plans are looked at", m[1], f)
			}
		}
	}
	return lists
}

// Rebind is rebind, for tests.
func (db *DB) Rebind(q string) string { return db.rebind(q) }
