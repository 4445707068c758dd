package rest

import (
	"net/http"

	"github.com/certwright/certwright/internal/protocol"
)

// v2Routes are the token endpoint and the resources of version 2.
func (s *Service) v2Routes() []protocol.Route {
	return []protocol.Route{
		{Pattern: "/oauth/token", On: protocol.Main, Handler: http.HandlerFunc(s.token), MaxBody: maxTokenBody},
	}
}
