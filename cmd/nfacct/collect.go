package main

import (
	"github.com/spf13/cobra"
)

func (a *app) collectCommand() *cobra.Command {
	return &cobra.Command{
		Annotations: map[string]string{rotates: "SIGHUP"},
		Use:         "collect",
		Short:       "receive flows from the routers into the spool",
		Long: `Receives NetFlow v5, v9 and IPFIX from the configured routers and keeps every
datagram in the spool, until it is told to stop.

SIGTERM and SIGINT seal the open spool file and end it; SIGHUP and SIGUSR1 seal
the file and begin another.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return a.daemon().Collect(cmd.Context(), cfg)
		},
	}
}
