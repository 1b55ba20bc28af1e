package archive

import (
	"encoding/json"
	"strings"
	"testing"
)

func balanced(day Day, router string) Book {
	return Book{
		Day: day, Router: router, Datagrams: 3, Records: 21, Bytes: 2100,
		Classes: Classes{
			Up: Counts{6, 600}, Down: Counts{5, 500}, RouterLocal: Counts{4, 400},
			Internal: Counts{3, 300}, Transit: Counts{2, 200}, Unattributed: Counts{1, 100},
		},
		Excluded: map[string]Counts{"dns": {2, 200}},
		Loaded:   Loaded{Counts: Counts{9, 900}, Rows: 7},
	}
}

// The JSON form is a contract; see the package's documentation of commands.
func TestBookJSON(t *testing.T) {
	text, err := json.Marshal(balanced(Day{2026, 11, 23}, "gw"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"day":"2026-11-23","router":"gw","datagrams":3,"records":21,"bytes":2100,` +
		`"lost_records":0,"lost_datagrams":0,"lost_estimated":false,"kernel_dropped":0,"spool_lost":0,"rejected":{},"no_template":0,` +
		`"classes":{"up":{"records":6,"bytes":600},"down":{"records":5,"bytes":500},"router_local":{"records":4,"bytes":400},` +
		`"internal":{"records":3,"bytes":300},"transit":{"records":2,"bytes":200},"unattributed":{"records":1,"bytes":100},"implausible":{"records":0,"bytes":0}},` +
		`"excluded":{"dns":{"records":2,"bytes":200}},"loaded":{"records":9,"bytes":900,"rows":7}}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	var back Book
	if err := json.Unmarshal(text, &back); err != nil || back.Loaded.Rows != 7 || back.Classes.Up.Records != 6 {
		t.Errorf("%+v %v", back, err)
	}
}

func TestBookCheck(t *testing.T) {
	day := Day{2026, 11, 23}
	for name, test := range map[string]struct {
		change func(*Book)
		want   string // "" is balanced
	}{
		"balanced":        {func(*Book) {}, ""},
		"record lost":     {func(b *Book) { b.Classes.Transit.Records-- }, "-1 records, +0 bytes"},
		"bytes twice":     {func(b *Book) { b.Classes.Up.Bytes += 7 }, "+0 records, +7 bytes"},
		"not loaded":      {func(b *Book) { b.Loaded.Records -= 2 }, "excluded and loaded are 9 records with 1100 bytes, but up and down are 11 records with 1100 bytes: -2 records"},
		"excluded twice":  {func(b *Book) { b.Excluded["x"] = Counts{1, 1} }, "+1 records, +1 bytes"},
		"nothing at all":  {func(b *Book) { *b = Book{Day: day} }, ""},
		"rows are no sum": {func(b *Book) { b.Loaded.Rows = 0 }, ""},
	} {
		b := balanced(day, "gw")
		test.change(&b)
		err := b.Check()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestBookAdd(t *testing.T) {
	one, two := balanced(Day{2026, 11, 23}, "gw"), balanced(Day{2026, 11, 23}, "gw")
	two.Excluded = map[string]Counts{"icmp": {2, 200}}
	two.Rejected = map[string]uint64{"short": 1}
	two.LostEstimated = true
	sum := one
	sum.Add(two)
	if err := sum.Check(); err != nil {
		t.Error(err)
	}
	if len(one.Excluded) != 1 || len(sum.Excluded) != 2 || sum.Rejected["short"] != 1 || sum.Loaded.Rows != 14 || !sum.LostEstimated || sum.Datagrams != 6 {
		t.Errorf("%+v and %+v", one, sum)
	}
}

// What was read all the same is not left out.
func TestLeftOut(t *testing.T) {
	b := Book{Rejected: map[string]uint64{"duplicate": 5, "message_length": 1, "short_header": 2, "set_length": 1}}
	if n := b.LeftOut(); n != 3 || !Noted("duplicate") || Noted("set_length") {
		t.Errorf("%d left out", n)
	}
}
