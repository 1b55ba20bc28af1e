package collector

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nfacct/collector/spool"
)

// TestSpoolRemoved: a spool folder that is removed while the collector runs costs
// what was sealed in it, and nothing else.
func TestSpoolRemoved(t *testing.T) {
	r := start(t, testConfig(), filepath.Join(t.TempDir(), "spool"))
	conn := r.dial()
	take := func() {
		t.Helper()
		if err := os.RemoveAll(r.folder); err != nil {
			t.Fatal(err)
		}
	}
	back := func() {
		t.Helper()
		r.await("there again", func(s Status) bool {
			_, err := os.Stat(spool.OpenPath(r.folder, s.Spool.Open))
			return err == nil && !s.Spool.Full
		})
	}
	r.send(conn, v5(0, 1))
	r.await("stored", stored(1))
	take()
	r.send(conn, v5(1, 1))
	r.await("stored", stored(2))
	back()
	take()
	r.Rotate() // before it is looked after
	r.await("rotated", func(s Status) bool { return s.Spool.Files == 1 })
	r.send(conn, v5(2, 1))
	r.await("stored", stored(3))
	back()
	take()
	r.send(conn, v5(3, 1))
	r.await("stored", stored(4))
	r.finish() // likewise
	if got, _, _ := r.read(); len(got) != 2 {
		t.Errorf("%d datagrams", len(got))
	}
}

// TestFullAtRotation: the disk is full in the moment in which one file is sealed
// and the next one begun. Both are there in the end, with all that came.
func TestFullAtRotation(t *testing.T) {
	disk := newSmallDisk(t)
	cfg := testConfig()
	at := newClock(noon)
	cfg.Now = at.now
	r := start(t, cfg, filepath.Join(disk.folder, "spool"))
	conn := r.dial()
	for i := range 20 { // frames enough to be packed when the file is sealed
		r.send(conn, v5(uint32(i), 1))
		r.await("stored", stored(i+1))
	}
	disk.leave(0)
	at.set(noon.Add(15 * time.Minute))
	r.send(conn, v5(20, 1))
	r.await("full", func(s Status) bool { return s.Spool.Full && s.accepted() == 21 })
	disk.leave(-1)
	r.await("stored", stored(21))
	r.send(conn, v5(21, 1))
	r.await("stored", stored(22))
	r.finish()
	got, _, stats := r.read()
	files, err := spool.ListSealed(r.folder)
	if err != nil || len(files) != 2 || len(got) != 22 || stats.Received != 22 || stats.QueueDropped != 0 {
		t.Errorf("%d datagrams in %d files, %+v, %v", len(got), len(files), stats, err)
	}
}

// TestRotateStorm: however often a new file is asked for, there is one a second at
// most, and none is named by a time that is still to come.
func TestRotateStorm(t *testing.T) {
	r := start(t, testConfig(), t.TempDir())
	conn := r.dial()
	begun := time.Now()
	sent := 0
	for time.Since(begun) < 1500*time.Millisecond {
		r.Rotate()
		if sent%10 == 0 {
			time.Sleep(time.Millisecond)
		}
		r.send(conn, v5(uint32(sent), 1))
		sent++
		r.await("taken", func(s Status) bool { return s.accepted() == uint64(sent) })
	}
	r.await("stored", stored(sent))
	r.finish()
	most := int(time.Since(begun)/time.Second) + 2
	files, err := spool.ListSealed(r.folder)
	if err != nil || len(files) < 2 || len(files) > most {
		t.Errorf("%d files, want 2 to %d, %v", len(files), most, err)
	}
	for _, file := range files {
		if file.Start.After(time.Now()) {
			t.Errorf("%s is of the future", file.Name)
		}
	}
	if got, _, _ := r.read(); len(got) != sent {
		t.Errorf("%d of %d datagrams", len(got), sent)
	}
}

// TestManySourceIDs: one exporter with ten thousand of them, each with a template
// of its own, is read and kept, and what is carried to the next file stays small.
func TestManySourceIDs(t *testing.T) {
	r := start(t, testConfig(), t.TempDir())
	conn := r.dial()
	const sources = 10_000
	for n := range uint32(sources) {
		payload := append(v9(n, true), v9(n, false)[20:]...)
		binary.BigEndian.PutUint16(payload[2:], 2)
		binary.BigEndian.PutUint32(payload[16:], n)
		r.send(conn, payload)
		if n%100 == 99 {
			r.await("taken", func(s Status) bool { return s.accepted() == uint64(n+1) })
		}
	}
	s := r.await("all are stored", stored(sources))
	if e := s.Exporters[0]; e.Records != sources || e.NoTemplate != 0 || s.Panics != 0 {
		t.Errorf("%+v", e)
	}
	r.Rotate()
	r.await("rotated", func(s Status) bool { return s.Spool.Files == 1 })
	r.finish()
	files, err := spool.ListSealed(r.folder)
	if err != nil || len(files) != 2 || files[1].Size > 64<<10 {
		t.Errorf("%+v %v", files, err)
	}
	if got, carried, _ := r.read(); len(got) != sources || carried == 0 || carried > 256 {
		t.Errorf("%d datagrams, %d carried", len(got), carried)
	}
}

// TestTemplateFlood: templates without end cost neither datagrams nor the file
// after them.
func TestTemplateFlood(t *testing.T) {
	r := start(t, testConfig(), t.TempDir())
	conn := r.dial()
	const datagrams, fields = 300, 250
	for n := range datagrams {
		payload := v9(uint32(n), true)[:20]
		binary.BigEndian.PutUint32(payload[16:], uint32(n%64))
		payload = binary.BigEndian.AppendUint16(payload, 0)
		payload = binary.BigEndian.AppendUint16(payload, 0)
		for id := range 50 {
			payload = binary.BigEndian.AppendUint16(payload, uint16(256+50*(n/64)+id))
			payload = binary.BigEndian.AppendUint16(payload, fields)
			for f := range uint16(fields) {
				payload = binary.BigEndian.AppendUint16(payload, 1000+f)
				payload = binary.BigEndian.AppendUint16(payload, 4)
			}
		}
		binary.BigEndian.PutUint16(payload[2:], 50)
		binary.BigEndian.PutUint16(payload[22:], uint16(len(payload)-20))
		r.send(conn, payload)
		r.await("taken", func(s Status) bool { return s.accepted() == uint64(n+1) })
	}
	r.await("stored", stored(datagrams))
	r.Rotate()
	r.await("rotated", func(s Status) bool { return s.Spool.Files == 1 })
	r.send(conn, v5(0, 1))
	r.await("stored", stored(datagrams+1))
	r.finish()
	if got, carried, _ := r.read(); len(got) != datagrams+1 || carried == 0 {
		t.Errorf("%d datagrams, %d carried", len(got), carried)
	}
}

// TestHintsNeverStopReceiving: what stands in the place of the list of imported
// files, and a folder of a day that nobody may look into, cost no datagram.
func TestHintsNeverStopReceiving(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "spool")
	if err := os.MkdirAll(filepath.Join(folder, "imported", "x"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "2026-11-22"), nil, 0o640); err != nil {
		t.Fatal(err)
	}
	r := start(t, testConfig(), folder)
	conn := r.dial()
	for i := range 3 {
		r.send(conn, v5(uint32(i), 1))
		r.await("stored", stored(i+1))
		r.Rotate()
		r.await("rotated", func(s Status) bool { return s.Spool.Files == i+1 && s.Spool.Open != "" })
	}
	r.finish()
	if got, _, _ := r.read(); len(got) != 3 {
		t.Errorf("%d datagrams", len(got))
	}
}
