//go:build unix

package app

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock makes sure that one server at a time works on an SQLite database: it
// takes up what an earlier process left half done without asking whether that
// process is gone. The lock ends with the process, however it ends.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another certwright serves this database already (lock %s); several servers need PostgreSQL", path)
		}
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
