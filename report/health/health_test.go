package health

import (
	"slices"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// well is a collector that receives from its one router.
func well() *Facts {
	return &Facts{
		Collector: Collector{Ran: true, Running: true, Started: now.Add(-time.Hour), Written: now, Spool: "/spool"},
		Routers:   []Router{{Name: "office", Heard: now}},
	}
}

// Each trouble is a finding of its own, with a remedy and a time.
func TestLook(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Facts)
		id     string
		level  Level
	}{
		"well":                    {func(*Facts) {}, "collector", OK},
		"no collector":            {func(f *Facts) { f.Collector = Collector{State: "/s"} }, "collector", Fail},
		"stopped":                 {func(f *Facts) { f.Collector.Running = false }, "collector", Fail},
		"silent":                  {func(f *Facts) { f.Collector.Silent = true }, "collector", Fail},
		"disk full":               {func(f *Facts) { f.Collector.Stuck, f.Collector.NoSpace = now, true }, "spool", Fail},
		"spool not writable":      {func(f *Facts) { f.Collector.Stuck, f.Collector.Problem = now, "no rights" }, "spool", Fail},
		"datagrams lost":          {func(f *Facts) { f.Collector.Lost = 7 }, "spool.lost", Warn},
		"database down":           {func(f *Facts) { f.Database = Database{Down: now, Cause: "refused"} }, "database", Fail},
		"database of root":        {func(f *Facts) { f.Database.Root = "chmod o+x /root" }, "database.root", Warn},
		"job fails":               {func(f *Facts) { f.Jobs = []Job{{Name: "import", Since: now, Failures: 1, Problem: "no room"}} }, "job.import", Fail},
		"file set aside":          {func(f *Facts) { f.Aside = []Aside{{"a/b", now, "memory"}} }, "file.a/b", Fail},
		"router never heard":      {func(f *Facts) { f.Routers[0].Heard = time.Time{} }, "router.office", Fail},
		"router not heard yet":    {func(f *Facts) { f.Routers[0].Heard, f.Collector.Started = time.Time{}, now }, "router.office", Warn},
		"router silent":           {func(f *Facts) { f.Routers[0].Heard = now.Add(-2 * time.Hour) }, "router.office", Warn},
		"unknown exporter":        {func(f *Facts) { f.Strangers = []Stranger{{"192.0.2.1", 3, now}} }, "exporter.192.0.2.1", Warn},
		"unknown exporter, then?": {func(f *Facts) { f.Strangers = []Stranger{{"192.0.2.1", 3, now.AddDate(0, 0, -2)}} }, "collector", OK},
	} {
		f := well()
		c.change(f)
		list := Look(f, now)
		if got := list[0]; got.ID != c.id || got.Level != c.level || got.Text == "" || got.Level != OK && (got.Remedy == "" || got.Since.IsZero() && name != "no collector" && name != "database of root") {
			t.Errorf("%s: %+v", name, got)
		}
		if got := Worst(list); got != c.level {
			t.Errorf("%s: worst %s, want %s", name, got, c.level)
		}
	}
}

// Many strangers are summed up.
func TestManyStrangers(t *testing.T) {
	f := well()
	for i := range 50 {
		f.Strangers = append(f.Strangers, Stranger{string(rune('a' + i)), 1, now})
	}
	if list := Look(f, now); len(list) != strangersMost+2 {
		t.Errorf("%d findings", len(list))
	}
}

// What came, what became graver and what is over is told once.
func TestChanges(t *testing.T) {
	ids := func(list []Finding) (ids []string) {
		for _, found := range list {
			ids = append(ids, found.ID)
		}
		return ids
	}
	before := []Finding{{ID: "stays", Level: Fail}, {ID: "ends", Level: Warn}, {ID: "worse", Level: Warn}, {ID: "better", Level: Fail}, {ID: "well", Level: OK}}
	after := []Finding{{ID: "stays", Level: Fail}, {ID: "worse", Level: Fail}, {ID: "better", Level: Warn}, {ID: "new", Level: Warn}, {ID: "well", Level: OK}}
	came, over := Changes(before, after)
	if !slices.Equal(ids(came), []string{"worse", "new"}) || !slices.Equal(ids(over), []string{"ends"}) {
		t.Errorf("came %v, over %v", ids(came), ids(over))
	}
}
