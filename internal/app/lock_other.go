//go:build !unix

package app

// lock does nothing where there is no flock; one server for one SQLite
// database is then the administrator's care.
func lock(string) (unlock func(), err error) { return func() {}, nil }
