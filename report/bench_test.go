package report

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"nfacct/archive"
)

// BenchmarkDay makes the report of a day of 5,000 hosts: the first after the import;
// the first when whom they talked with must be read from the rows, as it was not
// summed while they were loaded; and later. NFACCT_BENCH_ROWS is how many rows a
// day has; 1,670,000 is a day of a month of 50 million.
func BenchmarkDay(b *testing.B) {
	rows := 100_000
	if text := os.Getenv("NFACCT_BENCH_ROWS"); text != "" {
		var err error
		if rows, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	a := openArchive(b)
	routerIDs(b, a, 1)
	lock, err := a.Lock(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	day := archive.Day{Year: 2026, Month: 11, Day: 8}
	for n := range 3 { // the day, the day before, and the same weekday before
		loadLocked(b, lock, fmt.Sprint("day ", n), officeRows(rng, day.Add([]int{0, -1, -7}[n]), 96, rows, 5000), nil)
	}
	reporter, err := New(DefaultConfig(), a, time.UTC, discard)
	if err != nil {
		b.Fatal(err)
	}
	report := func(b *testing.B) {
		if _, err := reporter.Usage(b.Context(), Request{Period: DayPeriod(day, time.UTC)}); err != nil {
			b.Fatal(err)
		}
	}
	if err := lock.Settle(b.Context()); err != nil {
		b.Fatal(err)
	}
	lock.Unlock()
	for _, first := range []struct{ name, forget string }{
		{"first", "UPDATE day_states SET usage_stamp = ''"},
		{"rows", "DELETE FROM day_states"},
	} {
		b.Run(first.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				if _, err := a.DB().Exec(first.forget); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				report(b)
			}
		})
	}
	b.Run("later", func(b *testing.B) {
		for b.Loop() {
			report(b)
		}
	})
}
