package core

import "time"

// Setup is how far the first administrator of an account is with setting it up.
type Setup struct {
	Account   AccountID
	Steps     map[string]string // step to "done" or "skipped"
	CA        *SetupCAs         // own CAs: nil while those of the first start stay
	StartedAt time.Time         // when the assistant was first opened
	ClosedAt  time.Time         // since when it is not offered any more
	Version   int
	UpdatedAt time.Time
}

// SetupCAs is the plan of CAs in place of those of the first start.
type SetupCAs struct {
	Root    SetupCA    `json:"root"`
	Issuing SetupCA    `json:"issuing"`
	RSA     *SetupCA   `json:"rsa,omitempty"`
	Old     []IssuerID `json:"old"`
	OldRSA  []IssuerID `json:"old_rsa,omitempty"` // those of Old that sign with RSA
	DoneAt  time.Time  `json:"done_at,omitzero"`
}

// SetupCA is one CA of a plan.
type SetupCA struct {
	Name    string `json:"name"`
	Slug    string `json:"slug"`
	Subject DN     `json:"subject"`
	Key     string `json:"key"`
	Years   int    `json:"years"`
}
