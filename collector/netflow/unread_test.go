package netflow

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"nfacct/collector/flow"
)

var bothVersions = []flow.Version{flow.V9, flow.IPFIX}

func TestSets(t *testing.T) {
	for _, version := range bothVersions {
		s := newSender(version)
		s.domain = 7
		payload := s.message(s.template(256, simple...), set(256, simpleRecord(1)), set(300, []byte{1, 2, 3, 4}))
		payload = append(payload, 0x32, 0x35, 0x56) // padding that was not cleared
		var got []string
		for set := range Sets(payload) {
			got = append(got, fmt.Sprint(set.Version, set.Domain, set.ID, len(set.Header), len(set.Body)))
		}
		header, template := v9Header, v9Templates
		if version == flow.IPFIX {
			header, template = ipfixHeader, ipfixTemplates
		}
		want := []string{
			fmt.Sprint(version, 7, template, header, 16),
			fmt.Sprint(version, 7, 256, header, 12),
			fmt.Sprint(version, 7, 300, header, 4),
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %v, want %v", version, got, want)
		}
		total := 0
		if n := testing.AllocsPerRun(100, func() {
			for set := range Sets(payload) {
				total += len(set.Body)
			}
		}); n != 0 {
			t.Errorf("%v: allocates %v times", version, n)
		}
	}
	for set := range Sets(newSender(flow.V5).v5(3)) {
		t.Errorf("v5 has a set: %+v", set)
	}
}

// TestUnread holds single sets as an importer does, and decodes each when its
// template comes, with its own datagram's header.
func TestUnread(t *testing.T) {
	for _, version := range bothVersions {
		s := newSender(version)
		d := NewDecoder(Limits{})
		d.take(s, s.message(s.template(256, simple...)))
		if got := d.Defined(); len(got) != 1 || got[0] != (TemplateKey{testSource.Addr(), version, 0, 256}) {
			t.Errorf("%v: defined %v", version, got)
		}
		d.take(s, s.message(s.template(256, simple...)))
		if got := d.Defined(); len(got) != 0 {
			t.Errorf("%v: sent again, defined %v", version, got)
		}
		s.sequence = 9
		payload := s.message(set(256, simpleRecord(1)), set(300, simpleRecord(2)), set(301, simpleRecord(3)))
		records, g := d.take(s, payload)
		if len(records) != 1 || g.NoTemplate != 2 || len(d.Unread()) != 2 {
			t.Fatalf("%v: %d records, %s, %d unread", version, len(records), summary(&g), len(d.Unread()))
		}
		held := map[TemplateKey][]Unread{}
		for _, u := range d.Unread() {
			u.Body = bytes.Clone(u.Body)
			held[u.Key()] = append(held[u.Key()], u)
		}
		clear(payload)
		received := s.received()
		s.export += 100
		s.sequence = 30
		d.take(s, s.message(s.template(301, simple...)))
		for _, key := range d.Defined() {
			for _, u := range held[key] {
				records, g := d.DecodeUnread(nil, &u)
				if len(records) != 1 || g.NoTemplate != 0 || records[0].Bytes != 3 || records[0].Sequence != 9 ||
					records[0].Received != received || u.Received() != received || g.ExportTime != received {
					t.Errorf("%v: %+v, %s", version, records, summary(&g))
				}
			}
			delete(held, key)
		}
		if len(held) != 1 {
			t.Errorf("%v: %v still held", version, held)
		}
		for _, all := range held {
			if records, g := d.DecodeUnread(nil, &all[0]); len(records) != 0 || g.NoTemplate != 1 {
				t.Errorf("%v: %d records, %s", version, len(records), summary(&g))
			}
		}
		if got := d.Streams()[0]; got.NoTemplate != 1 || got.Records != 2 {
			t.Errorf("%v: %+v", version, got)
		}
	}
}

// The sampling of a held set is what was known when it came.
func TestUnreadSampling(t *testing.T) {
	for _, version := range bothVersions {
		s := newSender(version)
		d := NewDecoder(Limits{})
		say := func(rate uint64) []byte {
			return set(256, values(n{4, 0}, n{4, rate}))
		}
		options := s.options(256, 1, f{1, 4, 0}, f{34, 4, 0})
		d.take(s, s.message(set(300, simpleRecord(1)))) // nothing is known
		early := d.Unread()[0]
		d.take(s, s.message(options, say(100)))
		d.take(s, s.message(set(300, simpleRecord(2))))
		late := d.Unread()[0]
		d.take(s, s.message(say(500), s.template(300, simple...)))
		for i, u := range []Unread{early, late} {
			records, _ := d.DecodeUnread(nil, &u)
			if want := []uint32{500, 100}[i]; len(records) != 1 || records[0].Sampling != want {
				t.Errorf("%v: %+v, want 1 in %d", version, records, want)
			}
		}
	}
}

// TestLookAhead is data before its template in one datagram, at each position.
func TestLookAhead(t *testing.T) {
	for _, version := range bothVersions {
		for at := range 4 {
			s := newSender(version)
			d := NewDecoder(Limits{})
			sets := [][]byte{set(256, simpleRecord(1)), set(256, simpleRecord(2)), set(256, simpleRecord(4))}
			sets = append(sets[:at], append([][]byte{s.template(256, simple...)}, sets[at:]...)...)
			records, g := d.take(s, s.message(sets...))
			var total uint64
			for _, r := range records {
				total += r.Bytes
			}
			if total != 7 || g.Records != 3 || g.NoTemplate != 0 || len(d.Unread()) != 0 || g.Rejects.Total() != 0 {
				t.Errorf("%v, template at %d: %d octets, %s", version, at, total, summary(&g))
			}
			if s.sequence += 3; version == flow.V9 {
				s.sequence = 1
			}
			if _, g := d.take(s, s.message(set(256, simpleRecord(1)))); g.Loss != (Loss{}) {
				t.Errorf("%v, template at %d: %+v", version, at, g.Loss)
			}
		}
	}
}

// What was known before the datagram holds until the datagram replaces it.
func TestLookAheadReplaced(t *testing.T) {
	for _, version := range bothVersions {
		s := newSender(version)
		d := NewDecoder(Limits{})
		d.take(s, s.message(s.template(256, simple...)))
		records, _ := d.take(s, s.message(set(256, simpleRecord(5)), s.template(256, f{8, 4, 0}, f{12, 4, 0}, f{2, 4, 0}), set(256, simpleRecord(6))))
		if len(records) != 2 || records[0].Bytes != 5 || records[1].Packets != 6 || records[1].Bytes != 0 {
			t.Errorf("%v: %+v", version, records)
		}
	}
}

// Options hold for the data behind them in the same datagram.
func TestOptionsSameDatagram(t *testing.T) {
	for _, version := range bothVersions {
		s := newSender(version)
		d := NewDecoder(Limits{})
		options := s.options(256, 1, f{1, 4, 0}, f{34, 4, 0})
		say := func(rate uint64) []byte { return set(256, values(n{4, 0}, n{4, rate})) }
		records, _ := d.take(s, s.message(s.template(300, simple...), options, say(1000), set(300, simpleRecord(1)), say(50), set(300, simpleRecord(2))))
		if len(records) != 2 || records[0].Sampling != 1000 || records[1].Sampling != 50 {
			t.Errorf("%v: %+v", version, records)
		}
		if records, _ = d.take(s, s.message(set(300, simpleRecord(1)), say(7))); len(records) != 1 || records[0].Sampling != 50 {
			t.Errorf("%v: %+v, want what was known before", version, records)
		}
	}
}
