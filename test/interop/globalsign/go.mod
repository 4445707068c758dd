// A module of its own: nothing of the client gets into the product's go.mod.
module github.com/certwright/certwright/test/interop/globalsign

go 1.26.0

require (
	github.com/certwright/certwright v0.0.0
	github.com/globalsign/est v1.0.6
)

require (
	github.com/go-chi/chi v4.1.2+incompatible // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/miekg/dns v1.1.73 // indirect
	go.mozilla.org/pkcs7 v0.0.0-20200128120323-432b2356ecb1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.61.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/time v0.0.0-20210220033141-f8bda1e9f3ba // indirect
)

replace github.com/certwright/certwright => ../../..

// The client needs this old one; the harness, whose module has a newer one,
// needs none.
replace github.com/google/go-tpm => github.com/google/go-tpm v0.3.2
