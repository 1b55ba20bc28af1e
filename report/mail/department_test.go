package mail

import (
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/report"
)

// A department's letter has its own hosts in all its parts, and nothing of those
// of others: no address, name, peer or user, nor what a list used that they share.
func TestDepartmentAlone(t *testing.T) {
	ctx := t.Context()
	day := archive.Day{Year: 2026, Month: time.November, Day: 8}
	start := time.Date(2026, 11, 8, 0, 0, 0, 0, time.UTC)
	id, err := ledger.Routers().ID(ctx, "gw-1")
	if err != nil {
		t.Fatal(err)
	}
	lock, err := ledger.Lock(ctx, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	load, err := lock.BeginLoad(ctx, archive.File{Name: "departments", Size: 1, Digest: sha256.Sum256([]byte("departments"))})
	if err != nil {
		t.Fatal(err)
	}
	book := archive.Book{Day: day, Router: "gw-1", Datagrams: 1}
	names := map[netip.Addr]string{}
	for hour := range 24 {
		for _, host := range []struct {
			addr, peer, name string
			bytes            uint64
		}{
			{"10.0.0.1", "93.0.0.1", "anna-pc", 1000}, {"10.0.0.2", "93.0.0.2", "bert-pc", 2000},
			{"10.0.9.1", "94.0.9.1", "carol-pc", 700_000}, {"2001:db8:9::2", "2001:db8:ffff::2", "dora-pc", 500_000},
		} {
			row := archive.Row{Day: day, Slot: archive.Slot(4 * hour), Router: id, WAN: 1, Host: netip.MustParseAddr(host.addr), Peer: netip.MustParseAddr(host.peer),
				HostPort: 1024, PeerPort: 443, Proto: 6, DownPackets: 1, DownBytes: host.bytes, Flows: 1}
			names[row.Host] = host.name
			n := archive.Counts{Records: 1, Bytes: host.bytes}
			book.Records, book.Bytes = book.Records+1, book.Bytes+host.bytes
			book.Classes.Down, book.Loaded.Counts = book.Classes.Down.Plus(n), book.Loaded.Plus(n)
			if err := load.Append(&row); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := load.Commit(ctx, []archive.Book{book}); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Routers().NoteHostNames(ctx, "lease", names, start); err != nil {
		t.Fatal(err)
	}
	cfg := report.DefaultConfig()
	cfg.Departments = []report.Group{
		{Name: "sales", Members: report.Members{Hosts: []string{"10.0.0.0/24"}}},
		{Name: "vault", Members: report.Members{Hosts: []string{"10.0.9.0/24", "2001:db8:9::/64"}}},
	}
	cfg.Quotas = []report.Quota{
		{Name: "everyhost", Each: "host", Period: "day", Hard: 1},
		{Name: "spanning", Each: "list", Period: "day", Hard: 1, Members: report.Members{Hosts: []string{"10.0.0.0/16"}}},
		{Name: "ownlist", Each: "list", Period: "month", Hard: 1, Members: report.Members{Hosts: []string{"10.0.0.0-10.0.0.9"}}},
		{Name: "otherlist", Each: "list", Period: "day", Hard: 1, Members: report.Members{Hosts: []string{"10.0.9.0/24"}}},
	}
	reporter, err := report.New(cfg, ledger, time.UTC, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	// parts are all that a reader of the department's report can see.
	parts := func(group string) map[string]string {
		u, err := reporter.Usage(ctx, report.Request{Period: report.DayPeriod(day, time.UTC), Group: group, Routers: []string{"gw-1"}, Now: start.AddDate(0, 1, 0)})
		if err != nil {
			t.Fatal(err)
		}
		l, err := NewLetter(u, Options{})
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{"subject": l.Subject, "text": l.Text, "html": l.HTML, "json": string(data)}
		for _, image := range l.Images {
			found[image.Name] = string(image.SVG)
		}
		file := openWorkbook(t, l.Workbook)
		for _, sheet := range file.GetSheetList() {
			for _, row := range rows(t, file, sheet) {
				found["xlsx"] += strings.Join(row, "\t") + "\n"
			}
		}
		return found
	}
	others := []string{"10.0.9.", "2001:db8:", "94.0.9.", "carol", "dora", "vault", "otherlist", "spanning", "16800000", "12000000", "28872000", "16872000"}
	for part, text := range parts("sales") {
		for _, secret := range others {
			if strings.Contains(text, secret) {
				t.Errorf("%s of the department's letter has %s", part, secret)
			}
		}
		for _, own := range []string{"10.0.0.1", "bert-pc", "ownlist"} {
			if (part == "text" || part == "html" || part == "xlsx" || part == "json") && !strings.Contains(text, own) {
				t.Errorf("%s of the department's letter lacks %s", part, own)
			}
		}
	}
	all := parts("")
	for _, secret := range others[:9] {
		if !strings.Contains(all["json"], secret) {
			t.Errorf("the report of all lacks %s, so that looking for it proves nothing", secret)
		}
	}
}

// The subject says that files are late, before anybody opens the mail.
func TestLateSubject(t *testing.T) {
	u := office(3)
	u.Complete = false
	u.Doubts = []report.Doubt{{Kind: "running"}, {Kind: "pending", Count: 2, What: "a"}}
	for language, want := range map[string]string{"en": "INCOMPLETE, 2 files late: Past the proxy 2026-11-22", "ru": "НЕПОЛНО, опаздывают 2 файла: Мимо прокси 2026-11-22"} {
		o := Options{}
		if language == "ru" {
			o.Words = russian(t)
		}
		l, err := NewLetter(u, o)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(strings.ReplaceAll(l.Subject, noBreak, " "), want) {
			t.Errorf("subject %q", l.Subject)
		}
	}
}
