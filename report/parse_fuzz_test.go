package report

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Files that an administrator writes: names, and lists of hosts.
func FuzzHostsFiles(f *testing.F) {
	for _, text := range []string{"10.0.0.1 pc # first\n", "::ffff:10.0.0.2\tnas alias", "10.0.0.1", "fe80::1%eth0 x", "10.0.0.0/8\n10.0.0.1-10.0.0.9\n2001:db8::/32", "10.0.0.9-10.0.0.1", "1-2-3", "\xff\x00", "::-::1"} {
		f.Add(text)
	}
	log := slog.New(slog.DiscardHandler)
	name := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_ = readHostsFile(name, log, func(addr netip.Addr, called string) {
			if !addr.IsValid() || addr.Is4In6() || addr.Zone() != "" || called == "" {
				t.Errorf("%v is called %q", addr, called)
			}
		})
		_ = readList(name, func(from, to netip.Addr) {
			if from.BitLen() != to.BitLen() || to.Less(from) || from.Zone() != "" {
				t.Errorf("a range from %v to %v", from, to)
			}
		})
	})
}

// Periods as a person types them: a period that is accepted is a whole one, and its
// days follow each other.
func FuzzPeriods(f *testing.F) {
	for _, text := range []string{"2026-W47", "2026-W53", "2020-W53", "0001-W01", "9999-W52", "2026-11", "2026-13", "9999-12", "0001-01", "last", "this", "today", "yesterday", "2026-02-29", "2026-11-23"} {
		f.Add(text)
	}
	now := time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, loc := range []*time.Location{time.UTC, berlin} {
			for what, parse := range map[string]func(string, time.Time, *time.Location) (Period, error){"week": ParseWeek, "month": ParseMonth} {
				p, err := parse(text, now, loc)
				if err != nil {
					continue
				}
				if p.To.Before(p.From) || p.From.Add(p.Days-1) != p.To || !p.Start.Before(p.End) || what == "week" && p.Days != 7 || what == "month" && (p.Days < 28 || p.Days > 31) {
					t.Errorf("%s %q in %v: %+v", what, text, loc, p)
				}
			}
		}
	})
}
