package api_test

import (
	"testing"
)

func TestSmoke(t *testing.T) {
	w := newWorld(t)
	t.Log(len(w.api.OpenAPI()))
}
