// A module of its own: nothing of the client gets into the product's go.mod.
module github.com/certwright/certwright/test/interop/xoauth2

go 1.26.0

require (
	github.com/certwright/certwright v0.0.0
	golang.org/x/oauth2 v0.38.0
)

require (
	github.com/miekg/dns v1.1.73 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.61.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
)

replace github.com/certwright/certwright => ../../..
