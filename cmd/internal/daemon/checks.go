package daemon

import (
	"context"
	"fmt"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/collector/spool"
	"nfacct/importer"
	"nfacct/report"
	"nfacct/report/health"
)

// Check is everything that can be wrong: what status knows, and what the archive
// tells of yesterday, of imports, mails and room. A database that does not answer is
// one of the findings; where none was made yet, the archive tells nothing.
func (d *Daemon) Check(ctx context.Context, cfg *config.Config, now time.Time) ([]health.Finding, error) {
	s, err := ReadStatus(cfg)
	if err != nil {
		return nil, err
	}
	f, err := s.facts(cfg, now)
	if err != nil {
		return nil, err
	}
	if cfg.Database.Exists() {
		if err := d.ask(ctx, cfg, f, now); err != nil && f.Database.Down.IsZero() {
			f.Database.Down, f.Database.Cause = now, terminal.Printable(err.Error())
		}
	}
	return health.Look(f, now), nil
}

// ask fills in what the archive tells.
func (d *Daemon) ask(ctx context.Context, cfg *config.Config, f *health.Facts, now time.Time) error {
	db, err := stages.OpenToRead(ctx, cfg, d.Log)
	if err != nil {
		return err
	}
	defer db.Close()
	return checking{cfg, db, f, now}.all(ctx)
}

// checking fills in the facts that the archive tells.
type checking struct {
	cfg *config.Config
	db  *archive.Archive
	f   *health.Facts
	now time.Time
}

func (c checking) all(ctx context.Context) error {
	for _, do := range []func(context.Context) error{c.imports, c.books, c.mails, c.room} {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// imports looks for sealed files that no import took.
func (c checking) imports(ctx context.Context) error {
	loc := c.cfg.Location()
	first := c.cfg.Jobs.Import.Next(c.now, loc)
	if first.IsZero() {
		return nil // imports are somebody else's
	}
	c.f.Import.Every = c.cfg.Jobs.Import.Next(first, loc).Sub(first)
	files, err := spool.ListSealed(c.cfg.Spool.Folder)
	if err != nil || len(files) == 0 {
		return err
	}
	from, to := archive.DayOf(files[0].Start.In(loc)), archive.DayOf(c.now.In(loc))
	waiting, err := importer.Pending(ctx, c.db.Reader().LoadedNames, c.cfg.Spool.Folder, loc, from, to)
	if err != nil {
		return err
	}
	aside, err := spool.ReadAside(c.cfg.Spool.Folder)
	if err != nil {
		return err
	}
	set := map[string]bool{}
	for _, file := range aside {
		set[file.File] = file.Set
	}
	is := map[string]bool{}
	for _, name := range waiting {
		is[name] = !set[name]
	}
	for _, file := range files {
		if is[file.Name] {
			c.f.Import.Waiting++
			if c.f.Import.Since.IsZero() {
				c.f.Import.Since = file.Start.Add(spool.SlotLength).In(loc)
			}
		}
	}
	return nil
}

// leastCoverage is the share of the interface counters that flows should explain.
const leastCoverage = 0.85

// books looks at yesterday.
func (c checking) books(ctx context.Context) error {
	loc := c.cfg.Location()
	today := archive.DayOf(c.now.In(loc))
	yesterday := today.Add(-1)
	books, err := c.db.Reader().Audit(ctx, yesterday, yesterday)
	if err != nil {
		return err
	}
	calendar := archive.NewCalendar(loc)
	begin, end := calendar.Bounds(yesterday)
	for _, b := range books {
		book := health.Book{Day: yesterday.String(), Router: b.Router, Difference: b.Difference, Records: b.Records, Lost: b.LostRecords,
			Kernel: b.KernelDropped, Queue: b.SpoolLost, NoTemplate: b.NoTemplate, Implausible: b.Classes.Implausible.Records}
		covered, err := report.ReadCoverage(ctx, c.db.Routers(), b.Router, begin, end)
		if err != nil {
			return err
		}
		if covered != nil && covered.Known() && covered.Ratio() < leastCoverage {
			book.Coverage = covered.Ratio()
			for _, reason := range covered.Explain(report.RouterState{}) {
				book.CoverageWhy = append(book.CoverageWhy, reason.Text)
			}
		}
		c.f.Books = append(c.f.Books, book)
	}
	return nil
}

// mails looks for reports of the last week that somebody has not got.
func (c checking) mails(ctx context.Context) error {
	if !c.cfg.Mail.Enabled() {
		return nil
	}
	const week = 7 * 24 * time.Hour
	list, err := c.db.Mails().Undelivered(ctx, c.now.Add(-week))
	if err != nil {
		return err
	}
	for _, m := range list {
		c.f.Mails = append(c.f.Mails, health.Mail{Recipient: m.Recipient, Report: m.Report, Period: m.Period, Failed: m.State == archive.MailFailed,
			Since: m.Created.In(c.cfg.Location()), Problem: terminal.Printable(m.Problem)})
	}
	return nil
}

// room looks how long the disk of the private database lasts, by what the days of the
// last two weeks took.
func (c checking) room(ctx context.Context) error {
	folder := c.cfg.Database.Folder
	if !c.cfg.Database.Private() {
		folder = c.cfg.Spool.Folder
	}
	free, err := archive.FreeBytes(folder)
	if err != nil {
		return fmt.Errorf("room of %s: %w", folder, err)
	}
	disk := health.Disk{Path: folder, Free: free}
	today := archive.DayOf(c.now.In(c.cfg.Location()))
	var days, bytes uint64
	for n := 1; n <= 14; n++ {
		day := today.Add(-n)
		size, err := c.db.Reader().SizeOf(ctx, day.Table())
		if err != nil {
			return err
		}
		if size.Data > 0 {
			days, bytes = days+1, bytes+size.Data+size.Keys
		}
	}
	files, err := spool.ListSealed(c.cfg.Spool.Folder)
	if err != nil {
		return err
	}
	if days > 0 && c.cfg.Database.Private() {
		disk.Daily = bytes / days
		disk.MonthEnd = disk.Daily * uint64(today.Day)
	}
	// The spool grows until its files expire.
	if n := len(files); n > 0 && c.now.Sub(files[0].Start) < time.Duration(c.cfg.Spool.KeepDays)*24*time.Hour {
		var size int64
		for _, file := range files {
			size += file.Size
		}
		if spanned := uint64(c.now.Sub(files[0].Start) / (24 * time.Hour)); spanned > 0 {
			disk.Daily += uint64(size) / spanned
		}
	}
	end := time.Date(today.Year, today.Month+1, 1, 0, 0, 0, 0, time.UTC)
	disk.ToMonthEnd = int(end.Sub(time.Date(today.Year, today.Month, today.Day, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
	disk.MonthEnd += disk.Daily * uint64(disk.ToMonthEnd)
	c.f.Disks = append(c.f.Disks, disk)
	return nil
}

// check asks the archive what the status page says of it; told passes it on, so that
// the page waits for no database.
func (p *pageArchive) check(ctx context.Context, db *archive.Archive) {
	ctx, cancel := context.WithTimeout(ctx, pageOpenWait)
	defer cancel()
	var f health.Facts
	if err := (checking{p.cfg, db, &f, time.Now()}).all(ctx); err != nil {
		p.log.Debug("the archive tells nothing of its health", "err", err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.facts = f
}

func (p *pageArchive) told(f *health.Facts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.Import, f.Books, f.Mails, f.Disks = p.facts.Import, p.facts.Books, p.facts.Mails, p.facts.Disks
}
