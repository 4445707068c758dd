// Command certwright is the certificate lifecycle platform: "serve" runs it,
// "ctl" administers it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"github.com/certwright/certwright/internal/app"
	"github.com/certwright/certwright/internal/ctl"
)

// grammar is the command line.
type grammar struct {
	Config kong.ConfigFlag `help:"Configuration file (YAML)." env:"CERTWRIGHT_CONFIG" placeholder:"FILE"`

	Serve   serveCmd   `cmd:"" help:"Run the platform."`
	Admin   adminCmd   `cmd:"" help:"Repairs on the host itself, beside or without a running server."`
	Ctl     ctlCmd     `cmd:"" help:"Administer a running platform over its API."`
	Demo    demoCmd    `cmd:"" help:"Made-up data in an account of its own, to look at the portal."`
	Vantage vantageCmd `cmd:"" help:"Run a vantage point: checks of control from another network."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

type serveCmd struct {
	app.Config  `embed:""`
	PrintConfig bool `help:"Print the settings in force, secrets masked, and exit."`
}

func (c *serveCmd) Run(ctx context.Context, reload app.Reload) error {
	if err := c.Complete(); err != nil {
		return err
	}
	if c.PrintConfig {
		return c.Print(os.Stdout)
	}
	return app.Serve(ctx, c.Config, reload, os.Stdout)
}

type vantageCmd struct {
	app.VantageConfig `embed:""`
}

func (c *vantageCmd) Run(ctx context.Context) error { return app.Vantage(ctx, c.VantageConfig) }

type adminCmd struct {
	ResetPassword     resetPasswordCmd `cmd:"" help:"Give a user a new one-time password."`
	ResetSecondFactor resetFactorCmd   `cmd:"" help:"Remove what a user is asked for beside the password."`
	RotateKEK         rotateKEKCmd     `cmd:"" name:"rotate-kek" help:"Seal the key ring under another key-encryption key."`
	RotateDEK         rotateDEKCmd     `cmd:"" name:"rotate-dek" help:"Make a new data-encryption key and seal every stored secret again under it."`
	VerifyAudit       verifyAuditCmd   `cmd:"" help:"Verify the audit log in the database itself."`
}

// ctlCmd adds to ctl what works on the host: copies of database and key.
type ctlCmd struct {
	ctl.CLI
	Backup  backupCmd  `cmd:"" help:"On the host: write an encrypted backup while the server runs."`
	Restore restoreCmd `cmd:"" help:"On the host: restore an encrypted backup into an empty installation."`
}

type verifyAuditCmd struct {
	app.Config `embed:""`
}

func (c *verifyAuditCmd) Run(ctx context.Context) error {
	return app.VerifyAudit(ctx, c.Config, os.Stdout)
}

type resetPasswordCmd struct {
	app.Config `embed:""`
	Login      string `arg:"" help:"Whose password." default:"admin"`
}

func (c *resetPasswordCmd) Run(ctx context.Context) error {
	return app.ResetPassword(ctx, c.Config, c.Login, os.Stdout)
}

type resetFactorCmd struct {
	app.Config `embed:""`
	Login      string `arg:"" help:"Whose second factor." default:"admin"`
}

func (c *resetFactorCmd) Run(ctx context.Context) error {
	return app.ResetSecondFactor(ctx, c.Config, c.Login, os.Stdout)
}

type rotateKEKCmd struct {
	app.Config `embed:""`
	To         string `arg:"" help:"New source: file:/path, env:NAME, passphrase:… or pkcs11:…"`
}

func (c *rotateKEKCmd) Run(ctx context.Context) error {
	return app.RotateKEK(ctx, c.Config, c.To, os.Stdout)
}

type backupCmd struct {
	app.Config `embed:""`
	app.BackupOptions
}

func (c *backupCmd) Run(ctx context.Context) error {
	return app.Backup(ctx, c.Config, c.BackupOptions, os.Stderr)
}

type restoreCmd struct {
	app.Config `embed:""`
	app.RestoreOptions
}

func (c *restoreCmd) Run(ctx context.Context) error {
	return app.Restore(ctx, c.Config, c.RestoreOptions, os.Stderr)
}

type rotateDEKCmd struct {
	app.Config `embed:""`
}

func (c *rotateDEKCmd) Run(ctx context.Context) error {
	return app.RotateDEK(ctx, c.Config, os.Stdout)
}

type versionCmd struct{}

func (versionCmd) Run() error {
	fmt.Println(app.Version())
	return nil
}

// loadYAML reads a configuration file: the flags' names, with a level for each
// group ("listen: {main: …}") or flat ("listen-main: …").
func loadYAML(r io.Reader) (kong.Resolver, error) {
	var tree map[string]any
	if err := yaml.NewDecoder(r).Decode(&tree); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	flat := map[string]any{}
	flatten(flat, "", tree)
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, f *kong.Flag) (any, error) {
		return flat[f.Name], nil
	}), nil
}

func flatten(out map[string]any, prefix string, tree map[string]any) {
	for k, v := range tree {
		name := prefix + strings.ReplaceAll(k, "_", "-")
		switch x := v.(type) {
		case map[string]any:
			flatten(out, name+"-", x)
		case []any:
			list := make([]string, len(x))
			for i := range x {
				list[i] = fmt.Sprint(x[i])
			}
			out[name] = strings.Join(list, ",")
		default:
			out[name] = fmt.Sprint(x)
		}
	}
}

// gcPercent lets the heap grow further before it is collected than Go does by
// default: nearly everything that a request allocates is garbage soon, and what
// lives on is small, so that Go would collect several times a second. GOGC
// overrides it.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "certwright: "+err.Error())
		}
		os.Exit(exitCode(err))
	}
}

// exitCode is 2 for wrong usage, 1 for all else, or what the error says.
func exitCode(err error) int {
	var p *kong.ParseError
	if errors.As(err, &p) {
		return 2
	}
	var c interface{ ExitCode() int }
	if errors.As(err, &c) {
		return c.ExitCode()
	}
	return 1
}

func run(ctx context.Context, args []string) error {
	parse := func() (*kong.Context, *grammar, error) {
		var g grammar
		g.Ctl.Now = time.Now
		k, err := kong.New(&g, kong.Name("certwright"), kong.Description("Certificate lifecycle platform."),
			kong.Configuration(loadYAML, "/etc/certwright/certwright.yaml"), kong.DefaultEnvars("CERTWRIGHT"), kong.UsageOnError(),
			kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}))
		if err != nil {
			return nil, nil, err
		}
		kctx, err := k.Parse(args)
		return kctx, &g, err
	}
	kctx, g, err := parse()
	if err != nil {
		return err
	}
	// SIGHUP reads file and environment again.
	reload := app.Reload(func() (app.Config, error) {
		_, g, err := parse()
		if err != nil {
			return app.Config{}, err
		}
		return g.Serve.Config, g.Serve.Complete()
	})
	kctx.Bind(&g.Ctl.CLI)
	kctx.BindTo(ctx, (*context.Context)(nil))
	return kctx.Run(reload)
}
