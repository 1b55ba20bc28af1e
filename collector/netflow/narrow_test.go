package netflow

import (
	"testing"

	"nfacct/collector/flow"
)

// TestNarrowBytes: an octet counter of four bytes begins anew after 4 GiB, one of
// eight does not.
func TestNarrowBytes(t *testing.T) {
	for _, test := range []struct {
		name   string
		fields []f
		record []byte
		narrow bool
	}{
		{"four bytes", []f{{1, 4, 0}, {2, 8, 0}}, values(n{4, 100}, n{8, 1}), true},
		{"eight bytes", []f{{1, 8, 0}, {2, 4, 0}}, values(n{8, 100}, n{4, 1}), false},
		{"eight bytes, four in stead", []f{{1, 8, 0}, {23, 4, 0}}, values(n{8, 100}, n{4, 100}), false},
		{"no octets", []f{{2, 4, 0}}, values(n{4, 1}), false},
	} {
		s := newSender(flow.IPFIX)
		records, _ := NewDecoder(Limits{}).take(s, s.message(s.template(256, test.fields...), set(256, test.record)))
		if len(records) != 1 || records[0].Has&flow.NarrowBytes != 0 != test.narrow {
			t.Errorf("%s: %+v", test.name, records)
		}
	}
	if v5Has&flow.NarrowBytes == 0 {
		t.Error("v5")
	}
}
