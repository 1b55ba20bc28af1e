package netflow

import (
	"math"
	"testing"

	"nfacct/collector/flow"
)

// TestTimes takes one record through every family of elements. Times are
// milliseconds before export.
func TestTimes(t *testing.T) {
	at := testTime.UnixMilli()
	ms := func(before int64) uint64 { return uint64(at - before) }
	ntpAt := func(before int64) uint64 {
		t := at - before
		return uint64(t/1000+2_208_988_800)<<32 | uint64(t%1000)<<32/1000
	}
	const both = flow.HasStart | flow.HasEnd
	tests := []struct {
		name       string
		version    flow.Version
		uptime     uint32
		fields     []f
		record     []byte
		start, end int64
		has        flow.Fields
	}{
		{"uptime", flow.V9, 100_000, []f{{22, 4, 0}, {21, 4, 0}}, values(n{4, 90_000}, n{4, 98_000}), 10_000, 2_000, both},
		{"uptime wrapped since the flow began", flow.V9, 5_000, []f{{22, 4, 0}, {21, 4, 0}}, values(n{4, 1<<32 - 20_000}, n{4, 3_000}), 25_000, 2_000, both},
		{"uptime wrapped since it ended", flow.V9, 5_000, []f{{22, 4, 0}, {21, 4, 0}}, values(n{4, 1<<32 - 20_000}, n{4, 1<<32 - 10_000}), 25_000, 15_000, both},
		{"ends before it starts", flow.V9, 100_000, []f{{22, 4, 0}, {21, 4, 0}}, values(n{4, 98_001}, n{4, 98_000}), 2_000, 2_000, both},
		{"ends after export", flow.V9, 100_000, []f{{22, 4, 0}, {21, 4, 0}}, values(n{4, 100_000}, n{4, 100_500}), 0, -500, both},
		{"start alone", flow.V9, 100_000, []f{{22, 4, 0}}, values(n{4, 90_000}), 10_000, 10_000, flow.HasStart},
		{"end alone", flow.V9, 100_000, []f{{21, 4, 0}}, values(n{4, 90_000}), 10_000, 10_000, flow.HasEnd},
		{"160 after 21 and 22", flow.IPFIX, 0, []f{{22, 4, 0}, {21, 4, 0}, {160, 8, 0}}, values(n{4, 90_000}, n{4, 98_000}, n{8, ms(100_000)}), 10_000, 2_000, both},
		{"160 of 60 days ago", flow.IPFIX, 0, []f{{160, 8, 0}, {22, 4, 0}, {21, 4, 0}}, values(n{8, ms(60 * 86_400_000)}, n{4, (60*86_400_000 - 9_000) % (1 << 32)}, n{4, (60*86_400_000 - 8_000) % (1 << 32)}), 9_000, 8_000, both},
		{"seconds", flow.IPFIX, 0, []f{{150, 4, 0}, {151, 4, 0}}, values(n{4, ms(9_000) / 1000}, n{4, ms(5_000) / 1000}), 9_000, 5_000, both},
		{"seconds in v9", flow.V9, 0, []f{{150, 4, 0}, {151, 4, 0}}, values(n{4, ms(9_000) / 1000}, n{4, ms(5_000) / 1000}), 9_000, 5_000, both},
		{"milliseconds", flow.IPFIX, 0, []f{{152, 8, 0}, {153, 8, 0}}, values(n{8, ms(9_001)}, n{8, ms(5_003)}), 9_001, 5_003, both},
		{"microseconds", flow.IPFIX, 0, []f{{154, 8, 0}, {155, 8, 0}}, values(n{8, ntpAt(8_500)}, n{8, ntpAt(5_250)}), 8_500, 5_250, both},
		{"nanoseconds", flow.IPFIX, 0, []f{{156, 8, 0}, {157, 8, 0}}, values(n{8, ntpAt(8_500)}, n{8, ntpAt(5_250)}), 8_500, 5_250, both},
		{"delta microseconds", flow.IPFIX, 0, []f{{158, 4, 0}, {159, 4, 0}}, values(n{4, 8_000_000}, n{4, 5_000_000}), 8_000, 5_000, both},
		{"absolute before uptime", flow.V9, 100_000, []f{{22, 4, 0}, {21, 4, 0}, {152, 8, 0}, {153, 8, 0}}, values(n{4, 1}, n{4, 2}, n{8, ms(9_001)}, n{8, ms(5_003)}), 9_001, 5_003, both},
		{"start and duration", flow.IPFIX, 0, []f{{152, 8, 0}, {161, 4, 0}}, values(n{8, ms(9_000)}, n{4, 4_000}), 9_000, 5_000, flow.HasStart},
		{"end and duration", flow.IPFIX, 0, []f{{162, 4, 0}, {153, 8, 0}}, values(n{4, 4_000_000}, n{8, ms(5_000)}), 9_000, 5_000, flow.HasEnd},
		{"start and observation", flow.V9, 0, []f{{152, 8, 0}, {323, 8, 0}}, values(n{8, ms(9_000)}, n{8, ms(5_000)}), 9_000, 5_000, flow.HasStart},
		{"start alone, absolute", flow.IPFIX, 0, []f{{152, 8, 0}}, values(n{8, ms(9_000)}), 9_000, 0, flow.HasStart},
		{"start after export", flow.IPFIX, 0, []f{{152, 8, 0}}, values(n{8, ms(-148)}), -148, -148, flow.HasStart},
		{"end alone, absolute", flow.IPFIX, 0, []f{{153, 8, 0}}, values(n{8, ms(5_000)}), 5_000, 5_000, flow.HasEnd},
		{"absolute, ends before it starts", flow.IPFIX, 0, []f{{152, 8, 0}, {153, 8, 0}}, values(n{8, ms(4_000)}, n{8, ms(5_000)}), 5_000, 5_000, both},
		{"observation alone", flow.IPFIX, 0, []f{{323, 8, 0}, {1, 4, 0}}, values(n{8, ms(700)}, n{4, 1}), 700, 700, flow.EstimatedTime},
		{"none", flow.V9, 100_000, []f{{1, 4, 0}}, values(n{4, 1}), 0, 0, flow.EstimatedTime},
		{"estimated start-up", flow.IPFIX, 0, []f{{22, 4, 0}, {21, 4, 0}}, values(n{4, 90_000}, n{4, 98_000}), 8_000, 0, both | flow.EstimatedTime},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSender(test.version)
			s.uptime = test.uptime
			fields := append([]f{{8, 4, 0}}, test.fields...)
			records, g := NewDecoder(Limits{}).take(s, s.message(s.template(256, fields...), set(256, values("10.0.0.1", test.record))))
			if len(records) != 1 {
				t.Fatal(summary(&g))
			}
			r := records[0]
			start, end := at-roundMilli(r.Start), at-roundMilli(r.End)
			if start != test.start || end != test.end {
				t.Errorf("from %d to %d ms before export, want %d to %d", start, end, test.start, test.end)
			}
			const times = both | flow.EstimatedTime
			if r.Has&times != test.has {
				t.Errorf("has %b, want %b", r.Has&times, test.has)
			}
		})
	}
}

// roundMilli rounds what the binary fraction of NTP time lost.
func roundMilli(ns int64) int64 { return int64(math.Round(float64(ns) / millisecond)) }

// A time that no clock can mean must not turn into one that it could.
func TestTimesOutOfRange(t *testing.T) {
	s := newSender(flow.IPFIX)
	payload := s.message(s.template(256, f{8, 4, 0}, f{152, 8, 0}, f{161, 8, 0}), set(256, values("10.0.0.1", n{8, 1<<64 - 1}, n{8, 1<<64 - 1})))
	records, _ := NewDecoder(Limits{}).take(s, payload)
	if r := records[0]; r.Start != math.MaxInt64 || r.End != math.MaxInt64 {
		t.Errorf("from %d to %d", r.Start, r.End)
	}
	if got := ntp(0); got != (1<<32-2_208_988_800)*second {
		t.Errorf("NTP era 1 begins at %d", got)
	}
}

// TestBootEstimate plays a RouterOS 6 that exports flows 15 s after they end, and
// some while they go on.
func TestBootEstimate(t *testing.T) {
	const booted = 40 // days before the test
	s := newSender(flow.IPFIX)
	d := NewDecoder(Limits{})
	d.take(s, s.message(s.template(258, f{8, 4, 0}, f{22, 4, 0}, f{21, 4, 0})))
	worst := func(i int, ended uint32) int64 {
		s.export++
		uptime := int64(booted*86_400_000) + int64(s.export-uint32(testTime.Unix()))*1000
		last := uint64(uptime-int64(ended)) % (1 << 32)
		records, g := d.take(s, s.message(set(258, values("10.0.0.1", n{4, (last - 2_000) % (1 << 32)}, n{4, last}))))
		s.sequence++
		r := records[0]
		if r.Has&flow.EstimatedTime == 0 || r.End-r.Start != 2*second || g.Loss != (Loss{}) {
			t.Fatalf("datagram %d: %+v, %+v", i, r, g.Loss)
		}
		return r.End - (s.received() - int64(ended)*millisecond)
	}
	// At first only the inactive timeout: 15 s late, and never more.
	for i := range 100 {
		if off := worst(i, 15_000+uint32(i%7)*300); off < 0 || off > 15*second {
			t.Fatalf("%d ns off", off)
		}
	}
	// One flow that was exported while it went on makes it exact.
	worst(100, 0)
	for i := range 800 { // across the wrap of uptime after 49.7 days too
		if off := worst(i, 15_000); off != 0 {
			t.Fatalf("%d ns off after %d s", off, i)
		}
		if i == 400 {
			s.export += 10 * 86_400
			d.take(s, s.message(s.template(258, f{8, 4, 0}, f{22, 4, 0}, f{21, 4, 0})))
			worst(i, 0)
		}
	}
	// NTP sets the exporter's clock an hour ahead: forgotten within 20 minutes.
	shift := uint32(3600)
	for i := range 1300 {
		s.export++
		uptime := int64(booted*86_400_000) + int64(s.export-uint32(testTime.Unix()))*1000
		last := uint64(uptime-int64(15_000)) % (1 << 32)
		late := *s
		late.export += shift
		records, _ := d.Decode(nil, testSource, s.received(), late.message(set(258, values("10.0.0.1", n{4, last}, n{4, last}))))
		s.sequence++
		if off := records[0].End - (late.received() - 15*second); i > 1250 && (off < 0 || off > 15*second) {
			t.Fatalf("%d ns off %d s after the clock was set", off, i)
		}
	}
}

// softflowd tells its start-up time in an options record.
func TestBootFromOptions(t *testing.T) {
	s := newSender(flow.IPFIX)
	d := NewDecoder(Limits{})
	init := uint64(testTime.UnixMilli() - 100_000)
	records, _ := d.take(s, s.message(
		s.template(256, f{8, 4, 0}, f{22, 4, 0}, f{21, 4, 0}),
		set(256, values("10.0.0.1", n{4, 90_000}, n{4, 98_000})),
		s.options(257, 1, f{143, 4, 0}, f{160, 8, 0}),
		set(257, values(n{4, 1}, n{8, init})),
	))
	if r := records[0]; r.Start != s.received()-10*second || r.End != s.received()-2*second || r.Has&flow.EstimatedTime != 0 {
		t.Errorf("%+v", r)
	}
}
