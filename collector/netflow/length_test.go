package netflow

import (
	"testing"

	"nfacct/collector/flow"
)

// TestMessageLength holds which of two contradicting lengths of an IPFIX datagram
// is believed: the header's, or those of its sets.
func TestMessageLength(t *testing.T) {
	s := newSender(flow.IPFIX)
	template, one, two := s.template(256, simple...), set(256, simpleRecord(1)), set(256, simpleRecord(2))
	whole := ipfixHeader + len(template) + len(one) + len(two)
	rubbish := []byte{9, 9, 9, 9, 9}
	tests := []struct {
		name   string
		length int
		behind []byte
		want   string
	}{
		{"right", whole, nil, "records=2 templates=1"},
		{"cuts the last set", whole - 5, nil, "records=2 templates=1 message_length=1"},
		{"cuts the last set's header", whole - len(two) + 2, nil, "records=2 templates=1 message_length=1"},
		{"cuts the first set", ipfixHeader + 2, nil, "records=2 templates=1 message_length=1"},
		{"ends between two sets", whole - len(two), nil, "records=1 templates=1 trailing_bytes=1"},
		{"ends before all sets", ipfixHeader, nil, "trailing_bytes=1 no_sets=1"},
		{"padding behind", whole, []byte{0, 0, 0, 0, 0, 0}, "records=2 templates=1 trailing_bytes=1"},
		{"rubbish behind", whole, rubbish, "records=2 templates=1 trailing_bytes=1"},
		{"cuts the last set, rubbish behind", whole - 5, rubbish, "records=1 templates=1 trailing_bytes=1 set_beyond_datagram=1"},
		{"too large", whole + 1, nil, "records=2 templates=1 message_length=1"},
		{"less than a header", 3, nil, "records=2 templates=1 message_length=1"},
		{"padding of the last set outside of all lengths", whole, []byte{1, 2, 3}, "records=2 templates=1 trailing_bytes=1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			payload := append(s.message(template, one, two), test.behind...)
			be.PutUint16(payload[2:], uint16(test.length))
			records, g := NewDecoder(Limits{}).take(s, payload)
			if got := summary(&g); got != test.want || len(records) != g.Records {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Fewer than four bytes behind the last set are no fault, cleared or not.
func TestPaddingOutside(t *testing.T) {
	for _, version := range bothVersions {
		for length := range 4 {
			s := newSender(version)
			payload := append(s.message(s.template(256, simple...), set(256, simpleRecord(1))), []byte{0x32, 0x35, 0x56}[:length]...)
			if version == flow.IPFIX {
				be.PutUint16(payload[2:], uint16(len(payload)))
			}
			d := NewDecoder(Limits{})
			_, g := d.take(s, payload)
			if got := summary(&g); got != "records=1 templates=1" {
				t.Errorf("%v, %d bytes: %s", version, length, got)
			}
			s.sequence += 4
			if _, g := d.take(s, s.message(set(256, simpleRecord(1)))); g.Loss != (Loss{Lost: 3}) {
				t.Errorf("%v, %d bytes: a loss is hidden: %+v", version, length, g.Loss)
			}
		}
	}
}
