package report

import (
	"testing"
	"time"

	"nfacct/archive"

	"github.com/google/go-cmp/cmp"
)

// There is a figure only of time that two readings and whole files enclose alike,
// and what is left out of it is said.
func TestCoverageTime(t *testing.T) {
	start := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	// Readings of one interface, which counts 1000 bytes a minute, and files of as
	// much for each quarter-hour.
	type change func(readings []archive.Reading, flows map[int64]*archive.SlotFlows) []archive.Reading
	usual := func(minutes ...int) (readings []archive.Reading) {
		for _, minute := range minutes {
			readings = append(readings, archive.Reading{At: at(minute), Uptime: 24*time.Hour + at(minute).Sub(start), Counted: map[uint32][2]uint64{2: {uint64(minute) * 1000, 0}}})
		}
		return readings
	}
	quarters := []int{0, 15, 30, 45, 60, 75, 90, 105, 120, 135, 150, 165, 180}
	slot := at(0).Unix() / archive.SlotSeconds
	for _, c := range []struct {
		name     string
		minutes  []int
		change   change
		known    bool
		measured int // minutes, and as many thousands of bytes on both sides
		left     []LeftOut
		unread   []Span
	}{
		{name: "each quarter-hour", minutes: quarters, known: true, measured: 180},
		{name: "hourly, and by hand between", minutes: []int{0, 22, 60, 61, 120, 180}, known: true, measured: 179},
		{name: "never at a border", minutes: []int{7, 67, 127, 187}},
		{name: "one reading", minutes: []int{0}},
		{name: "less than an hour", minutes: []int{0, 15, 30, 45}, measured: 45, unread: []Span{{at(45), at(180)}}},
		{
			name: "restarted, seen by the counters and the uptime", minutes: quarters, known: true, measured: 165,
			change: func(r []archive.Reading, _ map[int64]*archive.SlotFlows) []archive.Reading {
				for i := 5; i < len(r); i++ {
					r[i].Uptime, r[i].Counted[2] = r[i].At.Sub(at(70)), [2]uint64{uint64(i*15-70) * 1000, 0}
				}
				return r
			}, left: []LeftOut{{Span{at(60), at(75)}, LeftRestart}},
		},
		{
			name: "restarted, and counted more since than before", minutes: []int{0, 120, 180}, measured: 60, known: true,
			change: func(r []archive.Reading, _ map[int64]*archive.SlotFlows) []archive.Reading {
				for i := 1; i < len(r); i++ {
					r[i].Uptime = r[i].At.Sub(at(10))
				}
				return r
			}, left: []LeftOut{{Span{at(0), at(120)}, LeftRestart}},
		},
		{
			name: "counters set back", minutes: quarters, known: true, measured: 165,
			change: func(r []archive.Reading, _ map[int64]*archive.SlotFlows) []archive.Reading {
				for i := range r {
					was := r[i].Counted[2][0] + 1<<40
					if i >= 4 {
						was -= 1 << 40
					}
					r[i].Counted[2] = [2]uint64{was, 0}
				}
				return r
			}, left: []LeftOut{{Span{at(45), at(60)}, LeftReset}},
		},
		{
			name: "32 bits", minutes: quarters, measured: 165,
			change: func(r []archive.Reading, _ map[int64]*archive.SlotFlows) []archive.Reading {
				for i := range r {
					r[i].Counted[2] = [2]uint64{uint64(uint32(r[i].Counted[2][0] + 1<<32 - 50_000)), 0}
				}
				return r
			}, left: []LeftOut{{Span{at(45), at(60)}, LeftWrap}},
		},
		{
			name: "64 bits", minutes: quarters, known: true, measured: 180,
			change: func(r []archive.Reading, _ map[int64]*archive.SlotFlows) []archive.Reading {
				for i := range r {
					r[i].Counted[2] = [2]uint64{r[i].Counted[2][0] - 50_000, 0}
				}
				return r
			},
		},
		{
			name: "another interface", minutes: quarters, known: true, measured: 165,
			change: func(r []archive.Reading, _ map[int64]*archive.SlotFlows) []archive.Reading {
				for i := 8; i < len(r); i++ {
					r[i].Counted = map[uint32][2]uint64{9: r[i].Counted[2]}
				}
				return r
			}, left: []LeftOut{{Span{at(105), at(120)}, LeftInterfaces}},
		},
		{
			name: "nothing collected for a quarter-hour", minutes: quarters, known: true, measured: 180 - 45,
			change: func(r []archive.Reading, flows map[int64]*archive.SlotFlows) []archive.Reading {
				delete(flows, slot+5)
				return r
			}, left: []LeftOut{{Span{at(60), at(105)}, LeftFiles}},
		},
		{
			name: "not imported yet", minutes: quarters, known: true, measured: 120,
			change: func(r []archive.Reading, flows map[int64]*archive.SlotFlows) []archive.Reading {
				for n := slot + 8; flows[n] != nil; n++ {
					delete(flows, n)
				}
				return r
			},
		},
		{
			name: "not reached for a while", minutes: []int{0, 15, 30, 45, 120, 135, 150, 165, 180}, known: true, measured: 180,
			unread: []Span{{at(45), at(120)}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			flows := map[int64]*archive.SlotFlows{}
			for n := slot - 1; n <= slot+12; n++ {
				flows[n] = &archive.SlotFlows{Heard: true, Bytes: 15_000}
			}
			readings := usual(c.minutes...)
			if c.change != nil {
				readings = c.change(readings, flows)
			}
			got := Coverage{Unread: unread(readings, at(180))}
			got.measure(readings, flows)
			if got.Known() != c.known || got.Measured != time.Duration(c.measured)*time.Minute || got.CounterBytes != uint64(c.measured)*1000 {
				t.Errorf("known %v, %v, %d bytes counted", got.Known(), got.Measured, got.CounterBytes)
			}
			if diff := got.FlowBytes - got.CounterBytes; c.known && diff > 1000 { // a minute, by hand
				t.Errorf("flows %d, counters %d", got.FlowBytes, got.CounterBytes)
			}
			if diff := cmp.Diff(c.left, got.Left); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.unread, got.Unread); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A router that sends nothing while others do is not covered, and that is said.
func TestCoverageSilent(t *testing.T) {
	start := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	flows := map[int64]*archive.SlotFlows{}
	var readings []archive.Reading
	for n := range int64(9) {
		at := start.Add(time.Duration(n) * 15 * time.Minute)
		readings = append(readings, archive.Reading{At: at, Counted: map[uint32][2]uint64{2: {uint64(n) * 1000, 0}}})
		flows[at.Unix()/archive.SlotSeconds-1] = &archive.SlotFlows{Heard: n < 5, Bytes: 1000}
	}
	c := &Coverage{}
	c.measure(readings, flows)
	if !c.Known() || c.Silent != 4 {
		t.Errorf("known %v, silent %d", c.Known(), c.Silent)
	}
}

// Flows against counters, from the first reading of both to the last, and not
// over a restart of the router.
func TestCoverageOverRestarts(t *testing.T) {
	start := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	flows := map[int64]*archive.SlotFlows{}
	for n := range int64(8) {
		flows[start.Unix()/archive.SlotSeconds+n] = &archive.SlotFlows{Heard: true, Bytes: 900, Lost: 1}
	}
	uptimes := make([]time.Duration, 10)
	uptimes[6], uptimes[7] = 90*time.Minute, 2*time.Minute // a second one, that counters do not show
	var readings []archive.Reading
	for i, rx := range []uint64{900_000, 0, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000} { // a restart before the second
		readings = append(readings, archive.Reading{At: start.Add(time.Duration(i)*15*time.Minute + 3*time.Second), Uptime: uptimes[i], Counted: map[uint32][2]uint64{2: {rx, rx}, 9: {7, 7}}})
	}
	c := Coverage{Unread: unread(readings, start.Add(24*time.Hour))}
	c.measure(readings, flows)
	// From 6:15 on; files end at 8:00, so that the reading of 8:00 is the last.
	from, to := start.Add(15*time.Minute+3*time.Second), start.Add(2*time.Hour+3*time.Second)
	want := Coverage{
		From: from, To: to, Measured: to.Sub(from) - 15*time.Minute, CounterBytes: 6 * 1000, FlowBytes: 6 * 900, LostRecords: 6,
		Left:   []LeftOut{{Span{start.Add(3 * time.Second), from}, LeftReset}, {Span{from.Add(75 * time.Minute), from.Add(90 * time.Minute)}, LeftRestart}},
		Unread: []Span{{start.Add(9*15*time.Minute + 3*time.Second), start.Add(24 * time.Hour)}},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if !c.Known() || c.Ratio() != 0.9 {
		t.Errorf("known %v, ratio %v", c.Known(), c.Ratio())
	}
}
