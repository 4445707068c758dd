package loopback

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// child, when set, makes this program another one that takes ports.
const child = "CERTWRIGHT_LOOPBACK_CHILD"

// many is how many ports each program takes.
const many = 200

// TestMain is the other program of TestPrograms, or the tests.
func TestMain(m *testing.M) {
	if os.Getenv(child) == "" {
		os.Exit(m.Run())
	}
	for range many {
		p, err := Take()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(p)
	}
	var b [1]byte
	_, _ = os.Stdin.Read(b[:]) // holds its ports until it is told to end
}

// TestPrograms: no two programs, and no two tests of one, get the same port.
func TestPrograms(t *testing.T) {
	seen := map[int]string{}
	note := func(p int, who string) {
		if other, ok := seen[p]; ok {
			t.Errorf("port %d went to %s and to %s", p, other, who)
		}
		seen[p] = who
	}
	type program struct {
		out []byte
		err error
	}
	programs := make([]program, 3)
	var all sync.WaitGroup
	for i := range programs {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), child+"=1")
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			in.Close()
			if err := c.Wait(); err != nil {
				t.Errorf("program %d: %v", i, err)
			}
		})
		all.Go(func() {
			for b := make([]byte, 4096); strings.Count(string(programs[i].out), "\n") < many && programs[i].err == nil; {
				var n int
				n, programs[i].err = out.Read(b)
				programs[i].out = append(programs[i].out, b[:n]...)
			}
		})
	}
	mine := make(chan int, 2*many)
	for range 2 * many {
		all.Go(func() {
			p, err := Take()
			if err != nil {
				t.Error(err)
			}
			mine <- p
		})
	}
	all.Wait()
	close(mine)
	for p := range mine {
		note(p, "this program")
	}
	for i, o := range programs {
		if o.err != nil {
			t.Fatalf("program %d: %v", i, o.err)
		}
		for f := range strings.FieldsSeq(string(o.out)) {
			p, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			note(p, fmt.Sprintf("program %d", i))
		}
	}
	if len(seen) != (2+len(programs))*many {
		t.Errorf("%d ports of %d", len(seen), (2+len(programs))*many)
	}
	low, high := kernelRange()
	for p := range seen {
		if p >= low && p <= high {
			t.Errorf("port %d lies in the kernel's range", p)
		}
	}
}

// TestFree: what somebody listens at, however, is not free.
func TestFree(t *testing.T) {
	for _, at := range []struct{ network, host string }{{"tcp", "127.0.0.1"}, {"tcp", "0.0.0.0"}, {"tcp", "::1"}, {"udp", "127.0.0.1"}} {
		t.Run(at.network+" "+at.host, func(t *testing.T) {
			port := Port(t)
			if err := free(port); err != nil {
				t.Fatal(err)
			}
			address := net.JoinHostPort(at.host, strconv.Itoa(port))
			if at.network == "udp" {
				p, err := net.ListenPacket("udp", address)
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
			} else {
				l, err := net.Listen("tcp", address)
				if err != nil && at.host == "::1" {
					return // a machine without IPv6: nobody can listen there
				}
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
			}
			if free(port) == nil {
				t.Error("a port in use counts as free")
			}
			if ok, err := lock(port); ok || err != nil {
				t.Errorf("a port that was taken is taken again: %v %v", ok, err)
			}
		})
	}
}

func TestBoth(t *testing.T) {
	l, p := Both(t)
	defer l.Close()
	defer p.Close()
	if l.Addr().String() != p.LocalAddr().String() {
		t.Errorf("TCP at %s, UDP at %s", l.Addr(), p.LocalAddr())
	}
}

func TestOutside(t *testing.T) {
	for _, c := range []struct{ low, high, first, last int }{
		{32768, 60999, 10000, 32767},
		{49152, 65535, 10000, 32767},
		{20000, 60999, 10000, 19999},
		{10500, 60999, 61000, 65535},
		{10500, 65535, 1024, 10499},
		{1024, 65535, 10000, 32767},
	} {
		if low, high := outside(c.low, c.high); low != c.first || high != c.last {
			t.Errorf("the kernel takes %d to %d, tests %d to %d, want %d to %d", c.low, c.high, low, high, c.first, c.last)
		}
	}
}
