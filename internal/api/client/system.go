package client

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// About describes the server.
func (c *Client) About(ctx context.Context) (*resource.About, error) {
	return get[resource.About](ctx, c, "/about", nil)
}

// Audit walks the audit log.
func (c *Client) Audit(ctx context.Context, q Query) iter.Seq2[resource.Entry, error] {
	return All[resource.Entry](ctx, c, "audit", q)
}

// VerifyAudit verifies the audit log, calls problem with each finding as it
// comes, and returns the summary.
func (c *Client) VerifyAudit(ctx context.Context, problem func(resource.AuditProblem)) (*resource.AuditSummary, error) {
	resp, err := c.send(ctx, call{method: http.MethodPost, path: "/audit/verify", body: struct{}{}, stream: true})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxProblem)
	for lines.Scan() {
		var l resource.VerifyLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, core.Wrap(core.KindUpstream, err, "the server's answer cannot be read")
		}
		switch {
		case l.Problem != nil:
			problem(*l.Problem)
		case l.Error != nil:
			return nil, &core.Error{Kind: l.Error.Kind(), Detail: l.Error.Error()}
		case l.Summary != nil:
			return l.Summary, nil
		}
	}
	return nil, core.Wrap(core.KindUnavailable, lines.Err(), "the verification broke off")
}

// ExportAudit writes the account's audit log as JSON Lines; zero times: no
// limit.
func (c *Client) ExportAudit(ctx context.Context, from, to time.Time, w io.Writer) error {
	v := url.Values{}
	if !from.IsZero() {
		v.Set("from", from.UTC().Format(time.RFC3339Nano))
	}
	if !to.IsZero() {
		v.Set("to", to.UTC().Format(time.RFC3339Nano))
	}
	return c.stream(ctx, call{method: http.MethodGet, path: "/audit/export", query: v}, w)
}

// Jobs walks background work.
func (c *Client) Jobs(ctx context.Context, q Query) iter.Seq2[resource.Job, error] {
	return All[resource.Job](ctx, c, "jobs", q)
}

// CancelJob stops a job that is not finished.
func (c *Client) CancelJob(ctx context.Context, id int64) (*resource.Job, error) {
	return post[resource.Job](ctx, c, at("jobs", strconv.FormatInt(id, 10), "cancel"), nil)
}

// RetryJob runs a job again at once.
func (c *Client) RetryJob(ctx context.Context, id int64) (*resource.Job, error) {
	return post[resource.Job](ctx, c, at("jobs", strconv.FormatInt(id, 10), "retry"), nil)
}
