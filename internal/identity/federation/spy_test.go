package federation_test

import (
	"context"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// spied is the directory of a spy, in which nobody is.
type spied struct{ *spy }

func (s spied) Directories(context.Context, core.AccountID) ([]*core.SignInProvider, error) {
	return s.directories(), nil
}

func (s spied) Authenticate(_ context.Context, _ *core.SignInProvider, login, _ string) (*identity.Outside, bool, error) {
	s.asked = append(s.asked, login)
	return nil, false, nil
}
