// Package stepca pins the version of step-ca that the benchmark runs beside
// certwright. It is a module of its own, with none of ours in it, so that
// step-ca is built from the very versions that its makers chose:
//
//	go build -o step-ca github.com/smallstep/certificates/cmd/step-ca
package stepca
