package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// TestBrokenStreamBreaksTheConnection: half a file must not look whole.
func TestBrokenStreamBreaksTheConnection(t *testing.T) {
	a := &API{d: Deps{Logger: slog.New(slog.DiscardHandler)}}
	mux := http.NewServeMux()
	h := humago.New(mux, a.config())
	huma.Register(h, huma.Operation{OperationID: "x", Method: "GET", Path: "/x"}, func(context.Context, *struct{}) (*stream, error) {
		return a.streamed("text/plain", "x.txt", func(w http.ResponseWriter) error {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			return errors.New("the database is gone")
		}), nil
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	resp, err := http.Get(s.URL + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if string(body) != "half" || err == nil || resp.Header.Get("Content-Disposition") != `attachment; filename="x.txt"` {
		t.Errorf("%q %v %v", body, err, resp.Header)
	}
}
