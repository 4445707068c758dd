package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// View is a saved view of a list.
type View struct {
	ID        core.ViewID `json:"id"`
	List      string      `json:"list" doc:"name of the list"`
	Name      string      `json:"name"`
	Shared    bool        `json:"shared" doc:"everybody in the account who may read the list sees it"`
	User      core.UserID `json:"user" doc:"who made it"`
	Own       bool        `json:"own" doc:"made by who asks"`
	Filter    []string    `json:"filter" nullable:"false" doc:"rows as in the list's parameter"`
	Sort      string      `json:"sort,omitempty"`
	Columns   []string    `json:"columns" nullable:"false" doc:"in their order; empty: the list's defaults"`
	Version   int         `json:"version" doc:"grows with each change"`
	CreatedAt time.Time   `json:"created_at"`
	UpdatedAt time.Time   `json:"updated_at"`
}

// NewView is a view to be kept.
type NewView struct {
	List    string   `json:"list" minLength:"1" maxLength:"100"`
	Name    string   `json:"name" minLength:"1" maxLength:"100"`
	Shared  bool     `json:"shared,omitempty"`
	Filter  []string `json:"filter,omitempty" nullable:"false" maxItems:"20"`
	Sort    string   `json:"sort,omitempty" maxLength:"100"`
	Columns []string `json:"columns,omitempty" nullable:"false" maxItems:"100"`
}

// ViewUpdate replaces a view. Version is the one that was read; when the view
// has another by now nothing is changed (kind conflict).
type ViewUpdate struct {
	Version int      `json:"version" minimum:"1"`
	Name    string   `json:"name" minLength:"1" maxLength:"100"`
	Shared  bool     `json:"shared,omitempty"`
	Filter  []string `json:"filter,omitempty" nullable:"false" maxItems:"20"`
	Sort    string   `json:"sort,omitempty" maxLength:"100"`
	Columns []string `json:"columns,omitempty" nullable:"false" maxItems:"100"`
}
