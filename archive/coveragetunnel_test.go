package archive

import (
	"testing"
	"time"
)

// What the router itself sent and received by an outside interface is covered: a
// tunnel is nearly all that passes the uplink of a branch.
func TestCoverageOfTunnel(t *testing.T) {
	a := open(t)
	ctx := t.Context()
	id, err := a.Routers().ID(ctx, "branch")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	run(t, a, "INSERT INTO imports (id, file, size, digest, rules, problem, state, started) VALUES (1, '2026-11-23/20261123T060000Z.pcapng.zst', 1, UNHEX(SHA2('x', 256)), '{}', '', 'loaded', NOW())")
	book := Book{Day: DayOf(start), Router: "branch", Records: 3, Bytes: 1100, UplinkLocalBytes: 800}
	book.Classes.Up, book.Classes.RouterLocal = Counts{1, 200}, Counts{2, 900}
	if err := a.writeBook(ctx, "books", 1, id, book); err != nil {
		t.Fatal(err)
	}
	slots, err := a.Routers().FlowSlots(ctx, "branch", start.Add(-time.Hour), start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if s := slots[start.Unix()/SlotSeconds]; s == nil || s.Bytes != 1000 {
		t.Errorf("%+v", s)
	}
	books, err := a.Reader().Books(ctx, book.Day, book.Day)
	if err != nil || len(books) != 1 || books[0].UplinkLocalBytes != 800 {
		t.Errorf("%+v, %v", books, err)
	}
}
