package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/daemon"
	"nfacct/cmd/internal/terminal"
	"nfacct/report/health"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "what the running collector sees now, and what is wrong",
		Long: `Prints what the collector sees: each exporter, and the addresses that it refuses
because no router of the configuration has them; what the spool folder holds; and
what is wrong, each with its remedy. Exit code 1 when anything fails: no collector
runs, the disk is full, the database is down, a job fails, a router was never heard,
a file was set aside.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return a.status(time.Now()) },
	}
}

func (a *app) status(now time.Time) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	s, err := daemon.ReadStatus(cfg)
	if err != nil {
		return err
	}
	waiting, err := s.Look(cfg.Spool.Folder)
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	findings, err := s.Findings(cfg, now)
	if err != nil {
		return err
	}
	if a.json {
		if err := a.printJSON(struct {
			*daemon.Status
			Findings []health.Finding `json:"findings"`
		}{s, findings}); err != nil {
			return err
		}
	} else if !s.Written.IsZero() {
		printStatus(a.out, s, now, cfg, s.Silent(now), waiting)
	}
	return a.sayFindings(findings, cfg)
}

// printStatus writes the status for people.
func printStatus(w io.Writer, s *daemon.Status, now time.Time, cfg *config.Config, silent bool, waiting int) {
	count := func(n uint64) string { return terminal.Number(n) }
	at := func(t time.Time) string { return t.In(cfg.Location()).Format("2006-01-02 15:04:05 MST") }
	switch {
	case !s.Running:
		fmt.Fprintf(w, "Collector stopped %s, had been started %s\n", at(s.Written), at(s.Started))
	case silent:
		fmt.Fprintf(w, "Collector silent since %s, started %s\n", at(s.Written), at(s.Started))
	default:
		fmt.Fprintf(w, "Collector running since %s; this is of %s\n", at(s.Started), at(s.Written))
	}
	for _, socket := range s.Sockets {
		kernel := ""
		if socket.KernelDropped != nil {
			kernel = fmt.Sprintf(", %s dropped by the kernel", count(*socket.KernelDropped))
		}
		fmt.Fprintf(w, "  at %s: %s%s, %s for want of queue\n", socket.Address, terminal.Plural(socket.Accepted, "datagram"), kernel, count(socket.QueueDropped))
	}
	fmt.Fprintf(w, "  spool %s: %s in %s, %s not imported yet", s.Spool.Folder, terminal.Bytes(uint64(s.Spool.Bytes)), terminal.Plural(s.Spool.Files, "sealed file"), count(uint64(waiting)))
	if s.Spool.Open != "" {
		what := "is being written"
		if !s.Running || silent {
			what = "was left open"
		}
		fmt.Fprintf(w, "; %s %s", s.Spool.Open, what)
	}
	fmt.Fprintln(w)
	if n := s.QueueDropped + s.Spool.Lost; n > 0 {
		fmt.Fprintf(w, "  received and not kept because the disk was full or too slow: %s (%s for want of queue, %s at the end)\n", terminal.Plural(n, "datagram"), count(s.QueueDropped), count(s.Spool.Lost))
	}
	if s.Spool.Error != "" {
		fmt.Fprintf(w, "  writing: %s\n", terminal.Printable(s.Spool.Error))
	}
	for _, router := range cfg.Routers {
		heard := false
		for _, e := range s.Exporters {
			if e.Router != router.Name {
				continue
			}
			heard = true
			fmt.Fprintf(w, "\n%s, %s, %s: last heard %s ago\n", e.Router, e.Address, strings.Join(e.Versions, " "), now.Sub(e.Received).Round(time.Second))
			fmt.Fprintf(w, "  %s, %s; lost %s, %s; %s, %s out of order, %s\n",
				terminal.Plural(e.Datagrams, "datagram"), terminal.Plural(e.Records, "record"), terminal.Plural(e.LostRecords, "record"), terminal.Plural(e.LostDatagrams, "datagram"),
				terminal.Plural(e.Duplicates, "duplicate"), count(e.Reordered), terminal.Plural(e.Restarts, "restart"))
			if e.Shared > 0 {
				fmt.Fprintf(w, "  two senders share this address: what was lost of %s is not known; give each router its own src-address\n", terminal.Plural(e.Shared, "datagram"))
			}
		}
		if !heard {
			fmt.Fprintf(w, "\n%s: not heard since the collector was started; check the router's traffic-flow target and its src-address\n", router.Name)
		}
	}
	if len(s.Refused) > 0 {
		fmt.Fprint(w, "\nSeen but unknown, and refused; a router of yours belongs into its export list:\n")
	}
	for _, r := range s.Refused {
		fmt.Fprintf(w, "  %-39s %s, the last %s ago\n", r.Address, terminal.Plural(r.Datagrams, "datagram"), now.Sub(r.Last).Round(time.Second))
	}
	if s.RefusedOthers > 0 {
		fmt.Fprintf(w, "  %s of further addresses\n", terminal.Plural(s.RefusedOthers, "datagram"))
	}
}
