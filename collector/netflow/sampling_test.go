package netflow

import (
	"math"
	"testing"

	"nfacct/collector/flow"
)

func TestSampling(t *testing.T) {
	v9 := []f{{8, 4, 0}, {1, 4, 0}}
	named := []f{{8, 4, 0}, {48, 1, 0}}
	tests := []struct {
		name    string
		version flow.Version
		options []f // the first is scope
		said    [][]byte
		fields  []f
		record  []byte
		want    uint32 // 0: not known
	}{
		{"34 in v9 options", flow.V9, []f{{1, 4, 0}, {34, 4, 0}, {35, 1, 0}}, [][]byte{values(n{4, 0}, n{4, 100}, n{1, 2})}, v9, values("10.0.0.1", n{4, 1}), 100},
		{"scope of no length", flow.V9, []f{{1, 0, 0}, {35, 1, 0}, {34, 4, 0}}, [][]byte{values(n{1, 2}, n{4, 100})}, v9, values("10.0.0.1", n{4, 1}), 100},
		// v9 scope type 4 is the cache, not a protocol; 2 the interface, not packets.
		{"scopes are no elements", flow.V9, []f{{34, 4, 0}, {50, 4, 0}}, [][]byte{values(n{4, 7}, n{4, 100})}, v9, values("10.0.0.1", n{4, 1}), 100},
		{"named sampler", flow.V9, []f{{1, 4, 0}, {48, 2, 0}, {50, 4, 0}, {49, 1, 0}}, [][]byte{values(n{4, 0}, n{2, 1}, n{4, 100}, n{1, 2}), values(n{4, 0}, n{2, 2}, n{4, 512}, n{1, 2})}, named, values("10.0.0.1", n{1, 2}), 512},
		{"unknown sampler", flow.V9, []f{{1, 4, 0}, {48, 2, 0}, {50, 4, 0}, {49, 1, 0}}, [][]byte{values(n{4, 0}, n{2, 1}, n{4, 100}, n{1, 2})}, named, values("10.0.0.1", n{1, 0}), 0},
		{"the only sampler", flow.V9, []f{{1, 4, 0}, {48, 2, 0}, {50, 4, 0}, {49, 1, 0}}, [][]byte{values(n{4, 0}, n{2, 1}, n{4, 100}, n{1, 2})}, v9, values("10.0.0.1", n{4, 1}), 100},
		{"one of two samplers, unsaid which", flow.V9, []f{{1, 4, 0}, {48, 2, 0}, {50, 4, 0}, {49, 1, 0}}, [][]byte{values(n{4, 0}, n{2, 1}, n{4, 100}, n{1, 2}), values(n{4, 0}, n{2, 2}, n{4, 512}, n{1, 2})}, v9, values("10.0.0.1", n{4, 1}), 0},
		{"305 and 306", flow.IPFIX, []f{{149, 4, 0}, {305, 4, 0}, {306, 4, 0}}, [][]byte{values(n{4, 0}, n{4, 1}, n{4, 99})}, v9, values("10.0.0.1", n{4, 1}), 100},
		{"305 and no space", flow.IPFIX, []f{{149, 4, 0}, {305, 4, 0}, {306, 4, 0}}, [][]byte{values(n{4, 0}, n{4, 1}, n{4, 0})}, v9, values("10.0.0.1", n{4, 1}), 1},
		{"10 of 25", flow.IPFIX, []f{{149, 4, 0}, {305, 4, 0}, {306, 4, 0}}, [][]byte{values(n{4, 0}, n{4, 10}, n{4, 15})}, v9, values("10.0.0.1", n{4, 1}), 3},
		{"34 in IPFIX options", flow.IPFIX, []f{{144, 4, 0}, {34, 4, 0}}, [][]byte{values(n{4, 0}, n{4, 1000})}, v9, values("10.0.0.1", n{4, 1}), 1000},
		{"population", flow.IPFIX, []f{{302, 8, 0}, {309, 4, 0}, {310, 4, 0}}, [][]byte{values(n{8, 9}, n{4, 2}, n{4, 200})}, []f{{302, 8, 0}, {8, 4, 0}}, values(n{8, 9}, "10.0.0.1"), 100},
		{"space beyond all bounds", flow.IPFIX, []f{{149, 4, 0}, {305, 8, 0}, {306, 8, 0}}, [][]byte{values(n{4, 0}, n{8, 1}, n{8, 1<<64 - 1})}, v9, values("10.0.0.1", n{4, 1}), math.MaxUint32},
		// RFC 5477 section 8.2, each algorithm with the quantities of another beside it.
		{"IOS XR, 305 is 1", flow.IPFIX, []f{{302, 4, 0}, {305, 4, 0}, {304, 2, 0}, {309, 4, 0}, {310, 4, 0}}, [][]byte{values(n{4, 1}, n{4, 1}, n{2, 3}, n{4, 1}, n{4, 256})}, v9, values("10.0.0.1", n{4, 1}), 256},
		{"IOS XR, 305 is the population", flow.IPFIX, []f{{302, 4, 0}, {305, 4, 0}, {304, 2, 0}, {309, 4, 0}, {310, 4, 0}}, [][]byte{values(n{4, 1}, n{4, 256}, n{2, 3}, n{4, 1}, n{4, 256})}, v9, values("10.0.0.1", n{4, 1}), 256},
		{"IOS XR without 304", flow.IPFIX, []f{{310, 4, 0}, {305, 4, 0}, {309, 4, 0}}, [][]byte{values(n{4, 256}, n{4, 1}, n{4, 1})}, v9, values("10.0.0.1", n{4, 1}), 256},
		{"305 alone is no rate", flow.IPFIX, []f{{149, 4, 0}, {305, 4, 0}}, [][]byte{values(n{4, 0}, n{4, 512})}, v9, values("10.0.0.1", n{4, 1}), 0},
		{"algorithm 1", flow.IPFIX, []f{{149, 4, 0}, {304, 2, 0}, {305, 4, 0}, {306, 4, 0}, {309, 4, 0}, {310, 4, 0}}, [][]byte{values(n{4, 0}, n{2, 1}, n{4, 1}, n{4, 99}, n{4, 1}, n{4, 7})}, v9, values("10.0.0.1", n{4, 1}), 100},
		{"algorithm 2, by time", flow.IPFIX, []f{{149, 4, 0}, {304, 1, 0}, {307, 4, 0}, {308, 4, 0}, {305, 4, 0}}, [][]byte{values(n{4, 0}, n{1, 2}, n{4, 1000}, n{4, 49_000}, n{4, 9})}, v9, values("10.0.0.1", n{4, 1}), 50},
		{"algorithm 3", flow.IPFIX, []f{{149, 4, 0}, {304, 2, 0}, {305, 4, 0}, {306, 4, 0}, {309, 4, 0}, {310, 4, 0}}, [][]byte{values(n{4, 0}, n{2, 3}, n{4, 1}, n{4, 99}, n{4, 2}, n{4, 20})}, v9, values("10.0.0.1", n{4, 1}), 10},
		{"algorithm 4, float64", flow.IPFIX, []f{{149, 4, 0}, {304, 2, 0}, {311, 8, 0}}, [][]byte{values(n{4, 0}, n{2, 4}, n{8, math.Float64bits(0.001)})}, v9, values("10.0.0.1", n{4, 1}), 1000},
		{"algorithm 4, float32", flow.IPFIX, []f{{149, 4, 0}, {304, 2, 0}, {311, 4, 0}}, [][]byte{values(n{4, 0}, n{2, 4}, n{4, uint64(math.Float32bits(0.01))})}, v9, values("10.0.0.1", n{4, 1}), 100},
		{"no probability", flow.IPFIX, []f{{149, 4, 0}, {304, 2, 0}, {311, 8, 0}}, [][]byte{values(n{4, 0}, n{2, 4}, n{8, math.Float64bits(math.NaN())})}, v9, values("10.0.0.1", n{4, 1}), 0},
		{"algorithm 5 is a filter", flow.IPFIX, []f{{149, 4, 0}, {304, 2, 0}, {309, 4, 0}, {310, 4, 0}}, [][]byte{values(n{4, 0}, n{2, 5}, n{4, 1}, n{4, 7})}, v9, values("10.0.0.1", n{4, 1}), 0},
		{"algorithm 6, hash", flow.IPFIX, []f{{149, 4, 0}, {304, 2, 0}, {329, 8, 0}, {330, 8, 0}, {331, 8, 0}, {332, 8, 0}}, [][]byte{values(n{4, 0}, n{2, 6}, n{8, 0}, n{8, 0xffff}, n{8, 0}, n{8, 0xff})}, v9, values("10.0.0.1", n{4, 1}), 256},
		{"algorithm 8, the whole hash", flow.IPFIX, []f{{149, 4, 0}, {304, 2, 0}, {329, 8, 0}, {330, 8, 0}, {331, 8, 0}, {332, 8, 0}}, [][]byte{values(n{4, 0}, n{2, 8}, n{8, 0}, n{8, 1<<64 - 1}, n{8, 0}, n{8, 1<<64 - 1})}, v9, values("10.0.0.1", n{4, 1}), 1},
		{"flows", flow.IPFIX, []f{{149, 4, 0}, {396, 4, 0}, {397, 4, 0}}, [][]byte{values(n{4, 0}, n{4, 1}, n{4, 9})}, v9, values("10.0.0.1", n{4, 1}), 10},
		{"switched off", flow.V9, []f{{1, 4, 0}, {34, 4, 0}}, [][]byte{values(n{4, 0}, n{4, 100}), values(n{4, 0}, n{4, 0})}, v9, values("10.0.0.1", n{4, 1}), 0},
		{"algorithm 3 in the data", flow.IPFIX, nil, nil, []f{{8, 4, 0}, {305, 4, 0}, {304, 2, 0}, {309, 4, 0}, {310, 4, 0}}, values("10.0.0.1", n{4, 1}, n{2, 3}, n{4, 1}, n{4, 256}), 256},
		{"none", flow.IPFIX, nil, nil, v9, values("10.0.0.1", n{4, 1}), 0},
		{"34 in the data, RouterOS", flow.V9, nil, nil, []f{{8, 4, 0}, {34, 4, 0}}, values("10.0.0.1", n{4, 20}), 20},
		{"34 in the data before options", flow.V9, []f{{1, 4, 0}, {34, 4, 0}}, [][]byte{values(n{4, 0}, n{4, 100})}, []f{{8, 4, 0}, {34, 4, 0}}, values("10.0.0.1", n{4, 20}), 20},
		{"50 in the data", flow.V9, nil, nil, []f{{8, 4, 0}, {50, 4, 0}}, values("10.0.0.1", n{4, 20}), 20},
		{"305 in the data", flow.IPFIX, nil, nil, []f{{8, 4, 0}, {305, 4, 0}, {306, 4, 0}}, values("10.0.0.1", n{4, 1}, n{4, 3}), 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSender(test.version)
			d := NewDecoder(Limits{})
			if test.options != nil {
				d.take(s, s.message(s.options(300, 1, test.options...), set(300, test.said...)))
			}
			records, g := d.take(s, s.message(s.template(256, test.fields...), set(256, test.record)))
			if len(records) != 1 {
				t.Fatal(summary(&g))
			}
			r := records[0]
			if r.Sampling != test.want || r.Has&flow.HasSampling != 0 != (test.want != 0) || r.Has&flow.RepairedSampling != 0 {
				t.Errorf("1 in %d, has %b; want 1 in %d", r.Sampling, r.Has, test.want)
			}
		})
	}
}

func TestReadInterval(t *testing.T) {
	tests := []struct {
		v              uint64
		width          uint8
		want           uint32
		repaired, both bool
	}{
		{0, 4, 0, false, false},
		{1, 4, 1, false, false},
		{1000, 4, 1000, false, false},
		{65535, 4, 65535, false, false},
		{256, 4, 256, false, true},
		{65536, 4, 256, true, true},
		{0x00ff0000, 4, 0xff00, true, true},
		{0x00ffff00, 4, 0x00ffff00, false, false}, // its own reversal
		{1<<24 - 1, 4, 1<<24 - 1, false, false},
		{0x01000000, 4, 1, true, false},
		{0x64000000, 4, 100, true, false},
		{0xe8030000, 4, 1000, true, false},
		{0x64000001, 4, 0x01000064, true, false},  // neither makes sense
		{0x01000000, 8, 0x01000000, false, false}, // not RouterOS's width
		{0x0100, 2, 0x0100, false, false},
	}
	for _, test := range tests {
		got, repaired, both := readInterval(test.v, test.width)
		if got != test.want || repaired != test.repaired || both != test.both {
			t.Errorf("%#x in %d bytes: %d, repaired %v, both %v", test.v, test.width, got, repaired, both)
		}
	}
}

// TestSamplingScopes holds that a statement about a part of the exporter is true
// of that part alone: RFC 3954 section 6.1, RFC 7011 section 3.4.2.1.
func TestSamplingScopes(t *testing.T) {
	in := func(version flow.Version, v9, ipfix uint16) f {
		if version == flow.V9 {
			return f{v9, 4, 0}
		}
		return f{ipfix, 4, 0}
	}
	const unknown = 0
	tests := []struct {
		name      string
		v9, ipfix uint16 // scope
		said      [][2]uint64
		want      [4]uint32 // in by 2, in by 3, in by 4 and out by 3, in by 4 and out by 9
	}{
		{"interfaces", 2, 10, [][2]uint64{{2, 100}, {3, 1000}}, [4]uint32{100, 1000, 1000, unknown}},
		{"egress interfaces", 2, 14, [][2]uint64{{2, 100}, {3, 1000}}, [4]uint32{100, 1000, 1000, unknown}},
		{"interfaces that agree", 2, 10, [][2]uint64{{2, 100}, {3, 100}}, [4]uint32{100, 100, 100, 100}},
		{"interface 0 is all", 2, 10, [][2]uint64{{0, 50}, {2, 100}}, [4]uint32{100, 50, 50, 50}},
		{"the last word on one interface", 2, 10, [][2]uint64{{2, 100}, {3, 1000}, {2, 7}}, [4]uint32{7, 1000, 1000, unknown}},
		{"line cards that disagree", 3, 141, [][2]uint64{{1, 100}, {2, 1000}}, [4]uint32{}},
		{"line cards that agree", 3, 141, [][2]uint64{{1, 100}, {2, 100}}, [4]uint32{100, 100, 100, 100}},
		{"templates", 5, 145, [][2]uint64{{300, 100}, {301, 1000}}, [4]uint32{100, 100, 100, 100}},
		{"the system", 1, 143, [][2]uint64{{1, 100}, {2, 1000}}, [4]uint32{1000, 1000, 1000, 1000}},
		{"the domain", 1, 149, [][2]uint64{{7, 100}}, [4]uint32{100, 100, 100, 100}},
	}
	for _, test := range tests {
		for _, version := range bothVersions {
			t.Run(test.name+" "+version.String(), func(t *testing.T) {
				s := newSender(version)
				s.domain = 7
				d := NewDecoder(Limits{})
				var said [][]byte
				for _, v := range test.said {
					said = append(said, values(n{4, v[0]}, n{4, v[1]}))
				}
				var data [][]byte
				for _, v := range [][2]uint64{{2, 9}, {3, 9}, {4, 3}, {4, 9}} {
					data = append(data, values(n{4, v[0]}, n{4, v[1]}, n{4, 1500}))
				}
				sets := [][]byte{s.options(256, 1, in(version, test.v9, test.ipfix), f{34, 4, 0}), set(256, said...), s.template(300, f{10, 4, 0}, f{14, 4, 0}, f{1, 4, 0}), set(300, data...)}
				check := func(how string, d *Decoder, sets [][]byte) {
					records, g := d.take(s, s.message(sets...))
					if len(records) != 4 {
						t.Fatalf("%s: %s", how, summary(&g))
					}
					for i, r := range records {
						if r.Sampling != test.want[i] || r.Has&flow.HasSampling != 0 != (r.Sampling != 0) || r.Has&flow.UnknownSampling != 0 != (r.Sampling == 0) {
							t.Errorf("%s: record %d: 1 in %d, has %b, want 1 in %d", how, i, r.Sampling, r.Has, test.want[i])
						}
					}
				}
				check("options before", d, sets)
				check("next datagram", d, sets[3:])
				check("carried", heir(d.carried()), sets[3:])
				check("options behind", NewDecoder(Limits{}), [][]byte{sets[2], sets[3], sets[0], sets[1]})
				check("all behind", NewDecoder(Limits{}), [][]byte{sets[3], sets[1], sets[0], sets[2]})
			})
		}
	}
}

// v5 tells it in the header, in the lower 14 bits.
func TestSamplingV5(t *testing.T) {
	s := newSender(flow.V5)
	payload := s.v5(1)
	be.PutUint16(payload[22:], 1<<14|1000)
	records, _ := NewDecoder(Limits{}).take(s, payload)
	if r := records[0]; r.Sampling != 1000 || r.Has&flow.HasSampling == 0 {
		t.Errorf("1 in %d", r.Sampling)
	}
	s.sequence++
	records, _ = NewDecoder(Limits{}).take(s, s.v5(1))
	if r := records[0]; r.Has&flow.HasSampling != 0 {
		t.Error("0 means that nothing is said")
	}
}
