package secret

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/certwright/certwright/internal/core"
)

// maxKeyFile is how much of a key or passphrase file is looked at.
const maxKeyFile = 4096

// fileSource keeps the key in a file of its own, base64 in one line.
type fileSource struct {
	path string
	// at is called before each step of making the file; tests crash there.
	at func(step string)
}

func (s fileSource) name() string { return "file:" + s.path }

// fresh returns the key of the file, making the file when there is none. A
// crash at any point leaves either no file or the whole one under its name: the
// key is written to another name, forced to disk, and then linked, which fails
// rather than replace anything. So of several processes one wins, and all
// return the winner's key.
func (s fileSource) fresh(context.Context) (k [keySize]byte, w wrap, err error) {
	w = wrap{Source: wrapKey}
	if _, err := os.Lstat(s.path); errors.Is(err, fs.ErrNotExist) {
		if err := s.create(); err != nil {
			return k, w, core.Wrap(core.KindInvalid, err,
				"the key-encryption key file %s cannot be made; its folder must exist, be writable and support hard links", s.path).At("kek")
		}
	}
	k, err = s.read()
	return k, w, err
}

func (s fileSource) load(_ context.Context, w wrap) (k [keySize]byte, err error) {
	if w.Source != wrapKey {
		return k, wrongSource(s, w)
	}
	return s.read()
}

func (s fileSource) read() (k [keySize]byte, err error) {
	b, err := readPrivate(s.path)
	if err != nil {
		return k, err
	}
	return decodeKey(string(b), s.name())
}

func (s fileSource) step(name string) {
	if s.at != nil {
		s.at(name)
	}
}

// create makes the file. It returns nil also when another process was faster.
func (s fileSource) create() error {
	dir := filepath.Dir(s.path)
	s.step("create")
	f, err := os.CreateTemp(dir, ".kek-*.tmp") // mode 0600
	if err != nil {
		return err
	}
	k := newKey()
	s.step("write")
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(k[:]) + "\n")
	s.step("sync")
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	s.step("link")
	if err == nil {
		if err = os.Link(f.Name(), s.path); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	s.step("remove")
	if e := os.Remove(f.Name()); err == nil {
		err = e
	}
	s.step("sync folder")
	if err == nil {
		err = syncDir(dir)
	}
	return err
}

// syncDir forces the entries of a folder to disk. Windows has no such call and
// needs none.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

// readPrivate reads a small file that nobody but its owner may read. The check
// is made on the open file, so it cannot be exchanged in between.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, core.Wrap(core.KindInvalid, err,
				"the file %s does not exist, but this database needs the key in it. Copy it here (from a backup or from another replica)", path).At("kek")
		}
		return nil, core.Wrap(core.KindInvalid, err, "the file %s cannot be read", path).At("kek")
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, core.Wrap(core.KindInvalid, err, "the file %s cannot be read", path).At("kek")
	}
	if !st.Mode().IsRegular() {
		return nil, core.Errorf(core.KindInvalid, "%s is not a regular file", path).At("kek")
	}
	// Windows shows no permissions in the mode; access lists guard the file.
	if runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		return nil, core.Errorf(core.KindInvalid,
			"the file %s may be read or written by others (mode %04o); run: chmod 600 %s", path, st.Mode().Perm(), path).At("kek")
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, core.Wrap(core.KindInvalid, err, "the file %s cannot be read", path).At("kek")
	}
	if len(b) > maxKeyFile {
		return nil, core.Errorf(core.KindInvalid, "the file %s is larger than %d octets", path, maxKeyFile).At("kek")
	}
	return b, nil
}
