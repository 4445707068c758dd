package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// Entry is a row of the audit log.
type Entry struct {
	Chain      int               `json:"chain"`
	Seq        int64             `json:"seq"`
	At         time.Time         `json:"at"`
	Actor      string            `json:"actor" doc:"user:<id>, credential:<id>, system:<name> or anonymous"`
	Login      string            `json:"login,omitempty"`
	Address    string            `json:"address,omitempty"`
	Action     string            `json:"action"`
	Object     string            `json:"object"`
	Outcome    string            `json:"outcome" enum:"success,refused,failed"`
	Request    string            `json:"request,omitempty" doc:"request id"`
	Protocol   string            `json:"protocol,omitempty"`
	Credential core.CredentialID `json:"credential,omitempty"`
	Detail     map[string]any    `json:"detail,omitempty"`
	Erased     bool              `json:"erased" doc:"login, address and detail have been erased"`
}

// VerifyLine is one line of the answer to a verification of the audit log: a
// problem, or at the end the summary.
type VerifyLine struct {
	Problem *AuditProblem `json:"problem,omitempty"`
	Summary *AuditSummary `json:"summary,omitempty"`
	Error   *Problem      `json:"error,omitempty" doc:"the verification could not go on"`
}

// AuditProblem is something wrong in the audit log.
type AuditProblem struct {
	Kind       string `json:"kind" doc:"changed, removed, inserted, reordered, checkpoint …"`
	Chain      int    `json:"chain"`
	Seq        int64  `json:"seq,omitempty"`
	To         int64  `json:"to,omitempty" doc:"the last row, when it is about several"`
	Checkpoint int64  `json:"checkpoint,omitempty"`
	Detail     string `json:"detail"`
}

// AuditSummary is what a verification read.
type AuditSummary struct {
	OK          bool  `json:"ok"`
	Chains      int   `json:"chains"`
	Rows        int64 `json:"rows"`
	Uncovered   int64 `json:"uncovered" doc:"rows after the newest checkpoint"`
	Erased      int64 `json:"erased" doc:"rows whose personal data has been erased"`
	Checkpoints int64 `json:"checkpoints"`
	Problems    int   `json:"problems"`
}

// Job is work in the background.
type Job struct {
	ID          int64     `json:"id"`
	Kind        string    `json:"kind"`
	State       string    `json:"state" enum:"queued,scheduled,retrying,active,done,cancelled,failed"`
	System      bool      `json:"system" doc:"belongs to no account"`
	Args        any       `json:"args,omitempty"`
	Attempt     int       `json:"attempt" doc:"attempts begun"`
	MaxAttempts int       `json:"max_attempts"`
	Error       string    `json:"error,omitempty" doc:"of the last attempt that failed"`
	Progress    *Progress `json:"progress,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	ScheduledAt time.Time `json:"scheduled_at,omitzero" doc:"earliest time of the next attempt, or of the last"`
	StartedAt   time.Time `json:"started_at,omitzero" doc:"of the last attempt"`
	FinishedAt  time.Time `json:"finished_at,omitzero"`
}

// Progress is how far a long job has come.
type Progress struct {
	Done  int    `json:"done"`
	Total int    `json:"total,omitempty" doc:"absent: not known"`
	Note  string `json:"note,omitempty"`
}

// About describes the server.
type About struct {
	Version     string       `json:"version"`
	Commit      string       `json:"commit,omitempty"`
	Go          string       `json:"go"`
	Database    string       `json:"database" doc:"sqlite or postgres"`
	Listeners   []Listener   `json:"listeners" nullable:"false"`
	BaseURL     string       `json:"base_url" doc:"of portal and API, as clients reach it"`
	StatusURL   string       `json:"status_url,omitempty" doc:"of CRLs, OCSP and issuer certificates"`
	LintSources []LintSource `json:"lint_sources" nullable:"false"`
	Protocols   []string     `json:"protocols" nullable:"false"`
	Connectors  []string     `json:"connectors" nullable:"false"`
	AuditKey    string       `json:"audit_verifier" doc:"Ed25519 public key that signs the checkpoints of the audit log, hex; keep it elsewhere to verify exports by it"`
}

// Listener is an address that the server listens on.
type Listener struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	TLS     bool   `json:"tls"`
}

// LintSource is a set of lints that a product can name.
type LintSource struct {
	Name  string   `json:"name"`
	Title string   `json:"title"`
	Lints []string `json:"lints" nullable:"false"`
}
