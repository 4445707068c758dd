package app

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/certwright/certwright/internal/core"
	"github.com/certwright/certwright/internal/secret"
	"github.com/certwright/certwright/internal/validation"
	"github.com/certwright/certwright/internal/wire/httpx"
)

// VantageConfig is a vantage point: a process of its own, in another network,
// that looks whether a client controls what it says it does.
type VantageConfig struct {
	Listen      string          `help:"Address to listen on." default:":8446"`
	Token       secret.Redacted `name:"vantage-token" help:"Token that servers must show; better as CERTWRIGHT_VANTAGE_TOKEN."`
	Certificate string          `name:"tls-certificate" help:"PEM file with certificate and chain; without one plain HTTP is spoken, for a loopback address or a TLS proxy in front."`
	Key         string          `name:"tls-key" help:"PEM file with its private key."`
	Checks      Checks          `embed:"" prefix:"validation-"`
	Log         Log             `embed:"" prefix:"log-"`
}

// minToken is the least length of the token: whoever knows it can make the
// vantage point look at addresses of its network.
const minToken = 20

// Vantage runs a vantage point until ctx ends.
func Vantage(ctx context.Context, cfg VantageConfig) error {
	level := new(slog.LevelVar)
	level.Set(cfg.Log.slogLevel())
	log := logger(cfg.Log, level, os.Stderr)
	if len(cfg.Token) < minToken {
		return errors.New("vantage-token is missing or has less than 20 characters")
	}
	if (cfg.Certificate == "") != (cfg.Key == "") {
		return errors.New("tls-certificate and tls-key go together")
	}
	d, err := cfg.Checks.deps(time.Now, log)
	if err != nil {
		return err
	}
	checks, err := validation.New(d)
	if err != nil {
		return err
	}
	h, err := httpx.New(httpx.Deps{Log: log, Now: time.Now}).Mux([]httpx.Route{
		{Protocol: "vantage", Pattern: "POST " + validation.VantagePath, Handler: vantageHandler(checks, cfg.Token), MaxBody: validation.MaxVantageQuestion},
		{Protocol: "health", Pattern: "GET /healthz", Quiet: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			httpx.Reply(w, r, http.StatusOK, []byte("ok\n"))
		})},
	})
	if err != nil {
		return err
	}
	l := httpx.Listener{Name: "vantage", Addr: cfg.Listen, Handler: h}
	if cfg.Certificate != "" {
		l.TLS = &httpx.TLS{HTTP2: true, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c, err := tls.LoadX509KeyPair(cfg.Certificate, cfg.Key) // anew each time, so a renewed one counts at once
			return &c, err
		}}
	}
	server := httpx.NewServer(httpx.ServerDeps{Log: log}, l)
	if err := server.Start(ctx); err != nil {
		return err
	}
	log.Info("ready", "version", Version())
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-server.Failed():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopDeadline)
	defer cancel()
	return errors.Join(failed, server.Stop(end))
}

// vantageHandler answers the questions of servers that know the token.
func vantageHandler(checks *validation.Service, token secret.Redacted) http.Handler {
	want := sha256.Sum256([]byte(token.Reveal()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(shown))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !bearer {
			w.Header().Set("WWW-Authenticate", "Bearer")
			httpx.Reply(w, r, http.StatusUnauthorized, []byte("wrong token\n"))
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			httpx.Reply(w, r, http.StatusRequestEntityTooLarge, []byte("the question is too large or was cut off\n"))
			return
		}
		answer, err := validation.ServeVantage(r.Context(), body, checks)
		if err != nil {
			httpx.Reply(w, r, http.StatusBadRequest, []byte(core.AsError(err).Detail+"\n"))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		httpx.Reply(w, r, http.StatusOK, answer)
	})
}
