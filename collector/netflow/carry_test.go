package netflow

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"reflect"
	"testing"

	"nfacct/collector/flow"
)

// packet is a carried datagram.
type packet struct {
	src      netip.AddrPort
	received int64
	payload  []byte
}

func (d *Decoder) carried() (all []packet) {
	d.Carry(func(src netip.AddrPort, received int64, payload []byte) {
		all = append(all, packet{src, received, append([]byte(nil), payload...)})
	})
	return all
}

func heir(all []packet) *Decoder {
	d := NewDecoder(Limits{})
	for _, p := range all {
		d.Learn(p.src, p.received, p.payload)
	}
	return d
}

// TestCarry splits a stream of real datagrams into two files: the second one,
// with what was carried before it, must read as it would have without the seam.
func TestCarry(t *testing.T) {
	files, _ := filepath.Glob(logstash + "/golden/*.json")
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			all := inputs(t, file)
			for cut := range all {
				whole := NewDecoder(Limits{})
				for _, name := range all[:cut+1] {
					whole.Scan(testSource, 7, read(t, name))
				}
				carried := whole.carried()
				next := heir(carried)
				if again := next.carried(); !reflect.DeepEqual(again, carried) {
					t.Errorf("carried twice: %v, at first %v", again, carried)
				}
				for _, name := range all[cut+1:] {
					want, wantG := whole.Decode(nil, testSource, 8, read(t, name))
					got, gotG := next.Decode(nil, testSource, 8, read(t, name))
					// What came before the seam is not known: a late datagram is no duplicate.
					if wantG.Loss.Duplicate || wantG.Loss.Late > 0 {
						wantG.Loss, gotG.Loss = Loss{}, Loss{}
					}
					if !reflect.DeepEqual(got, want) || gotG != wantG {
						t.Errorf("%s:\n got %+v %+v\nwant %+v %+v", name, gotG, got, wantG, want)
					}
				}
			}
		})
	}
}

func TestCarryLoss(t *testing.T) {
	for _, version := range []flow.Version{flow.V5, flow.V9, flow.IPFIX} {
		for _, missing := range []uint32{0, 1, 5} {
			t.Run(fmt.Sprint(version, " ", missing), func(t *testing.T) {
				s := newSender(version)
				s.sequence = 1<<32 - 3 // wraps in between
				d := NewDecoder(Limits{})
				send := func(to *Decoder) Datagram {
					payload := s.message(s.template(256, simple...), set(256, simpleRecord(1), simpleRecord(2)))
					if version == flow.V5 {
						payload = s.v5(2)
					}
					_, g := to.take(s, payload)
					if s.sequence += 2; version == flow.V9 {
						s.sequence--
					}
					return g
				}
				send(d)
				send(d)
				next := heir(d.carried())
				s.sequence += missing
				if g := send(next); g.Loss != (Loss{Lost: missing}) || g.Records != 2 {
					t.Errorf("%+v", g)
				}
				// Learning what is known already changes nothing: the gap is still open.
				for _, p := range next.carried() {
					next.Learn(p.src, p.received, p.payload)
				}
				if s.sequence -= 2 + missing; version == flow.V9 {
					s.sequence++
				}
				if g := send(next); missing >= 2 && g.Loss != (Loss{Late: min(missing, 2), Reordered: true}) && version != flow.V9 {
					t.Errorf("late: %+v", g.Loss)
				}
			})
		}
	}
}

// Where the number of records is not known, the next file makes up no loss.
func TestCarryUnknown(t *testing.T) {
	s := newSender(flow.IPFIX)
	d := NewDecoder(Limits{})
	d.take(s, s.message(set(300, simpleRecord(1))))
	next := heir(d.carried())
	s.sequence += 40
	if _, g := next.take(s, s.message(set(300, simpleRecord(1)))); g.Loss != (Loss{}) {
		t.Errorf("%+v", g.Loss)
	}
	for _, p := range d.carried() {
		if g := NewDecoder(Limits{}).Scan(p.src, p.received, p.payload); g.Records+g.Options+g.Other+g.Rejects.Total()-int(g.Rejects[SetID]) != 0 {
			t.Errorf("carries %s", summary(&g))
		}
	}
}

// Sampling and start-up time go along, of each sampler.
func TestCarrySampling(t *testing.T) {
	for _, version := range []flow.Version{flow.V9, flow.IPFIX} {
		s := newSender(version)
		d := NewDecoder(Limits{})
		scope := f{1, 4, 0}
		d.take(s, s.message(
			s.options(256, 1, scope, f{48, 2, 0}, f{50, 4, 0}), set(256, values(n{4, 0}, n{2, 1}, n{4, 100}), values(n{4, 0}, n{2, 2}, n{4, 512})),
			s.options(257, 1, scope, f{160, 8, 0}, f{82, variable, 0}), set(257, values(n{4, 0}, n{8, uint64(testTime.UnixMilli() - 5000)}, []byte("\x02lo"))),
			s.options(258, 1, scope, f{82, 8, 0}), set(258, values(n{4, 0}, n{8, 0})),
			s.template(300, f{8, 4, 0}, f{48, 1, 0}, f{22, 4, 0}, f{21, 4, 0}),
		))
		next := heir(d.carried())
		records, g := next.take(s, s.message(set(300, values("10.0.0.1", n{1, 2}, n{4, 1000}, n{4, 2000}))))
		if len(records) != 1 || records[0].Sampling != 512 || records[0].Has&flow.EstimatedTime != 0 {
			t.Errorf("%v: %s %+v", version, summary(&g), records)
		}
		if got, want := next.last.rates, d.last.rates; !reflect.DeepEqual(got, want) {
			t.Errorf("%v: samplers %v, want %v", version, got, want)
		}
	}
}

// Many templates need several datagrams, none larger than a network takes.
func TestCarryMany(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, version := range []flow.Version{flow.V9, flow.IPFIX} {
		s := newSender(version)
		s.sequence = 77
		d := NewDecoder(Limits{})
		for id := range uint16(200) {
			fields, _ := generate(random, version)
			d.take(s, s.message(s.template(256+id, fields...)))
			if version == flow.V9 {
				s.sequence++
			}
		}
		all := d.carried()
		for _, p := range all {
			if len(p.payload) > carrySize {
				t.Errorf("%d bytes", len(p.payload))
			}
		}
		next := heir(all)
		if len(all) < 3 || len(next.last.templates) != 200 {
			t.Errorf("%d datagrams bring %d templates", len(all), len(next.last.templates))
		}
		_, g := next.take(s, s.message(s.template(256, simple...)))
		if g.Loss != (Loss{}) {
			t.Errorf("%+v", g.Loss)
		}
	}
}
