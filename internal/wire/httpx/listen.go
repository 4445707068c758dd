package httpx

import (
	"net"
	"net/netip"
	"sync"
)

// Limits bound what the connections of one listener may take.
type Limits struct {
	Connections int            // at the same time; 0 means 4096
	PerAddress  int            // at the same time from one address; 0 means 256
	Exempt      []netip.Prefix // proxies: PerAddress does not apply
}

func (l Limits) filled() Limits {
	if l.Connections <= 0 {
		l.Connections = 4096
	}
	if l.PerAddress <= 0 {
		l.PerAddress = 256
	}
	return l
}

// limitListener holds back accepts while all places are taken, and closes at
// once what an address opens beyond its share.
type limitListener struct {
	net.Listener
	limits Limits
	places chan struct{}
	closed chan struct{}
	once   sync.Once
	mu     sync.Mutex
	count  map[netip.Addr]int
}

func newLimitListener(l net.Listener, limits Limits) *limitListener {
	limits = limits.filled()
	return &limitListener{
		Listener: l,
		limits:   limits,
		places:   make(chan struct{}, limits.Connections),
		closed:   make(chan struct{}),
		count:    make(map[netip.Addr]int),
	}
}

// Accept implements net.Listener.
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		select {
		case l.places <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
		c, err := l.Listener.Accept()
		if err != nil {
			<-l.places
			return nil, err
		}
		addr := connAddr(c)
		if !l.enter(addr) {
			_ = c.Close()
			<-l.places
			continue
		}
		return &limitedConn{Conn: c, leave: func() { l.leave(addr) }}, nil
	}
}

// Close implements net.Listener.
func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func (l *limitListener) enter(a netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count[a] >= l.limits.PerAddress && !contains(l.limits.Exempt, a) {
		return false
	}
	l.count[a]++
	return true
}

func (l *limitListener) leave(a netip.Addr) {
	l.mu.Lock()
	if l.count[a]--; l.count[a] <= 0 {
		delete(l.count, a)
	}
	l.mu.Unlock()
	<-l.places
}

func connAddr(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

type limitedConn struct {
	net.Conn
	once  sync.Once
	leave func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.leave)
	return err
}
