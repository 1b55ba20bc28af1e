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
	return &Usage{
		Day: "2026-11-23", Timezone: "Europe/Berlin", Complete: true,
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

func TestText(t *testing.T) {
	partial := monday()
	partial.Complete = false
	partial.Incomplete = []string{
		"2 spool files are not imported yet, the first is 2026-11-23/20261123T180000Z.pcapng.zst: run nfacct import.",
		"The day is not over.",
	}
	partial.QuietHours = []int{0, 1, 2, 3, 17, 22, 23}
	partial.Books[0].LostRecords, partial.Books[0].LostEstimated = 1700, true
	partial.Books[0].KernelDropped = 3
	partial.Books[0].Difference = "loaded are 1 records with 60 bytes, but the tables hold none"
	empty := &Usage{Day: "2026-11-22", Timezone: "UTC", Incomplete: []string{"Nothing of this day has been imported."}, Hosts: []Host{}, Books: []archive.Book{}}
	unused := monday()
	unused.Hosts, unused.Totals = []Host{}, Totals{}
	for name, usage := range map[string]*Usage{"complete": monday(), "partial": partial, "empty": empty, "unused": unused} {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			if err := usage.WriteText(&text); err != nil {
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
	u := &Usage{Day: time.Now().Format(time.DateOnly), Timezone: "UTC", Incomplete: []string{"The day is not over."}}
	if err := u.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if s := text.String(); !strings.Contains(s, "INCOMPLETE") || !strings.Contains(s, "That does") {
		t.Error(s)
	}
}
