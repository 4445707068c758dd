package resource

// Event is the data of a server-sent event: what changed, and the state that it
// is in now. Of domains the state is that of the proof of control. Both are
// empty in events of type reset, end and busy.
type Event struct {
	ID    string `json:"id"`
	State string `json:"state"`
	// Progress is that of a job.
	Progress *Progress `json:"progress,omitempty"`
}
