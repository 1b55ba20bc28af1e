package main

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/demo"
	"nfacct/cmd/internal/exit"
)

func (a *app) demoCommand() *cobra.Command {
	var o demo.Options
	var serve bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "everything on this machine: a simulated office is accounted, and the report compared with the truth",
		Long: `Simulates an office behind a Mikrotik. The router is set up over its API, as
nfacct provision does; its traffic of yesterday is exported as NetFlow v9 over UDP,
collected, imported and reported by the real program, and the report compared with
what really happened. It needs no root and no set-up but
MariaDB's server program, and leaves nothing behind but one folder, in which
everything can be looked at.`,
		Example: `  nfacct demo
  nfacct demo --serve
  nfacct demo --hosts 200 --folder /tmp/office`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.configFile != "" {
				return exit.Usage(errors.New("--config: demo writes a configuration of its own, into its folder; leave --config out"))
			}
			d := &demo.Demo{Out: a.out, JSON: a.json, Bar: a.progress, Log: a.log, Zone: demo.ZoneName()}
			if err := d.Run(cmd.Context(), o, time.Now()); err != nil || !serve {
				return err
			}
			a.configFile = filepath.Join(o.Folder, "nfacct.toml")
			return a.page(cmd.Context(), nil, 0)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Folder, "folder", "nfacct-demo", "the `FOLDER` for everything; what an earlier demo left there is removed")
	flags.IntVar(&o.Hosts, "hosts", 60, "how many computers the office has; each makes some 10,000 records")
	flags.BoolVar(&serve, "serve", false, "then serve the page of what was made, until Ctrl+C")
	flags.BoolVar(&o.Force, "force", false, "use a folder in which there are other things; they stay")
	return cmd
}
