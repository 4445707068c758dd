package resource

import (
	"time"

	"github.com/certwright/certwright/internal/core"
)

// NewDeploymentRequest asks for a certificate to be put on a server.
type NewDeploymentRequest struct {
	Target string `json:"target" minLength:"1" maxLength:"200" doc:"what you call the place: one line of at most 200 octets"`
}

// DeploymentRequest is the wish to put a certificate on a server. Nothing
// deploys yet.
type DeploymentRequest struct {
	ID          core.DeploymentRequestID `json:"id"`
	Number      int64                    `json:"number"`
	State       string                   `json:"state" enum:"waiting,cancelled" doc:"waiting: nothing has taken it up; cancelled: withdrawn"`
	Target      string                   `json:"target"`
	Certificate core.CertificateID       `json:"certificate"`
	Credential  core.CredentialID        `json:"credential,omitempty" doc:"that asked; absent: a person"`
	User        core.UserID              `json:"user,omitempty" doc:"who asked, or for whom the credential acts"`
	Group       core.GroupID             `json:"group,omitempty"`
	CreatedAt   time.Time                `json:"created_at"`
	UpdatedAt   time.Time                `json:"updated_at"`
}
