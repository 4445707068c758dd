package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// CertificateImport are files with certificates that other CAs issued.
type CertificateImport struct {
	Files    []ImportFile `json:"files" nullable:"false" minItems:"1" maxItems:"50" doc:"together at most 5 MiB and 2,000 certificates"`
	Password string       `json:"password,omitempty" maxLength:"1000" doc:"of PKCS #12 files and Java keystores; not kept"`
	Group    core.GroupID `json:"group,omitempty" maxLength:"36" doc:"whose the certificates are; absent: of the account alone"`
	Tags     []string     `json:"tags,omitempty" nullable:"false" maxItems:"50"`
}

// ImportFile is one of them.
type ImportFile struct {
	Name string `json:"name" maxLength:"1000" doc:"for the result"`
	Data []byte `json:"data" doc:"the file: PEM, DER, PKCS #7, PKCS #12 or a Java keystore"`
}

// CertificateImportReport says what became of each item, in the order of the
// files.
type CertificateImportReport struct {
	Imported int                 `json:"imported"`
	Known    int                 `json:"known" doc:"they were in the inventory and are as they were"`
	Refused  int                 `json:"refused"`
	Skipped  int                 `json:"skipped" doc:"private keys, repetitions and what else is not kept"`
	Items    []CertificateResult `json:"items" nullable:"false"`
}

// CertificateResult is what became of one item of an import.
type CertificateResult struct {
	File        string             `json:"file"`
	Position    int                `json:"position" doc:"in the file, from 1; 0: the file as a whole"`
	Status      string             `json:"status" enum:"imported,known,refused,skipped"`
	Reason      string             `json:"reason,omitempty"`
	Certificate core.CertificateID `json:"certificate,omitempty" doc:"in the inventory"`
	Number      int64              `json:"number,omitempty"`
	Subject     string             `json:"subject,omitempty"`
	Serial      string             `json:"serial,omitempty" doc:"hex"`
	IssuerDN    string             `json:"issuer_dn,omitempty" doc:"absent when a CA of this installation issued it"`
	NotAfter    time.Time          `json:"not_after,omitzero"`
	Expired     bool               `json:"expired,omitempty"`
	CA          bool               `json:"ca,omitempty" doc:"a CA certificate"`
	Fingerprint string             `json:"fingerprint,omitempty" doc:"SHA-256 of the DER, hex"`
}

// ListImport is a piece of a CSV file.
type ListImport struct {
	CSV    string `json:"csv" maxLength:"1048576" doc:"the whole file, with each piece; the first line names the columns, and commas, semicolons or tabulators separate"`
	From   int    `json:"from,omitempty" minimum:"0" maximum:"5000" doc:"the first row to handle, from 0"`
	Limit  int    `json:"limit,omitempty" minimum:"0" maximum:"200" doc:"how many rows; 200 unless given"`
	DryRun bool   `json:"dry_run,omitempty" doc:"create nothing, and tell what would be"`
}

// ListImportReport says what became of each row of a piece.
type ListImportReport struct {
	Total int             `json:"total" doc:"rows of the file"`
	Next  int             `json:"next" doc:"the first row of the next piece; 0: there is none"`
	Items []ListRowResult `json:"items" nullable:"false"`
}

// ListRowResult is what became of one row.
type ListRowResult struct {
	Line   int    `json:"line" doc:"in the file, from 1"`
	Name   string `json:"name" doc:"what the thing is called"`
	Status string `json:"status" enum:"created,new,known,refused" doc:"new: a dry run found that it would be created; known: it exists and is as it was"`
	Reason string `json:"reason,omitempty"`
	Field  string `json:"field,omitempty" doc:"the column at fault"`
	ID     string `json:"id,omitempty"`
}

// UserImportReport is ListImportReport for users.
type UserImportReport struct {
	Total int             `json:"total" doc:"rows of the file"`
	Next  int             `json:"next" doc:"the first row of the next piece; 0: there is none"`
	Items []UserRowResult `json:"items" nullable:"false"`
}

// UserRowResult is ListRowResult for a user.
type UserRowResult struct {
	ListRowResult
	Password string `json:"password,omitempty" doc:"one-time password of a new user who may sign in; shown this once"`
}

// Tag is a tag in use, with how many things have it that who asks may see.
type Tag struct {
	ID           string `json:"id" doc:"the tag"`
	Tag          string `json:"tag"`
	Name         string `json:"name" doc:"before the first colon; all of a tag without one"`
	Value        string `json:"value" doc:"after it"`
	Certificates int64  `json:"certificates"`
	Credentials  int64  `json:"credentials"`
	Orders       int64  `json:"orders"`
}

// TagRename gives a tag, or the key of tags, another name wherever it is.
type TagRename struct {
	From string `json:"from" minLength:"1" maxLength:"100" doc:"whatever its letter case"`
	To   string `json:"to" minLength:"1" maxLength:"100"`
	Key  bool   `json:"key,omitempty" doc:"from and to are keys: env turns env:prod and env:test over"`
}

// TagDeletion takes a tag, or every tag of a key, away from everything.
type TagDeletion struct {
	Tag string `json:"tag" minLength:"1" maxLength:"100" doc:"whatever its letter case"`
	Key bool   `json:"key,omitempty" doc:"it is a key"`
}

// TagChanged is what a change of tags does.
type TagChanged struct {
	Things int64 `json:"things" doc:"how many had the tag, one for each tag of a key"`
	Job    int64 `json:"job,omitempty" doc:"the job that does it because they are many; absent: it is done"`
}
