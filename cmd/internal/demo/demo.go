// Package demo shows everything on one machine: a simulated office is set up,
// collected, imported, packed and reported by the real stages, and the report is
// compared with the truth. It also runs the simulated router alone.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"nfacct/archive"
	"nfacct/archive/pack"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/importer"
	"nfacct/report"
	"nfacct/routeros/officetest"
)

// Options are what the command line says.
type Options struct {
	Folder string
	Hosts  int
	Force  bool // use a folder in which there are other things
}

// RouterName is the name of the demo's router, user the one who may log in.
const (
	RouterName = "office"
	user       = "nfacct"
)

// margin is how long the simulation runs before and after the day, so that
// flows cross both midnights and have to be divided.
const margin = 10 * time.Minute

// Demo is one demonstration.
type Demo struct {
	Out  io.Writer
	JSON bool // print the result as JSON, and nothing else
	Bar  func() *terminal.Progress
	Log  *slog.Logger
	Zone string // of the office: an IANA name, or Local

	// What Run makes.
	Config *config.Config
	DB     *archive.Archive
	Office *officetest.Office
	Truth  *officetest.Truth
	Day    archive.Day
	Result Result

	clock clock
	from  time.Time // bounds of the day
	to    time.Time
	port  uint16 // that the collector had
}

// Result is what a demo did; its JSON form is what --json prints.
type Result struct {
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

// Run makes the folder and walks the road from the exporter to the report of the
// day before now.
func (d *Demo) Run(ctx context.Context, o Options, now time.Time) error {
	started := time.Now()
	if o.Hosts < 1 {
		return exit.Usage(errors.New("--hosts: an office has at least 1"))
	}
	release, err := Prepare(ctx, o, d.Log)
	if err != nil {
		return err
	}
	defer release()
	if err := d.settle(o, now); err != nil {
		return err
	}
	d.say("An office of %d hosts behind a Mikrotik, simulated on %s.\n", o.Hosts, d.from.Format("Monday 2006-01-02"))
	if d.DB, err = archive.Open(ctx, d.Config.Database, d.Log); err != nil {
		return d.stopped(ctx, exit.Database(err))
	}
	err = d.road(ctx, started)
	// The last user of the private server stops it, however the road ended.
	if err = errors.Join(err, d.DB.Close()); err != nil {
		return d.stopped(ctx, err)
	}
	return d.Verdict()
}

// settle makes the office and the configuration that fits it.
func (d *Demo) settle(o Options, now time.Time) (err error) {
	loc, err := time.LoadLocation(d.Zone)
	if err != nil {
		return err
	}
	d.Office, err = officetest.New(officetest.Config{Hosts: o.Hosts, Seed: 1, Location: loc, IPv6: true})
	if err != nil {
		return exit.Usage(fmt.Errorf("--hosts: %w", err))
	}
	d.Truth = d.Office.NewTruth()
	d.Day = archive.DayOf(now.In(loc)).Add(-1)
	d.from, d.to = archive.NewCalendar(loc).Bounds(d.Day)
	name := filepath.Join(o.Folder, ConfigName)
	if err := writeConfig(name, d.Zone, d.Office); err != nil {
		return err
	}
	d.Config, err = config.Load(name)
	d.Result.Config, d.Result.Day, d.Result.Hosts = name, d.Day.String(), o.Hosts
	return err
}

// road is what a datagram walks, from the exporter to the report.
func (d *Demo) road(ctx context.Context, started time.Time) error {
	r := &d.Result
	r.Seconds.Database = time.Since(started).Seconds()
	d.step("database", r.Seconds.Database, "a private MariaDB, on no port")
	for _, stage := range []struct {
		seconds *float64
		do      func(context.Context) error
	}{{&r.Seconds.Export, d.export}, {&r.Seconds.Import, d.load}, {&r.Seconds.Pack, d.pack}, {&r.Seconds.Report, d.Ask}} {
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
func (d *Demo) load(ctx context.Context) error {
	start := time.Now()
	im, err := stages.Importer(ctx, d.asTold(), d.DB, d.Log)
	if err != nil {
		return err
	}
	bar := d.Bar()
	summary, err := im.Import(ctx, nil, importer.Options{Progress: bar.Bytes})
	bar.Clear()
	if err != nil {
		return err
	}
	if err := d.nameHosts(ctx); err != nil {
		return err
	}
	r := &d.Result
	r.Tables.Rows = summary.Rows
	for i := range summary.Books {
		r.Tables.Records += summary.Books[i].Loaded.Records
	}
	err = d.DB.DB().QueryRowContext(ctx, `SELECT COALESCE(SUM(data_length), 0), COALESCE(SUM(index_length), 0)
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
func (d *Demo) pack(ctx context.Context) error {
	start := time.Now()
	results := pack.New(d.Config.Archive, d.DB, d.Log).Do(ctx, []pack.Action{pack.NewAction(archive.MonthOf(d.Day))}, pack.Options{Wait: time.Minute})
	if err := results[0].Err; err != nil {
		return err
	}
	p := results[0]
	d.Result.Packed = p
	d.step("packed", time.Since(start).Seconds(), "with its indexes from %s to %s", terminal.Bytes(p.LiveBytes), terminal.Bytes(p.Bytes))
	return nil
}

// ask makes the report, and compares what the archive knows of the day and of its
// neighbours with the truth.
func (d *Demo) Ask(ctx context.Context) error {
	c := &comparison{}
	for _, day := range []archive.Day{d.Day.Add(-1), d.Day, d.Day.Add(1)} {
		usage, err := stages.Day(ctx, d.Config, d.DB, d.Log, day, d.to.Add(time.Hour))
		if err != nil {
			return err
		}
		packets, err := packetsOf(ctx, d.DB.DB(), day)
		if err != nil {
			return err
		}
		c.day(usage, packets, d.Truth.Day(day.String()))
		if day == d.Day {
			d.Result.Report = usage
		}
	}
	c.finish(&d.Result)
	return d.mail(d.to.Add(time.Hour))
}

// stopped says what an interrupted demo leaves behind.
func (d *Demo) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; what there is lies in %s, and the next demo begins anew", filepath.Dir(d.Result.Config))
	}
	return err
}
