package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/certwright/certwright/internal/api/resource"
)

// ImportCertificates brings certificates that other CAs issued into the
// inventory.
func (c *Client) ImportCertificates(ctx context.Context, in resource.CertificateImport) (*resource.CertificateImportReport, error) {
	return ask[resource.CertificateImportReport](ctx, c, call{method: http.MethodPost, path: "/imports/certificates", body: in, stream: true})
}

// ImportList handles a piece of a CSV file with groups, organisations or
// domains; for users see [Client.ImportUsers].
func (c *Client) ImportList(ctx context.Context, list string, in resource.ListImport) (*resource.ListImportReport, error) {
	return ask[resource.ListImportReport](ctx, c, call{method: http.MethodPost, path: at("imports", list), body: in, stream: true})
}

// ImportUsers handles a piece of a CSV file with users.
func (c *Client) ImportUsers(ctx context.Context, in resource.ListImport) (*resource.UserImportReport, error) {
	return ask[resource.UserImportReport](ctx, c, call{method: http.MethodPost, path: "/imports/users", body: in, stream: true})
}

// Tags walks the tags in use.
func (c *Client) Tags(ctx context.Context, q Query) iter.Seq2[resource.Tag, error] {
	return All[resource.Tag](ctx, c, "tags", q)
}

// RenameTag renames a tag or a key wherever it is.
func (c *Client) RenameTag(ctx context.Context, in resource.TagRename) (*resource.TagChanged, error) {
	return post[resource.TagChanged](ctx, c, "/tags/rename", in)
}

// DeleteTag takes a tag or a key away from everything.
func (c *Client) DeleteTag(ctx context.Context, in resource.TagDeletion) (*resource.TagChanged, error) {
	return post[resource.TagChanged](ctx, c, "/tags/delete", in)
}
