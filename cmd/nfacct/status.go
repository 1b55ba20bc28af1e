package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"nfacct/cmd/internal/config"
	"nfacct/collector"
)

// A collector writes what it sees to this file of the state folder, every
// statusEvery and once more when it ends. A file is all that other processes
// and users need to look at it, and it outlives a crash.
const (
	statusFile  = "collector.json"
	statusEvery = 5 * time.Second
)

// runStatus is the file's content.
type runStatus struct {
	Written time.Time `json:"written"`
	Running bool      `json:"running"` // false in the last one of a collector that was stopped
	PID     int       `json:"pid"`
	collector.Status
}

// keepStatus writes the file until ctx is done; its failures never stop the
// collector, which the disk's being full must not do either.
func (a *app) keepStatus(ctx context.Context, cfg *config.Config, status func() collector.Status) {
	write := func(running bool) {
		text, err := json.MarshalIndent(runStatus{time.Now(), running, os.Getpid(), status()}, "", "  ")
		if err == nil {
			err = os.MkdirAll(cfg.State, 0o750)
		}
		if err == nil {
			err = renameio.WriteFile(filepath.Join(cfg.State, statusFile), append(text, '\n'), 0o640)
		}
		if err != nil {
			a.log.Debug("status not written", "err", err)
		}
	}
	ticks := time.NewTicker(statusEvery)
	defer ticks.Stop()
	for {
		write(true)
		select {
		case <-ctx.Done():
			write(false)
			return
		case <-ticks.C:
		}
	}
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "what the running collector sees now",
		Long: `Prints what the collector sees: each exporter, and the addresses that it refuses
because no router of the configuration has them. Exit code 1 when no collector
runs, or the disk is full.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return a.status(time.Now()) },
	}
}

func (a *app) status(now time.Time) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(cfg.State, statusFile))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no collector ran with %s yet; start nfacct run or nfacct collect", cfg.State)
	}
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	var s runStatus
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&s); err != nil {
		return fmt.Errorf("status: %s: %w", statusFile, err)
	}
	if a.json {
		if _, err := a.out.Write(text); err != nil {
			return err
		}
	} else {
		s.print(a.out, now, cfg)
	}
	age := now.Sub(s.Written)
	switch {
	case !s.Running:
		return fmt.Errorf("the collector was stopped %s ago", age.Round(time.Second))
	case age > 4*statusEvery:
		return fmt.Errorf("the collector has said nothing for %s: it was killed, or the disk is full", age.Round(time.Second))
	case s.Spool.Full:
		return fmt.Errorf("the disk is full since %s: what arrives is lost; make room in %s", s.Spool.FullFrom.In(cfg.Location()).Format(time.DateTime), s.Spool.Folder)
	}
	return nil
}

// print writes the status for people.
func (s *runStatus) print(w io.Writer, now time.Time, cfg *config.Config) {
	count := func(n uint64) string { return humanize.Comma(int64(n)) }
	fmt.Fprintf(w, "Collector of %s, started %s\n", s.Written.In(cfg.Location()).Format("2006-01-02 15:04:05 MST"), s.Started.In(cfg.Location()).Format("2006-01-02 15:04:05 MST"))
	for _, socket := range s.Sockets {
		kernel := ""
		if socket.KernelDropped != nil {
			kernel = fmt.Sprintf(", %s dropped by the kernel", count(*socket.KernelDropped))
		}
		fmt.Fprintf(w, "  at %s: %s datagrams%s, %s for want of queue\n", socket.Address, count(socket.Accepted), kernel, count(socket.QueueDropped))
	}
	fmt.Fprintf(w, "  spool %s: %s in %s\n", s.Spool.Folder, humanize.IBytes(uint64(s.Spool.Bytes)), plural(s.Spool.Files, "sealed file"))
	if n := s.QueueDropped + s.Spool.Lost; n > 0 {
		fmt.Fprintf(w, "  %s datagrams were received and not kept: the disk was full or too slow (%s for want of queue, %s at the end)\n", count(n), count(s.QueueDropped), count(s.Spool.Lost))
	}
	if s.Spool.Error != "" {
		fmt.Fprintf(w, "  writing: %s\n", printable(s.Spool.Error))
	}
	for _, router := range cfg.Routers {
		heard := false
		for _, e := range s.Exporters {
			if e.Router != router.Name {
				continue
			}
			heard = true
			fmt.Fprintf(w, "\n%s, %s, %s: last heard %s ago\n", e.Router, e.Address, strings.Join(e.Versions, " "), now.Sub(e.Received).Round(time.Second))
			fmt.Fprintf(w, "  %s datagrams, %s records; lost %s records, %s datagrams; %s duplicates, %s out of order, %d restarts\n",
				count(e.Datagrams), count(e.Records), count(e.LostRecords), count(e.LostDatagrams), count(e.Duplicates), count(e.Reordered), e.Restarts)
		}
		if !heard {
			fmt.Fprintf(w, "\n%s: not heard since the collector was started; check the router's traffic-flow target and its src-address\n", router.Name)
		}
	}
	if len(s.Refused) > 0 {
		fmt.Fprint(w, "\nSeen but unknown, and refused; a router of yours belongs into its export list:\n")
	}
	for _, r := range s.Refused {
		fmt.Fprintf(w, "  %-39s %s datagrams, the last %s ago\n", r.Address, count(r.Datagrams), now.Sub(r.Last).Round(time.Second))
	}
	if s.RefusedOthers > 0 {
		fmt.Fprintf(w, "  %s datagrams of further addresses\n", count(s.RefusedOthers))
	}
}
