// Package bench measures how many certificates a second the shipped binary
// enrols, beside two things that say how good that is: what the same steps cost
// without network and disk (enrolltest.Limit), and step-ca, built from its own
// Go module in ./stepca. One run measures all of them with the same client, the
// same requests and the same machine, so that the ratios mean something where
// the figures do not:
//
//	go test -run '^$' -bench Enrol ./test/bench
//	go test -run '^$' -bench ACME ./test/bench
//	go test -run '^$' -bench REST ./test/bench
//
// The second goes the whole way of ACME, with names, a DNS server and web
// servers that are made up here, beside step-ca as an ACME server. The third
// takes the order API beside EST at the same binary.
//
// Nothing here asserts on time. It fails when an answer is wrong, when a
// certificate that a client has is not in the store afterwards, and when a
// baseline does not run.
package bench
