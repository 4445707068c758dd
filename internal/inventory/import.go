package inventory

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// File is one uploaded file.
type File struct {
	Name string // as its owner calls it; for the result
	Data []byte
}

// Upload are files with what the certificates in them get.
type Upload struct {
	Files    []File
	Password string // of PKCS #12 files and Java keystores; not kept
	Group    core.GroupID
	Tags     []string
}

// Status says what became of an item of an upload.
type Status string

// The statuses.
const (
	Imported Status = "imported"
	Known    Status = "known"   // it was in the inventory
	Refused  Status = "refused" // see Reason
	Skipped  Status = "skipped" // nothing that the inventory keeps; see Reason
)

// Result is what became of one item.
type Result struct {
	File     string
	Position int // in the file, from 1; 0: the file as a whole
	Status   Status
	Reason   string
	// Certificate is the one in the inventory, new or old, if there is one that
	// the uploader may see; otherwise what was read, without id. Nil when
	// nothing could be read.
	Certificate *core.Certificate
	Expired     bool
}

// Report is what became of an upload.
type Report struct {
	Results                           []Result
	Imported, Known, Refused, Skipped int
}

// batch is how many certificates are written in one transaction.
const batch = 100

// Import reads certificates from files and keeps those that are new, each with
// an entry in the audit log. It may be repeated: what is here already is told
// and left as it is, group and tags included.
//
// Errors: forbidden; invalid (no file, no such group, tags); too-large (more
// than MaxUpload octets, MaxFiles or MaxCertificates). What is wrong with a
// single file or certificate is in its Result.
func (s *Service) Import(ctx context.Context, p *core.Principal, up Upload) (*Report, error) {
	tags, err := s.checkUpload(ctx, p, &up)
	if err != nil {
		return nil, err
	}
	r := &run{s: s, p: p, group: up.Group, tags: tags, now: s.now(), prints: map[string]bool{}}
	if err := r.read(up); err != nil {
		return nil, err
	}
	if r.own, err = s.ownCAs(ctx, p.Account); err != nil {
		return nil, err
	}
	for part := range slices.Chunk(r.wanted, batch) {
		if err := r.write(ctx, part); err != nil {
			return nil, err
		}
	}
	rep := r.report()
	e := core.EventOf(p, s.now(), "inventory.import", "group:"+string(up.Group))
	if up.Group == "" {
		e.Object = "account:" + string(p.Account)
	}
	if rep.Imported+rep.Known == 0 {
		e.Outcome = core.Refused
	}
	names := []string{}
	for _, f := range up.Files {
		names = append(names, clean(f.Name, 200))
	}
	e.Detail = map[string]any{"files": names, "imported": rep.Imported, "known": rep.Known, "refused": rep.Refused, "skipped": rep.Skipped, "tags": tags}
	return rep, s.d.Audit.Record(ctx, e)
}

// checkUpload verifies what holds for the upload as a whole.
func (s *Service) checkUpload(ctx context.Context, p *core.Principal, up *Upload) ([]string, error) {
	if err := identity.Can(p, identity.CertificateImport, up.Group); err != nil {
		return nil, err
	}
	if up.Group != "" {
		if _, err := s.d.Storage.Group(ctx, nil, p.Account, up.Group); err != nil {
			if core.Is(err, core.KindNotFound) {
				return nil, core.Errorf(core.KindInvalid, "there is no such group").At("group")
			}
			return nil, err
		}
	}
	size := 0
	for _, f := range up.Files {
		size += len(f.Data)
	}
	switch {
	case len(up.Files) == 0:
		return nil, core.Errorf(core.KindInvalid, "there is no file").At("files")
	case len(up.Files) > MaxFiles:
		return nil, core.Errorf(core.KindTooLarge, "an upload has at most %d files", MaxFiles).At("files")
	case size > MaxUpload:
		return nil, core.Errorf(core.KindTooLarge, "the files of an upload have at most %d octets together", MaxUpload).At("files")
	}
	return core.CleanTags(up.Tags)
}

// run is one import at work.
type run struct {
	s       *Service
	p       *core.Principal
	group   core.GroupID
	tags    []string
	now     time.Time
	own     []ownCA
	prints  map[string]bool // fingerprints of this upload
	results []*Result
	wanted  []*item
}

// item is a certificate that is to be kept.
type item struct {
	*Result
	parsed *x509.Certificate
}

// read takes the files apart.
func (r *run) read(up Upload) error {
	n := 0
	for _, f := range up.Files {
		name := clean(f.Name, 200)
		list, err := read(f.Data, up.Password)
		if err != nil {
			r.results = append(r.results, &Result{File: name, Status: Refused, Reason: core.AsError(err).Detail})
			continue
		}
		if n += len(list); n > MaxCertificates {
			return core.Errorf(core.KindTooLarge, "an upload has at most %d certificates", MaxCertificates).At("files")
		}
		for i, x := range list {
			r.add(&Result{File: name, Position: i + 1}, x)
		}
	}
	return nil
}

func (r *run) add(res *Result, x found) {
	r.results = append(r.results, res)
	switch {
	case x.refused != "":
		res.Status, res.Reason = Refused, x.refused
		return
	case x.skipped != "":
		res.Status, res.Reason = Skipped, x.skipped
		return
	}
	c, parsed, err := describe(r.p.Account, x.der)
	if err != nil {
		res.Status, res.Reason = Refused, core.AsError(err).Detail
		return
	}
	c.User, c.Group, c.Tags, c.CreatedAt = r.p.User, r.group, r.tags, r.now
	res.Certificate, res.Expired = c, r.now.After(c.NotAfter)
	if r.prints[string(c.Fingerprint)] {
		res.Status, res.Reason = Skipped, "the same certificate stands twice in this upload"
		return
	}
	r.prints[string(c.Fingerprint)] = true
	r.wanted = append(r.wanted, &item{res, parsed})
}

// ownCA is a CA of this installation.
type ownCA struct {
	id   core.IssuerID
	name string
	cert *x509.Certificate
}

// ownCAs reads the CAs of the account that have a certificate.
func (s *Service) ownCAs(ctx context.Context, account core.AccountID) ([]ownCA, error) {
	var out []ownCA
	q := core.ListQuery{Account: account, Limit: core.MaxPage}
	for {
		got, err := s.d.Storage.ListIssuers(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range got.Items {
			if c, err := x509.ParseCertificate(got.Items[i].Certificate); err == nil {
				out = append(out, ownCA{got.Items[i].ID, got.Items[i].Name, c})
			}
		}
		if q.Cursor = got.Next; q.Cursor == "" {
			return out, nil
		}
	}
}

// issuer ties a certificate to the CA of ours that signed it.
func (r *run) issuer(x *item) {
	for _, ca := range r.own {
		if bytes.Equal(ca.cert.RawSubject, x.parsed.RawIssuer) && x.parsed.CheckSignatureFrom(ca.cert) == nil {
			x.Certificate.Issuer, x.Certificate.IssuerDN = ca.id, ""
			return
		}
	}
}

// write keeps certificates in one transaction and finds out about those that
// are not new.
func (r *run) write(ctx context.Context, part []*item) error {
	var fresh []*item
	for _, x := range part {
		ours := false
		for _, ca := range r.own {
			if bytes.Equal(ca.cert.Raw, x.parsed.Raw) {
				x.Status, x.Reason, ours = Known, "it is the certificate of the CA "+ca.name+" of this installation", true
			}
		}
		if ours {
			continue
		}
		r.issuer(x)
		c := x.Certificate
		c.ID = core.NewID[core.CertificateID](r.now)
		var err error
		if c.Number, err = r.s.d.Storage.Number(ctx, "certificate"); err != nil {
			return err
		}
		fresh = append(fresh, x)
	}
	if err := r.insert(ctx, fresh); err != nil {
		return err
	}
	var clash []*item
	for _, x := range fresh {
		if x.Status == Known {
			again, err := r.known(ctx, x)
			if err != nil {
				return err
			}
			if again {
				clash = append(clash, x)
			}
		}
	}
	return r.insert(ctx, clash)
}

// insert writes certificates in one transaction; those that are not new become
// known.
func (r *run) insert(ctx context.Context, list []*item) error {
	if len(list) == 0 {
		return nil
	}
	return r.s.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		for _, x := range list {
			ok, err := r.s.d.Storage.InsertImported(ctx, tx, x.Certificate)
			if err != nil {
				return err
			}
			if x.Status = Known; ok {
				x.Status = Imported
				r.s.d.Audit.Write(tx, r.event(x))
			}
		}
		return nil
	})
}

func (r *run) event(x *item) core.Event {
	c := x.Certificate
	e := core.EventOf(r.p, r.now, "certificate.import", "certificate:"+string(c.ID))
	e.Detail = map[string]any{"number": c.Number, "serial": c.Serial, "subject": c.Subject, "issuer": c.IssuerDN, "sha256": hex.EncodeToString(c.Fingerprint),
		"file": x.File, "group": string(c.Group), "tags": c.Tags}
	return e
}

// known finds the certificate that was in the way of another. again: it is a
// different one with the same issuer and serial number, which RFC 5280 section
// 4.1.2.2 forbids and home-made CAs do. An inventory must not lose sight of
// either, so the second counts as of an issuer of its own.
func (r *run) known(ctx context.Context, x *item) (again bool, err error) {
	read := x.Certificate
	old, err := r.s.d.Storage.CertificateByFingerprint(ctx, r.p.Account, read.Fingerprint)
	if core.Is(err, core.KindNotFound) {
		_, err = r.s.d.Storage.CertificateBySerial(ctx, r.p.Account, read.Issuer, read.Serial)
		switch {
		case core.Is(err, core.KindNotFound):
			return false, core.Errorf(core.KindConflict, "the inventory was changed by somebody else meanwhile; import again")
		case err != nil:
			return false, err
		case read.IssuerDN == "":
			x.Status, x.Reason = Refused, "the CA of this installation gave its serial number to another certificate"
			return false, nil
		}
		read.Issuer = core.ForeignIssuer(r.p.Account, x.parsed.RawIssuer, read.Fingerprint)
		x.Reason = "another certificate of this issuer has the same serial number"
		return true, nil
	}
	if err != nil {
		return false, err
	}
	c := *read
	c.ID, c.Number = "", 0
	if identity.Can(r.p, identity.CertificateView, old.Group) == nil {
		c = *old
		c.DER = nil
	}
	x.Certificate = &c
	return false, nil
}

// report puts the results in their order and counts.
func (r *run) report() *Report {
	rep := &Report{}
	for _, x := range r.results {
		switch x.Status {
		case Imported:
			rep.Imported++
		case Known:
			rep.Known++
		case Refused:
			rep.Refused++
		case Skipped:
			rep.Skipped++
		}
		if x.Certificate != nil && x.Status != Imported && x.Status != Known {
			c := *x.Certificate
			c.ID, c.Number = "", 0
			x.Certificate = &c
		}
		rep.Results = append(rep.Results, *x)
	}
	return rep
}

// maxChain bounds how many certificates stand above one.
const maxChain = 10

// Above returns the CA certificates above an imported certificate, nearest
// first, as far as the inventory and our own CAs have them. Each has signed the
// one before it.
func (s *Service) Above(ctx context.Context, c *core.Certificate) ([][]byte, error) {
	at, err := x509.ParseCertificate(c.DER)
	if err != nil {
		return nil, nil // a chain begins with what can be read
	}
	var own []ownCA
	var out [][]byte
	for len(out) < maxChain && !(selfIssued(at) && signs(at, at)) {
		list, err := s.d.Storage.CAsNamed(ctx, c.Account, dnText(at.RawIssuer, at.Issuer.String()))
		if err != nil {
			return nil, err
		}
		if own == nil {
			if own, err = s.ownCAs(ctx, c.Account); err != nil {
				return nil, err
			}
		}
		next := signer(at, list, own)
		if next == nil || slices.ContainsFunc(out, func(der []byte) bool { return bytes.Equal(der, next.Raw) }) {
			break
		}
		out, at = append(out, next.Raw), next
	}
	return out, nil
}

// signer finds the certificate whose key signed c.
func signer(c *x509.Certificate, list []*core.Certificate, own []ownCA) *x509.Certificate {
	for _, x := range list {
		if ca, err := x509.ParseCertificate(x.DER); err == nil && signs(ca, c) {
			return ca
		}
	}
	for _, x := range own {
		if signs(x.cert, c) {
			return x.cert
		}
	}
	return nil
}

// signs reports whether ca signed c. Roots signed with SHA-1 sign themselves
// still: that their signature proves nothing harms nobody, but crypto/x509 does
// not check it, so their names must do.
func signs(ca, c *x509.Certificate) bool {
	if !bytes.Equal(ca.RawSubject, c.RawIssuer) {
		return false
	}
	if bytes.Equal(ca.Raw, c.Raw) && (c.SignatureAlgorithm == x509.SHA1WithRSA || c.SignatureAlgorithm == x509.ECDSAWithSHA1) {
		return true
	}
	return c.CheckSignatureFrom(ca) == nil
}
