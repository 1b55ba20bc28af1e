package netflow

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"nfacct/collector/flow"
)

// capture reads the datagrams of a pcap file of Ethernet frames with IPv4 and UDP.
func capture(t testing.TB, file string) (all []packet) {
	b := read(t, file)[24:]
	le := binary.LittleEndian
	for len(b) >= 16 {
		at, n := int64(le.Uint32(b))*second+int64(le.Uint32(b[4:]))*1000, int(le.Uint32(b[8:]))
		frame := b[16 : 16+n]
		b = b[16+n:]
		ip := frame[14:]
		udp := ip[int(ip[0]&15)*4:]
		src := netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:16])), be.Uint16(udp))
		all = append(all, packet{src, at, udp[8:be.Uint16(udp[4:])]})
	}
	return all
}

// importer decodes as the importer does: a set that has no template waits for it.
func importer(all []packet) (records []flow.Record, total Datagram) {
	d := NewDecoder(Limits{})
	held := map[TemplateKey][]Unread{}
	for _, p := range all {
		var g Datagram
		records, g = d.Decode(records, p.src, p.received, p.payload)
		total.Rejects = sum(total.Rejects, g.Rejects)
		total.NoTemplate += g.NoTemplate
		total.Borrowed += g.Borrowed
		for _, u := range d.Unread() {
			u.Body = bytes.Clone(u.Body)
			held[u.Key()] = append(held[u.Key()], u)
		}
		for _, key := range d.Defined() {
			held[key] = slices.DeleteFunc(held[key], func(u Unread) bool {
				var g Datagram
				records, g = d.DecodeUnread(records, &u)
				total.NoTemplate += g.NoTemplate - 1
				total.Borrowed += g.Borrowed
				return g.NoTemplate == 0
			})
		}
	}
	return records, total
}

func sum(a, b Rejects) Rejects {
	for i := range a {
		a[i] += b[i]
	}
	return a
}

// TestCases are small inputs after public bug reports of other collectors.
func TestCases(t *testing.T) {
	tests := []struct {
		file    string
		records int
		octets  uint64 // after sampling
		rates   []uint32
		rejects string
	}{
		{"data-before-template.v9", 2, 3000, nil, ""},
		{"data-before-template.ipfix", 2, 3000, nil, ""},
		{"flows-mixed-datagram-late-template.v9", 2, 8500, nil, ""},
		{"ipfix-length-shorter-than-its-sets.ipfix", 2, 3000, nil, "message_length=1"},
		{"mikrotik-padding-outside-the-set.v9", 1, 32, nil, ""},
		{"routeros-sampling-little-endian-multiple-of-256.v9", 13, 119_836_500, []uint32{1001, 2222, 3333, 256, 512, 1024, 2048, 4096, 16, 65280, 100, 1, 2}, ""},
		{"sampling-in-same-datagram.v9", 2, 3_000_000, []uint32{1000, 1000}, ""},
		{"sampling-n-out-of-N-with-305.ipfix", 2, 44_032, nil, ""},
		{"sampling-per-interface-scope.v9", 2, 1_650_000, []uint32{100, 1000}, ""},
		{"sampling-per-interface-scope.ipfix", 2, 1_650_000, []uint32{100, 1000}, ""},
		{"v9-template-from-another-source-port.v9", 1, 2000, nil, ""},
	}
	files, _ := filepath.Glob("testdata/cases/*.pcap")
	if len(files) != len(tests) {
		t.Errorf("%d files, %d in the table", len(files), len(tests))
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			records, g := importer(capture(t, "testdata/cases/"+test.file+".pcap"))
			var octets uint64
			for i, r := range records {
				octets += r.Bytes * uint64(max(1, r.Sampling))
				if test.rates != nil && i < len(test.rates) && r.Sampling != test.rates[i] {
					t.Errorf("record %d: 1 in %d, want %d", i, r.Sampling, test.rates[i])
				}
			}
			if len(records) != test.records || octets != test.octets || summary(&g) != test.rejects {
				t.Errorf("%d records of %d octets, %q; want %d of %d, %q", len(records), octets, summary(&g), test.records, test.octets, test.rejects)
			}
		})
	}
}

// TestPositions is the kind of which the cases are: templates, options and data of
// both versions in any order and any split into datagrams, from one or two ports,
// with fields in any order. Every record is read once, and sampled as said.
func TestPositions(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for round := range 3000 {
		version := bothVersions[round%2]
		name := fmt.Sprint("round ", round)
		fields := []f{{8, 4, 0}, {12, 4, 0}, {1, 8, 0}, {2, 4, 0}, {10, 4, 0}, {14, 4, 0}}
		values := map[uint16]func(v uint64) []byte{
			8: func(uint64) []byte { return values("10.0.0.1") }, 12: func(uint64) []byte { return values("8.8.8.8") },
			1: func(v uint64) []byte { return values(n{8, v}) }, 2: func(uint64) []byte { return values(n{4, 1}) },
			10: func(v uint64) []byte { return values(n{4, 2 + v%2}) }, 14: func(uint64) []byte { return values(n{4, 9}) },
		}
		random.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		scope := f{v9Interface, 4, 0}
		if version == flow.IPFIX {
			scope.element = ingressInterface
		}
		s := newSender(version)
		record := func(v uint64) (b []byte) {
			for _, f := range fields {
				b = append(b, values[f.element](v)...)
			}
			return b
		}
		options := [][]byte{s.options(256, 1, scope, f{34, 4, 0}), set(256, append(n32(2, 100), n32(3, 1000)...))}
		sets := [][]byte{s.template(300, fields...), set(300, record(10), record(11)), set(300, record(12)), set(300, record(13))}
		random.Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
		// In one datagram options may come last; over several they hold for what follows.
		isOne := random.IntN(2) == 0
		at := 0
		if isOne {
			at = random.IntN(len(sets) + 1)
		}
		sets = slices.Insert(sets, at, options...)
		var all []packet
		for len(sets) > 0 {
			k := len(sets)
			if !isOne {
				k = 1 + random.IntN(len(sets))
			}
			src := testSource
			if len(all) > 0 && random.IntN(2) == 0 {
				src = otherPort
			}
			all = append(all, packet{src, s.received(), s.message(sets[:k]...)})
			sets = sets[k:]
		}
		records, g := importer(all)
		var octets, want uint64
		for _, v := range []uint64{10, 11, 12, 13} {
			want += v
		}
		for _, r := range records {
			octets += r.Bytes
			rate := uint32(100)
			if r.Bytes%2 == 1 {
				rate = 1000
			}
			if r.Sampling != rate && (isOne || r.Sampling != 0) {
				t.Errorf("%s: %d octets sampled 1 in %d", name, r.Bytes, r.Sampling)
			}
		}
		if len(records) != 4 || octets != want || g.NoTemplate != 0 || g.Rejects.Total() != 0 {
			t.Fatalf("%s: %d records of %d octets, %s", name, len(records), octets, summary(&g))
		}
	}
}

func n32(all ...uint64) (b []byte) {
	for _, v := range all {
		b = append(b, values(n{4, v})...)
	}
	return b
}
