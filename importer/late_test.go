package importer

import (
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
)

// TestUntimely: a capture's impossible times make no tables, and are counted.
func TestUntimely(t *testing.T) {
	folder := t.TempDir()
	one := half{up: true, host: 1, peer: 1, port: 5000}
	day := func(year, month int) time.Time { return time.Date(year, time.Month(month), 1, 12, 0, 0, 0, time.UTC) }
	datagrams := []sent{
		v5(day(1970, 1), 0, one), v5(day(2105, 12), 1, one),
		v5(day(2026, 11), 2, one), v5(day(2026, 11).Add(time.Hour), 3, one),
	}
	for i := range 40 { // of these 23 go in
		datagrams = append(datagrams, v5(day(2000, 1).AddDate(0, i, 0), uint32(4+i), one))
	}
	spoolFile(t, folder, at, datagrams...)
	var l ledger
	s := load(t, newImporter(t, folder, v5Office()), &l, anyDay)
	found := map[archive.Month]bool{}
	for _, r := range l.rows {
		found[archive.MonthOf(r.Day)] = true
	}
	if len(found) != maxMonths || s.Records != 25 {
		t.Errorf("%d months, %d records", len(found), s.Records)
	}
	rejected := uint64(0)
	for _, b := range s.Books {
		rejected += b.Rejected["untimely"]
		if err := b.Check(); err != nil {
			t.Error(err)
		}
	}
	if rejected != 2+17 {
		t.Errorf("%d rejected, want 19", rejected)
	}
}

// A file whose times are all wrong can be corrected, so it does not count as loaded.
func TestAllUntimely(t *testing.T) {
	folder := t.TempDir()
	spoolFile(t, folder, at, v5(time.Unix(60, 0), 0, half{up: true, host: 1, peer: 1, port: 5000}))
	im := newImporter(t, folder, v5Office())
	inputs, err := fromSpool(folder)
	if err != nil {
		t.Fatal(err)
	}
	var l ledger
	b := im.build(Options{})
	if err := b.run(t.Context(), inputs, &l, anyDay); err != nil {
		t.Fatal(err)
	}
	if b.summary.Failed != 1 || len(l.rows) != 0 || b.summary.Files[0].Problem != errUntimely.Error() {
		t.Errorf("%+v", b.summary)
	}
}

// TestLateOverMidnight: what comes late is not lost, also when the day that
// missed it is over. What comes late in the next file stays lost.
func TestLateOverMidnight(t *testing.T) {
	folder := t.TempDir()
	midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	one := half{up: true, host: 1, peer: 1, port: 5000}
	send := func(seconds int, sequence uint32) sent {
		d := v5(midnight.Add(time.Duration(seconds)*time.Second), sequence, one)
		d.payload[7] += byte(sequence) // up time goes on with what was sent
		return d
	}
	spoolFile(t, folder, midnight.Add(-time.Minute),
		send(-3, 10), send(-2, 12), send(-1, 14), // 11 and 13 are missing
		send(1, 11), // late
		send(2, 16), send(3, 15))
	spoolFile(t, folder, midnight.Add(spool.SlotLength), send(900, 17), send(901, 19))
	spoolFile(t, folder, midnight.Add(2*spool.SlotLength), send(1800, 18))
	s := preview(t, newImporter(t, folder, v5Office()))
	want := map[string]uint64{"2026-11-22": 1, "2026-11-23": 1}
	for _, b := range s.Books {
		if b.LostRecords != want[b.Day.String()] {
			t.Errorf("%s: %d lost, want %d", b.Day, b.LostRecords, want[b.Day.String()])
		}
	}
	if len(s.Books) != 2 || s.Records != 9 {
		t.Errorf("%+v", s)
	}
}
