package resource

// Event is the data of a server-sent event: what changed, and the state that it
// is in now. Of domains the state is that of the proof of control. Both are
// empty in an event of type reset.
type Event struct {
	ID    string `json:"id"`
	State string `json:"state"`
}
