package rest

import (
	"context"
	"time"

	"github.com/certwright/certwright/internal/core"
)

// vettedFor lists the ids of what an organisation is vetted for.
func (s *Service) vettedFor(ctx context.Context, p *core.Principal, o core.OrganisationID) ([]string, error) {
	list, err := s.d.Vetting.Of(ctx, p, o)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, purpose := range core.Purposes {
		for i := range list {
			if list[i].Purpose == purpose && list[i].Shown(s.d.Now()) == core.VettingValidated {
				out = append(out, purposeID(purpose))
				break
			}
		}
	}
	return out, nil
}

// bestVetting is the vetting that a list with room for one shows: a valid one,
// of the widest purpose, else the newest. list is newest first.
func bestVetting(list []core.Vetting, now time.Time) *core.Vetting {
	for _, purpose := range []core.Purpose{core.PurposeEV, core.PurposeOV, core.PurposeSMIME} {
		for i := range list {
			if list[i].Purpose == purpose && list[i].Shown(now) == core.VettingValidated {
				return &list[i]
			}
		}
	}
	if len(list) > 0 {
		return &list[0]
	}
	return nil
}
