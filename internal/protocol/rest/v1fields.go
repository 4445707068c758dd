package rest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/ordering"
)

// customFields reads the answers to a product's questions.
func customFields(list []v1CustomField) ([]core.FieldValue, error) {
	if len(list) > 100 {
		return nil, ems("1204").because("more than 100 fields")
	}
	var out []core.FieldValue
	seen := map[v1Text]bool{}
	for _, f := range list {
		switch {
		case f.ID == "":
			return nil, ems("1210")
		case seen[f.ID]:
			return nil, ems("1209").because(clip(string(f.ID)))
		case len(f.Value) > 4000:
			return nil, ems("1205").because(clip(string(f.ID)))
		}
		seen[f.ID] = true
		out = append(out, core.FieldValue{ID: string(f.ID), Value: string(f.Value)})
	}
	return out, nil
}

func requires(list []core.CustomField) bool {
	return slices.ContainsFunc(list, func(f core.CustomField) bool { return f.Required })
}

// createFault finds the number for what ordering says about a custom field or
// about a pre-vetting token: its error names the place only.
func createFault(err error, offer *ordering.Offer, n *ordering.New) error {
	var e *core.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Kind == core.KindForbidden && e.Field == "organization" && n.PreVettingToken != "" {
		return ems("1214")
	}
	id, ok := strings.CutPrefix(e.Field, "fields.")
	if !ok {
		if code, named := byReason(e); named && code == "1170" && slices.Contains(n.Ask.Additional, e.Reasons[0].Value) {
			return ems("1179").because(e.Reasons[0].Value)
		}
		return err
	}
	fields := offer.Product.OrderTerms().Fields
	i := slices.IndexFunc(fields, func(f core.CustomField) bool { return f.ID == id })
	if i < 0 {
		return ems("1204").because(clip(id))
	}
	j := slices.IndexFunc(n.Ask.Fields, func(v core.FieldValue) bool { return v.ID == id })
	if j < 0 || n.Ask.Fields[j].Value == "" {
		return ems("1203").because(fields[i].Name)
	}
	value := n.Ask.Fields[j].Value
	code := "1181"
	switch f := fields[i]; {
	case f.MaxLength > 0 && len([]rune(value)) > f.MaxLength:
		code = "1205"
	case f.Type == "dropdown":
		code = "1206"
	case f.Type == "checkbox":
		code = "1208"
	case f.Type == "datePicker":
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			code = "1207"
		}
	}
	return ems(code).because(fields[i].Name)
}
