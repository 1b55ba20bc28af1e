package main

import (
	"github.com/spf13/cobra"

	"nfacct/cmd/internal/daemon"
)

// jobCommand is the child's side of nfacct run.
func (a *app) jobCommand() *cobra.Command {
	var w daemon.Work
	var memory int64
	cmd := &cobra.Command{
		Hidden: true,
		Use:    "job NAME",
		Short:  "one job of nfacct run, as it runs it",
		Args:   usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			w.Progress = daemon.Join()
			if memory > 0 {
				if err := daemon.Limit(memory); err != nil {
					return err
				}
			}
			a.log = a.log.With("job", args[0])
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return a.daemon().Job(cmd.Context(), cfg, args[0], w)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&w.Period, "for", "", "the `PERIOD`")
	flags.BoolVar(&w.Again, "again", false, "what was mailed of it is mailed anew")
	flags.StringArrayVar(&w.Files, "file", nil, "import this `FILE` alone")
	flags.Int64Var(&memory, "memory", 0, "limit in `BYTES`")
	return cmd
}
