package importer

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"nfacct/collector/spool"
	"nfacct/importer/attribution"
	"nfacct/routeros/officetest"
)

var public = ip("203.0.113.2")

// masquerade is v5Office with a public address.
func masquerade() Router {
	r := v5Office()
	r.Own = []netip.Addr{public}
	return r
}

// half is one direction of a masqueraded conversation.
type half struct {
	up   bool
	host byte
	peer byte
	port uint16
}

// v5 is a datagram of halves, without next hops, as behind an inner router.
func v5(at time.Time, sequence uint32, halves ...half) sent {
	be := binary.BigEndian
	b := make([]byte, 24)
	be.PutUint16(b, 5)
	be.PutUint16(b[2:], uint16(len(halves)))
	be.PutUint32(b[4:], 3_600_000)
	be.PutUint32(b[8:], uint32(at.Unix()))
	be.PutUint32(b[16:], sequence)
	for _, h := range halves {
		r := make([]byte, 48)
		host, peer := netip.AddrFrom4([4]byte{192, 168, 0, h.host}), netip.AddrFrom4([4]byte{198, 51, 100, h.peer})
		src, dst, sport, dport, in, out := host, peer, h.port, uint16(443), uint16(2), uint16(13)
		if !h.up {
			src, dst, sport, dport, in, out = peer, public, dport, sport, out, in
		}
		copy(r, src.AsSlice())
		copy(r[4:], dst.AsSlice())
		be.PutUint16(r[12:], in)
		be.PutUint16(r[14:], out)
		be.PutUint32(r[16:], 2)
		be.PutUint32(r[20:], 1000+uint32(h.port))
		be.PutUint32(r[24:], 3_599_000)
		be.PutUint32(r[28:], 3_600_000)
		be.PutUint16(r[32:], sport)
		be.PutUint16(r[34:], dport)
		r[38] = 6
		b = append(b, r...)
	}
	return sent{at, b}
}

// rowsOf are what files become when they are imported in batches, sorted.
func rowsOf(t *testing.T, im *Importer, batches ...[]input) []string {
	t.Helper()
	var l ledger
	for _, batch := range batches {
		b := im.build(Options{})
		if err := b.run(context.Background(), batch, &l, anyDay); err != nil {
			t.Fatal(err)
		}
		if b.summary.Failed > 0 {
			t.Fatalf("%+v", b.summary)
		}
	}
	var rows []string
	for _, r := range l.rows {
		rows = append(rows, fmt.Sprintf("%+v", r))
	}
	slices.Sort(rows)
	return rows
}

// TestAnyBatching: rows of a v5 exporter behind masquerade do not depend on which
// files are imported together.
func TestAnyBatching(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	reverse := 0
	for range 20 {
		folder := t.TempDir()
		const files = 6
		begin := at.Truncate(spool.SlotLength)
		var times []time.Time
		for i := range files {
			start := begin.Add(time.Duration(i) * spool.SlotLength)
			if i > 0 && random.IntN(3) == 0 {
				start = start.Add(time.Duration(random.IntN(800)) * time.Second) // after a stop
			}
			times = append(times, start)
		}
		// Conversations whose halves come up to six minutes apart, across seams.
		type come struct {
			at time.Time
			half
		}
		var all []come
		for range 1500 {
			h := half{host: byte(1 + random.IntN(30)), peer: byte(random.IntN(20)), port: uint16(1024 + random.IntN(300))}
			up := begin.Add(time.Duration(random.Int64N(int64(files * spool.SlotLength))))
			down := up.Add(time.Duration(random.Int64N(int64(12*time.Minute))) - 6*time.Minute)
			all = append(all, come{down, h})
			h.up = true
			all = append(all, come{up, h})
		}
		slices.SortFunc(all, func(a, b come) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
		for i, start := range times {
			until := begin.Add(files * spool.SlotLength)
			if i+1 < files {
				until = times[i+1]
			}
			var datagrams []sent
			for _, c := range all {
				if !c.at.Before(start) && c.at.Before(until) {
					datagrams = append(datagrams, v5(c.at, uint32(len(datagrams)), c.half))
				}
			}
			spoolFile(t, folder, start, datagrams...)
		}
		im := newImporter(t, folder, masquerade())
		inputs, err := fromSpool(folder)
		if err != nil || len(inputs) != files {
			t.Fatal(inputs, err)
		}
		together := rowsOf(t, im, inputs)
		var l ledger
		load(t, im, &l, anyDay)
		for _, r := range l.rows {
			if _, down := attribution.Decode(r.Attribution); down == attribution.Reverse {
				reverse++
			}
		}
		for range 5 {
			shuffled := slices.Clone(inputs)
			random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			var batches [][]input
			for len(shuffled) > 0 {
				n := 1 + random.IntN(len(shuffled))
				batches = append(batches, shuffled[:n])
				shuffled = shuffled[n:]
			}
			if got := rowsOf(t, im, batches...); !slices.Equal(got, together) {
				t.Fatalf("batches %v give other rows than all files at once", batches)
			}
		}
	}
	if reverse < 5000 {
		t.Errorf("only %d rows were found by their uploads: the test proves little", reverse)
	}
}

// TestUploadsAcrossFiles: a download answers uploads of its own file and of the
// one before, not of the one after; a file given by name stands for itself.
func TestUploadsAcrossFiles(t *testing.T) {
	folder := t.TempDir()
	begin := at.Truncate(spool.SlotLength)
	minute := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Minute) }
	spoolFile(t, folder, minute(0), v5(minute(14), 0, half{up: true, host: 1, peer: 1, port: 5000}))
	spoolFile(t, folder, minute(15),
		v5(minute(16), 1, half{host: 1, peer: 1, port: 5000}, half{host: 2, peer: 1, port: 6000}, half{host: 3, peer: 1, port: 7000}),
		v5(minute(20), 4, half{up: true, host: 2, peer: 1, port: 6000}))
	spoolFile(t, folder, minute(30), v5(minute(31), 5, half{up: true, host: 3, peer: 1, port: 7000}))
	im := newImporter(t, folder, masquerade())
	unattributed := func(s Summary) uint64 { return s.Books[0].Classes.Unattributed.Records }
	if n := unattributed(preview(t, im)); n != 1 {
		t.Errorf("%d unattributed, want 1", n)
	}
	inputs, err := fromSpool(folder)
	if err != nil {
		t.Fatal(err)
	}
	if n := unattributed(preview(t, im, inputs[1].path)); n != 1 {
		t.Errorf("alone: %d unattributed, want 1", n)
	}
	im = newImporter(t, t.TempDir(), masquerade()) // whose spool it is not
	if n := unattributed(preview(t, im, inputs[1].path)); n != 2 {
		t.Errorf("given by name: %d unattributed, want 2", n)
	}
	if n := unattributed(preview(t, im, inputs[0].path, inputs[1].path)); n != 2 {
		t.Errorf("given by name with the one before: %d unattributed, want 2", n)
	}
}

// Where exporters send translated addresses no file is read twice.
func TestUploadsNotNeeded(t *testing.T) {
	folder := t.TempDir()
	im := newImporter(t, folder, officeSpool(t, folder, officetest.V9, 20_000))
	inputs, err := fromSpool(folder)
	if err != nil {
		t.Fatal(err)
	}
	a := newAccountant(newCalendar(time.UTC), im.routers, im.rules, anyDay)
	p := newPipeline(newSource(im.routers, newCalendar(time.UTC), anyDay), a, new(sink), func(*fileEnd) {})
	if err := p.run(t.Context(), inputs); err != nil {
		t.Fatal(err)
	}
	if len(a.uploads.known) != 0 {
		t.Errorf("%d files were read for their uploads", len(a.uploads.known))
	}
}
