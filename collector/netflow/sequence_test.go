package netflow

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"nfacct/collector/flow"
)

// TestSequence goes through what can happen to a stream, one datagram a step.
func TestSequence(t *testing.T) {
	type step struct {
		sequence uint32
		units    uint32
		after    int64  // milliseconds since the first datagram, on all clocks
		uptime   uint32 // instead of the uptime that after makes
		step     int64  // seconds that the exporter's clock is wrong by
		want     Loss
	}
	const start = 100_000 // uptime at the first datagram
	reordered, duplicate, restart := Loss{Reordered: true}, Loss{Duplicate: true}, Loss{Restart: true}
	late := func(n uint32) Loss { return Loss{Late: n, Reordered: true} }
	lost := func(n uint32) Loss { return Loss{Lost: n} }
	all := []flow.Version{flow.V5, flow.V9, flow.IPFIX}
	records := []flow.Version{flow.V5, flow.IPFIX}
	timed := []flow.Version{flow.V5, flow.V9}

	tests := []struct {
		name     string
		versions []flow.Version
		steps    []step
	}{
		{"in order", records, []step{{sequence: 7, units: 30}, {sequence: 37, units: 1}, {sequence: 38, units: 30}}},
		{"v9 counts datagrams", []flow.Version{flow.V9}, []step{{sequence: 7, units: 30}, {sequence: 8, units: 1}, {sequence: 9, units: 3}}},
		{"loss", records, []step{{sequence: 0, units: 30}, {sequence: 60, units: 30, want: lost(30)}, {sequence: 90, units: 30}}},
		{"loss in v9", []flow.Version{flow.V9}, []step{{sequence: 0}, {sequence: 3, want: lost(2)}, {sequence: 4}}},
		{"wrap", records, []step{{sequence: 1<<32 - 30, units: 30}, {sequence: 0, units: 30}}},
		{"wrap within a datagram", records, []step{{sequence: 1<<32 - 10, units: 30}, {sequence: 20, units: 30}}},
		{"loss across the wrap", records, []step{{sequence: 1<<32 - 60, units: 30}, {sequence: 0, units: 30, want: lost(30)}, {sequence: 1<<32 - 30, units: 30, want: late(30)}}},
		{"wrap in v9", []flow.Version{flow.V9}, []step{{sequence: 1<<32 - 1}, {sequence: 0}, {sequence: 2, want: lost(1)}}},
		{"two swapped", records, []step{{sequence: 0, units: 30}, {sequence: 60, units: 30, want: lost(30)}, {sequence: 30, units: 30, want: late(30)}, {sequence: 90, units: 30}}},
		{"late into the middle of a gap", records, []step{{sequence: 0, units: 10}, {sequence: 40, units: 10, want: lost(30)},
			{sequence: 20, units: 10, want: late(10)}, {sequence: 10, units: 10, want: late(10)}, {sequence: 30, units: 10, want: late(10)}, {sequence: 50, units: 1}}},
		{"late only once", records, []step{{sequence: 0, units: 10}, {sequence: 20, units: 10, want: lost(10)}, {sequence: 10, units: 10, want: late(10)}, {sequence: 10, units: 10, want: duplicate}}},
		{"duplicate", records, []step{{sequence: 0, units: 10}, {sequence: 0, units: 10, want: duplicate}, {sequence: 10, units: 10}}},
		{"duplicate in v9", []flow.Version{flow.V9}, []step{{sequence: 5}, {sequence: 5, want: duplicate}, {sequence: 6}}},
		{"before the first that came", records, []step{{sequence: 90, units: 10}, {sequence: 80, units: 10, want: reordered}, {sequence: 80, units: 10, want: duplicate}, {sequence: 100, units: 1}}},
		{"restart", timed, []step{{sequence: 50_000, units: 30}, {sequence: 0, units: 1, after: 60_000, uptime: 5_000, want: restart}, {sequence: 1, units: 30, after: 60_100, uptime: 5_100}}},
		{"restart soon after start", timed, []step{{sequence: 0, units: 1}, {sequence: 1, units: 1, after: 10}, {sequence: 0, units: 1, after: 120_000, uptime: 9_000, want: restart}}},
		{"restart after 40 days", timed, []step{{sequence: 9_000_000, units: 1, uptime: 40 * 86_400_000}, {sequence: 0, units: 1, after: 60_000, uptime: 20_000, want: restart}}},
		{"restart ahead of the number expected", timed, []step{{sequence: 3, units: 1}, {sequence: 500, units: 1, after: 900_000, uptime: 400_000, want: restart}}},
		{"uptime wraps", records[:1], []step{{sequence: 0, units: 1, uptime: 1<<32 - 1000}, {sequence: 1, units: 1, after: 3000, uptime: 2000}, {sequence: 4, units: 1, after: 3000, uptime: 2000, want: lost(2)}}},
		{"the exporter's clock is set", all, []step{{sequence: 0, units: 1}, {sequence: 1, units: 1, after: 1000, step: 3600}, {sequence: 3, units: 1, after: 1000, step: 3600, want: lost(1)}}},
		{"the clock is set at a loss", timed, []step{{sequence: 0, units: 1}, {sequence: 2, units: 1, after: 1000, step: 3600, want: lost(1)}}},
		{"export switched off and on", timed, []step{{sequence: 7_000, units: 1}, {sequence: 0, units: 1, after: 30_000, want: restart}, {sequence: 1, units: 1, after: 30_000}}},
		{"IPFIX begins anew", []flow.Version{flow.IPFIX}, []step{{sequence: 7_000, units: 10}, {sequence: 0, units: 10, after: 30_000, want: restart}, {sequence: 10, units: 1, after: 30_000}}},
		{"IPFIX begins anew with a clock gone back", []flow.Version{flow.IPFIX}, []step{{sequence: 700_000, units: 10}, {sequence: 0, units: 10, after: 30_000, step: -1e6, want: restart}, {sequence: 10, units: 1, after: 31_000, step: -1e6}}},
		{"no four billion lost", all, []step{{sequence: 100_000, units: 1}, {sequence: 2_000_000_000, units: 1, want: restart}}},
		{"straggler from before a restart", timed, []step{{sequence: 50_000, units: 1}, {sequence: 0, units: 1, after: 9_000, uptime: 1_000, want: restart},
			{sequence: 50_001, units: 1, after: 9_010, uptime: start + 8_000, want: reordered}, {sequence: 1, units: 1, after: 9_020, uptime: 1_020}}},
	}
	for _, test := range tests {
		for _, version := range test.versions {
			t.Run(fmt.Sprint(test.name, " ", version), func(t *testing.T) {
				var q sequence
				for i, s := range test.steps {
					base := testTime.UnixNano()
					h := header{version: version, sequence: s.sequence, uptime: start + uint32(s.after), received: base + s.after*millisecond}
					if s.uptime != 0 {
						h.uptime = s.uptime
					}
					h.export = (base+s.after*millisecond)/second*second + s.step*second
					u := units{data: s.units}
					if version == flow.V9 {
						u.data = 1
					}
					if got := q.account(&h, u); got != s.want {
						t.Errorf("step %d: %+v, want %+v", i, got, s.want)
					}
				}
			})
		}
	}
}

// sent is a datagram of the simulated exporter.
type sent struct {
	epoch   int
	first   uint32 // of its units
	header  header
	units   units
	arrives int64 // milliseconds
	copies  int   // that arrive
}

// TestSequenceProperty loses, delays and doubles datagrams of an exporter that
// restarts now and then, and wants the sums to come out exactly.
func TestSequenceProperty(t *testing.T) {
	for _, version := range []flow.Version{flow.V5, flow.V9, flow.IPFIX} {
		for _, style := range styles {
			if version != flow.IPFIX && style != styles[0] {
				continue
			}
			for seed := range uint64(150) {
				name := fmt.Sprintf("%v, style %+v, seed %d", version, style, seed)
				simulate(t, name, rand.New(rand.NewPCG(seed, uint64(version))), version, style)
			}
		}
	}
}

func simulate(t *testing.T, name string, random *rand.Rand, version flow.Version, style style) {
	const steady = 12 // datagrams in order at first, in which the style shows
	epochs := 1 + random.IntN(3)
	clock := testTime.UnixMilli()
	var all []*sent
	for epoch := range epochs {
		booted := clock - 10_000
		number := uint32(0)
		if epoch == 0 {
			number = -uint32(random.IntN(3000)) // soon to wrap
		}
		for i := range 400 + random.IntN(400) {
			clock += int64(random.IntN(40))
			u := units{data: 1 + uint32(random.IntN(30))}
			if version == flow.V9 {
				u.data = 1
			}
			if version == flow.IPFIX && (random.IntN(5) == 0 || i < steady && i%2 == 1) {
				u.options = 1 + uint32(random.IntN(3))
			}
			s := &sent{epoch: epoch, first: number, units: u, arrives: clock, copies: 1}
			number += style.size(u)
			s.header = header{version: version, sequence: s.first, uptime: uint32(clock - booted), export: clock / 1000 * second}
			if style.including {
				s.header.sequence = number
			}
			if i > steady {
				s.arrives += int64(random.IntN(100))
				switch random.IntN(40) {
				case 0, 1:
					s.copies = 0
				case 2:
					s.copies = 2
				}
			}
			all = append(all, s)
		}
		clock += 20_000 + int64(random.IntN(100_000))
	}

	arrivals := slices.Clone(all)
	slices.SortStableFunc(arrivals, func(a, b *sent) int { return cmp.Compare(a.arrives, b.arrives) })
	var q sequence
	var lost, late, duplicates, restarts int64
	for _, s := range arrivals {
		for range s.copies {
			h := s.header
			h.received = s.arrives * millisecond
			loss := q.account(&h, s.units)
			lost += int64(loss.Lost)
			late += int64(loss.Late)
			if loss.Duplicate {
				duplicates++
			}
			if loss.Restart {
				restarts++
			}
		}
	}

	var wantLost, wantDuplicates int64
	for epoch := range epochs {
		var last *sent
		for _, s := range all {
			if s.epoch == epoch && s.copies > 0 {
				last = s
			}
		}
		for _, s := range all {
			if s.epoch != epoch {
				continue
			}
			if s.copies == 0 && int32(last.first-s.first) > 0 {
				wantLost += int64(style.size(s.units))
			}
			if s.copies == 2 {
				wantDuplicates++
			}
		}
	}
	if lost-late != wantLost || duplicates != wantDuplicates || restarts != int64(epochs-1) {
		t.Errorf("%s: lost %d - %d = %d, truly %d; %d duplicates, truly %d; %d restarts, truly %d",
			name, lost, late, lost-late, wantLost, duplicates, wantDuplicates, restarts, epochs-1)
	}
}

// After data that could not be counted for want of a template nobody knows how
// many records to expect, so no loss is made up.
func TestSequenceWithoutTemplate(t *testing.T) {
	s := newSender(flow.IPFIX)
	d := NewDecoder(Limits{})
	d.take(s, s.message(s.template(256, simple...), set(256, simpleRecord(1))))
	s.sequence = 1
	if _, g := d.take(s, s.message(set(300, simpleRecord(1), simpleRecord(2)), set(256, simpleRecord(3)))); g.Loss != (Loss{}) || g.NoTemplate != 1 {
		t.Errorf("%+v", g)
	}
	s.sequence = 4
	if _, g := d.take(s, s.message(set(256, simpleRecord(4)))); g.Loss != (Loss{}) {
		t.Errorf("a loss is made up: %+v", g.Loss)
	}
	s.sequence = 8
	if _, g := d.take(s, s.message(set(256, simpleRecord(5)))); g.Loss != (Loss{Lost: 3}) {
		t.Errorf("a loss is overlooked: %+v", g.Loss)
	}
}

// NAT events and options records are data records too (RFC 7011, section 3.1).
func TestSequenceCountsAllRecords(t *testing.T) {
	s := newSender(flow.IPFIX)
	d := NewDecoder(Limits{})
	payload := s.message(
		s.template(256, simple...), set(256, simpleRecord(1)),
		s.template(257, f{230, 1, 0}, f{8, 4, 0}, f{225, 4, 0}), set(257, values(n{1, 1}, "10.0.0.1", "203.0.113.5")),
		s.template(258, f{82, variable, 0}), set(258, []byte("\x03abc\x02de")),
		s.options(259, 1, f{149, 4, 0}, f{305, 4, 0}), set(259, values(n{4, 0}, n{4, 1})),
	)
	if _, g := d.take(s, payload); summary(&g) != "records=1 options=1 nat_events=1 other=2 templates=4" {
		t.Error(summary(&g))
	}
	s.sequence = 5
	if _, g := d.take(s, s.message(set(256, simpleRecord(1)))); g.Loss != (Loss{}) {
		t.Errorf("%+v", g.Loss)
	}
}
