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
		name      string
		usage     Usage
		today     archive.Day
		pending   []string
		reloading bool
		want      []string // beginnings
	}{
		{"whole", Usage{Books: monday().Books}, day.Add(1), nil, false, nil},
		{"today", Usage{Books: monday().Books}, day, nil, false, []string{"The day is not over"}},
		{"tomorrow", Usage{}, day.Add(-1), nil, false, []string{"The day has not begun", "Nothing"}},
		{"nothing imported", Usage{}, day.Add(1), nil, false, []string{"Nothing of this day"}},
		{"one file missing", Usage{Books: monday().Books}, day.Add(1), []string{"a"}, false, []string{"The file a"}},
		{"two files missing", Usage{Books: monday().Books}, day.Add(1), []string{"b", "a"}, false, []string{"2 files are not imported yet, the first is a"}},
		{"interrupted", Usage{Books: monday().Books}, day.Add(1), nil, true, []string{"An import of the day again"}},
		{"silence", Usage{Books: monday().Books, QuietHours: []int{3, 4}}, day.Add(1), nil, false, []string{"There are no flows of the hours 3-4"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := doubts(&test.usage, day, test.today, test.pending, test.reloading)
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
