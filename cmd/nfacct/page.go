package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/daemon"
)

func (a *app) pageCommand() *cobra.Command {
	var memory int64
	cmd := &cobra.Command{
		Use:   "page",
		Short: "the web page: a calendar, days, hosts, questions",
		Long: `Serves the web page until it is told to end; the address is web.listen of the
configuration. nfacct run does so too, in a process of its own.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.page(c.Context(), daemon.Join(), memory)
		},
	}
	cmd.Flags().Int64Var(&memory, "memory", 0, "limit in `BYTES`")
	_ = cmd.Flags().MarkHidden("memory")
	return cmd
}

// page serves the page. With a limit of memory it is a child, whose parent has the
// database.
func (a *app) page(ctx context.Context, progress *daemon.Progress, memory int64) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if memory > 0 {
		if err := daemon.Limit(memory); err != nil {
			return err
		}
		cfg.Database.Attach = true
	}
	return a.daemon().Page(ctx, cfg, progress, func() {
		if memory == 0 {
			fmt.Fprintf(a.out, "the page is at %s (Ctrl+C ends it)\n", cfg.Web.URL())
		}
	})
}
