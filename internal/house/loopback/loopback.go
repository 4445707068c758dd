// Package loopback finds ports for tests. A port that somebody else opens later
// (a program that the test starts, or a server that goes and comes back) cannot
// be chosen by opening port 0 and closing it again: until it is opened for good
// the kernel may give it to any other program. Port takes one that no other
// test and no outgoing connection can get. A server of the test's own process
// needs none of this: it opens port 0 and keeps it.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// The ports among which Take chooses, unless the kernel takes outgoing
// connections' ports from there too.
const (
	first = 10000
	last  = 32767 // Linux gives away 32768 to 60999 unless told otherwise
)

// tries is how many ports are looked at before Take gives up.
const tries = 1000

// Port is Take for a test.
func Port(t testing.TB) int {
	t.Helper()
	p, err := Take()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Address is Port on 127.0.0.1, as host:port.
func Address(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", Port(t))
}

// Both opens one port of 127.0.0.1 for TCP and UDP, as a name server does. The
// caller closes them.
func Both(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	a := Address(t)
	l, err := net.Listen("tcp", a)
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.ListenPacket("udp", a)
	if err != nil {
		l.Close()
		t.Fatal(err)
	}
	return l, p
}

// Take finds a port at which nothing listens, over TCP or UDP, and keeps it for
// this test program until that ends: a lock on a file tells the other test
// programs of this user so, and the port lies outside those that the kernel
// gives to outgoing connections and to listeners of port 0.
func Take() (int, error) {
	var err error
	low, high := outside(kernelRange())
	for range tries {
		port := low + rand.IntN(high-low+1)
		var ok bool
		if ok, err = lock(port); err != nil {
			return 0, err
		} else if !ok {
			continue
		}
		if err = free(port); err == nil {
			return port, nil // what is not free stays locked: it would not be free for the next one either
		}
	}
	return 0, fmt.Errorf("no free port on loopback between %d and %d: %w", low, high, err)
}

// kernelRange is the range from which the kernel takes ports by itself.
func kernelRange() (low, high int) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if f := strings.Fields(string(text)); err == nil && len(f) == 2 {
		low, _ = strconv.Atoi(f[0])
		high, _ = strconv.Atoi(f[1])
	}
	if low <= 0 || high < low {
		return last + 1, 65535 // IANA's dynamic ports and more (RFC 6335 section 6)
	}
	return low, high
}

// outside returns the larger of the two ranges of unprivileged ports that lie
// below and above the kernel's own, within first to last where there is room;
// with no room at all, first to last.
func outside(low, high int) (int, int) {
	const room = 1000
	if below := min(low-1, last); below-first >= room {
		return first, below
	}
	if 65535-high >= room {
		return high + 1, 65535
	}
	if low-1-1024 >= room {
		return 1024, low - 1
	}
	return first, last
}

// held are the locks of this program's ports.
var held struct {
	sync.Mutex
	files []*os.File
}

// lock tells whether this program is the one that has a port from now on.
func lock(port int) (bool, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("certwright-test-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return false, f.Close()
	}
	held.Lock()
	defer held.Unlock()
	held.files = append(held.files, f) // kept open, or the lock would go with it
	return true, nil
}

// free tells why a port cannot be opened now. Clients try localhost at ::1 too,
// so that nobody must listen there either.
func free(port int) error {
	p := strconv.Itoa(port)
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, p))
		if err == nil {
			err = l.Close()
		}
		if err != nil && (host == "127.0.0.1" || errors.Is(err, syscall.EADDRINUSE)) {
			return err // a machine may be without IPv6
		}
	}
	u, err := net.ListenPacket("udp", net.JoinHostPort("127.0.0.1", p))
	if err != nil {
		return err
	}
	return u.Close()
}
