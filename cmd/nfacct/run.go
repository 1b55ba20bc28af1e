package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/daemon"
)

func (a *app) runCommand() *cobra.Command {
	return &cobra.Command{
		Annotations: map[string]string{rotates: "SIGHUP"},
		Use:         "run",
		Short:       "the daemon: collector and scheduled jobs",
		Long: fmt.Sprintf(`Collects as "nfacct collect" does, and runs the jobs of the configuration: import,
and the reports of days, weeks and months, into the folder reports of the state
folder and by mail to those who get them. What was missed while it did not run is
made up for.

Each job is a process of its own with a memory limit; one that makes no progress is
ended. A job that fails is tried again, and never stops the collector: nfacct status
says which, since when and why. All together take at most %d MiB. A unit of systemd
needs OOMPolicy=continue, so that the end of a job is not the end of the service.

SIGHUP reads the configuration anew: if it has a fault, nothing changes and nfacct
status says so; timezone, state, collector, spool and database count only after a
restart. SIGUSR1 begins another spool file.

A spool file that ends its import twice is set aside: it is kept, nfacct status and
nfacct books name it, and nfacct import FILE tries it again.`, daemon.Total/daemon.MiB),
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return a.daemon().Run(cmd.Context(), cfg)
		},
	}
}

// daemon is the daemon that this command line starts.
func (a *app) daemon() *daemon.Daemon {
	return &daemon.Daemon{Verbose: a.verbose, Quiet: a.quiet, Said: a.errOut, Log: a.log}
}
