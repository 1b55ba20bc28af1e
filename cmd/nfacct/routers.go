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

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
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
	Router    string `json:"router"`
	Address   string `json:"address,omitempty"` // of its API; "" when it is not managed
	Reachable bool   `json:"reachable"`
	Error     string `json:"error,omitempty"`
	Identity  string `json:"identity,omitempty"`
	Version   string `json:"version,omitempty"`
	Board     string `json:"board,omitempty"`
	Uptime    int64  `json:"uptime_seconds,omitempty"`

	State       string   `json:"state"`                 // provisioned, drifted or unknown
	Differences []string `json:"differences,omitempty"` // commands that would put it right
	Notes       []string `json:"notes,omitempty"`
	// Missing says what could not be read, by menu.
	Missing map[string]string `json:"missing,omitempty"`

	LastDatagram  time.Time `json:"last_datagram,omitzero"`
	Versions      []string  `json:"versions,omitempty"` // of its exports
	LostRecords   uint64    `json:"lost_records"`       // since the collector was started
	LostDatagrams uint64    `json:"lost_datagrams"`

	Coverage *routerCoverage `json:"coverage,omitempty"`

	facts *routeros.Facts
}

// routerCoverage is how much of what passed the outside interfaces is in flows.
type routerCoverage struct {
	From         time.Time `json:"from"`
	To           time.Time `json:"to"`
	FlowBytes    uint64    `json:"flow_bytes"`
	CounterBytes uint64    `json:"counter_bytes"`
	Ratio        float64   `json:"ratio"`
	Explanation  []string  `json:"explanation,omitempty"`
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
		states[i] = a.askRouter(ctx, cfg, &cfg.Routers[i])
	})
	if s, err := readStatus(cfg); err == nil {
		hear(states, s)
	}
	for i := range states {
		s := &states[i]
		if db == nil || s.facts == nil && refresh {
			continue
		}
		if refresh {
			if err := a.noteFacts(ctx, db, cfg, s.Router, s.facts); err != nil {
				return databaseError(err)
			}
		}
		if s.Coverage, err = coverageOf(ctx, db, s); err != nil {
			return databaseError(err)
		}
	}
	if a.json {
		err = a.printJSON(states)
	} else if !a.quiet {
		err = printRouters(a.out, states, time.Now())
	}
	if err != nil {
		return err
	}
	for _, s := range states {
		if s.Error != "" {
			fmt.Fprintf(a.errOut, "nfacct: %s\n", s.Error)
		}
	}
	return failedRouters(len(states), func(i int) (string, bool) { return states[i].Router, states[i].Error != "" })
}

// askRouter asks a router what it knows and does.
func (a *app) askRouter(ctx context.Context, cfg *config.Config, router *config.Router) routerStatus {
	s := routerStatus{Router: router.Name, Address: router.Address, State: "unknown"}
	if !router.Managed() {
		return s
	}
	err := routeros.Use(ctx, router.Config, a.log, func(ctx context.Context, d *routeros.Device) error {
		facts, err := d.Facts(ctx)
		if err != nil {
			return err
		}
		s.facts = facts
		port, err := collectorPort(cfg)
		if err != nil {
			return err
		}
		plan := routeros.Compare(&facts.Flow, cfg.Provision.For(router.Config, facts, d.Local(), port, router.Export))
		s.State, s.Notes, s.Differences = "provisioned", plan.Notes, nil
		for _, change := range plan.Changes {
			s.State = "drifted"
			s.Differences = append(s.Differences, change.Command())
		}
		return nil
	})
	if err != nil {
		s.Error = err.Error()
		return s
	}
	s.Reachable, s.Missing = true, s.facts.Missing
	s.Identity, s.Version, s.Board, s.Uptime = s.facts.Identity, s.facts.Version, s.facts.Board, int64(s.facts.Uptime.Seconds())
	return s
}

// hear adds what the collector heard.
func hear(states []routerStatus, heard *runStatus) {
	for i := range states {
		s := &states[i]
		for _, e := range heard.Exporters {
			if e.Router != s.Router {
				continue
			}
			if e.Received.After(s.LastDatagram) {
				s.LastDatagram = e.Received
			}
			for _, version := range e.Versions {
				if !slices.Contains(s.Versions, version) {
					s.Versions = append(s.Versions, version)
				}
			}
			s.LostRecords += e.LostRecords
			s.LostDatagrams += e.LostDatagrams
		}
	}
}

// coverageOf holds flows against counters, nil when there is not enough of both.
func coverageOf(ctx context.Context, db *archive.Archive, s *routerStatus) (*routerCoverage, error) {
	c, err := db.Coverage(ctx, s.Router, time.Now().Add(-coverageTime), time.Now())
	if c == nil || err != nil {
		return nil, err
	}
	return &routerCoverage{
		From: c.From, To: c.To, FlowBytes: c.FlowBytes, CounterBytes: c.CounterBytes, Ratio: c.Ratio(),
		Explanation: explain(c, s),
	}, nil
}

// What is within these bounds needs no explanation: interfaces count layer 2 and
// what the router itself says, flows neither; and RouterOS counts the first packet
// of each flow twice (seen on 6.39.2 and in 2016), which makes some percent.
const (
	lowCoverage  = 0.9
	highCoverage = 1.1
)

// explain says what may be behind a coverage that is low or above one.
func explain(c *archive.Coverage, s *routerStatus) []string {
	var reasons []string
	say := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	f := s.facts
	switch {
	case c.Ratio() < lowCoverage:
		if c.LostRecords > 0 {
			say("%s records were lost on the way", humanize.Comma(int64(c.LostRecords)))
		}
		if s.State == "drifted" {
			say("the router is not provisioned as wanted: nfacct provision")
		}
		if f != nil && f.FastTrack > 0 {
			say("FastTrack is on (%d rules): MikroTik says that it passes traffic-flow by, a measurement on 7.20 saw such traffic exported; disable the rules for an hour and compare", f.FastTrack)
		}
		if f != nil && f.Sampling() > 1 {
			say("the router samples: bytes are scaled by %.4g and are estimates", f.Sampling())
		}
		if f != nil {
			say("what the switch chip or L3 hardware offloading forwards is in no flow; and a flow cache of %s entries loses flows when it is full", f.Flow.Flow["cache-entries"])
		}
		say("counters also have layer 2, and what the router itself sends and receives")
	case c.Ratio() > highCoverage:
		if f != nil && len(f.Flow.Targets) > 1 {
			say("the router has %d targets: two that lead here double every byte", len(f.Flow.Targets))
		}
		say("RouterOS counts the first packet of each flow twice (seen on 6.39.2): many short flows weigh more")
		say("traffic that passes two outside interfaces is in both their counters, but the list of them may lack one: see wan")
	}
	return reasons
}

// printRouters prints a table, and below it what there is to know.
func printRouters(w io.Writer, states []routerStatus, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ROUTER\tREACHABLE\tVERSION\tSTATE\tLAST DATAGRAM\tLOST\tCOVERAGE")
	for _, s := range states {
		reachable, version, last, coverage := "no", cmp.Or(s.Version, "-"), "never", "-"
		switch {
		case s.Reachable:
			reachable = "yes"
		case s.Address == "":
			reachable = "no address"
		}
		if !s.LastDatagram.IsZero() {
			last = now.Sub(s.LastDatagram).Round(time.Second).String() + " ago"
		}
		lost := humanize.Comma(int64(s.LostRecords)) + " records"
		if s.LostDatagrams > 0 {
			lost = humanize.Comma(int64(s.LostDatagrams)) + " datagrams"
		}
		if s.Coverage != nil {
			coverage = fmt.Sprintf("%.1f %%", 100*s.Coverage.Ratio)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Router, reachable, version, s.State, last, lost, coverage)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, s := range states {
		if s.facts == nil && s.Coverage == nil {
			continue
		}
		fmt.Fprintf(w, "\n%s: %s on %s\n", s.Router, report.Clean(s.Identity), report.Clean(s.Board))
		if f := s.facts; f != nil {
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
		if c := s.Coverage; c != nil {
			fmt.Fprintf(w, "  coverage since %s: flows %s, counters %s\n", c.From.Local().Format("2006-01-02 15:04"), humanize.IBytes(c.FlowBytes), humanize.IBytes(c.CounterBytes))
			for _, reason := range c.Explanation {
				fmt.Fprintf(w, "    perhaps: %s\n", reason)
			}
		}
	}
	return nil
}

// words joins values by spaces.
func words[T any](list []T) string {
	return strings.Trim(fmt.Sprint(list), "[]")
}
