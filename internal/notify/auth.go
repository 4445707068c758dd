package notify

import (
	"errors"
	"net/smtp"
	"slices"
	"strings"
)

// auth chooses PLAIN (RFC 4616), or LOGIN for servers that have only that, such
// as Microsoft 365.
func (m *Mailer) auth(c *smtp.Client) (smtp.Auth, error) {
	_, list := c.Extension("AUTH")
	methods := strings.Fields(strings.ToUpper(list))
	a := login{user: m.cfg.Username, password: m.cfg.Password.Reveal(), loopback: loopback(m.cfg.Host)}
	switch {
	case slices.Contains(methods, "PLAIN"):
		return plain{a}, nil
	case slices.Contains(methods, "LOGIN"):
		return &a, nil
	}
	return nil, m.later(nil, "offers neither AUTH PLAIN nor AUTH LOGIN")
}

// errClear guards the password, whatever the configuration says.
var errClear = errors.New("a password is sent over TLS only")

// login is AUTH LOGIN (draft-murchison-sasl-login): the server asks for the
// name and then the password. Its prompts differ between servers, their order
// does not.
type login struct {
	user, password string
	loopback       bool
	asked          int
}

func (a *login) guard(s *smtp.ServerInfo) error {
	if !s.TLS && !a.loopback {
		return errClear
	}
	return nil
}

// Start implements smtp.Auth.
func (a *login) Start(s *smtp.ServerInfo) (string, []byte, error) { return "LOGIN", nil, a.guard(s) }

// Next implements smtp.Auth.
func (a *login) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	a.asked++
	switch a.asked {
	case 1:
		return []byte(a.user), nil
	case 2:
		return []byte(a.password), nil
	}
	return nil, errors.New("the server asks for more than name and password")
}

// plain is AUTH PLAIN with an initial response.
type plain struct{ login }

// Start implements smtp.Auth.
func (a plain) Start(s *smtp.ServerInfo) (string, []byte, error) {
	return "PLAIN", []byte("\x00" + a.user + "\x00" + a.password), a.guard(s)
}

// Next implements smtp.Auth.
func (a plain) Next(_ []byte, more bool) ([]byte, error) {
	if more {
		return nil, errors.New("the server asks for more after AUTH PLAIN")
	}
	return nil, nil
}
