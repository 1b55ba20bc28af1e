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

func TestRepairInterval(t *testing.T) {
	tests := []struct {
		v        uint64
		width    uint8
		want     uint32
		repaired bool
	}{
		{0, 4, 0, false},
		{1, 4, 1, false},
		{65536, 4, 65536, false},
		{1<<24 - 1, 4, 1<<24 - 1, false},
		{0x01000000, 4, 1, true},
		{0x64000000, 4, 100, true},
		{0xe8030000, 4, 1000, true},
		{0x64000001, 4, 0x64000001, false}, // neither makes sense
		{0x01000000, 8, 0x01000000, false}, // not RouterOS's width
		{0x0100, 2, 0x0100, false},         // either makes sense
	}
	for _, test := range tests {
		if got, repaired := repairInterval(test.v, test.width); got != test.want || repaired != test.repaired {
			t.Errorf("%#x in %d bytes: %d, repaired %v", test.v, test.width, got, repaired)
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
