package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/collector"
	"nfacct/report"
	"nfacct/routeros"
)

// coverageTime is how far back coverage looks: yesterday too, when imports run at
// night.
const coverageTime = 26 * time.Hour

func (a *app) routersCommand() *cobra.Command {
	var refresh bool
	cmd := &cobra.Command{
		Use:   "routers",
		Short: "the routers: reachable, provisioned or drifted, heard, and how much of their traffic is seen",
		Long: `Asks each router that has an address, and says for all of them what the collector
heard. Coverage holds the bytes of flows against the counters of the outside
interfaces over the same time; the daemon reads these counters, and so does
--refresh, which also stores what the routers say of their networks and hosts.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.routers(c.Context(), refresh) },
	}
	cmd.Flags().BoolVar(&refresh, "refresh", false, "store what the routers say of themselves")
	return cmd
}

// routerStatus is what is known of a router; its JSON form is what --json prints.
type routerStatus struct {
	routeros.Survey

	LastDatagram  time.Time `json:"last_datagram,omitzero"`
	Versions      []string  `json:"versions,omitempty"` // of its exports
	LostRecords   uint64    `json:"lost_records"`       // since the collector was started
	LostDatagrams uint64    `json:"lost_datagrams"`

	Coverage *routerCoverage `json:"coverage,omitempty"`
}

func (a *app) routers(ctx context.Context, refresh bool) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	var db *archive.Archive
	if refresh || cfg.Database.Exists() {
		db, err = a.openDatabase(ctx, cfg)
		if err != nil && refresh {
			return err
		}
		if err != nil {
			a.log.Warn("no coverage without the database", "err", err)
		} else {
			defer db.Close()
		}
	}
	states := make([]routerStatus, len(cfg.Routers))
	routeros.Each(ctx, len(states), cfg.Provision.Parallel, cfg.Provision.Deadline, func(ctx context.Context, i int) {
		states[i].Survey = stages.Survey(ctx, cfg, &cfg.Routers[i], a.log)
	})
	var listens time.Time // since when the collector does; zero when none ran
	var s collector.Saved
	if err := collector.ReadStatus(cfg.State, &s); err == nil {
		hear(states, &s.Status)
		listens = s.Started
	}
	keeper := stages.Keeper(cfg, db, a.log)
	for i := range states {
		s := &states[i]
		if db == nil || s.Facts == nil && refresh {
			continue
		}
		if refresh {
			if err := keeper.Keep(ctx, stages.Router(cfg, &cfg.Routers[i]).Accounted, s.Facts); err != nil {
				return exit.Database(err)
			}
		}
		if s.Coverage, err = coverageOf(ctx, db, s); err != nil {
			return exit.Database(err)
		}
	}
	if a.json {
		err = a.printJSON(states)
	} else if !a.quiet {
		err = printRouters(a.out, states, listens.In(cfg.Location()), time.Now())
	}
	if err != nil {
		return err
	}
	for _, s := range states {
		if s.Error != "" {
			fmt.Fprintf(a.errOut, "nfacct: %s\n", s.Error)
		}
	}
	return stages.FailedRouters(len(states), func(i int) (string, bool) { return states[i].Router, states[i].Error != "" })
}

// hear adds what the collector heard.
func hear(states []routerStatus, heard *collector.Status) {
	for i := range states {
		s := &states[i]
		h := heard.Router(s.Router)
		s.LastDatagram, s.Versions, s.LostRecords, s.LostDatagrams = h.Received, h.Versions, h.LostRecords, h.LostDatagrams
	}
}

// printRouters prints a table, and below it the facts of each router. The collector
// listens since the time given; it is zero when none ran.
func printRouters(w io.Writer, states []routerStatus, listens, now time.Time) error {
	unheard := "no collector ran"
	if !listens.IsZero() {
		unheard = "none since " + listens.Format("2006-01-02 15:04:05")
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ROUTER\tREACHABLE\tVERSION\tSTATE\tLAST DATAGRAM\tLOST\tCOVERAGE")
	for _, s := range states {
		reachable, version, last, coverage := "no", cmp.Or(s.Version, "-"), unheard, "-"
		switch {
		case s.Reachable:
			reachable = "yes"
		case s.Address == "":
			reachable = "no address"
		}
		if !s.LastDatagram.IsZero() {
			last = now.Sub(s.LastDatagram).Round(time.Second).String() + " ago"
		}
		lost := terminal.Number(s.LostRecords) + " records"
		if s.LostDatagrams > 0 {
			lost = terminal.Number(s.LostDatagrams) + " datagrams"
		}
		if c := s.Coverage; c != nil && c.Ratio != nil {
			coverage = fmt.Sprintf("%.1f %%", 100**c.Ratio)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Router, reachable, version, s.State, last, lost, coverage)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, s := range states {
		if s.Facts == nil && s.Coverage == nil {
			continue
		}
		fmt.Fprintf(w, "\n%s", s.Router)
		if f := s.Facts; f == nil {
			fmt.Fprintln(w, ": not reached")
		} else {
			fmt.Fprintf(w, ": %s on %s\n", report.Clean(s.Identity), report.Clean(s.Board))
			fmt.Fprintf(w, "  outside: %s; inside: %s\n", strings.Join(f.Uplinks(), " "), words(f.Inside()))
			for _, menu := range slices.Sorted(maps.Keys(f.Missing)) {
				fmt.Fprintf(w, "  not read: %s: %s\n", menu, f.Missing[menu])
			}
		}
		for _, difference := range s.Differences {
			fmt.Fprintf(w, "  differs: %s\n", difference)
		}
		for _, note := range s.Notes {
			fmt.Fprintf(w, "  note: %s\n", note)
		}
		if s.Coverage != nil {
			s.Coverage.print(w)
		}
	}
	return nil
}

// words joins values by spaces.
func words[T any](list []T) string {
	return strings.Trim(fmt.Sprint(list), "[]")
}
