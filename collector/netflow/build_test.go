package netflow

import (
	"net/netip"
	"time"

	"nfacct/collector/flow"
)

// The exporter of the tests: what it sends next.
type sender struct {
	version  flow.Version
	domain   uint32
	sequence uint32
	uptime   uint32
	export   uint32
}

// testTime is 2026-11-23 19:15:00 UTC.
var testTime = time.Date(2026, 11, 23, 19, 15, 0, 0, time.UTC)

func newSender(version flow.Version) *sender {
	return &sender{version: version, uptime: 100_000, export: uint32(testTime.Unix())}
}

func (s *sender) received() int64 { return int64(s.export) * second }

// message makes a v9 or IPFIX datagram of whole sets.
func (s *sender) message(sets ...[]byte) []byte {
	b := be.AppendUint16(nil, uint16(s.version))
	if s.version == flow.V9 {
		b = be.AppendUint16(b, uint16(len(sets)))
		b = be.AppendUint32(b, s.uptime)
		b = be.AppendUint32(b, s.export)
	} else {
		b = be.AppendUint16(b, 0)
		b = be.AppendUint32(b, s.export)
	}
	b = be.AppendUint32(b, s.sequence)
	b = be.AppendUint32(b, s.domain)
	for _, set := range sets {
		b = append(b, set...)
	}
	if s.version == flow.IPFIX {
		be.PutUint16(b[2:], uint16(len(b)))
	}
	return b
}

// set makes a set of raw contents.
func set(id uint16, contents ...[]byte) []byte {
	b := be.AppendUint16(nil, id)
	b = be.AppendUint16(b, 0)
	for _, c := range contents {
		b = append(b, c...)
	}
	be.PutUint16(b[2:], uint16(len(b)))
	return b
}

// f is a field specifier: element, length and, if not 0, enterprise.
type f struct {
	element, length uint16
	enterprise      uint32
}

func specifiers(fields []f) []byte {
	var b []byte
	for _, f := range fields {
		if f.enterprise != 0 {
			b = be.AppendUint16(b, f.element|0x8000)
		} else {
			b = be.AppendUint16(b, f.element)
		}
		b = be.AppendUint16(b, f.length)
		if f.enterprise != 0 {
			b = be.AppendUint32(b, f.enterprise)
		}
	}
	return b
}

// templateRecord makes a template record for either version.
func templateRecord(id uint16, fields ...f) []byte {
	b := be.AppendUint16(nil, id)
	b = be.AppendUint16(b, uint16(len(fields)))
	return append(b, specifiers(fields)...)
}

// template makes a template set with one template.
func (s *sender) template(id uint16, fields ...f) []byte {
	if s.version == flow.V9 {
		return set(v9Templates, templateRecord(id, fields...))
	}
	return set(ipfixTemplates, templateRecord(id, fields...))
}

// options makes an options template set with one template.
func (s *sender) options(id uint16, scope int, fields ...f) []byte {
	b := be.AppendUint16(nil, id)
	if s.version == flow.V9 {
		b = be.AppendUint16(b, uint16(4*scope))
		b = be.AppendUint16(b, uint16(4*(len(fields)-scope)))
		return set(v9Options, append(b, specifiers(fields)...))
	}
	b = be.AppendUint16(b, uint16(len(fields)))
	b = be.AppendUint16(b, uint16(scope))
	return set(ipfixOptions, append(b, specifiers(fields)...))
}

// n is a number of a width.
type n struct {
	width int
	value uint64
}

// values makes a record of numbers (n), addresses (string) and bytes.
func values(all ...any) []byte {
	var b []byte
	for _, v := range all {
		switch v := v.(type) {
		case n:
			for i := v.width - 1; i >= 0; i-- {
				b = append(b, byte(v.value>>(8*i)))
			}
		case string:
			b = append(b, netip.MustParseAddr(v).AsSlice()...)
		case []byte:
			b = append(b, v...)
		}
	}
	return b
}

// v5 makes a datagram of count records, each with its number as source port.
func (s *sender) v5(count int) []byte {
	b := be.AppendUint16(nil, 5)
	b = be.AppendUint16(b, uint16(count))
	b = be.AppendUint32(b, s.uptime)
	b = be.AppendUint32(b, s.export)
	b = be.AppendUint32(b, 0)
	b = be.AppendUint32(b, s.sequence)
	b = be.AppendUint16(b, uint16(s.domain))
	b = be.AppendUint16(b, 0)
	for i := range count {
		b = append(b, values("192.168.88.11", "198.51.100.9", "203.0.113.1", n{2, 2}, n{2, 1}, n{4, 3}, n{4, 1500},
			n{4, uint64(s.uptime - 1500)}, n{4, uint64(s.uptime - 500)}, n{2, uint64(1024 + i)}, n{2, 443},
			n{1, 0}, n{1, 0x1b}, n{1, 6}, n{1, 40}, n{2, 0}, n{2, 0}, n{1, 0}, n{1, 0}, n{2, 0})...)
	}
	return b
}

// simple is a template that every test understands: source, destination, bytes.
var simple = []f{{8, 4, 0}, {12, 4, 0}, {1, 4, 0}}

func simpleRecord(octets uint64) []byte { return values("10.0.0.1", "8.8.8.8", n{4, octets}) }

func (d *Decoder) take(s *sender, payload []byte) ([]flow.Record, Datagram) {
	return d.Decode(nil, testSource, s.received(), payload)
}
