//go:build unix

package app

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// point returns the hook of enroll.Deps.Point for kill tests: with
// CERTWRIGHT_TEST_KILL=name:n:file this process kills itself (SIGKILL, so that
// nothing is flushed or cleaned up) the n-th time it comes to the named place,
// after writing the serial number at stake into the file. Without the variable
// it does nothing.
func point() func(name, serial string) {
	name, rest, _ := strings.Cut(os.Getenv("CERTWRIGHT_TEST_KILL"), ":")
	count, file, ok := strings.Cut(rest, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if !ok || err != nil {
		return nil
	}
	var seen atomic.Int64
	return func(at, serial string) {
		if at == name && seen.Add(1) == n {
			_ = os.WriteFile(file, []byte(serial), 0o600)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal is on its way; go no further
		}
	}
}
