package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/schedule"
	"nfacct/cmd/internal/terminal"
	"nfacct/collector"
	"nfacct/collector/spool"
	"nfacct/report/health"
)

// A collector writes what it sees to this file of the state folder, every
// statusEvery, soon after something has begun or ended, and once more when it
// ends. A file is all that other processes and users need to look at it, and it
// outlives a crash.
const (
	statusFile  = "collector.json"
	statusEvery = 5 * time.Second
	statusLook  = 200 * time.Millisecond
)

// runStatus is the file's content.
type runStatus struct {
	Written time.Time `json:"written"`
	Running bool      `json:"running"` // false in the last one of a collector that was stopped
	PID     int       `json:"pid"`
	collector.Status
	// Of nfacct run.
	Jobs     []schedule.State `json:"jobs,omitempty"`
	Database *databaseStatus  `json:"database,omitempty"` // while it is down
}

// databaseStatus says since when the database is down, and why.
type databaseStatus struct {
	Down  time.Time `json:"down"`
	Cause string    `json:"cause"`
}

// turn is what must not be seconds late in the status.
type turn struct {
	open                string
	full                bool
	exporters, refusing int
	stored              bool
}

func turnOf(s *collector.Status) turn {
	return turn{s.Spool.Open, s.Spool.Full, len(s.Exporters), len(s.Refused), s.Spool.Stored > 0}
}

// keepStatus writes the file until ctx is done; its failures never stop the
// collector, which the disk's being full must not do either.
func (a *app) keepStatus(ctx context.Context, cfg *config.Config, status func() collector.Status, more func(*runStatus)) {
	write := func(running bool, s collector.Status) {
		all := runStatus{Written: time.Now(), Running: running, PID: os.Getpid(), Status: s}
		if more != nil {
			more(&all)
		}
		text, err := json.MarshalIndent(all, "", "  ")
		if err == nil {
			err = spool.MkdirAll(cfg.State, 0o751)
		}
		if err == nil {
			err = spool.WriteFile(filepath.Join(cfg.State, statusFile), append(text, '\n'), 0o640)
		}
		if err != nil {
			a.log.Debug("status not written", "err", err)
		}
	}
	ticks := time.NewTicker(statusLook)
	defer ticks.Stop()
	var last turn
	var written time.Time
	for {
		// Status locks what the writer needs, but for as long as it takes to copy a
		// few counters.
		s := status()
		if now := turnOf(&s); written.IsZero() || now != last && time.Since(written) >= time.Second || time.Since(written) >= statusEvery {
			write(true, s)
			last, written = now, time.Now()
		}
		select {
		case <-ctx.Done():
			write(false, status())
			return
		case <-ticks.C:
		}
	}
}

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
	s, err := loadStatus(cfg)
	if err != nil {
		return err
	}
	waiting, err := s.look(cfg)
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	findings, err := s.findings(cfg, now)
	if err != nil {
		return err
	}
	if a.json {
		if err := a.printJSON(struct {
			*runStatus
			Findings []health.Finding `json:"findings"`
		}{s, findings}); err != nil {
			return err
		}
	} else if !s.Written.IsZero() {
		s.print(a.out, now, cfg, s.silent(now), waiting)
	}
	return a.sayFindings(findings, cfg)
}

// silent says whether the collector has written nothing for too long.
func (s *runStatus) silent(now time.Time) bool { return now.Sub(s.Written) > 4*statusEvery }

// loadStatus reads the status file; without one the status is empty.
func loadStatus(cfg *config.Config) (*runStatus, error) {
	file, err := os.OpenFile(filepath.Join(cfg.State, statusFile), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return &runStatus{}, nil
	}
	if err != nil {
		return nil, folderError(cfg, fmt.Errorf("status: %w", err))
	}
	defer file.Close()
	s, err := parseStatus(file)
	if err != nil {
		return nil, fmt.Errorf("status: %s is damaged: %w; a running collector writes it anew every %s", file.Name(), err, statusEvery)
	}
	return &s, nil
}

// maxStatus bounds the status file: 1,024 exporters and as many refused addresses
// take half a MiB.
const maxStatus = 16 << 20

func parseStatus(in io.Reader) (s runStatus, err error) {
	text, err := io.ReadAll(io.LimitReader(in, maxStatus))
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}

// look replaces what the collector wrote of the spool folder by what is in it now:
// files are imported, expire and are brought along while no collector runs. It
// returns how many sealed ones are not imported.
func (s *runStatus) look(cfg *config.Config) (waiting int, err error) {
	files, err := spool.ListSealed(cfg.Spool.Folder)
	if err != nil {
		return 0, err
	}
	imported, _ := spool.ReadImported(cfg.Spool.Folder) // a hint: what it lacks is taken to wait
	s.Spool.Folder, s.Spool.Files, s.Spool.Bytes = cfg.Spool.Folder, len(files), 0
	for _, file := range files {
		s.Spool.Bytes += file.Size
		if !imported[file.Name] {
			waiting++
		}
	}
	if s.Spool.Open != "" {
		info, err := os.Stat(spool.OpenPath(cfg.Spool.Folder, s.Spool.Open))
		if err == nil {
			s.Spool.Bytes += info.Size()
		} else {
			s.Spool.Open = "" // sealed since
		}
	}
	return waiting, nil
}

// print writes the status for people.
func (s *runStatus) print(w io.Writer, now time.Time, cfg *config.Config, silent bool, waiting int) {
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
