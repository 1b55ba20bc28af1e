package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/archive/pack"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/importer"
	"nfacct/report"
	"nfacct/routeros/routerostest"
)

// demoFlags are what the command line of demo says.
type demoFlags struct {
	folder string
	hosts  int
	force  bool
}

func (a *app) demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "everything on this machine: a simulated office is accounted, and the report compared with the truth",
		Long: `Simulates an office behind a Mikrotik. The router is set up over its API, as
nfacct provision does; its traffic of yesterday is exported as NetFlow v9 over UDP,
collected, imported and reported by the real program, and the report compared with
what really happened. It needs no root and no set-up but
MariaDB's server program, and leaves nothing behind but one folder, in which
everything can be looked at.`,
		Example: `  nfacct demo
  nfacct demo --hosts 200 --folder /tmp/office`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.configFile != "" {
				return usageError(errors.New("--config: demo writes a configuration of its own, into its folder; leave --config out"))
			}
			return (&demo{app: a, zone: zoneName()}).run(cmd.Context(), f, time.Now())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.folder, "folder", "nfacct-demo", "the `FOLDER` for everything; what an earlier demo left there is removed")
	flags.IntVar(&f.hosts, "hosts", 60, "how many computers the office has; each makes some 10,000 records")
	flags.BoolVar(&f.force, "force", false, "use a folder in which there are other things; they stay")
	return cmd
}

// demoRouter is what the router of the demo is called, demoUser who may log in.
const (
	demoRouter = "office"
	demoUser   = "nfacct"
)

// demoMargin is how long the simulation runs before and after the day, so that
// flows cross both midnights and have to be divided.
const demoMargin = 10 * time.Minute

// demo is one demonstration.
type demo struct {
	app    *app
	zone   string // of the office; its IANA name, or Local
	cfg    *config.Config
	db     *archive.Archive
	office *routerostest.Office
	truth  *routerostest.Truth
	clock  demoClock
	day    archive.Day
	from   time.Time // bounds of the day
	to     time.Time
	port   uint16 // that the collector had
	result demoResult
}

// demoResult is what a demo did; its JSON form is what --json prints.
type demoResult struct {
	Config    string   `json:"config"` // the configuration written, to go on with
	Day       string   `json:"day"`
	Hosts     int      `json:"hosts"`    // of the office, the proxy and the server included
	Commands  []string `json:"commands"` // that set the router up
	Datagrams uint64   `json:"datagrams"`
	Records   uint64   `json:"records"`
	Spool     struct {
		Files          int     `json:"files"`
		Bytes          int64   `json:"bytes"`
		BytesPerRecord float64 `json:"bytes_per_record"`
	} `json:"spool"`
	Tables struct {
		Records        uint64  `json:"records"` // loaded, after exclusions
		Rows           uint64  `json:"rows"`
		Bytes          uint64  `json:"bytes"`
		IndexBytes     uint64  `json:"index_bytes"`
		BytesPerRecord float64 `json:"bytes_per_record"` // without the indexes
	} `json:"tables"`
	Packed  pack.Result `json:"packed"` // the day's month
	Seconds struct {
		Database float64 `json:"database"`
		Router   float64 `json:"router"` // part of export
		Export   float64 `json:"export"`
		Import   float64 `json:"import"`
		Pack     float64 `json:"pack"`
		Report   float64 `json:"report"`
		All      float64 `json:"all"`
	} `json:"seconds"`
	Coverage    float64       `json:"coverage"` // flow bytes by those of the interfaces' counters
	Figures     int           `json:"figures"`  // compared with the truth
	Equal       bool          `json:"equal"`
	Differences []string      `json:"differences"`
	Mail        string        `json:"mail"` // the message, beside its page and workbook
	Report      *report.Usage `json:"report"`
}

// run makes the folder and walks the road from the exporter to the report of the
// day before now.
func (d *demo) run(ctx context.Context, f demoFlags, now time.Time) error {
	started := time.Now()
	if f.hosts < 1 {
		return usageError(errors.New("--hosts: an office has at least 1"))
	}
	release, err := prepareDemo(ctx, f, d.app.log)
	if err != nil {
		return err
	}
	defer release()
	if err := d.settle(f, now); err != nil {
		return err
	}
	d.say("An office of %d hosts behind a Mikrotik, simulated on %s.\n", f.hosts, d.from.Format("Monday 2006-01-02"))
	if d.db, err = archive.Open(ctx, d.cfg.Database, d.app.log); err != nil {
		return d.stopped(ctx, databaseError(err))
	}
	err = d.road(ctx, started)
	// The last user of the private server stops it, however the road ended.
	if err = errors.Join(err, d.db.Close()); err != nil {
		return d.stopped(ctx, err)
	}
	return d.verdict()
}

// settle makes the office and the configuration that fits it.
func (d *demo) settle(f demoFlags, now time.Time) (err error) {
	loc, err := time.LoadLocation(d.zone)
	if err != nil {
		return err
	}
	d.office, err = routerostest.New(routerostest.Config{Hosts: f.hosts, Seed: 1, Location: loc, IPv6: true})
	if err != nil {
		return usageError(fmt.Errorf("--hosts: %w", err))
	}
	d.truth = d.office.NewTruth()
	d.day = archive.DayOf(now.In(loc)).Add(-1)
	d.from, d.to = archive.NewCalendar(loc).Bounds(d.day)
	name := filepath.Join(f.folder, demoConfig)
	if err := writeDemoConfig(name, d.zone, d.office); err != nil {
		return err
	}
	d.cfg, err = config.Load(name)
	d.result.Config, d.result.Day, d.result.Hosts = name, d.day.String(), f.hosts
	return err
}

// road is what a datagram walks, from the exporter to the report.
func (d *demo) road(ctx context.Context, started time.Time) error {
	r := &d.result
	r.Seconds.Database = time.Since(started).Seconds()
	d.step("database", r.Seconds.Database, "a private MariaDB, on no port")
	for _, stage := range []struct {
		seconds *float64
		do      func(context.Context) error
	}{{&r.Seconds.Export, d.export}, {&r.Seconds.Import, d.load}, {&r.Seconds.Pack, d.pack}, {&r.Seconds.Report, d.ask}} {
		start := time.Now()
		if err := stage.do(ctx); err != nil {
			return err
		}
		*stage.seconds = time.Since(start).Seconds()
	}
	r.Seconds.All = time.Since(started).Seconds()
	return nil
}

// load imports the spool, and names the hosts.
func (d *demo) load(ctx context.Context) error {
	start := time.Now()
	im, err := stages.Importer(ctx, d.asTold(), d.db, d.app.log)
	if err != nil {
		return err
	}
	bar := d.app.progress()
	summary, err := im.Import(ctx, nil, importer.Options{Progress: bar.Bytes})
	bar.Clear()
	if err != nil {
		return err
	}
	if err := d.nameHosts(ctx); err != nil {
		return err
	}
	r := &d.result
	r.Tables.Rows = summary.Rows
	for i := range summary.Books {
		r.Tables.Records += summary.Books[i].Loaded.Records
	}
	err = d.db.DB().QueryRowContext(ctx, `SELECT COALESCE(SUM(data_length), 0), COALESCE(SUM(index_length), 0)
FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'flows\_%'`).Scan(&r.Tables.Bytes, &r.Tables.IndexBytes)
	if err != nil {
		return fmt.Errorf("size of tables: %w", err)
	}
	r.Tables.BytesPerRecord = float64(r.Tables.Bytes) / float64(max(r.Tables.Records, 1))
	d.step("import", time.Since(start).Seconds(), "%s records left by the rules, in %s rows", terminal.Number(r.Tables.Records), terminal.Number(r.Tables.Rows))
	d.step("tables", 0, "%s: %.1f bytes a record; indexes %s", terminal.Bytes(r.Tables.Bytes), r.Tables.BytesPerRecord, terminal.Bytes(r.Tables.IndexBytes))
	return d.coverage(ctx)
}

// pack does with the day's month, as if it were over, what is done at its end: the
// report is then made of a packed one. The margins may lie in another month, which
// stays live.
func (d *demo) pack(ctx context.Context) error {
	start := time.Now()
	results := pack.New(d.cfg.Archive, d.db, d.app.log).Do(ctx, []pack.Action{pack.NewAction(archive.MonthOf(d.day))}, pack.Options{Wait: time.Minute})
	if err := results[0].Err; err != nil {
		return err
	}
	p := results[0]
	d.result.Packed = p
	d.step("packed", time.Since(start).Seconds(), "with its indexes from %s to %s", terminal.Bytes(p.LiveBytes), terminal.Bytes(p.Bytes))
	return nil
}

// ask makes the report, and compares what the archive knows of the day and of its
// neighbours with the truth.
func (d *demo) ask(ctx context.Context) error {
	c := &comparison{}
	for _, day := range []archive.Day{d.day.Add(-1), d.day, d.day.Add(1)} {
		usage, err := stages.Day(ctx, d.cfg, d.db, d.app.log, day, d.to.Add(time.Hour))
		if err != nil {
			return err
		}
		packets, err := packetsOf(ctx, d.db.DB(), day)
		if err != nil {
			return err
		}
		c.day(usage, packets, d.truth.Day(day.String()))
		if day == d.day {
			d.result.Report = usage
		}
	}
	c.finish(&d.result)
	return d.mail(d.to.Add(time.Hour))
}

// stopped says what an interrupted demo leaves behind.
func (d *demo) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; what there is lies in %s, and the next demo begins anew", filepath.Dir(d.result.Config))
	}
	return err
}
