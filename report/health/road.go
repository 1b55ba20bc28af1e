package health

import (
	"fmt"
	"strings"
	"time"
)

// Facts of the road from datagram to mailed report, which the archive tells. Checks
// that know of no database leave them empty.

// Import is what waits to be imported.
type Import struct {
	Waiting int       // sealed files
	Since   time.Time // the oldest of them was sealed
	Every   time.Duration
}

// Book is a router's day in the books.
type Book struct {
	Day, Router   string
	Difference    string // what does not balance
	Missing       string // why the day is incomplete
	Records       uint64
	Lost          uint64 // records, by the sequence numbers
	Kernel, Queue uint64 // of them, datagrams that were lost on this machine
	NoTemplate    uint64 // data sets whose template never came
	Implausible   uint64 // records
	Coverage      float64
	CoverageWhy   []string // reasons that can be seen; empty: it is as it should be, or not known
}

// Mail is a report that a recipient has not got.
type Mail struct {
	Recipient, Report, Period string
	Failed                    bool // given up
	Since                     time.Time
	Problem                   string
}

// Disk is the room where the archive or the spool is.
type Disk struct {
	Path       string
	Free       uint64 // bytes
	Daily      uint64 // bytes that a day adds
	MonthEnd   uint64 // bytes that packing takes for its copy
	ToMonthEnd int    // days
}

// Program is the daemon's version and that of the program that asks.
type Program struct{ Running, Installed string }

const (
	// lateImports is how many imports in a row may be missed.
	lateImports = 2
	// lostShare is the share of records lost on the way that needs no word: a router
	// that is restarted loses some.
	lostShare = 0.001
	// fullSoon is how many days before the disk is full somebody has to know.
	fullSoon = 14
	mailLate = 6 * time.Hour
)

// road finds the first stage that is late: what lies behind a late one is late too, and
// says nothing.
func (f *Facts) road(now time.Time, down bool) []Finding {
	if i := f.Import; i.Waiting > 0 && !down && now.Sub(i.Since) > lateImports*i.Every+time.Hour {
		return []Finding{{ID: "import.late", Level: Fail, Subject: "import", Since: i.Since,
			Text: counted(i.Waiting, "spool file is", "spool files are") + " not imported", Remedy: "see nfacct jobs, or run nfacct import"}}
	}
	var list []Finding
	for _, m := range f.Mails {
		found := Finding{ID: "mail." + m.Report + "." + m.Period + "." + m.Recipient, Level: Warn, Subject: m.Recipient, Since: m.Since,
			Text:   fmt.Sprintf("the report of %s is not delivered: %s", m.Period, m.Problem),
			Remedy: "it is tried again; the error says what to check"}
		if m.Failed {
			found.Level, found.Remedy = Fail, fmt.Sprintf("when it is mended: nfacct report --%s %s --send --to %s", m.Report, m.Period, m.Recipient)
		}
		if m.Failed || now.Sub(m.Since) > mailLate {
			list = append(list, found)
		}
	}
	return list
}

// books finds days that do not balance, and losses by where they happened.
func (f *Facts) books() []Finding {
	var list []Finding
	for _, b := range f.Books {
		say := func(id string, level Level, text, remedy string) {
			list = append(list, Finding{ID: id + "." + b.Router, Level: level, Subject: "router " + b.Router, Text: b.Day + ": " + text, Remedy: remedy})
		}
		if b.Difference != "" {
			say("books", Fail, "the books do not balance: "+b.Difference, "nfacct import --day "+b.Day+"; if that does not help, report it as a fault")
		}
		if b.Missing != "" {
			say("incomplete", Warn, "incomplete: "+b.Missing, "nfacct books --day "+b.Day+" says which files are missing")
		}
		if b.Kernel > 0 {
			say("lost.kernel", Warn, fmt.Sprintf("the kernel dropped %d datagrams", b.Kernel), "raise collector.receive_buffer and sysctl net.core.rmem_max")
		}
		if b.Queue > 0 {
			say("lost.queue", Warn, fmt.Sprintf("%d datagrams were not kept, because the disk was full or too slow", b.Queue), "make room, or raise collector.queue")
		}
		if b.Kernel == 0 && b.Queue == 0 && float64(b.Lost) > lostShare*float64(b.Records+b.Lost) {
			say("lost.network", Warn, fmt.Sprintf("%d of %d records were lost on the way to this machine", b.Lost, b.Records+b.Lost), "see the network between router and collector")
		}
		if b.NoTemplate > 0 {
			say("lost.template", Warn, fmt.Sprintf("%d sets of data came whose template never did", b.NoTemplate), "lower the router's template timeout: nfacct provision does")
		}
		if b.Implausible > 0 {
			say("implausible", Warn, fmt.Sprintf("%d records have counters that cannot be true", b.Implausible), "nfacct books --day "+b.Day+" shows an example; a router has a fault, or somebody forges its datagrams")
		}
		if len(b.CoverageWhy) > 0 {
			say("coverage", Warn, fmt.Sprintf("flows cover %.0f %% of the interface counters; %s", 100*b.Coverage, strings.Join(b.CoverageWhy, "; ")), "nfacct routers shows it with its reasons")
		}
	}
	return list
}

// disk finds one that will be full before anybody looks.
func (f *Facts) disk() []Finding {
	var list []Finding
	for _, d := range f.Disks {
		if d.Daily == 0 {
			continue
		}
		days := int(d.Free / d.Daily)
		packing := d.Daily*uint64(d.ToMonthEnd) + d.MonthEnd
		switch {
		case days < fullSoon:
			list = append(list, Finding{ID: "disk." + d.Path, Level: Fail, Subject: d.Path, Text: fmt.Sprintf("the disk is full in %d days, by what a day adds", days),
				Remedy: "make room, or lower spool.keep_days and archive.keep_months"})
		case d.Free < packing:
			list = append(list, Finding{ID: "disk." + d.Path, Level: Warn, Subject: d.Path, Text: fmt.Sprintf("the month's end, in %d days, has no room for the copy that packing makes", d.ToMonthEnd),
				Remedy: fmt.Sprintf("make room for %d MiB more", (packing-d.Free)>>20+1)})
		}
	}
	return list
}

func (f *Facts) program() []Finding {
	p := f.Program
	if p.Running == "" || p.Running == p.Installed {
		return nil
	}
	return []Finding{{ID: "program", Level: Warn, Subject: "nfacct run", Text: "it runs as " + p.Running + ", and " + p.Installed + " is installed", Remedy: "systemctl restart nfacct"}}
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
