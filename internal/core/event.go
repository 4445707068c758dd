package core

import "time"

// Event is what the audit log records.
type Event struct {
	Account  AccountID
	At       time.Time
	Actor    string // Principal.Actor
	Login    string // name of the actor at that time; personal data, erasable
	Address  string // network address; personal data, erasable
	Action   string // "certificate.issue", "credential.revoke", …
	Object   string // "certificate:<id>"; what Action was done to
	Outcome  string // "success", "refused", "failed"
	Request  string // request id
	Protocol string
	// Credential is set whenever an API credential was used or meant.
	Credential CredentialID
	// Detail holds further facts, never secrets. It is stored as JSON.
	Detail map[string]any
}

// Outcomes of an event.
const (
	Success = "success"
	Refused = "refused"
	Failed  = "failed"
)

// EventOf starts an event by p.
func EventOf(p *Principal, at time.Time, action, object string) Event {
	e := Event{At: at, Action: action, Object: object, Outcome: Success, Actor: p.Actor()}
	if p != nil {
		e.Account, e.Login, e.Request = p.Account, p.Login, p.RequestID
		if p.Address.IsValid() {
			e.Address = p.Address.String()
		}
		if p.Credential != nil {
			e.Credential = p.Credential.ID
			e.Protocol = string(p.Credential.Type)
		}
	}
	return e
}
