package collector

import (
	"encoding/binary"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// floodOf are IPFIX datagrams of one stream with so many templates of 250 fields.
func floodOf(domain uint32, templates int) (datagrams [][]byte) {
	for id := 256; id < 256+templates; {
		b := []byte{0, 10, 0, 0}
		b = binary.BigEndian.AppendUint32(b, uint32(time.Now().Unix()))
		b = binary.BigEndian.AppendUint32(b, 0)
		b = binary.BigEndian.AppendUint32(b, domain)
		b = append(b, 0, 2, 0, 0)
		for ; id < 256+templates && len(b) < 30_000; id++ {
			b = binary.BigEndian.AppendUint16(b, uint16(id))
			b = binary.BigEndian.AppendUint16(b, 250)
			for range 250 {
				b = append(b, 0, 1, 0, 8) // octetDeltaCount
			}
		}
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
		binary.BigEndian.PutUint16(b[18:], uint16(len(b)-16))
		datagrams = append(datagrams, b)
	}
	return datagrams
}

// TestCarryIsBounded: a flood of templates from one address fills no spool file, and
// what another exporter needs is carried.
func TestCarryIsBounded(t *testing.T) {
	r := start(t, testConfig(), t.TempDir())
	flood := r.dial()
	honest, err := net.Dial("udp", r.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer honest.Close()
	n := 0
	for domain := range uint32(64) {
		for _, b := range floodOf(domain, 250) {
			r.send(flood, b)
			n++
			if n%20 == 0 {
				r.await("taken", func(s Status) bool { return s.accepted() == uint64(n) })
			}
		}
	}
	r.await("stored", stored(n))
	r.Rotate()
	r.await("rotated", func(s Status) bool { return s.Spool.Files == 1 && s.Spool.Open != "" })
	r.finish()
	files, err := spool.ListSealed(r.folder)
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	carried := 0
	file, err := spool.Open(files[1].Path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for {
		packet, err := file.Next()
		if err != nil {
			break
		}
		if packet.Carried {
			carried += len(packet.Payload)
		}
	}
	if carried > carryMost {
		t.Errorf("%d bytes are carried, %d at most", carried, carryMost)
	}
}

// TestCarryIsFair: of two exporters the one that needs little has all of it.
func TestCarryIsFair(t *testing.T) {
	w := &writer{c: &Collector{log: slog.New(slog.DiscardHandler), receivers: []*receiver{{socket: &socket{at: netip.MustParseAddrPort("192.0.2.9:8787")}}}}, decoder: netflow.NewDecoder(netflow.Limits{})}
	now := time.Now().UnixNano()
	many := netip.MustParseAddrPort("192.0.2.1:2055")
	few := netip.MustParseAddrPort("192.0.2.2:2055")
	for domain := range uint32(64) {
		for _, b := range floodOf(domain, 256) {
			w.decoder.Scan(many, now, b)
		}
	}
	for _, b := range floodOf(1, 20) {
		w.decoder.Scan(few, now, b)
	}
	w.carry()
	if len(w.blocks) > carryMost {
		t.Errorf("%d bytes", len(w.blocks))
	}
	if n := len(w.blocks); n < carryMost/2 {
		t.Logf("%d bytes are carried", n) // the decoder chooses by itself what is of use
	}
	for need, want := range map[*map[netip.Addr]int]int{
		{many.Addr(): 100, few.Addr(): 10}: 90,
		{many.Addr(): 100, few.Addr(): 80}: 50,
	} {
		if got := shareOf(*need, 100); got != want {
			t.Errorf("%v: share %d, want %d", slices.Collect(maps.Values(*need)), got, want)
		}
	}
}

// TestLearningThatKills: a collector that died while it learnt is followed by one
// that starts without.
func TestLearningThatKills(t *testing.T) {
	folder := t.TempDir()
	r := start(t, testConfig(), folder)
	conn := r.dial()
	r.send(conn, v9(0, true))
	r.await("stored", stored(1))
	r.finish()
	files, err := spool.ListSealed(folder)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	hint := filepath.Join(folder, learningName)
	for _, died := range []bool{true, false} {
		if died {
			if err := os.WriteFile(hint, []byte(files[0].Name+"\n"), 0o640); err != nil {
				t.Fatal(err)
			}
		}
		r := start(t, testConfig(), folder)
		r.send(r.dial(), v9(1, true))
		r.await("stored", stored(1))
		r.finish()
		if _, err := os.Stat(hint); err == nil {
			t.Error("the hint stays")
		}
		if files, err = spool.ListSealed(folder); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNewestFile: a file of a clock that was ahead is not the newest, unless all are.
func TestNewestFile(t *testing.T) {
	cfg := Config{Now: func() time.Time { return noon }}
	w := &writer{c: &Collector{cfg: cfg}}
	old, ahead := spool.File{Name: "old", Start: noon.Add(-time.Hour)}, spool.File{Name: "ahead", Start: noon.AddDate(10, 0, 0)}
	if got := w.newest([]spool.File{old, ahead}); got.Name != "old" {
		t.Errorf("%s is the newest", got.Name)
	}
	if got := w.newest([]spool.File{ahead}); got.Name != "ahead" {
		t.Errorf("%s is the newest", got.Name)
	}
}
