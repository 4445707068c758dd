package ctl

import (
	"context"
	"strconv"
	"time"

	"github.com/certwright/certwright/internal/api/client"
	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// importCmd are the commands that read files.
type importCmd struct {
	Certificates  importCertificatesCmd  `cmd:"" aliases:"certificate,cert" help:"Bring certificates that other CAs issued into the inventory."`
	Users         importUsersCmd         `cmd:"" help:"Add users from a CSV file."`
	Groups        importGroupsCmd        `cmd:"" help:"Add groups from a CSV file."`
	Organisations importOrganisationsCmd `cmd:"" aliases:"organizations" help:"Add organisations from a CSV file."`
	Domains       importDomainsCmd       `cmd:"" help:"Register domains from a CSV file."`
}

// envImportPassword holds the password of the files.
const envImportPassword = envPrefix + "IMPORT_PASSWORD"

type importCertificatesCmd struct {
	Files        []string `arg:"" name:"file" placeholder:"FILE" help:"PEM with any number of certificates, DER, PKCS #7, PKCS #12 or Java keystores; - for standard input."`
	Group        string   `placeholder:"NAME" help:"Group that the certificates belong to; without, to the account alone."`
	Tag          []string `placeholder:"WORD" help:"Tags that they get."`
	PasswordFile string   `type:"path" placeholder:"FILE" help:"File with the password of PKCS #12 files and Java keystores; - for standard input. CERTWRIGHT_CTL_IMPORT_PASSWORD does, too."`
}

func (c *importCertificatesCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		in := resource.CertificateImport{Tags: c.Tag}
		for _, name := range c.Files {
			b, err := s.readFile(name)
			if err != nil {
				return err
			}
			in.Files = append(in.Files, resource.ImportFile{Name: name, Data: b})
		}
		var err error
		in.Password, err = s.secret(ctx, secretSource{what: "password of the files", flag: "--password-file", file: c.PasswordFile, env: envImportPassword, optional: true})
		if err != nil {
			return err
		}
		if c.Group != "" {
			if in.Group, err = s.group(ctx, c.Group); err != nil {
				return err
			}
		}
		rep, err := s.api.ImportCertificates(ctx, in)
		if err != nil {
			return err
		}
		if s.out.json {
			err = s.out.printJSON(rep)
		} else if err = table(&s.out, certificateResultView(), rep.Items); err == nil {
			s.note("%d imported, %d known already, %d refused, %d left out.", rep.Imported, rep.Known, rep.Refused, rep.Skipped)
		}
		return someRefused(err, rep.Refused)
	})
}

// someRefused is the outcome of an import: what was refused decides over the
// exit code, though the rest is done.
func someRefused(err error, n int) error {
	if err != nil || n == 0 {
		return err
	}
	return &failure{text: count(n, "item") + " of the import refused", code: codeRefused}
}

func certificateResultView() view[resource.CertificateResult] {
	return view[resource.CertificateResult]{columns: []string{"file", "position", "status", "number", "subject", "not_after", "reason"},
		made: map[string]func(*resource.CertificateResult, time.Time) string{
			"position": func(r *resource.CertificateResult, _ time.Time) string { return numberOr(int64(r.Position)) },
			"number":   func(r *resource.CertificateResult, _ time.Time) string { return numberOr(r.Number) },
		}}
}

// numberOr is a number as a text, a dash for none.
func numberOr(n int64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

// listImport are the flags of the imports from CSV files.
type listImport struct {
	File   string `arg:"" placeholder:"FILE" help:"CSV file, UTF-8, whose first line names the columns; - for standard input."`
	DryRun bool   `help:"Create nothing, only tell what would happen."`
}

// importPiece is how many rows one request handles.
const importPiece = 50

// pieces sends the file piece by piece; send returns the number of rows of the
// file and the first row of the next piece.
func (c *listImport) pieces(ctx context.Context, s *session, send func(resource.ListImport) (total, next int, err error)) error {
	b, err := s.readFile(c.File)
	if err != nil {
		return err
	}
	in := resource.ListImport{CSV: string(b), Limit: importPiece, DryRun: c.DryRun}
	for {
		total, next, err := send(in)
		if err != nil || next == 0 {
			return err
		}
		if next <= in.From {
			return core.Errorf(core.KindInternal, "the server does not go on")
		}
		in.From = next
		if !s.out.json {
			s.note("%d of %d rows", next, total)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// finish prints the rows and how many of each status there are.
func finish[T any](s *session, rows []T, columns []string, status func(*T) string) error {
	n := map[string]int{}
	for i := range rows {
		n[status(&rows[i])]++
	}
	var err error
	if s.out.json {
		err = s.out.printJSON(append([]T{}, rows...))
	} else if err = table(&s.out, view[T]{columns: columns}, rows); err == nil {
		s.note("%d created, %d to be created, %d known already, %d refused.", n["created"], n["new"], n["known"], n["refused"])
	}
	return someRefused(err, n["refused"])
}

// run imports a list other than users.
func (c *listImport) run(ctx context.Context, cli *CLI, list string) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		var rows []resource.ListRowResult
		err := c.pieces(ctx, s, func(in resource.ListImport) (int, int, error) {
			rep, err := s.api.ImportList(ctx, list, in)
			if err != nil {
				return 0, 0, err
			}
			rows = append(rows, rep.Items...)
			return rep.Total, rep.Next, nil
		})
		if err != nil && len(rows) == 0 {
			return err
		}
		if ended := finish(s, rows, []string{"line", "name", "status", "field", "reason"}, func(r *resource.ListRowResult) string { return r.Status }); err == nil {
			err = ended
		}
		return err
	})
}

type importUsersCmd struct{ listImport }

// Run imports users. Passwords that were made before an error are shown, too:
// nobody can read them again.
func (c *importUsersCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		var rows []resource.UserRowResult
		err := c.pieces(ctx, s, func(in resource.ListImport) (int, int, error) {
			rep, err := s.api.ImportUsers(ctx, in)
			if err != nil {
				return 0, 0, err
			}
			rows = append(rows, rep.Items...)
			return rep.Total, rep.Next, nil
		})
		if err != nil && len(rows) == 0 {
			return err
		}
		if ended := finish(s, rows, []string{"line", "name", "status", "password", "field", "reason"}, func(r *resource.UserRowResult) string { return r.Status }); err == nil {
			err = ended
		}
		return err
	})
}

type importGroupsCmd struct{ listImport }

func (c *importGroupsCmd) Run(ctx context.Context, cli *CLI) error { return c.run(ctx, cli, "groups") }

type importOrganisationsCmd struct{ listImport }

func (c *importOrganisationsCmd) Run(ctx context.Context, cli *CLI) error {
	return c.run(ctx, cli, "organisations")
}

type importDomainsCmd struct{ listImport }

func (c *importDomainsCmd) Run(ctx context.Context, cli *CLI) error {
	return c.run(ctx, cli, "domains")
}

// tagCmd are the commands about tags.
type tagCmd struct {
	List   tagListCmd   `cmd:"" help:"List the tags in use, with how many things have them."`
	Rename tagRenameCmd `cmd:"" help:"Rename one wherever it is."`
	Delete tagDeleteCmd `cmd:"" help:"Take one away from everything."`
}

type tagListCmd struct{ listFlags }

func (c *tagListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.Tag]{columns: []string{"tag", "certificates", "credentials", "orders"}}
		return runList(ctx, s, c.listFlags, "tags", v, s.api.Tags)
	})
}

type tagRenameCmd struct {
	From string `arg:"" placeholder:"TAG" help:"The tag, or the key with --key."`
	To   string `arg:"" placeholder:"NAME" help:"Its new name."`
	Key  bool   `help:"Rename the key of all its tags: env:prod and env:test."`
}

func (c *tagRenameCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		got, err := s.api.RenameTag(ctx, resource.TagRename{From: c.From, To: c.To, Key: c.Key})
		if err != nil {
			return err
		}
		return s.tagChanged(got)
	})
}

type tagDeleteCmd struct {
	Tag string `arg:"" placeholder:"TAG" help:"The tag, or the key with --key."`
	Key bool   `help:"Take all tags of the key away."`
}

func (c *tagDeleteCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		n, err := s.taggedThings(ctx, c.Tag, c.Key)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Take the tag %s away from %s?", clean(c.Tag), count(n, "thing")); err != nil {
			return err
		}
		got, err := s.api.DeleteTag(ctx, resource.TagDeletion{Tag: c.Tag, Key: c.Key})
		if err != nil {
			return err
		}
		return s.tagChanged(got)
	})
}

// taggedThings counts what has a tag, or one of a key.
func (s *session) taggedThings(ctx context.Context, tag string, key bool) (n int64, err error) {
	column := "tag"
	if key {
		column = "key"
	}
	for t, err := range s.api.Tags(ctx, client.Query{Filter: core.Filter{is(column, tag)}}) {
		if err != nil {
			return 0, err
		}
		n += t.Certificates + t.Credentials + t.Orders
	}
	return n, nil
}

func (s *session) tagChanged(got *resource.TagChanged) error {
	if got.Job != 0 {
		return s.done(got, "%s: job %d changes them.", count(got.Things, "thing"), got.Job)
	}
	return s.done(got, "%s changed.", count(got.Things, "thing"))
}
