package health

import (
	"strings"
	"testing"
	"time"
)

// Each fault on the road from datagram to mail is found, with its level and remedy,
// and a healthy system is silent.
func TestRoad(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	well := func() *Facts {
		return &Facts{
			Collector: Collector{Ran: true, Running: true, Started: now.Add(-48 * time.Hour), Written: now},
			Routers:   []Router{{Name: "gw", Heard: now.Add(-time.Minute)}},
			Program:   Program{Running: "nfacct 1", Installed: "nfacct 1"},
			Import:    Import{Waiting: 1, Since: now.Add(-10 * time.Minute), Every: 15 * time.Minute},
			Books:     []Book{{Day: "2026-11-23", Router: "gw", Records: 100_000, Lost: 50}},
			Mails:     []Mail{{Recipient: "boss@example.net", Report: "day", Period: "2026-11-23", Since: now.Add(-time.Hour), Problem: "451 later"}},
			Disks:     []Disk{{Path: "/var/lib/nfacct", Free: 100 << 30, Daily: 1 << 30, MonthEnd: 30 << 30, ToMonthEnd: 7}},
		}
	}
	for _, found := range Look(well(), now) {
		if found.Level != OK {
			t.Errorf("a healthy system: %+v", found)
		}
	}
	for _, c := range []struct {
		fault  string
		make   func(*Facts)
		id     string
		level  Level
		text   string
		remedy string
	}{
		{"files that no import takes", func(f *Facts) { f.Import = Import{3, now.Add(-3 * time.Hour), 15 * time.Minute} }, "import.late", Fail, "3 spool files are not imported", "nfacct import"},
		{"books that do not balance", func(f *Facts) { f.Books[0].Difference = "2 records too few" }, "books.gw", Fail, "2 records too few", "nfacct import --day 2026-11-23"},
		{"an incomplete day", func(f *Facts) { f.Books[0].Missing = "no files from 12:00 to 13:00" }, "incomplete.gw", Warn, "no files", "nfacct books"},
		{"losses in the kernel", func(f *Facts) { f.Books[0].Kernel, f.Books[0].Lost = 7, 5000 }, "lost.kernel.gw", Warn, "the kernel dropped 7 datagrams", "receive_buffer"},
		{"losses for want of disk", func(f *Facts) { f.Books[0].Queue = 7 }, "lost.queue.gw", Warn, "7 datagrams were not kept", "make room"},
		{"losses in the network", func(f *Facts) { f.Books[0].Lost = 5000 }, "lost.network.gw", Warn, "5000 of 105000 records", "network"},
		{"templates that never came", func(f *Facts) { f.Books[0].NoTemplate = 9 }, "lost.template.gw", Warn, "9 sets", "template timeout"},
		{"implausible counters", func(f *Facts) { f.Books[0].Implausible = 1 }, "implausible.gw", Warn, "cannot be true", "nfacct books"},
		{"low coverage", func(f *Facts) { f.Books[0].Coverage, f.Books[0].CoverageWhy = 0.4, []string{"FastTrack"} }, "coverage.gw", Warn, "40 % of the interface counters; FastTrack", "nfacct routers"},
		{"a mail that waits", func(f *Facts) { f.Mails[0].Since = now.Add(-7 * time.Hour) }, "mail.day.2026-11-23.boss@example.net", Warn, "451 later", "tried again"},
		{"a mail that was given up", func(f *Facts) { f.Mails[0].Failed = true }, "mail.day.2026-11-23.boss@example.net", Fail, "451 later", "nfacct report --day 2026-11-23 --send --to boss@example.net"},
		{"a disk that fills", func(f *Facts) { f.Disks[0].Free = 5 << 30 }, "disk./var/lib/nfacct", Fail, "full in 5 days", "keep_months"},
		{"no room to pack", func(f *Facts) { f.Disks[0].Free = 30 << 30 }, "disk./var/lib/nfacct", Warn, "in 7 days", "7169 MiB"},
		{"a program that was not restarted", func(f *Facts) { f.Program.Installed = "nfacct 2" }, "program", Warn, "nfacct 2 is installed", "restart"},
	} {
		f := well()
		c.make(f)
		var bad []Finding
		for _, found := range Look(f, now) {
			if found.Level != OK {
				bad = append(bad, found)
			}
		}
		if len(bad) != 1 || bad[0].ID != c.id || bad[0].Level != c.level || !strings.Contains(bad[0].Text, c.text) || !strings.Contains(bad[0].Remedy, c.remedy) {
			t.Errorf("%s: %+v", c.fault, bad)
		}
	}
	// What lies behind a late stage says nothing.
	f := well()
	f.Import = Import{3, now.Add(-3 * time.Hour), 15 * time.Minute}
	f.Mails[0].Failed = true
	f.Database = Database{Down: now.Add(-time.Hour), Cause: "no answer"}
	var ids []string
	for _, found := range Look(f, now) {
		if found.Level == Fail {
			ids = append(ids, found.ID)
		}
	}
	if strings.Join(ids, " ") != "database mail.day.2026-11-23.boss@example.net" {
		t.Errorf("with the database down: %v", ids)
	}
}
