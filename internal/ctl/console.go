package ctl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/certwright/certwright/internal/core"
)

// maxSecret is the longest password in octets.
const maxSecret = 4096

// console is where a person sits, or a script.
type console struct {
	in       *bufio.Reader
	out, err io.Writer
	// interactive: there is somebody to ask.
	interactive bool
	// hidden reads a line without showing it; nil: standard input is no terminal.
	hidden func(ctx context.Context) (string, error)
	// getenv reads the environment.
	getenv func(string) string
}

// systemConsole is the process's own.
func systemConsole() *console {
	fd := int(os.Stdin.Fd())
	c := &console{in: bufio.NewReader(os.Stdin), out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	if c.interactive = term.IsTerminal(fd); c.interactive {
		c.hidden = func(ctx context.Context) (string, error) { return readHidden(ctx, fd) }
	}
	return c
}

// readHidden reads a line from a terminal without echo. An interruption gives
// the terminal back as it was.
func readHidden(ctx context.Context, fd int) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	text, err := await(ctx, func() (string, error) {
		b, err := term.ReadPassword(fd)
		return string(b), err
	})
	if ctx.Err() != nil {
		_ = term.Restore(fd, before)
	}
	return text, err
}

// await runs a read that knows no context. When ctx ends first the read is left
// behind: the program is about to end.
func await(ctx context.Context, read func() (string, error)) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-done:
		return r.text, r.err
	}
}

// line reads a line from standard input.
func (c *console) line(ctx context.Context) (string, error) {
	text, err := await(ctx, func() (string, error) {
		s, err := c.in.ReadString('\n')
		if err != nil && (s == "" || !errors.Is(err, io.EOF)) {
			return "", err
		}
		return strings.TrimRight(s, "\r\n"), nil
	})
	if ctx.Err() != nil {
		fmt.Fprintln(c.err) // the shell's prompt stands on a line of its own
	}
	return text, err
}

// note tells a person something beside the output.
func (c *console) note(format string, args ...any) {
	fmt.Fprintf(c.err, format+"\n", args...)
}

// ask asks for a line; the answer is fallback when it is empty.
func (c *console) ask(ctx context.Context, what, fallback string) (string, error) {
	if !c.interactive {
		return "", usage("", "%s is missing, and there is no terminal to ask on", what)
	}
	prompt := what
	if fallback != "" {
		prompt += " [" + fallback + "]"
	}
	fmt.Fprintf(c.err, "%s: ", prompt)
	s, err := c.line(ctx)
	if err != nil {
		return "", core.Wrap(core.KindInvalid, err, "%s is missing", what)
	}
	if s = strings.TrimSpace(s); s == "" {
		s = fallback
	}
	if s == "" {
		return "", usage("", "%s is missing", what)
	}
	return s, nil
}

// confirm asks a question about something that cannot be undone. yes answers
// it. Without terminal the answer must be given beforehand.
func (s *session) confirm(ctx context.Context, format string, args ...any) error {
	question := clean(fmt.Sprintf(format, args...))
	if s.cli.Yes {
		return nil
	}
	if !s.interactive {
		return usage("--yes", "%s Add --yes: there is no terminal to ask on.", question)
	}
	if ok, err := s.agree(ctx, question); err != nil {
		return err
	} else if !ok {
		return &failure{text: "nothing was changed", code: codeFailed}
	}
	return nil
}

// agree asks a question whose answer is no unless it is yes.
func (c *console) agree(ctx context.Context, question string) (bool, error) {
	fmt.Fprintf(c.err, "%s [y/N] ", question)
	s, err := c.line(ctx)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	s = strings.ToLower(strings.TrimSpace(s))
	return s == "y" || s == "yes", nil
}

// secretSource says where a secret comes from: the file, else the variable,
// else a question on the terminal.
type secretSource struct {
	what string // "password of the key"
	flag string // that names the file
	file string // - for standard input
	env  string // name of the variable; "": none
	// twice: a new secret, which is asked for again to find slips.
	twice bool
	// optional: "" when neither file nor variable is given, without a question.
	optional bool
}

// secret gets a secret.
func (s *session) secret(ctx context.Context, from secretSource) (string, error) {
	if from.file != "" {
		b, err := s.readFile(from.file)
		if err != nil {
			return "", err
		}
		text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
		if text == "" || len(text) > maxSecret || strings.ContainsAny(text, "\r\n\x00") {
			return "", usage(from.flag, "%s must hold the %s on one line", from.file, from.what)
		}
		return text, nil
	}
	if from.env != "" {
		if v := s.getenv(from.env); v != "" {
			return v, nil
		}
	}
	if from.optional {
		return "", nil
	}
	if s.hidden == nil {
		return "", usage(from.flag, "the %s is missing: give %s%s", from.what, from.flag, orEnv(from.env))
	}
	first, err := s.askHidden(ctx, upperFirst(from.what))
	if err != nil || !from.twice {
		return first, err
	}
	again, err := s.askHidden(ctx, "The same again")
	if err == nil && first != again {
		err = usage(from.flag, "the two do not agree")
	}
	return first, err
}

func orEnv(name string) string {
	if name == "" {
		return ""
	}
	return " or " + name
}

// askHidden asks for a line that is not shown.
func (c *console) askHidden(ctx context.Context, what string) (string, error) {
	fmt.Fprintf(c.err, "%s: ", what)
	text, err := c.hidden(ctx)
	fmt.Fprintln(c.err)
	if err != nil {
		return "", core.Wrap(core.KindInvalid, err, "the %s is missing", strings.ToLower(what))
	}
	if text == "" {
		return "", usage("", "the %s is empty", strings.ToLower(what))
	}
	return text, nil
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
