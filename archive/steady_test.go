package archive

import (
	"context"
	"maps"
	"net/netip"
	"testing"
	"time"
)

// What a reader finds while a day is loaded, or loaded again, is at every step what
// it was or what it will be, or known as neither.
func TestUnsettledAtEveryStep(t *testing.T) {
	a := open(t)
	lock(t, a)
	one, two := newFile(t, a, 1, 100, monday), newFile(t, a, 2, 50, monday)
	look := func(name string) {
		if name == "stream open" { // a reader of the table would wait for the stream's end
			return
		}
		changing, err := a.Reader().Unsettled(t.Context(), monday, monday)
		if err != nil {
			t.Fatal(err)
		}
		if len(changing) > 0 {
			return
		}
		books, err := a.Reader().Audit(t.Context(), monday, monday)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range books {
			if b.Difference != "" {
				t.Error(b.Difference)
			}
		}
	}
	step := a.step
	a.step = look
	defer func() { a.step = step }()
	mustLoad(t, a, one, two)
	if err := reload(t.Context(), a, monday, one, two); err != nil {
		t.Fatal(err)
	}
	look("")
	if days, err := a.Reader().Unsettled(t.Context(), november, monday); err != nil || len(days) != 0 {
		t.Error(days, err)
	}
}

// A reader puts right what a dead writer left, and says so of a living one.
func TestSteadily(t *testing.T) {
	a := open(t)
	unlock, err := locked(t.Context(), a, 0)
	if err != nil {
		t.Fatal(err)
	}
	one, two := newFile(t, a, 1, 100, monday), newFile(t, a, 2, 50, monday)
	mustLoad(t, a, one)
	want := state(t, a)
	l, err := writing(a).BeginLoad(t.Context(), two.File)
	if err != nil {
		t.Fatal(err)
	}
	for i := range two.rows {
		if err := l.Append(&two.rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.finishAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	reads := 0
	read := func() error { reads++; return nil }
	if days, err := a.Steadily(t.Context(), []Day{monday}, read); err != nil || len(days) != 1 || days[0] != monday || reads != 1 {
		t.Errorf("alive: %v %v, read %d times", days, err, reads)
	}
	if days, err := a.Steadily(t.Context(), []Day{monday.Add(-1), monday.Add(1)}, read); err != nil || len(days) != 0 {
		t.Errorf("another day: %v %v", days, err)
	}
	unlock() // as if it had died
	if days, err := a.Steadily(context.Background(), []Day{monday}, read); err != nil || len(days) != 0 {
		t.Errorf("dead: %v %v", days, err)
	}
	same(t, "recovered", state(t, a), want)
}

// What is loaded again, or taken out, while a day is read makes the reader read it
// again, however quickly one comes after the other.
func TestSteadilyReadsAgain(t *testing.T) {
	a := open(t)
	lock(t, a)
	one, two := newFile(t, a, 1, 100, monday), newFile(t, a, 2, 50, monday)
	mustLoad(t, a, one, two)
	reads := 0
	days, err := a.Steadily(t.Context(), []Day{monday}, func() error {
		if reads++; reads < 3 {
			return reload(t.Context(), a, monday, one, two)
		}
		return nil
	})
	if err != nil || len(days) != 0 || reads != 3 {
		t.Errorf("%v %v, read %d times", days, err, reads)
	}
}

// Whoever reads a day while a file is being loaded into it does not wait, and finds
// what was there before.
func TestReadersDoNotWaitForAStream(t *testing.T) {
	a := open(t)
	lock(t, a)
	one, two := newFile(t, a, 1, 100, monday), newFile(t, a, 2, 50, monday)
	mustLoad(t, a, one)
	before, err := a.Reader().HostPeers(t.Context(), monday)
	if err != nil {
		t.Fatal(err)
	}
	l, err := writing(a).BeginLoad(t.Context(), two.File)
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 { // more than pipe and buffers hold, so that the statement has begun
		for i := range two.rows {
			if err := l.Append(&two.rows[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	began := time.Now()
	hosts, err := a.Reader().HostPeers(t.Context(), monday)
	if err != nil || len(hosts) != len(before) || time.Since(began) > 2*time.Second {
		t.Errorf("%d hosts after %v, %v", len(hosts), time.Since(began), err)
	}
	var rows int
	if err := a.reading.QueryRow("SELECT COUNT(*) FROM flows_2026_11").Scan(&rows); err != nil || rows != 100 {
		t.Error(rows, err)
	}
	if err := l.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Since when a host is known is the same at every step of loading a day again.
func TestFirstSeenAtEveryStep(t *testing.T) {
	a := open(t)
	lock(t, a)
	before, one, two := newFile(t, a, 3, 100, monday.Add(-1)), newFile(t, a, 1, 100, monday), newFile(t, a, 2, 50, monday)
	mustLoad(t, a, before, one, two)
	look := func(name string) map[netip.Addr]Day {
		t.Helper()
		if err := a.RefreshDays(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		first := map[netip.Addr]Day{}
		if err := a.Reader().FirstSeen(t.Context(), func(host netip.Addr, day Day) { first[host] = day }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return first
	}
	want := look("before")
	step := a.step
	a.step = func(name string) {
		if got := look(name); !maps.Equal(got, want) {
			t.Errorf("%s: %d hosts, want %d", name, len(got), len(want))
		}
	}
	defer func() { a.step = step }()
	for _, day := range []Day{monday.Add(-1), monday} {
		files := []testFile{before}
		if day == monday {
			files = []testFile{one, two}
		}
		if err := reload(t.Context(), a, day, files...); err != nil {
			t.Fatal(err)
		}
	}
	a.step = step
	if got := look("after"); !maps.Equal(got, want) {
		t.Errorf("after: %d hosts, want %d", len(got), len(want))
	}
}
