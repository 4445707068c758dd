package ctl

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// orderSteps are the commands about orders that are put together step by step.
type orderSteps struct {
	Catalogue    catalogueCmd         `cmd:"" help:"List what may be ordered step by step, with numeric codes."`
	Request      orderRequestCmd      `cmd:"" help:"Begin an order that is put together step by step."`
	SetCSR       orderCSRCmd          `cmd:"" name:"set-csr" help:"Give an open order its key."`
	Agree        orderAgreeCmd        `cmd:"" help:"Sign the subscriber agreement."`
	Agreement    orderAgreementCmd    `cmd:"" help:"Print the text of the subscriber agreement that is to be signed or was."`
	AddDocument  orderAddDocumentCmd  `cmd:"" help:"Bring a PDF file that an order needs."`
	Document     orderDocumentCmd     `cmd:"" help:"Download a document of an order."`
	AskDocuments orderAskDocumentsCmd `cmd:"" help:"Send an order that waits for approval back for other documents."`
	Reissue      orderReissueCmd      `cmd:"" help:"Order an issued certificate once more, with a new key or other names."`
	Renew        orderRenewCmd        `cmd:"" help:"Order the renewal of an issued order."`
	Revoke       orderRevokeCmd       `cmd:"" help:"Revoke or suspend the certificate of an order."`
	Resume       orderResumeCmd       `cmd:"" help:"Take a suspended certificate off hold."`
	Report       orderReportCmd       `cmd:"" help:"Report orders with what was gathered for them."`
}

// shown prints where an order stands.
func (s *session) shown(d *resource.OrderDetail, err error) error {
	if err != nil {
		return err
	}
	if d.Steps != nil && d.State == core.OrderDraft {
		return s.done(d, "Request %d is kept as a draft.", d.Steps.Request)
	}
	return s.done(d, "Order %d is %s.", d.Number, d.State)
}

type catalogueCmd struct{}

func (c *catalogueCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		list, err := s.api.Catalogue(ctx)
		if err != nil {
			return err
		}
		return printItems(s, view[resource.Offer]{columns: []string{"code", "name", "family", "shape", "variant", "agreement", "documents", "max_years"}}, list.Items)
	})
}

type orderRequestCmd struct {
	Product      string   `placeholder:"CODE" help:"Product by its word; or --code, or --family."`
	Code         int64    `placeholder:"NUMBER" help:"Numeric code of the catalogue."`
	Family       string   `placeholder:"WORD" help:"dv, ov, ev, document-signer-natural-person, document-signer-legal-person, document-signer-legal-entity, smime or private-pki."`
	Variant      string   `placeholder:"WORD" help:"Of private PKI."`
	Domain       string   `placeholder:"NAME" help:"Primary name."`
	Additional   []string `placeholder:"NAME" help:"Further DNS names and addresses."`
	WWW          bool     `name:"www" help:"Also the name with www. in front."`
	Email        []string `placeholder:"ADDRESS" help:"Mail addresses."`
	Subject      string   `placeholder:"DN" help:"For products other than TLS."`
	Organisation string   `placeholder:"NAME" help:"For products that show a vetted organisation."`
	Group        string   `placeholder:"NAME" help:"Group that owns the order."`
	Years        int      `placeholder:"N" help:"Subscription."`
	AutoRenew    bool     `help:"Renew by itself while the subscription lasts; for keys made by the server."`
	ServerKey    string   `placeholder:"ALGORITHM" help:"Let the server make the key: ecdsa-p256, rsa-3072 …"`
	CSR          string   `name:"csr" type:"path" placeholder:"FILE" help:"Request; may follow later."`
	Signer       string   `placeholder:"NAME" help:"Sign the subscriber agreement in this name."`
	Place        string   `placeholder:"TEXT" help:"Where it is signed."`
	Tag          []string `placeholder:"TEXT" help:"Tags."`
	Remarks      string   `placeholder:"TEXT" help:"For whoever decides."`
	Draft        bool     `help:"Keep it without handing it in."`
	Promote      int64    `placeholder:"NUMBER" help:"Hand in the draft with this request number, with this content."`
	Key          string   `name:"idempotency-key" placeholder:"TEXT" help:"Makes repeats of the command safe."`
}

func (c *orderRequestCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		o := resource.NewOrderRequest{Product: c.Product, Code: c.Code, Family: core.Family(c.Family), Variant: c.Variant, Domain: c.Domain,
			Additional: c.Additional, AutoWWW: c.WWW, Years: c.Years, AutoRenew: c.AutoRenew, Tags: c.Tag, Remarks: c.Remarks, Draft: c.Draft, Promote: c.Promote}
		if c.Product == "" && c.Code == 0 && c.Family == "" {
			return usage("--product", "say what to order: --product, --code or --family")
		}
		for _, m := range c.Email {
			o.Names = append(o.Names, "email:"+m)
		}
		if c.ServerKey != "" {
			o.Generate = algorithmName(c.ServerKey)
		}
		if c.Signer != "" {
			o.Agreement = &resource.Signature{SignerName: c.Signer, SignerPlace: c.Place}
		}
		var err error
		if c.Subject != "" {
			n := nameFlags{Subject: c.Subject}
			if o.Subject, err = n.dn(); err != nil {
				return err
			}
		}
		if c.CSR != "" {
			if o.CSR, err = s.readCSR(c.CSR); err != nil {
				return err
			}
		}
		if o.Organisation, err = s.organisation(ctx, c.Organisation); err != nil {
			return err
		}
		if o.Group, err = s.group(ctx, c.Group); err != nil {
			return err
		}
		return s.shown(s.api.RequestOrder(ctx, o, c.Key))
	})
}

type orderCSRCmd struct {
	orderRef
	File string `arg:"" type:"path" placeholder:"FILE" help:"PKCS#10 request; - for standard input."`
}

func (c *orderCSRCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		csr, err := s.readCSR(c.File)
		if err != nil {
			return err
		}
		return s.shown(s.api.SetOrderCSR(ctx, c.Order, csr))
	})
}

type orderAgreeCmd struct {
	orderRef
	Signer string `required:"" placeholder:"NAME" help:"Who signs."`
	Place  string `placeholder:"TEXT" help:"Where."`
	Text   string `placeholder:"ID" help:"The version of the text that was read; when it is not in force any more, nothing is signed."`
}

func (c *orderAgreeCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		return s.shown(s.api.SignAgreement(ctx, c.Order, resource.Signature{SignerName: c.Signer, SignerPlace: c.Place, Text: core.AgreementTextID(c.Text)}))
	})
}

type orderAddDocumentCmd struct {
	orderRef
	documentFile
}

func (c *orderAddDocumentCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		body, err := c.read(s)
		if err != nil {
			return err
		}
		return s.shown(s.api.AddOrderDocument(ctx, c.Order, c.Name, c.Description, body))
	})
}

type orderDocumentCmd struct {
	orderRef
	Document string `arg:"" placeholder:"DOCUMENT" help:"Id."`
	Out      string `required:"" type:"path" placeholder:"FILE" help:"Where to; - for standard output."`
	Force    bool   `help:"Overwrite the file."`
}

func (c *orderDocumentCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		if err := free(c.Force, c.Out); err != nil {
			return err
		}
		f, err := s.api.OrderDocument(ctx, c.Order, core.DocumentID(c.Document))
		if err != nil {
			return err
		}
		return s.writeFile(c.Out, f.Body, modeSecret, c.Force)
	})
}

type orderAskDocumentsCmd struct {
	orderRef
	Comment string `required:"" placeholder:"TEXT" help:"What is wanted; the requester sees it."`
}

func (c *orderAskDocumentsCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		return s.shown(s.api.AskOrderDocuments(ctx, c.Order, c.Comment))
	})
}

// revocationReasons are the words of RFC 5280 section 5.3.1 in the order of
// their codes.
var revocationReasons = []string{"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
	"certificateHold", "", "removeFromCRL", "privilegeWithdrawn", "aACompromise"}

// reasonCode reads a word or code.
func reasonCode(flag, word string) (int, error) {
	if n, err := strconv.Atoi(word); err == nil {
		return n, nil
	}
	i := slices.IndexFunc(revocationReasons, func(w string) bool { return w != "" && strings.EqualFold(w, word) })
	if i < 0 {
		return 0, usage(flag, "%.40q is no reason such as keyCompromise, superseded or cessationOfOperation", word)
	}
	return i, nil
}

type orderReissueCmd struct {
	orderRef
	Mode       string   `enum:"rekey,update-sans" default:"rekey" help:"rekey or update-sans."`
	Reason     string   `required:"" placeholder:"TEXT" help:"Why."`
	CSR        string   `name:"csr" type:"path" placeholder:"FILE" help:"Request; may follow later."`
	Additional []string `placeholder:"NAME" help:"update-sans: all additional names."`
	Revoke     string   `placeholder:"REASON" help:"Revoke the old certificate once the new one stands, for this reason."`
	RevokeAll  bool     `help:"With --revoke: and all before it."`
	Key        string   `name:"idempotency-key" placeholder:"TEXT" help:"Makes repeats of the command safe."`
}

func (c *orderReissueCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		r := resource.Reissue{Mode: c.Mode, Reason: c.Reason, Additional: c.Additional, RevokePrevious: c.Revoke != "", RevokeAll: c.RevokeAll}
		var err error
		if c.Revoke != "" {
			if r.RevokeReason, err = reasonCode("--revoke", c.Revoke); err != nil {
				return err
			}
		} else if c.RevokeAll {
			return usage("--revoke-all", "say why with --revoke")
		}
		if c.CSR != "" {
			if r.CSR, err = s.readCSR(c.CSR); err != nil {
				return err
			}
		}
		return s.shown(s.api.ReissueOrder(ctx, c.Order, r, c.Key))
	})
}

type orderRenewCmd struct {
	orderRef
	CSR string `name:"csr" type:"path" placeholder:"FILE" help:"Request with a new key."`
	Key string `name:"idempotency-key" placeholder:"TEXT" help:"Makes repeats of the command safe."`
}

func (c *orderRenewCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		csr := ""
		if c.CSR != "" {
			var err error
			if csr, err = s.readCSR(c.CSR); err != nil {
				return err
			}
		}
		return s.shown(s.api.RenewOrder(ctx, c.Order, csr, c.Key))
	})
}

type orderRevokeCmd struct {
	orderRef
	Reason  string `required:"" placeholder:"REASON" help:"Word or code of RFC 5280; certificateHold suspends."`
	Remarks string `placeholder:"TEXT" help:"For the record, without semicolons."`
}

func (c *orderRevokeCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		reason, err := reasonCode("--reason", c.Reason)
		if err != nil {
			return err
		}
		return s.endOrder(ctx, c.Order, "Revoke the certificate of", func() (*resource.OrderDetail, error) {
			return s.api.RevokeOrder(ctx, c.Order, resource.OrderRevocation{Reason: reason, Remarks: c.Remarks})
		})
	})
}

type orderResumeCmd struct{ orderRef }

func (c *orderResumeCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error { return s.shown(s.api.ResumeOrder(ctx, c.Order)) })
}

type orderReportCmd struct {
	State        []string `placeholder:"STATE" help:"States of the order."`
	Product      string   `placeholder:"CODE" help:"Product."`
	Name         string   `placeholder:"TEXT" help:"Part of a name."`
	Organisation string   `placeholder:"TEXT" help:"Part of its name."`
	Requestor    string   `placeholder:"ADDRESS" help:"Mail address."`
	Tag          []string `placeholder:"TEXT" help:"Any of these tags."`
	From         string   `placeholder:"TIME" help:"Ordered not before, such as 2026-12-01T00:00:00Z or -30d."`
	Till         string   `placeholder:"TIME" help:"Ordered not after."`
	EndsTill     string   `placeholder:"TIME" help:"Certificate ends not after, such as +30d."`
	Offset       int      `placeholder:"N" help:"Skip so many rows."`
	Limit        int      `default:"100" placeholder:"N" help:"At most so many rows, up to 100."`
}

func (c *orderReportCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		q := url.Values{"limit": {strconv.Itoa(c.Limit)}, "offset": {strconv.Itoa(c.Offset)}}
		for k, v := range map[string]string{"product": c.Product, "name": c.Name, "organisation": c.Organisation, "requestor": c.Requestor,
			"from": c.From, "till": c.Till, "ends_till": c.EndsTill} {
			if v != "" {
				q.Set(k, v)
			}
		}
		for _, v := range c.State {
			q.Add("state", v)
		}
		for _, v := range c.Tag {
			q.Add("tag", v)
		}
		r, err := s.api.ReportOrders(ctx, q)
		if err != nil {
			return err
		}
		if s.out.json {
			return s.out.printJSON(r)
		}
		return table(&s.out, reportView(), r.Items)
	})
}

func reportView() view[resource.OrderReportRow] {
	of := func(f func(*resource.OrderReportRow) string) func(*resource.OrderReportRow, time.Time) string {
		return func(r *resource.OrderReportRow, _ time.Time) string { return f(r) }
	}
	return view[resource.OrderReportRow]{
		columns: []string{"number", "request", "state", "code", "subject", "organisation", "certificate_state", "not_after"},
		made: map[string]func(*resource.OrderReportRow, time.Time) string{
			"number":  of(func(r *resource.OrderReportRow) string { return strconv.FormatInt(r.Order.Number, 10) }),
			"state":   of(func(r *resource.OrderReportRow) string { return string(r.Order.State) }),
			"subject": of(func(r *resource.OrderReportRow) string { return r.Order.Subject }),
		},
	}
}
