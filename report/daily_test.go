package report

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nfacct/archive"
)

func TestAssemble(t *testing.T) {
	u := &Usage{Books: monday().Books}
	u.Books[0].Classes = archive.Classes{
		Up: archive.Counts{Records: 4, Bytes: 600}, Down: archive.Counts{Records: 4, Bytes: 300},
		Unattributed: archive.Counts{Records: 2, Bytes: 100},
	}
	hosts := []Host{{Host: "10.0.0.9", UpBytes: 1, DownBytes: 2, Flows: 3}, {Host: "10.0.0.8", UpBytes: 2, DownBytes: 1, Flows: 1}, {Host: "10.0.0.7", DownBytes: 50, Flows: 9}}
	u.assemble(hosts, map[string]uint64{"10.0.0.7": 4}, map[netip.Addr][]string{
		netip.MustParseAddr("10.0.0.7"): {"pc\x1b", "pc", "\u202e"},
	})
	want := []Host{
		{Host: "10.0.0.7", Names: []string{"pc"}, DownBytes: 50, Flows: 9, Peers: 4},
		{Host: "10.0.0.8", Names: []string{}, UpBytes: 2, DownBytes: 1, Flows: 1},
		{Host: "10.0.0.9", Names: []string{}, UpBytes: 1, DownBytes: 2, Flows: 3},
	}
	if diff := cmp.Diff(want, u.Hosts); diff != "" {
		t.Error(diff)
	}
	totals := Totals{UpBytes: 3, DownBytes: 53, Flows: 13, Hosts: 3, Unattributed: archive.Counts{Records: 2, Bytes: 100}, UnattributedShare: 0.1}
	if diff := cmp.Diff(totals, u.Totals); diff != "" {
		t.Error(diff)
	}
}

func TestDoubts(t *testing.T) {
	day := archive.Day{Year: 2026, Month: 11, Day: 23}
	for _, test := range []struct {
		name    string
		usage   Usage
		today   archive.Day
		pending []string
		want    []string // beginnings
	}{
		{"whole", Usage{Books: monday().Books}, day.Add(1), nil, nil},
		{"today", Usage{Books: monday().Books}, day, nil, []string{"The day is not over"}},
		{"tomorrow", Usage{}, day.Add(-1), nil, []string{"The day has not begun", "Nothing"}},
		{"nothing imported", Usage{}, day.Add(1), nil, []string{"Nothing of this day"}},
		{"one file missing", Usage{Books: monday().Books}, day.Add(1), []string{"a"}, []string{"The file a"}},
		{"two files missing", Usage{Books: monday().Books}, day.Add(1), []string{"b", "a"}, []string{"2 files are not imported yet, the first is a"}},
		{"silence", Usage{Books: monday().Books, QuietHours: []int{3, 4}}, day.Add(1), nil, []string{"Nothing came from the routers in the hours 3-4"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := doubts(&test.usage, test.usage.QuietHours, day, test.today, test.pending)
			if len(got) != len(test.want) {
				t.Fatalf("got %q", got)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], test.want[i]) {
					t.Errorf("got %q, want %q", got[i], test.want[i])
				}
			}
		})
	}
}

func TestLossIsDoubt(t *testing.T) {
	day := archive.Day{Year: 2026, Month: 11, Day: 23}
	lossy := func(change func(*archive.Book)) *Usage {
		b := archive.Book{Router: "gw", Datagrams: 100_000, Records: 1_000_000}
		change(&b)
		return &Usage{Books: []archive.Book{b}}
	}
	for want, change := range map[string]func(*archive.Book){
		"":                                  func(b *archive.Book) { b.LostRecords, b.KernelDropped = 1000, 100 },
		"gw lost about 9.1% of its records": func(b *archive.Book) { b.LostRecords = 100_000 },
		"1,000 datagrams were dropped":      func(b *archive.Book) { b.KernelDropped = 1000 },
		"3 data sets of gw wait":            func(b *archive.Book) { b.NoTemplate = 3 },
		"The books of gw do not balance":    func(b *archive.Book) { b.Difference = "5 bytes" },
	} {
		got := doubts(lossy(change), nil, day, day.Add(1), nil)
		if want == "" && got != nil || want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], want)) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// An hour in which nobody went past the proxy is no gap when the router was heard.
func TestSilent(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	day := archive.Day{Year: 2026, Month: 11, Day: 23}
	files := []archive.Import{
		{File: archive.File{Name: "2026-11-23/20261123T021500Z.pcapng.zst"}, Records: 9}, // hour 3
		{File: archive.File{Name: "2026-11-23/20261123T031512Z-2.pcapng.zst"}, Records: 0},
		{File: archive.File{Name: "2026-11-23/20261123T041512Z-2.pcapng.zst"}, Records: 7}, // hour 5
		{File: archive.File{Name: "2026-11-23/20261123T230000Z.pcapng.zst"}, Records: 9},   // the next day's hour 0
		{File: archive.File{Name: "/tmp/a.pcap"}, Records: 9},
	}
	if diff := cmp.Diff([]int{0, 4}, silent([]int{0, 3, 4, 5}, files, day, berlin)); diff != "" {
		t.Error(diff)
	}
}

func TestHoursOf(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[archive.Day]int{{Year: 2026, Month: 3, Day: 29}: 23, {Year: 2026, Month: 10, Day: 25}: 25, {Year: 2026, Month: 11, Day: 23}: 24} {
		if got := hoursOf(day, berlin); got != want {
			t.Errorf("%v has %d hours", day, got)
		}
	}
}
