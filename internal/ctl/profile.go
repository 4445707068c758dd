package ctl

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/certwright/certwright/internal/core"
)

// profile is what ctl login keeps.
type profile struct {
	URL     string       `yaml:"url"`
	Login   string       `yaml:"login"`
	Token   string       `yaml:"token"`
	TokenID core.TokenID `yaml:"token_id"`
	Expires time.Time    `yaml:"expires,omitempty"`
	Roots   string       `yaml:"roots,omitempty"` // PEM; empty: the system's
}

// profilePath is where the profile is.
func (s *session) profilePath() (string, error) {
	if s.cli.Profile != "" {
		return s.cli.Profile, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", usage("--profile", "there is no configuration directory; give --profile or %sPROFILE", envPrefix)
	}
	return filepath.Join(dir, "certwright", "ctl.yaml"), nil
}

// loadProfile reads the profile; an empty one when there is none. A profile
// that others can read is refused: its token may be known.
func (s *session) loadProfile() (*profile, error) {
	path, err := s.profilePath()
	if err != nil {
		if s.cli.URL != "" {
			return &profile{}, nil // everything is given otherwise
		}
		return nil, err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &profile{}, nil
	case err != nil:
		return nil, fileError(err)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return nil, core.Errorf(core.KindForbidden, "%s can be read by others: revoke its token if that may have happened, then chmod 600 %s", path, path)
	}
	b, err := s.readFile(path)
	if err != nil {
		return nil, err
	}
	p := &profile{}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(p); err != nil {
		return nil, core.Wrap(core.KindInvalid, err, "%s cannot be read (%v); ctl login writes it anew", path, err)
	}
	return p, nil
}

// saveProfile writes the profile for its owner alone.
func (s *session) saveProfile(p *profile) (string, error) {
	path, err := s.profilePath()
	if err != nil {
		return "", err
	}
	b, err := yaml.Marshal(p)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fileError(err)
	}
	return path, s.writeFile(path, b, modeSecret, true)
}
