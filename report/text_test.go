package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/report/phrase"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file of testdata; what differs is left beside it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		if err := os.WriteFile(path+".got", got, 0o644); err != nil {
			t.Error(err)
		}
		t.Errorf("not as in %s; see %s.got, or run the test with -update", path, path)
	}
}

func monday() *Usage {
	day := archive.Day{Year: 2026, Month: 11, Day: 23}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err) // the zones are part of the system
	}
	return &Usage{
		Day: "2026-11-23", Timezone: "Europe/Berlin", Complete: true, Period: DayPeriod(day, berlin),
		Totals: Totals{
			UpBytes: 1_234_567_890, DownBytes: 45_678_901_234, Flows: 1_234_567, Hosts: 6,
			Unattributed: archive.Counts{Records: 263, Bytes: 1_685_358}, UnattributedShare: 0.0000359,
		},
		Hosts: []Host{
			{Host: "10.2.214.50", Names: []string{"management-1"}, UpBytes: 1_000_000_000, DownBytes: 45_000_000_000, Flows: 1_200_000, Peers: 1563},
			{Host: "10.2.214.61", Names: []string{"workshop-12", "dads-laptop-with-a-very-long-name"}, UpBytes: 234_000_000, DownBytes: 678_000_000, Flows: 29636, Peers: 400},
			{Host: "2001:db8:214::32", Names: []string{"management-1"}, UpBytes: 500_000, DownBytes: 901_234, Flows: 4000, Peers: 212},
			{Host: "2001:db8:214:a1b2:c3d4:e5f6:7788:99aa", Names: []string{"it-6"}, UpBytes: 400_000, DownBytes: 801_234, Flows: 3000, Peers: 112},
			{Host: "10.2.214.62", Names: []string{"漢字かな交じり文の長い名前"}, UpBytes: 67_890, DownBytes: 0, Flows: 900, Peers: 3},
			{Host: "10.2.214.63", Names: []string{}, UpBytes: 0, DownBytes: 0, Flows: 31, Peers: 1},
		},
		Books: []archive.Book{{
			Day: archive.Day{Year: 2026, Month: 11, Day: 23}, Router: "office",
			Datagrams: 41_234, Records: 702_234, Bytes: 29_005_000_000,
			Classes: archive.Classes{
				Up: archive.Counts{Records: 327_042}, Down: archive.Counts{Records: 325_548},
				RouterLocal: archive.Counts{Records: 30_211}, Internal: archive.Counts{Records: 18_642},
				Transit: archive.Counts{Records: 528}, Unattributed: archive.Counts{Records: 263},
			},
			Excluded: map[string]archive.Counts{"dns": {Records: 109_296}, "proxy": {Records: 148_920}, "multicast": {Records: 996}, "broadcast": {Records: 497}, "icmp": {}},
			Loaded:   archive.Loaded{Counts: archive.Counts{Records: 392_881}, Rows: 180_000},
		}},
	}
}

// everything is a report with all that one can have, of a week.
func everything() *Usage {
	u := monday()
	u.Period = WeekPeriod(u.Period.From, u.Period.Start.Location())
	proxied, direct, past := uint64(30_000_000_000), 0.61, uint64(29_000_000_000)
	change, more, less := -0.125, 0.04, -0.14
	sales := "sales"
	at := u.Period.Start.Add(38 * time.Hour)
	u.Totals.Transit, u.Totals.Internal, u.Totals.RouterLocal = archive.Counts{Records: 5, Bytes: 500}, archive.Counts{Records: 6, Bytes: 7_000_000}, archive.Counts{Records: 9, Bytes: 99_000}
	u.Totals.ProxiedBytes, u.Totals.DirectShare = &proxied, &direct
	u.Before = &Comparison{UpBytes: 5 << 30, DownBytes: 48 << 30, Change: &change, UpChange: &more, DownChange: &less}
	for day := range 7 {
		u.Buckets = append(u.Buckets, Bucket{Start: u.Period.Start.AddDate(0, 0, day), UpBytes: uint64(day) << 28, DownBytes: uint64(day*day) << 28})
	}
	big := &u.Hosts[0]
	big.Group, big.BusiestHour, big.BusiestHourBytes, big.ProxiedBytes, big.DirectShare = &sales, &at, 3<<30, &proxied, &direct
	big.ProxyUsers = []string{"anna", "boris"}
	big.TopPeers = []Peer{{Peer: "198.51.100.7", UpBytes: 1 << 30, DownBytes: 20 << 30}, {Peer: "2001:db8:99:a1b2:c3d4:e5f6:7788:99aa", DownBytes: 9 << 30}}
	big.TopServices = []Service{{Proto: 6, Port: 443, Name: "https", DownBytes: 30 << 30}, {Proto: 17, Port: 443, Name: "quic", DownBytes: 5 << 30}}
	big.Quota = &QuotaState{Quota: "weekly", Period: "day", Day: "2026-11-24", Used: 9 << 30, Soft: 2 << 30, Hard: 5 << 30, State: QuotaHard, Days: 3}
	u.Hosts[1].New, u.Hosts[1].Quota = true, &QuotaState{State: QuotaSoft}
	u.Hosts[4].NotInDHCP = true
	u.Departments = []Department{{Name: "sales", Hosts: 1, DownBytes: 45 << 30, Share: 0.9, Quota: &QuotaState{State: QuotaSoft}}, {Hosts: 5, DownBytes: 1 << 30, Share: 0.1}}
	u.Offenders = []Offender{
		{Subject: "host", Name: "10.2.214.50", Names: []string{"management-1"}, QuotaState: *big.Quota},
		{Subject: "department", Name: "sales", QuotaState: QuotaState{Quota: "office", Period: "month", Used: 50 << 30, Soft: 40 << 30, State: QuotaSoft}},
		{Subject: "list", Name: "phones", QuotaState: QuotaState{Quota: "phones", Period: "day", Day: "2026-11-25", Used: 2 << 30, Hard: 1 << 30, State: QuotaHard, Days: 1}},
	}
	u.Proxy = &Proxy{Bytes: proxied, Requests: 1_234_567, Hosts: 61, OnlyHosts: 12, Only: []ProxyHost{{Host: "10.2.214.90", Names: []string{"reception-1"}, Bytes: 5 << 30}, {Host: "2001:db8:214::99", Bytes: 1 << 20}}, FlowBytes: &past, Users: []ProxyUser{{User: "anna", Bytes: 20 << 30}, {User: "boris", Bytes: 1 << 30}}}
	u.Excluded = []Exclusion{{Rule: "proxy", Counts: archive.Counts{Records: 148_920, Bytes: past}}, {Rule: "dns", Counts: archive.Counts{Records: 109_296, Bytes: 9_000_000}}}
	u.Coverage = []RouterCoverage{{Router: "office", Interface: "ether1-wan", FlowBytes: 96 << 30, CounterBytes: 100 << 30, Share: 0.96}}
	u.Buckets[0].NoData = true
	u.TopsAtLeast = true
	u.Facts = Facts{Version: "nfacct v0.1.0", Generated: u.Period.End.Add(6 * time.Hour)}
	return u
}

func TestText(t *testing.T) {
	partial := monday()
	partial.Complete = false
	partial.Doubts = []Doubt{
		{Kind: "running"}, {Kind: "pending", Count: 2, What: "2026-11-23/20261123T180000Z.pcapng.zst"},
		{Kind: "silent", Router: "gw-2", What: "03:10", Until: "04:25"}, {Kind: "more_gaps", Count: 1},
		{Kind: "lost", Router: "office", Share: 0.013}, {Kind: "dropped", Count: 1}, {Kind: "no_template", Router: "office", Count: 3},
		{Kind: "missing_days", Count: 2, What: "2026-11-01, 2026-11-03"}, {Kind: "books", Router: "office", What: "2026-11-23"}, {Kind: "proxy_unread"}, {Kind: "proxy_cut", What: "10:00", Until: "10:20"},
	}
	for _, doubt := range partial.Doubts {
		partial.Incomplete = append(partial.Incomplete, doubt.Text(phrase.English()))
	}
	partial.QuietHours = []int{0, 1, 2, 3, 17, 22, 23}
	partial.Books[0].LostRecords, partial.Books[0].LostEstimated = 1700, true
	partial.Books[0].KernelDropped = 3
	partial.Books[0].Difference = "loaded are 1 records with 60 bytes, but the tables hold none"
	empty := &Usage{Day: "2026-11-22", Timezone: "UTC", Period: monday().Period, Doubts: []Doubt{{Kind: "empty"}}, Hosts: []Host{}, Books: []archive.Book{}}
	unused := monday()
	unused.Hosts, unused.Totals = []Host{}, Totals{}
	migrated := monday()
	migrated.Books[0] = archive.Book{Day: migrated.Books[0].Day, Router: "office", Records: 1, Classes: archive.Classes{Up: archive.Counts{Records: 1}}, Loaded: archive.Loaded{Counts: archive.Counts{Records: 1}}}
	migrated.OldTables = []OldTable{{Router: "office", Days: "2026-11-23"}}
	alone := monday()
	alone.Before, alone.Weekday = &Comparison{NotComplete: "2026-11-22"}, &Comparison{NotComplete: "2026-11-16"}
	russian, err := phrase.New("ru", "si")
	if err != nil {
		t.Fatal(err)
	}
	for name, usage := range map[string]*Usage{"complete": monday(), "partial": partial, "empty": empty, "unused": unused, "everything": everything(), "migrated": migrated, "not_complete": alone, "russian": everything()} {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			words, rows := phrase.English(), 0
			if name == "russian" {
				words, rows = russian, 4
			}
			if err := usage.WriteText(&text, words, rows, 0); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(text.String()) {
				line = strings.TrimSuffix(line, "\n")
				if width(line) > columns || strings.TrimRight(line, " ") != line {
					t.Errorf("%d columns: %q", width(line), line)
				}
			}
			golden(t, name+".txt", text.Bytes())
			data, err := json.MarshalIndent(usage, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", append(data, '\n'))
		})
	}
}

// TestIncompleteIsSaid: no report of a day that is not known looks like one of
// a day without traffic.
func TestIncompleteIsSaid(t *testing.T) {
	var text bytes.Buffer
	u := &Usage{Day: time.Now().Format(time.DateOnly), Timezone: "UTC", Doubts: []Doubt{{Kind: "running"}, {Kind: "empty"}}}
	if err := u.WriteText(&text, phrase.English(), 0, 0); err != nil {
		t.Fatal(err)
	}
	if s := text.String(); !strings.Contains(s, "INCOMPLETE") || !strings.Contains(s, "That does") {
		t.Error(s)
	}
}

// Counts in the books have their plurals.
func TestBooksPlurals(t *testing.T) {
	russian, err := phrase.New("ru", "iec")
	if err != nil {
		t.Fatal(err)
	}
	for want, words := range map[string]*phrase.Catalogue{
		"office: 21 records in 1 datagram, none lost": phrase.English(),
		"office: 21 запись, 1 датаграмма, потерь нет": russian,
	} {
		u := monday()
		u.Books[0].Records, u.Books[0].Datagrams = 21, 1
		var text bytes.Buffer
		if err := u.WriteText(&text, words, 0, 0); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in %s", want, &text)
		}
	}
}
