package ca

import "github.com/certwright/certwright/internal/core"

// KeyPlace is the context under which an issuer's key is sealed, for whoever
// seals it again under a new key.
func KeyPlace(id core.IssuerID) string { return issuerPlace(id) }

// ResponderPlace is the same for the key of its OCSP responder.
func ResponderPlace(id core.IssuerID) string { return responderPlace(id) }
