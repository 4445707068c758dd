package ctl

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/certwright/certwright/internal/core"
)

// maxFile is the largest file that is read into memory.
const maxFile = 6 << 20

// Modes of files: what holds a secret is for its owner alone.
const (
	modePublic fs.FileMode = 0o644
	modeSecret fs.FileMode = 0o600
)

// standard is the file name that means standard input or output.
const standard = "-"

// readFile reads a file of at most maxFile octets; - is standard input.
func (c *console) readFile(name string) ([]byte, error) {
	var r io.Reader = c.in
	if name != standard {
		f, err := os.Open(name)
		if err != nil {
			return nil, fileError(err)
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	switch {
	case err != nil:
		return nil, fileError(err)
	case len(b) > maxFile:
		return nil, core.Errorf(core.KindTooLarge, "%s has more than %d octets", name, maxFile)
	}
	return b, nil
}

// fileError words an error of the file system.
func fileError(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return core.Wrap(core.KindInvalid, err, "%v", err)
	case errors.Is(err, fs.ErrExist):
		return core.Wrap(core.KindExists, err, "%v", err)
	}
	return &failure{text: err.Error(), code: codeFailed, cause: err}
}

// free checks that none of the files is there, before anything is done whose
// outcome would then have no place. Empty names and - are passed over.
func free(force bool, names ...string) error {
	for _, n := range names {
		if n == "" || n == standard || force {
			continue
		}
		if _, err := os.Lstat(n); err == nil {
			return core.Errorf(core.KindExists, "%s is there already; --force overwrites it", n)
		}
	}
	return nil
}

// writeFile writes a file that is whole or not there; - is standard output. An
// existing file is replaced only with force.
func (c *console) writeFile(name string, data []byte, mode fs.FileMode, force bool) error {
	if name == standard {
		_, err := c.out.Write(data)
		return err
	}
	if err := free(force, name); err != nil {
		return err
	}
	temp, err := writeTemp(name, data, mode)
	if err != nil {
		return err
	}
	return keep(temp, name, force)
}

// writeTemp writes data beside the file name and returns where.
func writeTemp(name string, data []byte, mode fs.FileMode) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".certwright-*") // 0600
	if err != nil {
		return "", fileError(err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil && mode != modeSecret {
		err = os.Chmod(f.Name(), mode)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", fileError(err)
	}
	return f.Name(), nil
}

// keep gives a temporary file its name. Without force a file that appeared
// meanwhile stays: a hard link, unlike a rename, never replaces one.
func keep(temp, name string, force bool) error {
	if !force {
		err := os.Link(temp, name)
		switch {
		case err == nil:
			return fileErrorOrNil(os.Remove(temp))
		case errors.Is(err, fs.ErrExist):
			_ = os.Remove(temp)
			return core.Errorf(core.KindExists, "%s is there already; --force overwrites it", name)
		}
		// The file system knows no hard links.
		if err := free(false, name); err != nil {
			_ = os.Remove(temp)
			return err
		}
	}
	return fileErrorOrNil(os.Rename(temp, name))
}

func fileErrorOrNil(err error) error {
	if err == nil {
		return nil
	}
	return fileError(err)
}
