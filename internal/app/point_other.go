//go:build !unix

package app

// point returns the hook of enroll.Deps.Point for kill tests, which need
// signals; there are none here.
func point() func(name, serial string) { return nil }
