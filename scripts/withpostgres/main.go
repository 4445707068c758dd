// Command withpostgres runs another command beside a private PostgreSQL server
// and names the server to it, so that all test programs of one run share it:
//
//	withpostgres go test ./...
//
// The server ends with this program, however it ends. Where PostgreSQL is not
// installed, or a server is named already, the command just runs.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/certwright/certwright/internal/store/storetest"
)

func main() { os.Exit(run(os.Args[1:])) }

// run returns the exit status.
func run(args []string) int {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: withpostgres COMMAND [ARGUMENT…]")
		return 2
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if os.Getenv(storetest.PostgresEnv) == "" {
		server, err := storetest.Start()
		switch {
		case errors.Is(err, storetest.ErrNoPostgres):
			fmt.Fprintln(os.Stderr, "withpostgres:", err)
		case err != nil:
			fmt.Fprintln(os.Stderr, "withpostgres:", err)
			return 1
		default:
			defer server.Stop()
			cmd.Env = append(os.Environ(), storetest.PostgresEnv+"="+server.URL())
		}
	}
	// An interrupt at the terminal reaches the command, too; wait for its end.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM)
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
		return 1
	}
	return 0
}
