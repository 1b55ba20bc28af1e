package netflow

import (
	"fmt"
	"testing"

	"nfacct/collector/flow"
)

// IPFIX loss at a file's beginning, where the lost datagram and the next have as
// many records: it looks as if the number included the message's own records.
func TestLossAtBeginning(t *testing.T) {
	for _, first := range []string{"template", "carried"} {
		s := newSender(flow.IPFIX)
		d := NewDecoder(Limits{})
		records := [][]byte{simpleRecord(1), simpleRecord(2), simpleRecord(3), simpleRecord(4)}
		d.take(s, s.message(s.template(256, simple...)))
		if first == "carried" {
			d.take(s, s.message(set(256, records...)))
			s.sequence += 4
			d = heir(d.carried())
		}
		s.sequence += 4 // lost
		var lost, late uint32
		for _, n := range []int{4, 4, 3, 4, 1, 2} {
			_, g := d.take(s, s.message(set(256, records[:n]...)))
			lost, late = lost+g.Loss.Lost, late+g.Loss.Late
			s.sequence += uint32(n)
		}
		if lost != 4 || late != 0 {
			t.Errorf("%s: %d lost, %d late", first, lost, late)
		}
	}
}

// An exporter whose numbers do include it loses nothing, and what looked so at
// first is taken back; a seam does not bring it up again.
func TestIncludingStyle(t *testing.T) {
	for seam := range 12 {
		s := newSender(flow.IPFIX)
		d := NewDecoder(Limits{})
		d.take(s, s.message(s.template(256, simple...)))
		var lost, late uint32
		for i, n := range []int{3, 1, 4, 4, 4, 2, 6, 6, 6, 1, 1, 3} {
			if i == seam && i > 4 {
				d = heir(d.carried())
			}
			s.sequence += uint32(n)
			var all [][]byte
			for range n {
				all = append(all, simpleRecord(1))
			}
			_, g := d.take(s, s.message(set(256, all...)))
			lost, late = lost+g.Loss.Lost, late+g.Loss.Late
		}
		if lost != late {
			t.Errorf("seam at %d: %d lost, %d taken back", seam, lost, late)
		}
	}
}

// One datagram that is very late is no restart, and nothing is lost by it.
func TestVeryLate(t *testing.T) {
	for _, version := range []flow.Version{flow.V5, flow.V9, flow.IPFIX} {
		s := newSender(version)
		d := NewDecoder(Limits{})
		send := func(sequence uint32, after uint32) Loss {
			late := *s
			late.sequence, late.uptime, late.export = sequence, s.uptime+1000*after, s.export+after
			payload := late.message(late.template(256, simple...), set(256, simpleRecord(1)))
			if version == flow.V5 {
				payload = late.v5(1)
			}
			_, g := d.Decode(nil, testSource, int64(s.export+after)*second, payload)
			return g.Loss
		}
		const total, missing = 40_000, 100
		var got Loss
		var received int64
		for i := range uint32(total) {
			if i == missing {
				continue
			}
			loss := send(i, i/1000)
			got.Lost += loss.Lost
			got.Late += loss.Late
			if loss.Restart || loss.Duplicate {
				t.Fatalf("%v: datagram %d: %+v", version, i, loss)
			}
			received++
		}
		if loss := send(missing, missing/1000); loss != (Loss{Late: 1, Reordered: true}) {
			t.Errorf("%v: %+v", version, loss)
		}
		// One that was late so long that its gap is forgotten is no restart either.
		if loss := send(missing+1, missing/1000); loss.Restart || loss.Lost > 0 {
			t.Errorf("%v: %+v", version, loss)
		}
		if loss := send(total, total/1000); loss != (Loss{}) || got.Lost != 1 {
			t.Errorf("%v: after it %+v, in all %+v", version, loss, got)
		}
	}
}

// Forged numbers lose no more than a line can have carried.
func TestForgedLoss(t *testing.T) {
	for _, version := range []flow.Version{flow.V5, flow.V9, flow.IPFIX} {
		for _, jump := range []uint32{3_000, 100_000, 1 << 20, 1 << 30} {
			s := newSender(version)
			d := NewDecoder(Limits{})
			var lost uint64
			const datagrams = 10_000
			for i := range datagrams { // 10 a millisecond
				payload := s.message(s.template(256, simple...))
				if version == flow.V5 {
					payload = s.v5(1)
				}
				_, g := d.Decode(nil, testSource, s.received()+int64(i)*millisecond/10, payload)
				lost += uint64(g.Loss.Lost)
				s.sequence += jump
			}
			if most := uint64(recordRate * 3); lost > most {
				t.Errorf("%v, by %d: %d units lost within a second", version, jump, lost)
			}
		}
	}
}

// A pause in which much was sent loses as much.
func TestTrueLoss(t *testing.T) {
	for _, version := range []flow.Version{flow.V5, flow.V9, flow.IPFIX} {
		s := newSender(version)
		d := NewDecoder(Limits{})
		for i := range 5 {
			payload := s.message(s.template(256, simple...))
			if version == flow.V5 {
				payload = s.v5(1)
			}
			want := Loss{Lost: 1_000_000}
			if version == flow.V5 {
				want.Lost--
			} else if version == flow.V9 {
				want.Lost--
			}
			if i == 0 {
				want = Loss{}
			}
			if _, g := d.take(s, payload); g.Loss != want {
				t.Errorf("%v: %+v", version, g.Loss)
			}
			s.sequence, s.export, s.uptime = s.sequence+1_000_000, s.export+600, s.uptime+600_000
		}
	}
}

// Two exporters under one address, port and source id: nothing is lost that is
// known of, and it is said.
func TestShared(t *testing.T) {
	for _, version := range []flow.Version{flow.V5, flow.V9, flow.IPFIX} {
		for _, apart := range []uint32{40_000, 60_000, 1_000_000, 1 << 31} {
			for _, sameBoot := range []bool{false, true} {
				t.Run(fmt.Sprint(version, apart, sameBoot), func(t *testing.T) {
					if sameBoot && version != flow.IPFIX && apart == 1<<31 {
						return
					}
					one, two := newSender(version), newSender(version)
					two.sequence = apart
					if !sameBoot {
						two.uptime += 86_400_000
					}
					d := NewDecoder(Limits{})
					var lost, late, records uint32
					var said bool
					restarts := 0
					const rounds = 400
					for i := range rounds {
						for _, s := range []*sender{one, two} {
							payload := s.message(set(256, simpleRecord(1)))
							if i%20 == 0 {
								payload = s.message(s.template(256, simple...), set(256, simpleRecord(1)))
							}
							if version == flow.V5 {
								payload = s.v5(1)
							}
							_, g := d.Decode(nil, testSource, s.received()+int64(i%10)*100*millisecond, payload)
							for _, u := range d.Unread() {
								_, h := d.DecodeUnread(nil, &u)
								records += uint32(h.Records)
							}
							lost, late, records = lost+g.Loss.Lost, late+g.Loss.Late, records+uint32(g.Records)
							said = g.Loss.Shared
							if g.Loss.Restart {
								restarts++
							}
							if s.sequence++; i%10 == 9 {
								s.export, s.uptime = s.export+1, s.uptime+1000
							}
						}
					}
					if lost-late > 20 || !said || restarts > 20 || !d.Streams()[0].Shared {
						t.Errorf("%d lost, %d late, %d restarts, said %v", lost, late, restarts, said)
					}
					if records < rounds*2-40 {
						t.Errorf("%d of %d records", records, rounds*2)
					}
				})
			}
		}
	}
}

// One of them goes away: loss is known again.
func TestSharedEnds(t *testing.T) {
	s, other := newSender(flow.IPFIX), newSender(flow.IPFIX)
	other.sequence = 1 << 30
	d := NewDecoder(Limits{})
	d.take(s, s.message(s.template(256, simple...)))
	said := 0
	for i := range 3000 {
		s.export++
		other.export++
		_, g := d.take(s, s.message(set(256, simpleRecord(1))))
		if g.Loss.Shared {
			said++
		}
		if s.sequence++; i < 100 {
			d.take(other, other.message(set(256, simpleRecord(1))))
			other.sequence++
		}
	}
	s.sequence += 5
	if _, g := d.take(s, s.message(set(256, simpleRecord(1)))); g.Loss != (Loss{Lost: 5}) || said == 0 || d.Streams()[0].Shared {
		t.Errorf("%+v after %d", g.Loss, said)
	}
}
