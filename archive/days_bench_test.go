package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"
)

// benchRows is how many rows a day has in benchmarks: NFACCT_BENCH_ROWS, or few.
func benchRows(b *testing.B) int {
	text := os.Getenv("NFACCT_BENCH_ROWS")
	if text == "" {
		return 100_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// benchDay loads rows of a day, as so many files of its quarter-hours, each under a
// lock of its own as an import takes it, and returns how long that took. No day is
// closed: that is measured by itself.
func benchDay(b *testing.B, a *Archive, day Day, rows, files int) (took time.Duration) {
	b.Helper()
	router, err := a.Routers().ID(b.Context(), "gw")
	if err != nil {
		b.Fatal(err)
	}
	for n := range files {
		f := benchFile(day, router, rows/files, n*96/files, (n+1)*96/files)
		began := time.Now()
		unlock, err := locked(b.Context(), a, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		err = errors.Join(f.load(b.Context(), a), writing(a).Settle(b.Context()), writing(a).CloseDays(b.Context(), Day{}, Day{2026, 1, 1}))
		unlock()
		took += time.Since(began)
		if err != nil {
			b.Fatal(err)
		}
	}
	return took
}

// benchFile is a file of short conversations of 300 hosts in slots of a day.
func benchFile(day Day, router uint16, rows, from, to int) testFile {
	name := fmt.Sprint(day, from, to)
	f := testFile{File: File{Name: name, Size: int64(rows), Digest: sha256.Sum256([]byte(name))}}
	book := Book{Day: day, Router: "gw"}
	random := rand.New(rand.NewPCG(uint64(day.ordinal()), uint64(from)))
	for i := range rows {
		n := random.Uint32()
		r := testRow(day, router)
		r.Slot = Slot(from + int(n>>16)%(to-from))
		r.Host = netip.AddrFrom4([4]byte{10, 0, byte(i * 300 / rows >> 8), byte(i * 300 / rows)})
		r.Peer = netip.AddrFrom4([4]byte{byte(20 + n%100), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
		r.UpBytes, r.DownBytes, r.Flows = uint64(n>>20), uint64(n>>12), 1
		counts := Counts{r.Flows, r.UpBytes + r.DownBytes}
		book.Classes.Up, book.Loaded.Counts = book.Classes.Up.Plus(counts), book.Loaded.Plus(counts)
		f.rows = append(f.rows, r)
	}
	book.Records, book.Bytes = book.Classes.Up.Records, book.Classes.Up.Bytes
	f.books = []Book{book}
	return f
}

// BenchmarkMonth loads a month day by day. Ratios are of one run: the 30th day by the
// first, a day as 96 quarter-hours by the same in one piece, a day loaded again in the
// full month by its first load, and what an import costs that brings one row.
func BenchmarkMonth(b *testing.B) {
	rows := benchRows(b)
	for range b.N {
		a := open(b)
		first := Day{2026, 11, 1}
		took := map[int]time.Duration{}
		for n := range 30 {
			took[n] = benchDay(b, a, first.Add(n), rows, 1)
		}
		few := func(from int) time.Duration { // the best of three: others use the machine too
			return min(took[from], took[from+1], took[from+2])
		}
		b.ReportMetric(few(27).Seconds()/few(0).Seconds(), "30th/1st")
		pieces := benchDay(b, a, Day{2026, 12, 1}, rows, 96)
		b.ReportMetric(pieces.Seconds()/few(27).Seconds(), "96-pieces/1")
		one := benchDay(b, a, Day{2026, 12, 2}, 1, 1)
		for i := range 5 {
			one = min(one, benchDay(b, a, Day{2026, 12, 3 + i}, 1, 1))
		}
		b.ReportMetric(float64(one.Milliseconds()), "ms/import")
		b.ReportMetric(benchAgain(b, a, first.Add(14), rows).Seconds()/few(0).Seconds(), "again/1st")
		unlock, err := locked(b.Context(), a, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if err := writing(a).CloseDays(b.Context(), first.Add(30), first.Add(30)); err != nil { // 30 of them
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/float64(30*rows), "close-µs/row")
		unlock()
		b.ReportMetric(few(27).Seconds()*1e6/float64(rows), "load-µs/row")
	}
}

func benchAgain(b *testing.B, a *Archive, day Day, rows int) time.Duration {
	router, err := a.Routers().ID(b.Context(), "gw")
	if err != nil {
		b.Fatal(err)
	}
	f := benchFile(day, router, rows, 0, 96)
	began := time.Now()
	unlock, err := locked(b.Context(), a, time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	defer unlock()
	if err := reload(context.WithoutCancel(b.Context()), a, day, f); err != nil {
		b.Fatal(err)
	}
	if err := writing(a).Settle(b.Context()); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}
