package collector

import (
	"encoding/binary"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// clock is a clock that tests set.
type clock struct{ at atomic.Int64 }

func newClock(at time.Time) *clock {
	c := &clock{}
	c.set(at)
	return c
}

func (c *clock) set(at time.Time) { c.at.Store(at.UnixNano()) }
func (c *clock) now() time.Time   { return time.Unix(0, c.at.Load()) }

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// v9 is a datagram of an exporter that has been up since noon less a minute:
// with a template, or with one record of it.
func v9(sequence uint32, template bool) []byte {
	b := make([]byte, 20, 64)
	binary.BigEndian.PutUint16(b, 9)
	binary.BigEndian.PutUint16(b[2:], 1)
	binary.BigEndian.PutUint32(b[4:], 60_000)
	binary.BigEndian.PutUint32(b[8:], uint32(noon.Unix()))
	binary.BigEndian.PutUint32(b[12:], sequence)
	words := []uint16{256, 12, 192, 1, 192, 2, 0, 99}
	if template {
		// Source and destination address.
		words = []uint16{0, 16, 256, 2, 8, 4, 12, 4}
	}
	for _, word := range words[:len(words)-len(words)%2] {
		b = binary.BigEndian.AppendUint16(b, word)
	}
	if !template {
		return b[:20+12]
	}
	return b
}

// TestSequence tells loss, lateness, duplicates and restarts apart.
func TestSequence(t *testing.T) {
	r := start(t, testConfig(), t.TempDir())
	conn := r.dial()
	for _, sequence := range []uint32{
		100, 110, // in order
		130, // 10 records lost
		120, // and here they are, late
		140,
		140,      // twice
		150, 180, // 20 records lost
	} {
		r.send(conn, v5(sequence, 10))
	}
	again := v5(0, 10) // the router was started again: its uptime fell
	binary.BigEndian.PutUint32(again[4:], 20)
	r.send(conn, again)
	s := r.await("all are stored", stored(9))
	e := s.Exporters[0]
	e.Rejects, e.Versions = nil, nil
	want := Exporter{
		Router: "office", Address: netip.MustParseAddr("127.0.0.1"), Received: e.Received,
		Datagrams: 9, Bytes: 9 * (24 + 480), Records: 90,
		LostRecords: 20, Reordered: 1, Duplicates: 1, Restarts: e.Restarts,
	}
	if e.Datagrams != want.Datagrams || e.Bytes != want.Bytes || e.Records != want.Records ||
		e.LostRecords != want.LostRecords || e.Reordered != want.Reordered || e.Duplicates != want.Duplicates || e.LostDatagrams != 0 {
		t.Errorf("got  %+v\nwant %+v", e, want)
	}
	if e.Restarts == 0 {
		t.Error("the restart was not seen")
	}
}

// TestQuarterHours: a file a quarter-hour, by the clock of the configuration,
// each one with the templates it needs.
func TestQuarterHours(t *testing.T) {
	cfg := testConfig()
	at := newClock(noon.Add(14*time.Minute + 59*time.Second))
	cfg.Now = at.now
	r := start(t, cfg, t.TempDir())
	conn := r.dial()
	r.send(conn, v9(0, true))
	r.send(conn, v9(1, false))
	r.await("taken", func(s Status) bool { return s.accepted() == 2 })
	at.set(noon.Add(15 * time.Minute))
	r.send(conn, v9(2, false)) // the buffer ends here, not half a second later
	r.await("stored", stored(3))
	at.set(noon.Add(31 * time.Minute))
	s := r.await("rotated without any traffic", func(s Status) bool { return s.Spool.Files == 2 && strings.Contains(s.Spool.Open, "T123000Z") })
	if s.Spool.Bytes == 0 || s.Spool.Folder != r.folder {
		t.Errorf("%+v", s.Spool)
	}
	r.send(conn, v9(3, false))
	r.await("stored", stored(4))
	if e := r.Status().Exporters[0]; e.NoTemplate != 0 || e.Records != 3 {
		t.Errorf("%+v", e)
	}
	r.finish()
	for name, live := range map[string]int{"20261123T120000Z": 2, "20261123T121500Z": 1, "20261123T123000Z": 1} {
		path := filepath.Join(r.folder, "2026-11-23", name+".pcapng.zst")
		payloads, carried, stats := readFile(t, path)
		if len(payloads) != live || stats.Received != uint64(live) {
			t.Errorf("%s: %d datagrams, %+v", name, len(payloads), stats)
		}
		if (carried > 0) != (live == 1) {
			t.Errorf("%s: %d carried", name, carried)
		}
		records, lost, ignorant := decodeAlone(t, path)
		if records != 1 || lost != 0 || ignorant != 0 {
			t.Errorf("%s alone: %d records, %d lost, %d without template", name, records, lost, ignorant)
		}
	}
}

// decodeAlone decodes one file with a fresh decoder.
func decodeAlone(t *testing.T, path string) (records int, lost uint32, ignorant int) {
	t.Helper()
	file, err := spool.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	d := netflow.NewDecoder(netflow.Limits{})
	for {
		packet, err := file.Next()
		if err != nil {
			return records, lost, ignorant
		}
		if packet.Carried {
			d.Learn(packet.Src, packet.Received, packet.Payload)
			continue
		}
		g := d.Scan(packet.Src, packet.Received, packet.Payload)
		records += g.Records
		lost += g.Loss.Lost
		ignorant += g.NoTemplate
	}
}

// TestRestart: a new start knows the templates of the last one, and what was
// sent in between shows as loss, in the counters and in the file alone.
func TestRestart(t *testing.T) {
	folder := t.TempDir()
	cfg := testConfig()
	at := newClock(noon)
	cfg.Now = at.now
	r := start(t, cfg, folder)
	port := r.dial()
	// The exporter keeps its port while collectors come and go.
	from := port.LocalAddr().String()
	r.send(port, v9(0, true))
	r.send(port, v9(1, false))
	r.await("stored", stored(2))
	r.finish()
	port.Close()

	at.set(noon.Add(20 * time.Second))
	r = start(t, cfg, folder)
	port = r.dialFrom(from)
	r.send(port, v9(7, false)) // 2 to 6 found nobody
	s := r.await("stored", stored(1))
	if e := s.Exporters[0]; e.LostDatagrams != 5 || e.NoTemplate != 0 || e.Records != 1 {
		t.Errorf("%+v", e)
	}
	r.finish()
	// The name of the quarter-hour is taken: it is the second of creation.
	records, lost, ignorant := decodeAlone(t, filepath.Join(folder, "2026-11-23", "20261123T120020Z.pcapng.zst"))
	if records != 1 || lost != 5 || ignorant != 0 {
		t.Errorf("%d records, %d lost, %d without template", records, lost, ignorant)
	}
}

// TestRotate: as on SIGHUP.
func TestRotate(t *testing.T) {
	r := start(t, testConfig(), t.TempDir())
	conn := r.dial()
	r.send(conn, v5(0, 1))
	r.await("stored", stored(1))
	r.Rotate()
	r.await("rotated", func(s Status) bool { return s.Spool.Files == 1 })
	r.send(conn, v5(1, 1))
	r.await("stored", stored(2))
	r.finish()
	got, carried, _ := r.read()
	if files, _ := spool.ListSealed(r.folder); len(files) != 2 || len(got) != 2 || carried == 0 {
		t.Errorf("%d files, %d datagrams, %d carried", len(files), len(got), carried)
	}
}

// TestClockJumps: whatever the clock does, each file has its own time, and
// nothing is lost or overwritten.
func TestClockJumps(t *testing.T) {
	cfg := testConfig()
	at := newClock(noon)
	cfg.Now = at.now
	r := start(t, cfg, t.TempDir())
	conn := r.dial()
	hours := []time.Duration{0, 5, -20, -20, 24 * 400, 0, 0}
	for i, hour := range hours {
		at.set(noon.Add(hour * time.Hour))
		r.send(conn, v5(uint32(i), 1))
		r.await("stored", stored(i+1))
	}
	at.set(noon.Add(-15 * time.Minute)) // one quarter-hour back: found by the tick
	r.await("rotated", func(s Status) bool { return strings.Contains(s.Spool.Open, "T114500Z") })
	r.send(conn, v5(uint32(len(hours)), 1))
	r.await("stored", stored(len(hours)+1))
	r.finish()
	got, _, _ := r.read()
	files, _ := spool.ListSealed(r.folder)
	if len(got) != len(hours)+1 || len(files) != 6 {
		t.Errorf("%d datagrams in %d files", len(got), len(files))
	}
	for _, file := range files {
		opened, err := spool.Open(file.Path)
		if err != nil {
			t.Fatal(err)
		}
		for {
			packet, err := opened.Next()
			if err != nil {
				break
			}
			if !packet.Carried && slotOf(time.Unix(0, packet.Received)) != slotOf(file.Start) {
				t.Errorf("%s holds a datagram of %s", file.Name, time.Unix(0, packet.Received).UTC())
			}
		}
		opened.Close()
	}
}

// TestStopTakesWhatArrived: datagrams that wait in the kernel at SIGTERM are kept.
func TestStopTakesWhatArrived(t *testing.T) {
	for range 5 {
		r := start(t, testConfig(), t.TempDir())
		conn := r.dial()
		for i := range 300 {
			r.send(conn, v5(uint32(i), 30))
		}
		r.finish()
		if got, _, _ := r.read(); len(got) != 300 {
			t.Errorf("%d of 300 datagrams", len(got))
		}
	}
}

// TestClockSetLate: what came before the clock was set, in 1970, is placed where it was
// by the clock that is set then, over more than one file.
func TestClockSetLate(t *testing.T) {
	cfg := testConfig()
	boot := time.Date(1970, 1, 1, 0, 14, 50, 0, time.UTC)
	at := newClock(boot)
	cfg.Now = at.now
	r := start(t, cfg, t.TempDir())
	conn := r.dial()
	r.send(conn, v5(0, 10))
	r.await("stored", stored(1))
	at.set(boot.Add(20 * time.Second)) // another quarter-hour of 1970
	r.send(conn, v5(10, 10))
	r.await("stored", stored(2))
	at.set(noon)
	r.send(conn, v5(20, 10))
	r.await("stored", stored(3))
	r.finish()
	got, _, _ := r.read()
	if len(got) != 3 {
		t.Fatalf("%d datagrams", len(got))
	}
	files, err := spool.ListSealed(r.folder)
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for i, file := range files {
		if file.Start.Year() != 2026 || file.Start.After(noon) {
			t.Errorf("%s", file.Name)
		}
		f, err := spool.Open(file.Path)
		if err != nil {
			t.Fatal(err)
		}
		for {
			packet, err := f.Next()
			if err != nil {
				break
			}
			if packet.Carried {
				continue
			}
			// The clock of the test stands still, and the time that passes is the test's.
			if ago := noon.Sub(time.Unix(0, packet.Received)); ago < 0 || ago > 60*time.Second {
				t.Errorf("file %d: a datagram of %v ago", i, ago)
			}
		}
		if f.Damage() != nil {
			t.Error(f.Damage())
		}
		f.Close()
	}
}
