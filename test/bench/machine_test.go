package bench

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticks a second of the CPU times in /proc, the same on every Linux that Go
// runs on.
const ticks = 100

// cpuOf returns the CPU time of a process, 0 where there is no /proc.
func cpuOf(pid int) time.Duration {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	// The second field is a name in parentheses; utime and stime are fields 14
	// and 15 (proc(5)).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * time.Second / ticks
}

// cpuOfSelf returns the CPU time of this process, which is the client.
func cpuOfSelf() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// pidWith finds the child of this process that has arg among its arguments, 0
// where there is no /proc.
func pidWith(arg string) int {
	self := "PPid:\t" + strconv.Itoa(os.Getpid()) + "\n"
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		args, err := os.ReadFile(d + "/cmdline")
		if err != nil || !bytes.Contains(args, []byte("\x00"+arg+"\x00")) {
			continue
		}
		status, err := os.ReadFile(d + "/status")
		if err == nil && strings.Contains(string(status), self) {
			pid, _ := strconv.Atoi(filepath.Base(d))
			return pid
		}
	}
	return 0
}

// machine says in a few words where this ran.
func machine() string {
	s := strconv.Itoa(runtime.NumCPU()) + " CPUs"
	info, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				s += " (" + strings.TrimSpace(value) + ")"
				break
			}
		}
	}
	return s + ", " + runtime.GOOS + "/" + runtime.GOARCH + ", " + runtime.Version()
}

// fileSystem returns type and device of the file system under a folder.
func fileSystem(dir string) string {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "not known"
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "not known"
	}
	best, found := "", "not known"
	for line := range strings.Lines(string(mounts)) {
		left, right, ok := strings.Cut(line, " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if !ok || len(l) < 5 || len(r) < 2 {
			continue
		}
		under := l[4] == "/" || dir == l[4] || strings.HasPrefix(dir, l[4]+"/")
		if under && len(l[4]) >= len(best) {
			best, found = l[4], r[0]+" on "+r[1]
		}
	}
	return found
}
