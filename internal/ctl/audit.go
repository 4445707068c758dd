package ctl

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/audit"
)

// auditCmd are the commands about the audit log.
type auditCmd struct {
	List   auditListCmd   `cmd:"" help:"List entries."`
	Export auditExportCmd `cmd:"" help:"Write entries as JSON Lines, with what proves them."`
	Verify auditVerifyCmd `cmd:"" help:"Find out whether rows were changed, removed, inserted or reordered: on the server, or in an export."`
}

type auditListCmd struct{ listFlags }

func (c *auditListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		return runList(ctx, s, c.listFlags, "audit", entryView(), s.api.Audit)
	})
}

type auditExportCmd struct {
	From  string `placeholder:"TIME" help:"From then on: a date, RFC 3339, or 30d for the last 30 days."`
	To    string `placeholder:"TIME" help:"Before then."`
	Out   string `default:"-" type:"path" placeholder:"FILE" help:"Where to; - for standard output."`
	Force bool   `help:"Overwrite the file."`
}

func (c *auditExportCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, c.export)
}

func (c *auditExportCmd) export(ctx context.Context, s *session) error {
	var from, to time.Time
	var err error
	if c.From != "" {
		if from, err = parsePast(c.From, s.now); err != nil {
			return err
		}
	}
	if c.To != "" {
		if to, err = parsePast(c.To, s.now); err != nil {
			return err
		}
	}
	if err := free(c.Force, c.Out); err != nil {
		return err
	}
	return s.download(c.Out, c.Force, func(w io.Writer) error { return s.api.ExportAudit(ctx, from, to, w) })
}

// download streams a long answer into a file that is whole or not there.
func (s *session) download(name string, force bool, fill func(io.Writer) error) error {
	if name == standard {
		return fill(s.console.out)
	}
	temp, err := writeTemp(name, nil, modeSecret)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY, modeSecret)
	if err != nil {
		return fileError(err)
	}
	err = fill(f)
	if err == nil {
		err = fileErrorOrNil(f.Sync())
	}
	if cerr := f.Close(); err == nil {
		err = fileErrorOrNil(cerr)
	}
	if err != nil {
		_ = os.Remove(temp)
		return err
	}
	return keep(temp, name, force)
}

type auditVerifyCmd struct {
	File      string   `type:"path" placeholder:"FILE" help:"Verify this export on this machine; - for standard input. Needs --public-key."`
	PublicKey []string `placeholder:"KEY" help:"Key that signs the checkpoints: a PEM file, or its 32 octets in base64 or hex. It must come from elsewhere than the export; repeat for former keys."`
}

func (c *auditVerifyCmd) Run(ctx context.Context, cli *CLI) error {
	if c.File != "" {
		return cli.local(ctx, c.offline)
	}
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		if len(c.PublicKey) > 0 {
			return usage("--public-key", "--public-key is for --file; the server knows its keys")
		}
		stop := s.progress("Verifying the audit log")
		var findings []resource.AuditProblem
		sum, err := s.api.VerifyAudit(ctx, func(p resource.AuditProblem) {
			findings = append(findings, p)
			s.finding(p)
		})
		stop()
		if err != nil {
			return err
		}
		return s.verified(*sum, findings)
	})
}

// progressEvery is how often a long wait shows that it goes on.
const progressEvery = 2 * time.Second

// progress shows on a terminal that something takes its time, until the
// function that it returns is called.
func (s *session) progress(what string) (stop func()) {
	if !s.interactive {
		return func() {}
	}
	fmt.Fprintf(s.console.err, "%s …", what)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				fmt.Fprintln(s.console.err)
				return
			case <-tick.C:
				fmt.Fprint(s.console.err, ".")
			}
		}
	}()
	return func() { close(done); <-ended }
}

// finding shows a finding as it comes.
func (s *session) finding(p resource.AuditProblem) {
	if s.out.json {
		return
	}
	where := fmt.Sprintf("chain %d, row %d", p.Chain, p.Seq)
	if p.To > p.Seq {
		where = fmt.Sprintf("chain %d, rows %d to %d", p.Chain, p.Seq, p.To)
	}
	if p.Checkpoint != 0 {
		where = fmt.Sprintf("checkpoint %d", p.Checkpoint)
	}
	fmt.Fprintf(s.console.out, "%s: %s: %s\n", where, clean(p.Kind), clean(p.Detail))
}

// verified shows the summary; findings are a failure.
func (s *session) verified(sum resource.AuditSummary, findings []resource.AuditProblem) error {
	if s.out.json {
		if findings == nil {
			findings = []resource.AuditProblem{}
		}
		if err := s.out.printJSON(struct {
			Summary  resource.AuditSummary   `json:"summary"`
			Problems []resource.AuditProblem `json:"problems"`
		}{sum, findings}); err != nil {
			return err
		}
	}
	text := count(sum.Rows, "row") + " in " + count(sum.Chains, "chain") + ", " + count(sum.Checkpoints, "checkpoint")
	if sum.Uncovered > 0 {
		text += "; newer than the last checkpoint: " + count(sum.Uncovered, "row")
	}
	if sum.Erased > 0 {
		text += "; personal data erased: " + count(sum.Erased, "row")
	}
	if !sum.OK || sum.Problems > 0 {
		return &failure{text: fmt.Sprintf("the audit log is not intact: %s in %s", count(sum.Problems, "problem"), text), code: codeFailed}
	}
	if !s.out.json {
		fmt.Fprintf(s.console.out, "The audit log is intact: %s.\n", text)
	}
	return nil
}

// offline verifies an export without any server.
func (c *auditVerifyCmd) offline(_ context.Context, s *session) error {
	if len(c.PublicKey) == 0 {
		return usage("--public-key", "give --public-key: an export proves nothing by keys of its own")
	}
	keys, err := s.publicKeys(c.PublicKey)
	if err != nil {
		return err
	}
	var r io.Reader = s.console.in
	if c.File != standard {
		f, err := os.Open(c.File)
		if err != nil {
			return fileError(err)
		}
		defer f.Close()
		r = f
	}
	var findings []resource.AuditProblem
	sum, err := audit.VerifyExport(r, func(p audit.Problem) {
		f := resource.AuditProblem{Kind: string(p.Kind), Chain: p.Chain, Seq: p.Seq, To: p.To, Checkpoint: p.Checkpoint, Detail: p.Detail}
		findings = append(findings, f)
		s.finding(f)
	}, keys...)
	if err != nil {
		// The file is at fault, not the command line.
		return &failure{text: sentenceOf(err), code: codeFailed, cause: err}
	}
	return s.verified(resource.AuditSummary{OK: sum.Problems == 0, Chains: sum.Chains, Rows: sum.Rows, Uncovered: sum.Uncovered,
		Erased: sum.Erased, Checkpoints: sum.Checkpoints, Problems: sum.Problems}, findings)
}

// publicKeys reads Ed25519 public keys: files in PEM, or the octets in base64
// or hex.
func (c *console) publicKeys(texts []string) ([]ed25519.PublicKey, error) {
	var out []ed25519.PublicKey
	for _, t := range texts {
		k := keyText(t)
		if k == nil {
			b, err := c.readFile(t)
			if err != nil {
				return nil, usage("--public-key", "%.100q is neither a key in base64 or hex nor a file that can be read", t)
			}
			if k = keyFile(b); k == nil {
				return nil, usage("--public-key", "%s holds no Ed25519 public key", t)
			}
		}
		out = append(out, k)
	}
	return out, nil
}

// keyText reads the 32 octets of a key; nil when they are not that.
func keyText(s string) ed25519.PublicKey {
	s = strings.TrimSpace(s)
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if b, err := decode(s); err == nil && len(b) == ed25519.PublicKeySize {
			return b
		}
	}
	return nil
}

// keyFile reads a key from the contents of a file.
func keyFile(b []byte) ed25519.PublicKey {
	block, _ := pem.Decode(b)
	if block == nil {
		return keyText(string(bytes.TrimSpace(b)))
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil
	}
	pub, _ := k.(ed25519.PublicKey)
	return pub
}

// jobCmd are the commands about work in the background.
type jobCmd struct {
	List   jobListCmd   `cmd:"" help:"List jobs."`
	Cancel jobCancelCmd `cmd:"" help:"Stop one that is not finished."`
}

type jobListCmd struct{ listFlags }

func (c *jobListCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.Job]{columns: []string{"id", "kind", "state", "attempt", "max_attempts", "scheduled_at", "error"}, clocks: true}
		return runList(ctx, s, c.listFlags, "jobs", v, s.api.Jobs)
	})
}

type jobCancelCmd struct {
	ID int64 `arg:"" placeholder:"JOB" help:"Number."`
}

func (c *jobCancelCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		if err := s.confirm(ctx, "Stop job %d?", c.ID); err != nil {
			return err
		}
		j, err := s.api.CancelJob(ctx, c.ID)
		if err != nil {
			return err
		}
		return s.done(j, "Job %d is %s.", j.ID, j.State)
	})
}
