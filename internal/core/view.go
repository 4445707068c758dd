package core

import "time"

// View is a filter, a sort order and a choice of columns for a list, kept under
// a name: by a person for himself, or shared with everybody in the account who
// may read the list.
type View struct {
	ID        ViewID
	Account   AccountID
	User      UserID // who made it
	List      string // the list's name
	Name      string // unique among the user's views of the list
	Shared    bool
	Filter    []string // rows as requests write them
	Sort      string   // as requests write it
	Columns   []string // in their order; empty: the list's own choice
	Version   int      // grows with each change
	CreatedAt time.Time
	UpdatedAt time.Time
}
