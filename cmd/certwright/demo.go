package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/certwright/certwright/internal/app"
)

// demoCmd makes and removes an account with made-up data.
type demoCmd struct {
	Fill   demoFillCmd   `cmd:"" default:"withargs" help:"Make an account of its own with made-up data: users, products, credentials, certificates."`
	Remove demoRemoveCmd `cmd:"" help:"Remove that account with everything in it."`
}

type demoFillCmd struct {
	app.Config   `embed:""`
	Certificates int    `default:"500" placeholder:"NUMBER" help:"How many certificates, 0 to 100000."`
	Seed         uint64 `default:"1" placeholder:"NUMBER" help:"The same number makes the same names."`
}

func (c *demoFillCmd) Run(ctx context.Context) error {
	return app.FillDemo(ctx, c.Config, c.Certificates, c.Seed, os.Stdout)
}

type demoRemoveCmd struct {
	app.Config `embed:""`
	Yes        bool `short:"y" help:"Do not ask."`
}

func (c *demoRemoveCmd) Run(ctx context.Context) error {
	about, err := app.DemoAccount(ctx, c.Config)
	if err != nil {
		return err
	}
	if about != "" && !c.Yes {
		fmt.Printf("Remove the account %q with its CAs and certificates? [y/N] ", about)
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		if a := strings.ToLower(strings.TrimSpace(line)); a != "y" && a != "yes" {
			return fmt.Errorf("nothing was removed")
		}
	}
	return app.RemoveDemo(ctx, c.Config, os.Stdout)
}
