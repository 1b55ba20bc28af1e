package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/importer/migrate"
	"nfacct/report"
)

// migrateCredential is the name that the old database's DSN has as a systemd
// credential.
const migrateCredential = "migrate_dsn"

// migrateFlags are what the command line of migrate says.
type migrateFlags struct {
	dsnFile      string
	router       string
	tables       []string
	clock        string
	skipRepeated bool
	beside       bool
	dryRun       bool
	wait         time.Duration
}

func (a *app) migrateCommand() *cobra.Command {
	var f migrateFlags
	cmd := &cobra.Command{
		Use:   "migrate [FOLDER...]",
		Short: "bring along what flow-tools and the Perl scripts have kept",
		Long: `Brings old data into the archive, with books: the month tables of the chain of
flow-tools, Perl and PHP (2018_5, packed ones 2018_5c, and those of its
descendant, IFACE_2024_07), and trees of flow-tools files. Nothing is written to
where it comes from.

Tables are read from the server of --dsn-file, a file of mode 0600 with one line,
user:password@tcp(host:3306)/netflow; the right to SELECT is enough. Or from
copies that are made of the MyISAM files in the folders. Flow-tools files are
found in the folders, however nested.

It can be stopped at any time and run again: what is loaded is not loaded twice.
Do the flow-tools files first, since they know more: days that the archive has
from elsewhere are not taken from tables.`,
		Example: `  nfacct migrate --dsn-file old.dsn --router gw-1 --dry-run
  nfacct migrate /var/db/flows
  nfacct migrate --router gw-1 /backup/mysql/netflow`,
		RunE: func(c *cobra.Command, paths []string) error { return a.migrate(c.Context(), f, paths) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.dsnFile, "dsn-file", "", "`FILE` with the DSN of the old database; a systemd credential "+migrateCredential+" takes its place")
	flags.StringVar(&f.router, "router", "", "`NAME` of the router that tables, and files of unknown exporters, are about; tables need it when several are configured")
	flags.StringSliceVar(&f.tables, "table", nil, "migrate only this `TABLE`; may be repeated")
	flags.StringVar(&f.clock, "source-timezone", "", "time `ZONE` of the machine that flow-capture ran on (default that of the configuration)")
	flags.BoolVar(&f.skipRepeated, "skip-repeated", false, "leave out the rows that a second run of the scripts entered again")
	flags.BoolVar(&f.beside, "beside", false, "load days too of which the archive has something from elsewhere")
	flags.BoolVar(&f.dryRun, "dry-run", false, "load nothing, say what would be")
	flags.DurationVar(&f.wait, "wait", 30*time.Second, "how long to wait for an import")
	return cmd
}

func (a *app) migrate(ctx context.Context, f migrateFlags, paths []string) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	opts, err := f.options(cfg)
	if err != nil {
		return exit.Usage(err)
	}
	dsnFile := f.dsnFile
	if folder := os.Getenv("CREDENTIALS_DIRECTORY"); dsnFile == "" && folder != "" {
		if name := filepath.Join(folder, migrateCredential); exists(name) {
			dsnFile = name
		}
	}
	if dsnFile == "" && len(paths) == 0 {
		return exit.Usage(errors.New("nothing to migrate: name folders, or the old database by --dsn-file"))
	}
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return exit.Usage(err)
		}
	}
	var db *archive.Archive
	if !f.dryRun || cfg.Database.Exists() { // else there is nothing to know
		if db, err = a.openDatabase(ctx, cfg); err != nil {
			return err
		}
		defer db.Close()
	}
	im, err := stages.Importer(ctx, cfg, db, a.log)
	if err != nil {
		return err
	}
	bar := a.progress()
	opts.Progress = bar.Count
	m, err := migrate.New(im, db, opts, a.log)
	if err != nil {
		return err
	}
	summary := migrate.NewSummary()
	err = m.All(ctx, migrate.Sources{DSNFile: dsnFile, Paths: paths, Copies: filepath.Join(cfg.State, "migrate"), Server: cfg.Database}, summary)
	if dsn := (*migrate.DSNError)(nil); errors.As(err, &dsn) {
		err = exit.Usage(err)
	}
	bar.Clear()
	if err == nil {
		err = summary.Err()
	}
	if printing := a.printMigration(summary, f.dryRun); printing != nil && err == nil {
		err = printing
	}
	return migrateError(err)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// options turns flags into what the package wants.
func (f *migrateFlags) options(cfg *config.Config) (migrate.Options, error) {
	opts := migrate.Options{
		Router: f.router, Others: f.router, Tables: f.tables, Location: cfg.Location(), Clock: cfg.Location(), ClockGiven: f.clock != "",
		SkipRepeated: f.skipRepeated, Beside: f.beside, DryRun: f.dryRun, Wait: f.wait,
	}
	if f.clock != "" {
		zone, err := time.LoadLocation(f.clock)
		if err != nil {
			return opts, fmt.Errorf("--source-timezone: %w", err)
		}
		opts.Clock = zone
	}
	known := false
	for _, r := range cfg.Routers {
		known = known || r.Name == f.router
	}
	switch {
	case f.router != "" && !known:
		return opts, fmt.Errorf("--router: no router %q is configured", f.router)
	case f.router == "" && len(cfg.Routers) == 1:
		opts.Router = cfg.Routers[0].Name
	}
	return opts, nil
}

// migrateError gives an error its exit code.
func migrateError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, migrate.ErrSource):
		return exit.Temporary(err)
	case errors.Is(err, migrate.ErrPartial):
		return exit.Partial(err)
	}
	return exit.Database(err)
}

// printMigration prints a summary: as JSON when asked, as text on a terminal,
// with -v or for a dry run. What was held back is said in any case.
func (a *app) printMigration(s *migrate.Summary, dryRun bool) error {
	for _, t := range s.Tables {
		for _, remark := range t.Remarks {
			a.log.Warn(remark, "table", t.Table)
		}
		if n := len(t.Held); n > 0 && t.Days[migrate.Covered] > 0 {
			a.log.Warn("days were not migrated; --beside loads those too that the archive has from elsewhere",
				"table", t.Table, "days", n, "first", t.Held[0].Table, "why", t.Held[0].Why)
		}
		if t.Repeated > 0 && t.Reasons["repeated"] == 0 {
			a.log.Warn("rows stand there twice, since scripts ran twice on a day; --skip-repeated leaves them out", "table", t.Table, "rows", t.Repeated)
		}
	}
	if a.json {
		return a.printJSON(s)
	}
	if !dryRun && !a.verbose && !terminal.Is(a.out) || a.quiet {
		return nil
	}
	printTables(a.out, s)
	if s.Files != nil {
		fmt.Fprintln(a.out, "flow-tools files:")
		if err := a.printImport(s.Files, dryRun); err != nil {
			return err
		}
	}
	for _, left := range s.LeftFiles {
		fmt.Fprintf(a.out, "left: %s: %s\n", report.Clean(left.Table), report.Clean(left.Why))
	}
	return nil
}
