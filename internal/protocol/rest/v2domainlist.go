package rest

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Sizes of pages that are walked by offset.
const (
	domainPage     = 50
	maxDomainPage  = 100
	attemptPage    = 20
	maxAttemptPage = 50
)

// domainColumns are the words to sort domains by.
var domainColumns = map[string]string{"createdat": "created_at", "domainname": "name", "verifiedat": "verified_at", "validtill": "valid_until"}

// listDomains lists domains by offset and limit.
func (c *call) listDomains() error {
	q := c.r.URL.Query()
	offset, limit, err := window(q, domainPage, maxDomainPage)
	if err != nil {
		return err
	}
	list := core.ListQuery{Account: c.p.Account, Limit: limit, Sort: core.Sort{Column: "created_at", Desc: true}}
	if list.Filter, err = c.domainFilter(q); err != nil {
		return err
	}
	if word := q.Get("sortBy"); word != "" {
		column, ok := domainColumns[strings.ToLower(word)]
		if !ok {
			return badWord("sortBy", "createdAt, domainName, verifiedAt or validTill")
		}
		list.Sort = core.Sort{Column: column}
	}
	switch strings.ToLower(q.Get("sortDir")) {
	case "":
	case "asc":
		list.Sort.Desc = false
	case "desc":
		list.Sort.Desc = true
	default:
		return badWord("sortDir", "asc or desc")
	}
	total, err := c.s.d.Domains.Count(c.ctx, c.p, list.Filter)
	if err != nil {
		return err
	}
	found, err := c.s.d.Domains.At(c.ctx, c.p, list, offset)
	if err != nil {
		return err
	}
	rows := []*domainRow{}
	for i := range found {
		row, err := c.showDomain(&found[i])
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	return c.json(http.StatusOK, pageOf(rows, offset/limit, limit, total))
}

// badWord is the answer to a word of a query that there is not.
func badWord(field, words string) error {
	return refuse(http.StatusBadRequest, "", "1181", field+" must be "+words).field(field, "must be "+words)
}

// domainFilter reads the criteria of a list of domains; all of them hold.
func (c *call) domainFilter(q url.Values) (core.Filter, error) {
	var f core.Filter
	add := func(column string, op core.Operator, values ...string) {
		f = append(f, core.Cond{Column: column, Op: op, Values: values})
	}
	if word := q.Get("search"); word != "" {
		op := core.OpContains
		if strings.EqualFold(q.Get("exactMatch"), "true") || q.Get("exactMatch") == "1" {
			op = core.OpEquals
		}
		add("name", op, strings.TrimPrefix(strings.ToLower(word), "*."))
	}
	switch strings.ToUpper(q.Get("domainStatus")) {
	case "":
	case "ACTIVE":
		add("state", core.OpEquals, string(core.DomainActive))
		add("control", core.OpNotEquals, string(core.ControlExpired))
	case "INACTIVE":
		add("state", core.OpEquals, string(core.DomainInactive))
	case "EXPIRED":
		add("control", core.OpEquals, string(core.ControlExpired))
	default:
		return nil, badWord("domainStatus", "ACTIVE, INACTIVE or EXPIRED")
	}
	switch word := strings.ToUpper(q.Get("dcvStatus")); word {
	case "":
	case "PENDING", "VERIFIED", "REJECTED", "EXPIRED":
		add("control", core.OpEquals, strings.ToLower(word))
	default:
		return nil, badWord("dcvStatus", "PENDING, VERIFIED, REJECTED or EXPIRED")
	}
	if strings.EqualFold(q.Get("includePending"), "false") {
		add("control", core.OpNotEquals, string(core.ControlPending))
	}
	method, ok := methodOf(q.Get("dcvMethod"))
	if !ok {
		return nil, badMethod("dcvMethod")
	}
	if method != "" {
		add("method", core.OpEquals, method)
	}
	for name, op := range map[string]core.Operator{"fromDate": core.OpGreaterEq, "toDate": core.OpLessEq} {
		t, err := day(q, name, name == "toDate")
		if err != nil {
			return nil, err
		}
		if !t.IsZero() {
			add("created_at", op, t.Format(time.RFC3339))
		}
	}
	if word := q.Get("organizationId"); word != "" {
		owner, err := c.domainOwner(word)
		if err != nil {
			return nil, err
		}
		add("organisation", core.OpEquals, string(owner.Organisation))
	}
	if word := q.Get("groupNumber"); word != "" {
		if _, err := c.group(word); err != nil { // what a credential sees is its own group's
			return nil, err
		}
	}
	return f, nil
}

// attemptRow is one look at a challenge in a list.
type attemptRow struct {
	AttemptID     string `json:"attemptId"`
	AttemptedAt   string `json:"attemptedAt"`
	Method        string `json:"method"`
	OverallStatus string `json:"overallStatus"`
	FailureClass  string `json:"failureClass,omitempty"`
}

// attemptAnswer is one look at a challenge with all that was found.
type attemptAnswer struct {
	DomainID string `json:"domainId"`
	attemptRow
	Status      string       `json:"status"`
	Diagnostics *diagnostics `json:"diagnostics"`
}

func (c *call) showAttempt(d *core.Domain, a *core.DomainAttempt) *attemptAnswer {
	diag := diagnose(d, a, c.s.d.Now())
	return &attemptAnswer{DomainID: string(d.ID), Status: diag.OverallStatus, Diagnostics: diag,
		attemptRow: attemptRow{string(a.ID), when(a.At), wireMethod(a.Method), diag.OverallStatus, diag.FailureClass}}
}

// noAttempt is the answer when nobody has looked yet.
func noAttempt() error {
	return refuse(http.StatusNotFound, "", "1160", "there is no such attempt")
}

// attempts lists the looks at a domain's challenges, newest first.
func (c *call) attempts() error {
	d, err := c.domain()
	if err != nil {
		return err
	}
	offset, limit, err := window(c.r.URL.Query(), attemptPage, maxAttemptPage)
	if err != nil {
		return err
	}
	list, err := c.s.d.Domains.Attempts(c.ctx, c.p, d.ID, offset, limit)
	if err != nil {
		return domainError(err)
	}
	rows := []attemptRow{}
	for _, a := range list.Items {
		rows = append(rows, c.showAttempt(d, a).attemptRow)
	}
	return c.json(http.StatusOK, pageOf(rows, offset/limit, limit, list.Total))
}

// lastAttempt answers with the newest look.
func (c *call) lastAttempt() error {
	d, err := c.domain()
	if err != nil {
		return err
	}
	list, err := c.s.d.Domains.Attempts(c.ctx, c.p, d.ID, 0, 1)
	if err != nil {
		return domainError(err)
	}
	if len(list.Items) == 0 {
		return noAttempt()
	}
	return c.json(http.StatusOK, c.showAttempt(d, list.Items[0]))
}

// attempt answers with one look.
func (c *call) attempt() error {
	d, err := c.domain()
	if err != nil {
		return err
	}
	id := core.AttemptID(c.r.PathValue("attempt"))
	if !core.ValidID(id) {
		return noAttempt()
	}
	a, err := c.s.d.Domains.Attempt(c.ctx, c.p, d.ID, id)
	if core.Is(err, core.KindNotFound) {
		return noAttempt()
	}
	if err != nil {
		return domainError(err)
	}
	return c.json(http.StatusOK, c.showAttempt(d, a))
}
