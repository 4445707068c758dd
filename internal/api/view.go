package api

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/certwright/certwright/internal/api/resource"
	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/identity"
)

// maxViews is how many views a person may keep.
const maxViews = 200

func (a *API) viewRoutes() {
	read := func(ctx context.Context, p *core.Principal, q core.ListQuery) (core.Page[viewRow], error) {
		got, err := a.d.Storage.ListViews(ctx, q, p.User)
		rows := core.Page[viewRow]{Next: got.Next, Tally: got.Tally}
		for _, v := range got.Items {
			rows.Items = append(rows.Items, viewRow{v, v.User == p.User})
		}
		return rows, err
	}
	addList(a, get("views", "list-views", "/views", "List saved views: one's own and shared ones", identity.ViewOwn), "views", a.d.Storage.ViewColumns, read, (*viewRow).resource)
	register(a, post("views", "create-view", "/views", "Save a view of a list", identity.ViewOwn).created(), a.createView)
	register(a, get("views", "get-view", "/views/{id}", "Read a saved view", identity.ViewOwn),
		func(ctx context.Context, p *core.Principal, in *ByID[core.ViewID]) (*out[resource.View], error) {
			v, err := a.view(ctx, p, in.ID)
			return viewAnswer(p, v, err)
		})
	register(a, put("views", "update-view", "/views/{id}", "Change a saved view", identity.ViewOwn).
		says("One's own, or a shared one for those who may share."), a.updateView)
	register(a, remove("views", "delete-view", "/views/{id}", "Delete a saved view", identity.ViewOwn), a.deleteView)
}

// viewRow is a view as its reader sees it.
type viewRow struct {
	core.View
	own bool
}

func (v *viewRow) resource() resource.View {
	return resource.View{ID: v.ID, List: v.List, Name: v.Name, Shared: v.Shared, User: v.User, Own: v.own, Filter: list0(v.Filter), Sort: v.Sort,
		Columns: list0(v.Columns), Version: v.Version, CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt}
}

func viewAnswer(p *core.Principal, v *core.View, err error) (*out[resource.View], error) {
	if err != nil {
		return nil, err
	}
	return &out[resource.View]{(&viewRow{*v, v.User == p.User}).resource()}, nil
}

// view finds a view that p may open.
func (a *API) view(ctx context.Context, p *core.Principal, id core.ViewID) (*core.View, error) {
	v, err := a.d.Storage.View(ctx, p.Account, id)
	if err == nil && !v.Shared && v.User != p.User {
		err = core.Errorf(core.KindNotFound, "there is no such view")
	}
	return v, err
}

// checkView checks what a view says against its list.
func (a *API) checkView(p *core.Principal, v *core.View) error {
	l, err := a.list(p, v.List)
	if err != nil {
		return core.Errorf(core.KindInvalid, "there is no list %q", v.List).At("list")
	}
	if v.Name != strings.TrimSpace(v.Name) || strings.ContainsFunc(v.Name, unicode.IsControl) {
		return core.Errorf(core.KindInvalid, "a name has no blanks at its ends and no control characters").At("name")
	}
	f, err := parseFilter(v.Filter)
	if err != nil {
		return err
	}
	if err := checkQuery(core.ListQuery{Filter: f, Sort: parseSort(v.Sort)}, l.columns()); err != nil {
		return err
	}
	if len(v.Columns) > 0 {
		if _, err := chosen(l, v.Columns); err != nil {
			return core.AsError(err).At("columns")
		}
	}
	if v.Shared {
		return identity.Can(p, identity.ViewShare, "")
	}
	return nil
}

func (a *API) createView(ctx context.Context, p *core.Principal, in *in[resource.NewView]) (*out[resource.View], error) {
	now, b := a.d.Now().UTC(), &in.Body
	v := &core.View{ID: core.NewID[core.ViewID](now), Account: p.Account, User: p.User, List: b.List, Name: b.Name, Shared: b.Shared, Filter: b.Filter,
		Sort: b.Sort, Columns: b.Columns, Version: 1, CreatedAt: now, UpdatedAt: now}
	if err := a.checkView(p, v); err != nil {
		return nil, err
	}
	n, err := a.d.Storage.CountViews(ctx, p.Account, p.User)
	if err != nil {
		return nil, err
	}
	if n >= maxViews {
		return nil, core.Errorf(core.KindConflict, "you have %d saved views; delete one first", n)
	}
	err = a.changeView(ctx, p, "view.create", v, a.d.Storage.InsertView)
	return viewAnswer(p, v, err)
}

func (a *API) updateView(ctx context.Context, p *core.Principal, in *struct {
	ByID[core.ViewID]
	Body resource.ViewUpdate
}) (*out[resource.View], error) {
	v, err := a.ownView(ctx, p, in.ID)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	if b.Version != v.Version {
		return nil, core.Errorf(core.KindConflict, "the view has been changed meanwhile; its version is %d", v.Version).At("version")
	}
	v.Name, v.Shared, v.Filter, v.Sort, v.Columns = b.Name, b.Shared, b.Filter, b.Sort, b.Columns
	v.Version, v.UpdatedAt = v.Version+1, a.d.Now().UTC()
	if err := a.checkView(p, v); err != nil {
		return nil, err
	}
	err = a.changeView(ctx, p, "view.update", v, a.d.Storage.UpdateView)
	return viewAnswer(p, v, err)
}

func (a *API) deleteView(ctx context.Context, p *core.Principal, in *ByID[core.ViewID]) (*none, error) {
	v, err := a.ownView(ctx, p, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, a.changeView(ctx, p, "view.delete", v, a.d.Storage.DeleteView)
}

// ownView finds a view that p may change: his own, or a shared one when he may
// share.
func (a *API) ownView(ctx context.Context, p *core.Principal, id core.ViewID) (*core.View, error) {
	v, err := a.view(ctx, p, id)
	if err != nil || v.User == p.User {
		return v, err
	}
	return v, identity.Can(p, identity.ViewShare, "")
}

// changeView writes a view together with its audit entry.
func (a *API) changeView(ctx context.Context, p *core.Principal, action string, v *core.View, write func(context.Context, core.Tx, *core.View) error) error {
	e := core.EventOf(p, a.d.Now(), action, "view:"+string(v.ID))
	e.Detail = map[string]any{"list": v.List, "name": v.Name, "shared": v.Shared, "filter": slices.Clone(list0(v.Filter))}
	return a.d.Storage.InTx(ctx, func(ctx context.Context, tx core.Tx) error {
		a.d.Audit.Write(tx, e)
		return write(ctx, tx, v)
	})
}
