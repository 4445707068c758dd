package resource

// Setup is how far the setup of an installation is.
type Setup struct {
	Known   bool        `json:"known" doc:"false: the installation was set up without the assistant"`
	Started bool        `json:"started" doc:"the assistant was opened"`
	Closed  bool        `json:"closed" doc:"it is not offered any more"`
	Steps   []SetupStep `json:"steps" nullable:"false"`
	CAFixed string      `json:"ca_fixed,omitempty" doc:"why the CAs cannot be replaced any more"`
	CABegun bool        `json:"ca_begun" doc:"replacing them was begun and has to be finished"`
}

// SetupStep is one step.
type SetupStep struct {
	Step  string `json:"step" enum:"organisation,ca,trust,credential,security"`
	State string `json:"state" enum:",done,skipped"`
}

// SetupStepChange records what became of a step.
type SetupStepChange struct {
	Step  string `json:"step" enum:"organisation,ca,trust,credential,security"`
	State string `json:"state" enum:",done,skipped" doc:"empty: to be done again"`
}

// NewCAs are names for CAs in place of those of the first start.
type NewCAs struct {
	Organisation string `json:"organisation,omitempty" maxLength:"64" doc:"O in the subjects"`
	Country      string `json:"country,omitempty" maxLength:"2" doc:"C in the subjects, ISO 3166-1"`
	Root         string `json:"root" minLength:"1" maxLength:"64" doc:"CN of the root"`
	Issuing      string `json:"issuing" minLength:"1" maxLength:"60" doc:"CN of the issuing CA"`
	RootKey      string `json:"root_key" enum:"ECDSA P-256,ECDSA P-384,RSA 3072,RSA 4096"`
	IssuingKey   string `json:"issuing_key" enum:"ECDSA P-256,ECDSA P-384,RSA 3072,RSA 4096" doc:"beside an ECDSA one there is one with RSA for products that need it"`
}
