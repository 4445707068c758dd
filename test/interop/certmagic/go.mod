// A module of its own: nothing of the client gets into the product's go.mod.
module github.com/certwright/certwright/test/interop/certmagic

go 1.26.0

require (
	github.com/caddyserver/certmagic v0.25.6
	github.com/certwright/certwright v0.0.0
	github.com/mholt/acmez/v3 v3.1.7
	go.uber.org/zap v1.28.0
)

require (
	github.com/caddyserver/zerossl v0.1.6 // indirect
	github.com/klauspost/cpuid/v2 v2.4.0 // indirect
	github.com/libdns/libdns v1.1.1 // indirect
	github.com/miekg/dns v1.1.73 // indirect
	github.com/zeebo/blake3 v0.2.4 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	go.uber.org/zap/exp v0.3.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.61.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/text v0.44.0 // indirect
)

replace github.com/certwright/certwright => ../../..
