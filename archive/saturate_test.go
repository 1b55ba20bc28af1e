package archive

import (
	"math"
	"strings"
	"testing"
)

// TestNoRecordMakesManyRows: 2^63 packets were 2^31 rows, and an import for ever.
func TestNoRecordMakesManyRows(t *testing.T) {
	for _, flows := range []uint64{0, 1, 3, 200_000, math.MaxInt32, math.MaxUint64 >> 40} {
		row := testRow(monday, 5)
		row.UpPackets, row.DownPackets, row.Flows = 1<<40, 9, flows
		if flows <= 3 {
			row.UpPackets = math.MaxUint64
		}
		text, rows := row.append(nil)
		if rows > 2*max(flows, 1) || uint64(strings.Count(string(text), "\n")) < rows {
			t.Errorf("%d records make %d rows", flows, rows)
		}
	}
}

func TestBooksSaturate(t *testing.T) {
	one, two := balanced(monday, "gw"), balanced(monday, "gw")
	one.Bytes, one.Classes.Implausible.Bytes = math.MaxUint64-100, math.MaxUint64-100-2100
	one.Rules = map[string]Counts{"next hop": {1, math.MaxUint64}}
	two.Rules = map[string]Counts{"next hop": {2, 20}, "translated": {1, 1}}
	one.Findings = AddFinding(nil, Finding{Kind: FoundImplausible, Exporter: "192.0.2.1", Counts: Counts{1, math.MaxUint64 - 2}, Example: "b"})
	two.Findings = AddFinding(nil, Finding{Kind: FoundImplausible, Exporter: "192.0.2.1", Counts: Counts{1, 9}, Example: "a"})
	two.Findings = AddFinding(two.Findings, Finding{Kind: FoundClock, Exporter: "192.0.2.1", Seconds: -5})
	one.Add(two)
	if one.Bytes != math.MaxUint64 || one.Check() != nil || !one.saturated() {
		t.Errorf("%+v, %v", one, one.Check())
	}
	if one.Rules["next hop"] != (Counts{3, math.MaxUint64}) || one.Rules["translated"] != (Counts{1, 1}) {
		t.Errorf("%+v", one.Rules)
	}
	if f := one.Findings; len(f) != 2 || f[0].Kind != FoundClock || f[1].Counts != (Counts{2, math.MaxUint64}) || f[1].Example != "a" {
		t.Errorf("%+v", f)
	}
	var list []Finding
	for n := range 100 {
		list = AddFinding(list, Finding{Kind: FoundRepeated, Example: strings.Repeat("x", n+1)})
	}
	if len(list) != mostFindings+1 { // the further ones are one
		t.Errorf("%d findings", len(list))
	}
}

// TestOverflowOfOneRouter: sums of one router beyond 64 bits kept the rows of all
// from being loaded (error 1690), for ever.
func TestOverflowOfOneRouter(t *testing.T) {
	a := open(t)
	lock(t, a)
	huge := func(seed int) testFile {
		f := newFile(t, a, seed, 3, monday)
		var loaded Counts
		for i := range f.rows {
			f.rows[i].UpBytes, f.rows[i].DownBytes = math.MaxUint64-3, math.MaxUint64-5
			loaded = loaded.Plus(Counts{f.rows[i].Flows, math.MaxUint64})
		}
		f.books = []Book{{Day: monday, Router: "gw0", Records: loaded.Records, Bytes: loaded.Bytes, Classes: Classes{Up: loaded}, Loaded: Loaded{Counts: loaded},
			Findings: []Finding{{Kind: FoundWrapped, Exporter: "192.0.2.1", Counts: Counts{1, 2}}}, Rules: map[string]Counts{"x": {1, 2}}}}
		return f
	}
	mustLoad(t, a, huge(1), huge(1001))
	honest := newFile(t, a, 2, 5, monday)
	id, err := a.Routers().ID(t.Context(), "honest")
	if err != nil {
		t.Fatal(err)
	}
	for i := range honest.rows {
		honest.rows[i].Router = id
	}
	honest.books[0].Router = "honest"
	mustLoad(t, a, honest)
	if err := writing(a).Settle(t.Context()); err != nil {
		t.Error(err)
	}
	books, err := a.Reader().Audit(t.Context(), monday, monday)
	if err != nil || len(books) != 2 {
		t.Fatal(books, err)
	}
	if b := books[0]; b.Difference == "" || len(b.Imbalances) != 1 || b.Imbalances[0].Kind != "saturated" || b.Loaded.Bytes != math.MaxUint64 || b.Loaded.Rows != 6 ||
		len(b.Findings) != 1 || b.Findings[0].Records != 2 || b.Rules["x"] != (Counts{2, 4}) {
		t.Errorf("%+v", b)
	}
	if b := books[1]; b.Difference != "" || b.Loaded.Bytes != honest.books[0].Loaded.Bytes {
		t.Errorf("%+v", b)
	}
	if err := a.RefreshDays(t.Context()); err != nil {
		t.Error(err)
	}
	hosts := 0
	if err := a.Reader().HostDays(t.Context(), monday, monday, func(h *HostDay) { hosts++ }); err != nil || hosts == 0 {
		t.Error(hosts, err)
	}
	if err := a.Reader().HostHours(t.Context(), monday, func(*HostHour) {}); err != nil {
		t.Error(err)
	}
	if _, err := a.Reader().HostPeers(t.Context(), monday); err != nil {
		t.Error(err)
	}
	if err := a.rollUpDay(t.Context(), monday, ^uint64(0)); err != nil {
		t.Error(err)
	}
	if again, err := a.Reader().Audit(t.Context(), monday, monday); err != nil || len(again[0].Imbalances) != 1 || again[1].Difference != "" {
		t.Errorf("computed again: %+v, %v", again, err)
	}
}
