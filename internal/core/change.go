package core

// Change is the trace of a change in the audit log, without what it says.
type Change struct {
	Chain   int
	Seq     int64
	Account AccountID
	Object  string // "order:<id>", "certificate:<id>" …
}
