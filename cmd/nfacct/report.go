package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/collector/spool"
	"nfacct/report"
)

// reportFlags are what the command line of report says.
type reportFlags struct{ day, format, output string }

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "who moved how much past the proxy on a day",
		Long: `Prints the traffic of each host on a day: up, down, flows and peers, what nobody
could be charged with, and the books. A day that is not known, or not wholly, is
reported as such: INCOMPLETE with the reasons in text, "complete": false in JSON.`,
		Example: `  nfacct report
  nfacct report --day 2026-11-23 --format json --output monday.json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.json && !cmd.Flags().Changed("format") {
				f.format = "json"
			}
			return a.report(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.day, "day", "yesterday", "the `DAY`: 2026-11-23, today or yesterday")
	flags.StringVar(&f.format, "format", "text", "text or json")
	flags.StringVar(&f.output, "output", "", "write to `FILE`, whole or not at all, instead of standard output")
	return cmd
}

// check says what is wrong with the flags.
func (f *reportFlags) check(asJSON bool) error {
	switch f.format {
	case "text", "json":
	case "html", "xlsx", "eml":
		return fmt.Errorf("--format %s: reports of this form are not made yet; choose text or json", f.format)
	default:
		return fmt.Errorf("--format %q: choose text or json", f.format)
	}
	if asJSON && f.format != "json" {
		return fmt.Errorf("--json and --format %s: leave one of the two out", f.format)
	}
	return nil
}

func (a *app) report(ctx context.Context, f reportFlags) error {
	if err := f.check(a.json); err != nil {
		return usageError(err)
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	now := time.Now()
	day, err := archive.ParseDay(f.day, now, cfg.Location())
	if err != nil {
		return usageError(fmt.Errorf("--day: %w", err))
	}
	db, err := a.openDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	usage, err := dailyUsage(ctx, db, cfg, day, now)
	if err != nil {
		return databaseError(err)
	}
	var text bytes.Buffer
	if f.format == "json" {
		encoder := json.NewEncoder(&text)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(usage)
	} else {
		err = usage.WriteText(&text)
	}
	if err != nil {
		return err
	}
	if f.output != "" && f.output != "-" {
		return writeFile(f.output, text.Bytes())
	}
	_, err = a.out.Write(text.Bytes())
	return err
}

// writeFile writes a file whole or not at all. What is no ordinary file, such as
// /dev/null or a named pipe, is written to and not replaced, and a link goes on
// pointing where it did.
func writeFile(name string, text []byte) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	write := func() error { return renameio.WriteFile(name, text, 0o640) }
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		write = func() error { return os.WriteFile(name, text, 0o640) }
	}
	if err := write(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// dailyUsage is the report of a day as it can be made at this time.
func dailyUsage(ctx context.Context, db *archive.Archive, cfg *config.Config, day archive.Day, now time.Time) (*report.Usage, error) {
	// First what waits: a file that is imported meanwhile is then in doubt, and
	// none is in the figures that was not.
	pending, err := pendingFiles(ctx, db, cfg, day)
	if err != nil {
		return nil, err
	}
	return report.Daily(ctx, db, day, cfg.Location(), report.Options{Now: now, Pending: pending})
}

// pendingFiles lists the sealed spool files that may hold something of a day and
// are not in the archive. The first file after the day is one of them: flows are
// exported up to a minute or so after their last packet.
func pendingFiles(ctx context.Context, db *archive.Archive, cfg *config.Config, day archive.Day) ([]string, error) {
	files, err := spool.ListSealed(cfg.Spool.Folder)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	names, err := db.LoadedNames(ctx)
	if err != nil {
		return nil, err
	}
	loaded := make(map[string]bool, len(names))
	for _, name := range names {
		loaded[name] = true
	}
	from, to := archive.NewCalendar(cfg.Location()).Bounds(day)
	var pending []string
	for _, file := range files {
		if !loaded[file.Name] && !file.Start.Before(from) && file.Start.Before(to.Add(spool.SlotLength)) {
			pending = append(pending, file.Name)
		}
	}
	return pending, nil
}
