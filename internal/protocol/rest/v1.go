package rest

import "github.com/certwright/certwright/internal/protocol"

// v1Routes are the methods of version 1.
func (s *Service) v1Routes() []protocol.Route { return nil }
