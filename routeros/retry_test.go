package routeros_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nfacct/routeros"
)

// Of 200 routers 5 hang until their time is over. On a clock of its own: all are
// done within the time of one, and the others long before, also when there are
// fewer places than routers that hang.
func TestEachWithRoutersThatHang(t *testing.T) {
	const all, hang, limit, work = 200, 5, time.Minute, 50 * time.Millisecond
	for parallel, want := range map[int]struct{ others, all time.Duration }{
		// 195 and the 5 at 32 places: seven rounds of 50 ms, and those that hang begin in the first two.
		32: {work * 8, limit + work},
		// One place: each that hangs keeps it for a second.
		1: {work*(all-hang) + hang*time.Second, limit + work*32 + 4*time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			var done, most, now atomic.Int32
			var others atomic.Int64
			routeros.Each(t.Context(), all, parallel, limit, func(ctx context.Context, i int) {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				if i%8 == 0 && i/8 < hang {
					<-ctx.Done()
					return
				}
				time.Sleep(work)
				if done.Add(1) == all-hang {
					others.Store(int64(time.Since(began)))
				}
			})
			if took := time.Since(began); took > want.all || time.Duration(others.Load()) > want.others {
				t.Errorf("%d at a time: all after %s, the others after %s; want %s and %s", parallel, took, time.Duration(others.Load()), want.all, want.others)
			}
			if int(most.Load()) > parallel+hang {
				t.Errorf("%d at a time, not %d and those that hang", most.Load(), parallel)
			}
		})
	}
}

// When all hang there are no more at a time than begin in the time of one.
func TestEachIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		routeros.Each(t.Context(), 100, 2, 10*time.Second, func(ctx context.Context, _ int) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			<-ctx.Done()
		})
		if most.Load() > 2*10+2 {
			t.Errorf("%d at a time", most.Load())
		}
	})
}
