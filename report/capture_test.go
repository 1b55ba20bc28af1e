package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// captured loads files of flow-capture that begin at some minutes of a day, in which
// the router spoke of itself alone.
func captured(t *testing.T, a *archive.Archive, day archive.Day, minutes ...int) {
	t.Helper()
	for _, minute := range minutes {
		loadBook(t, a, fmt.Sprintf("2026-11/%s/ft-v05.%s.%02d%02d00+0000", day, day, minute/60, minute%60),
			archive.Book{Day: day, Router: "gw-1", Datagrams: 1, Records: 1, Bytes: 60, Classes: archive.Classes{RouterLocal: archive.Counts{Records: 1, Bytes: 60}}})
	}
}

func every(minutes, from, to int) (list []int) {
	for minute := 60 * from; minute < 60*to; minute += minutes {
		list = append(list, minute)
	}
	return list
}

// A file of flow-capture says that the router was heard, whether or not anybody had
// traffic then, and however long the files are.
func TestCaptured(t *testing.T) {
	for want, minutes := range map[string][]int{
		"03:00-04:00 06:00-00:00": slices.Concat(every(15, 0, 3), every(15, 4, 6)),
		"":                        every(60, 0, 24),
		"05:00-07:00":             slices.Concat(every(60, 0, 5), every(60, 7, 24)),
	} {
		a := openArchive(t)
		routerIDs(t, a, 1)
		captured(t, a, sunday, minutes...)
		u := usageOf(t, a, DefaultConfig(), Request{Period: DayPeriod(sunday, time.UTC), Routers: []string{"gw-1"}})
		var got []string
		for _, gap := range u.Gaps {
			got = append(got, gap.From.Format("15:04")+"-"+gap.To.Format("15:04"))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("gaps %v, want %s", got, want)
		}
		for hour, b := range u.Buckets {
			heard := slices.ContainsFunc(minutes, func(minute int) bool { return minute/60 == hour })
			if b.NoData == heard {
				t.Errorf("of %v: no data is %t at %d:00", want, b.NoData, hour)
			}
		}
	}
}

// Days before the first import and days to come have no data, which is not zero; a
// day on which nobody had traffic is zero.
func TestNoData(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	loadRows(t, a, "sunday", rowsOf(sunday, hoursTo(24), map[string]uint64{"10.0.0.1": 1000}), nil)
	captured(t, a, sunday.Add(1), every(60, 0, 24)...)
	u := usageOf(t, a, DefaultConfig(), Request{Period: NewPeriod(KindRange, sunday.Add(-2), sunday.Add(2), time.UTC), Routers: []string{"gw-1"}})
	var text bytes.Buffer
	if err := u.WriteText(&text, phrase.English(), 0, 0); err != nil {
		t.Fatal(err)
	}
	for n, want := range []string{"no data", "no data", "23.4 KiB", "0 B", "no data"} {
		line := ""
		for l := range strings.Lines(text.String()) {
			if strings.HasPrefix(l, "  "+sunday.Add(n-2).String()+"  ") {
				line = strings.TrimSpace(l)
			}
		}
		if !strings.HasSuffix(line, " "+want) || u.Buckets[n].NoData != (want == "no data") {
			t.Errorf("%q, want %s", line, want)
		}
	}
}
