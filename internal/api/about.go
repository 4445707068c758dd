package api

import (
	"context"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

func (a *API) aboutRoutes() {
	register(a, get("about", "get-about", "/about", "The server: version, listeners, addresses, lint sources", identity.SettingsView),
		func(ctx context.Context, _ *core.Principal, _ *struct{}) (*out[resource.About], error) {
			about, err := a.d.About(ctx)
			if err != nil {
				return nil, err
			}
			b := *about
			b.Listeners, b.LintSources, b.Protocols, b.Connectors = list0(b.Listeners), list0(b.LintSources), list0(b.Protocols), list0(b.Connectors)
			return &out[resource.About]{b}, nil
		})
}
