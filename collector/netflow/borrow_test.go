package netflow

import (
	"net/netip"
	"testing"

	"nfacct/collector/flow"
)

var otherPort = netip.MustParseAddrPort("192.0.2.1:2056")

// TestBorrowed sends a template from one port and data from another. RFC 3954
// names address and source id only.
func TestBorrowed(t *testing.T) {
	for _, version := range bothVersions {
		data, templates := newSender(version), newSender(version)
		d := NewDecoder(Limits{})
		record := set(256, simpleRecord(2000))

		// The data come first, and can wait.
		d.take(data, data.message(record))
		held := d.Unread()[0]
		held.Body = append([]byte(nil), held.Body...)
		d.Decode(nil, otherPort, templates.received(), templates.message(templates.template(256, simple...)))
		if defined := d.Defined(); len(defined) != 1 || defined[0] != held.Key() {
			t.Errorf("%v: defined %v, held for %v", version, defined, held.Key())
		}
		if records, g := d.DecodeUnread(nil, &held); len(records) != 1 || records[0].Bytes != 2000 || g.Borrowed != 1 {
			t.Errorf("%v: held: %s, %+v", version, summary(&g), records)
		}
		data.sequence++
		records, g := d.take(data, data.message(record))
		if len(records) != 1 || records[0].Bytes != 2000 || g.Borrowed != 1 || g.NoTemplate != 0 {
			t.Errorf("%v: %s, %+v", version, summary(&g), records)
		}

		// Not where it does not fit to the byte, nor of another source id.
		data.sequence++
		if _, g := d.take(data, data.message(set(256, simpleRecord(1), []byte{1, 2, 3, 4}))); g.NoTemplate != 1 {
			t.Errorf("%v: does not fit, yet %s", version, summary(&g))
		}
		other := *data
		other.domain = 7
		if _, g := d.take(&other, other.message(record)); g.NoTemplate != 1 {
			t.Errorf("%v: another source id: %s", version, summary(&g))
		}

		// Its own comes first, and be it behind in the same datagram.
		data.sequence++
		packets := []f{{8, 4, 0}, {12, 4, 0}, {2, 4, 0}}
		records, g = d.take(data, data.message(set(256, simpleRecord(7)), data.template(256, packets...)))
		if len(records) != 1 || records[0].Packets != 7 || g.Borrowed != 0 {
			t.Errorf("%v: %s, %+v", version, summary(&g), records)
		}
	}
}

// The sampling that came with the templates holds too.
func TestBorrowedSampling(t *testing.T) {
	for _, version := range bothVersions {
		s := newSender(version)
		d := NewDecoder(Limits{})
		d.Decode(nil, otherPort, s.received(), s.message(s.template(256, simple...), s.options(257, 1, f{1, 4, 0}, f{34, 4, 0}), set(257, values(n{4, 0}, n{4, 50}))))
		if records, g := d.take(s, s.message(set(256, simpleRecord(1)))); len(records) != 1 || records[0].Sampling != 50 {
			t.Errorf("%v: %s, %+v", version, summary(&g), records)
		}
	}
}

// A jump of the sequence number alone never costs templates, as long as the data
// fit them.
func TestTemplateOutlivesJump(t *testing.T) {
	for _, version := range bothVersions {
		s := newSender(version)
		d := NewDecoder(Limits{})
		d.take(s, s.message(s.template(256, simple...)))
		for _, sequence := range []uint32{1_000_000, 0, 1 << 31} {
			s.sequence, s.export, s.uptime = sequence, s.export+60, s.uptime+60_000
			if _, g := d.take(s, s.message(set(256, simpleRecord(1)))); g.Records != 1 {
				t.Errorf("%v: lost by a jump to %d", version, sequence)
			}
		}
		s.sequence++
		if _, g := d.take(s, s.message(set(256, make([]byte, 17)))); g.NoTemplate != 1 || g.Records != 0 {
			t.Errorf("%v: used after a restart for data that it does not fit", version)
		}
		s.sequence++
		if _, g := d.take(s, s.message(s.template(256, simple...), set(256, simpleRecord(1), []byte("12345")))); g.Records != 1 || g.NoTemplate != 0 || len(d.Defined()) != 1 {
			t.Errorf("%v: still in doubt after it was sent again: %s", version, summary(&g))
		}
	}
}

// TestReboot: after a reboot a layout of the same size can come under the same
// number. Data that come first wait until the templates are sent again.
func TestReboot(t *testing.T) {
	packets := []f{{8, 4, 0}, {12, 4, 0}, {2, 4, 0}}
	record := func(_ *sender, v uint64) []byte { return simpleRecord(v) }
	init := func(s *sender, v uint64) []byte {
		return values("10.0.0.1", "8.8.8.8", n{4, v}, n{4, uint64(s.uptime - 3000)}, n{4, uint64(s.uptime - 1000)}, n{8, uint64(s.export)*1000 - uint64(s.uptime)})
	}
	bare := func(s *sender, v uint64) []byte { return init(s, v)[:20] }
	more := []f{{22, 4, 0}, {21, 4, 0}, {160, 8, 0}}
	tests := []struct {
		name    string
		version flow.Version
		more    []f
		record  func(*sender, uint64) []byte
		uptime  uint32 // before, milliseconds
	}{
		{"v9", flow.V9, nil, record, 100_000},
		{"v9 after 40 days", flow.V9, more[:2], bare, 40 * 86_400_000},
		{"IPFIX with 160", flow.IPFIX, more, init, 100_000},
		{"IPFIX with 160 after 49 days", flow.IPFIX, more, init, 1<<32 - 5000},
		{"IPFIX with 21 and 22 alone", flow.IPFIX, more[:2], bare, 86_400_000},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSender(test.version)
			s.uptime = test.uptime
			d := NewDecoder(Limits{})
			before, after := append(simple[:3:3], test.more...), append(packets[:3:3], test.more...)
			d.take(s, s.message(s.template(256, before...), set(256, test.record(s, 1500))))
			// Time goes on, the uptime wraps, and the clock is set: no reboot.
			for range 3 {
				s.sequence, s.export, s.uptime = s.sequence+1, s.export+5, s.uptime+5000
				if records, g := d.take(s, s.message(set(256, test.record(s, 1500)))); len(records) != 1 || g.Loss != (Loss{}) {
					t.Fatalf("%s %+v", summary(&g), g.Loss)
				}
			}
			received := s.received() + 5*second
			s.sequence, s.export, s.uptime = s.sequence+1, s.export+3605, s.uptime+5000
			if records, g := d.Decode(nil, testSource, received, s.message(set(256, test.record(s, 1500)))); len(records) != 1 {
				t.Fatalf("the clock is set: %s", summary(&g))
			}
			s.sequence, s.export, s.uptime = 0, s.export+60, 30_000
			records, g := d.Decode(nil, testSource, received+60*second, s.message(set(256, test.record(s, 7))))
			if len(records) != 0 || g.NoTemplate != 1 {
				t.Fatalf("read by the old template: %+v", records)
			}
			held := d.Unread()[0]
			held.Body = append([]byte(nil), held.Body...)
			s.sequence, s.export, s.uptime = s.sequence+1, s.export+2, s.uptime+2000
			records, g = d.Decode(nil, testSource, received+62*second, s.message(s.template(256, after...), set(256, test.record(s, 9))))
			if len(records) != 1 || records[0].Packets != 9 || records[0].Bytes != 0 {
				t.Errorf("%s: %+v", summary(&g), records)
			}
			if defined := d.Defined(); len(defined) != 1 || defined[0] != held.Key() {
				t.Errorf("defined %v", defined)
			}
			if records, _ = d.DecodeUnread(nil, &held); len(records) != 1 || records[0].Packets != 7 {
				t.Errorf("held: %+v", records)
			}
		})
	}
}

// After a reboot the port is another one: the templates of the time before are not
// lent to it.
func TestBorrowedReboot(t *testing.T) {
	s := newSender(flow.V9)
	d := NewDecoder(Limits{})
	d.take(s, s.message(s.template(256, simple...), set(256, simpleRecord(1))))
	s.export, s.uptime, s.sequence = s.export+120, 20_000, 0
	if _, g := d.Decode(nil, otherPort, s.received(), s.message(set(256, simpleRecord(1)))); g.NoTemplate != 1 {
		t.Errorf("%s, by the template of before", summary(&g))
	}
}
