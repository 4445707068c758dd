package ctl

import (
	"context"
	"path/filepath"
	"strconv"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
)

// organisationEvidence are the commands about what vetting needs of an
// organisation.
type organisationEvidence struct {
	Legal                organisationLegalCmd     `cmd:"" help:"Set legal data. A change of what certificates show ends validated vettings."`
	Documents            organisationDocumentsCmd `cmd:"" help:"List the evidence."`
	AddDocument          addDocumentCmd           `cmd:"" help:"Bring a PDF file as evidence."`
	Document             organisationDocumentCmd  `cmd:"" help:"Download evidence."`
	Representatives      representativesCmd       `cmd:"" help:"List who may speak for it."`
	AddRepresentative    addRepresentativeCmd     `cmd:"" help:"Add somebody who may speak for it."`
	UpdateRepresentative updateRepresentativeCmd  `cmd:"" help:"Change a representative."`
	RemoveRepresentative removeRepresentativeCmd  `cmd:"" help:"Remove a representative."`
	Consents             consentsCmd              `cmd:"" help:"List links sent to representatives, and the answers."`
	AskConsent           askConsentCmd            `cmd:"" help:"Mail a representative a link to consent or refuse."`
	PreVettingToken      preVettingTokenCmd       `cmd:"" help:"Show the token by which orders refer to its standing vetting."`
	RenewPreVettingToken renewPreVettingTokenCmd  `cmd:"" help:"Make that token anew; the old one ends at once."`
}

type organisationLegalCmd struct {
	organisationRef
	LegalName           *string `placeholder:"TEXT" help:"Name in the register."`
	BusinessCategory    *string `placeholder:"WORD" help:"private, government, business or non-commercial."`
	Registration        *string `placeholder:"TEXT" help:"Registration number."`
	Registrar           *string `placeholder:"TEXT" help:"Register or agency of incorporation."`
	JurisdictionCountry *string `placeholder:"CC" help:"Country of incorporation."`
	JurisdictionState   *string `placeholder:"TEXT" help:"State of incorporation."`
	JurisdictionTown    *string `placeholder:"TEXT" help:"Town of incorporation."`
	Street              *string `placeholder:"TEXT" help:"Street and number."`
	Street2             *string `name:"street-2" placeholder:"TEXT" help:"Second line of the street."`
	PostalCode          *string `placeholder:"TEXT" help:"Postal code."`
	StateCode           *string `placeholder:"TEXT" help:"Code of the state or province."`
	Phone               *string `placeholder:"NUMBER" help:"Telephone, as +491234567."`
	Identifier          *string `placeholder:"TEXT" help:"organizationIdentifier, such as NTRDE-HRB12345."`
}

// data are the legal data after the change.
func (c *organisationLegalCmd) data(old core.LegalData) core.LegalData {
	return core.LegalData{LegalName: or(c.LegalName, old.LegalName), BusinessCategory: or(c.BusinessCategory, old.BusinessCategory),
		Registration: or(c.Registration, old.Registration), Registrar: or(c.Registrar, old.Registrar), JurisdictionC: or(c.JurisdictionCountry, old.JurisdictionC),
		JurisdictionST: or(c.JurisdictionState, old.JurisdictionST), JurisdictionL: or(c.JurisdictionTown, old.JurisdictionL),
		Street1: or(c.Street, old.Street1), Street2: or(c.Street2, old.Street2), PostalCode: or(c.PostalCode, old.PostalCode),
		StateCode: or(c.StateCode, old.StateCode), Phone: or(c.Phone, old.Phone), Identifier: or(c.Identifier, old.Identifier)}
}

func (c *organisationLegalCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		o, err := s.meantOrganisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		if o, err = s.api.SetLegal(ctx, o.ID, c.data(o.Legal)); err != nil {
			return err
		}
		return s.out.show(o)
	})
}

func documentView() view[resource.Document] {
	return view[resource.Document]{columns: []string{"id", "name", "description", "size", "uploader", "created_at"}}
}

type organisationDocumentsCmd struct{ organisationRef }

func (c *organisationDocumentsCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.organisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		list, err := s.api.OrganisationDocuments(ctx, id)
		if err != nil {
			return err
		}
		return printItems(s, documentView(), list.Items)
	})
}

// documentFile is a document to be sent.
type documentFile struct {
	File        string `arg:"" type:"path" placeholder:"FILE" help:"PDF file of at most 3 MiB; - for standard input."`
	Name        string `placeholder:"NAME" help:"Its name; the file's unless given."`
	Description string `placeholder:"TEXT" help:"What it is or proves."`
}

// read returns the document; Name is set then.
func (d *documentFile) read(s *session) ([]byte, error) {
	if d.Name == "" {
		if d.File == standard {
			return nil, usage("--name", "give --name: standard input has none")
		}
		d.Name = filepath.Base(d.File)
	}
	return s.readFile(d.File)
}

type addDocumentCmd struct {
	organisationRef
	documentFile
}

func (c *addDocumentCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		body, err := c.read(s)
		if err != nil {
			return err
		}
		id, err := s.organisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		d, err := s.api.AddOrganisationDocument(ctx, id, c.Name, c.Description, body)
		if err != nil {
			return err
		}
		return s.done(d, "Document %s, %s, is kept.", d.ID, clean(d.Name))
	})
}

type organisationDocumentCmd struct {
	organisationRef
	Document string `arg:"" placeholder:"DOCUMENT" help:"Id."`
	Out      string `required:"" type:"path" placeholder:"FILE" help:"Where to; - for standard output."`
	Force    bool   `help:"Overwrite the file."`
}

func (c *organisationDocumentCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		if err := free(c.Force, c.Out); err != nil {
			return err
		}
		id, err := s.organisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		f, err := s.api.OrganisationDocument(ctx, id, core.DocumentID(c.Document))
		if err != nil {
			return err
		}
		return s.writeFile(c.Out, f.Body, modeSecret, c.Force)
	})
}

type representativesCmd struct{ organisationRef }

func (c *representativesCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.organisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		list, err := s.api.Representatives(ctx, id)
		if err != nil {
			return err
		}
		return printItems(s, view[resource.Representative]{columns: []string{"number", "name", "email", "phone", "designation"}}, list.Items)
	})
}

// representativeRef names a representative of an organisation.
type representativeRef struct {
	organisationRef
	Representative string `arg:"" placeholder:"REPRESENTATIVE" help:"Number, mail address or id."`
}

// find returns the organisation's id and the representative.
func (r *representativeRef) find(ctx context.Context, s *session) (core.OrganisationID, *resource.Representative, error) {
	id, err := s.organisation(ctx, r.Organisation)
	if err != nil {
		return "", nil, err
	}
	list, err := s.api.Representatives(ctx, id)
	if err != nil {
		return "", nil, err
	}
	var found *resource.Representative
	for i := range list.Items {
		one := &list.Items[i]
		if w := r.Representative; w == string(one.ID) || w == one.Email || w == strconv.FormatInt(one.Number, 10) {
			if found != nil {
				return "", nil, usage("", "%q names more than one representative; give the number", w)
			}
			found = one
		}
	}
	if found == nil {
		return "", nil, core.Errorf(core.KindNotFound, "there is no representative %q", r.Representative)
	}
	return id, found, nil
}

type addRepresentativeCmd struct {
	organisationRef
	Name        string `arg:"" placeholder:"NAME" help:"Name."`
	Email       string `arg:"" placeholder:"ADDRESS" help:"Mail address."`
	Phone       string `placeholder:"NUMBER" help:"Telephone, as +491234567."`
	Designation string `placeholder:"TEXT" help:"What he is there."`
}

func (c *addRepresentativeCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.organisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		r, err := s.api.AddRepresentative(ctx, id, resource.RepresentativeFields{Name: c.Name, Email: c.Email, Phone: c.Phone, Designation: c.Designation})
		if err != nil {
			return err
		}
		return s.done(r, "Representative %d, %s, is added.", r.Number, clean(r.Name))
	})
}

type updateRepresentativeCmd struct {
	representativeRef
	Name        *string `placeholder:"NAME" help:"Name."`
	Email       *string `placeholder:"ADDRESS" help:"Mail address; links that he has not answered end with the old one."`
	Phone       *string `placeholder:"NUMBER" help:"Telephone, as +491234567."`
	Designation *string `placeholder:"TEXT" help:"What he is there."`
}

func (c *updateRepresentativeCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, r, err := c.find(ctx, s)
		if err != nil {
			return err
		}
		f := resource.RepresentativeFields{Name: or(c.Name, r.Name), Email: or(c.Email, r.Email), Phone: or(c.Phone, r.Phone), Designation: or(c.Designation, r.Designation)}
		if r, err = s.api.UpdateRepresentative(ctx, id, r.ID, f); err != nil {
			return err
		}
		return s.out.show(r)
	})
}

type removeRepresentativeCmd struct{ representativeRef }

func (c *removeRepresentativeCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, r, err := c.find(ctx, s)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Remove representative %s?", r.Name); err != nil {
			return err
		}
		if err := s.api.RemoveRepresentative(ctx, id, r.ID); err != nil {
			return err
		}
		return s.done(r, "Representative %s is removed.", clean(r.Name))
	})
}

type consentsCmd struct {
	Organisation string `arg:"" optional:"" placeholder:"ORGANISATION" help:"Those of one organisation: name, number or id."`
	listFlags
}

func (c *consentsCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		v := view[resource.Consent]{columns: []string{"sent_to", "state", "order", "expires_at", "answered_at", "created_at"}}
		more, err := s.ofOrganisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		return runList(ctx, s, c.listFlags, "consents", v, s.api.Consents, more...)
	})
}

type askConsentCmd struct {
	representativeRef
	Order string `placeholder:"ORDER" help:"Order that it is about: number or id. Without it the organisation as such."`
}

func (c *askConsentCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, r, err := c.find(ctx, s)
		if err != nil {
			return err
		}
		n := resource.NewConsent{Representative: r.ID}
		if c.Order != "" {
			o, err := s.api.Order(ctx, c.Order)
			if err != nil {
				return err
			}
			n.Order = o.ID
		}
		sent, err := s.api.SendConsent(ctx, id, n)
		if err != nil {
			return err
		}
		return s.done(sent, "A link went to %s. It can be answered until %s.", clean(sent.SentTo), sent.ExpiresAt.Format(dateForm))
	})
}

type preVettingTokenCmd struct{ organisationRef }

func (c *preVettingTokenCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		id, err := s.organisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		t, err := s.api.PreVettingToken(ctx, id)
		if err != nil {
			return err
		}
		return s.out.show(t)
	})
}

type renewPreVettingTokenCmd struct{ organisationRef }

func (c *renewPreVettingTokenCmd) Run(ctx context.Context, cli *CLI) error {
	return cli.run(ctx, func(ctx context.Context, s *session) error {
		o, err := s.meantOrganisation(ctx, c.Organisation)
		if err != nil {
			return err
		}
		if err := s.confirm(ctx, "Make a new pre-vetting token of %s? Clients that have the old one cannot order with it any more.", o.Name); err != nil {
			return err
		}
		t, err := s.api.RenewPreVettingToken(ctx, o.ID)
		if err != nil {
			return err
		}
		return s.out.show(t)
	})
}
