package report

import (
	"strings"
	"testing"
	"time"
)

func texts(list []Reason) string {
	var b strings.Builder
	for _, reason := range list {
		b.WriteString(reason.Text + "\n")
	}
	return b.String()
}

// Each reason has words, and there is a figure only where the archive knows one.
func TestCoverageNotes(t *testing.T) {
	at := time.Date(2026, 11, 23, 6, 0, 0, 0, time.Local)
	span := Span{From: at, To: at.Add(15 * time.Minute)}
	left := func(why LeftWhy) *Coverage {
		return &Coverage{Left: []LeftOut{{Span: span, Why: why}}}
	}
	for _, c := range []struct {
		name string
		c    *Coverage
		s    RouterState
		want string
	}{
		{"nothing", nil, RouterState{}, ""},
		{"restart", left(LeftRestart), RouterState{}, "between 2026-11-23 06:00 and 06:15: the router was restarted"},
		{"reset", left(LeftReset), RouterState{}, "counters were set back without a restart"},
		{"wrap", left(LeftWrap), RouterState{}, "a counter of 32 bits began anew"},
		{"interfaces", left(LeftInterfaces), RouterState{}, "other interfaces led outside"},
		{"files", left(LeftFiles), RouterState{}, "nothing was collected or imported"},
		{"unread", &Coverage{Unread: []Span{{From: at, To: at.Add(30 * time.Hour)}}}, RouterState{}, "not reached, or nfacct not running, between 2026-11-23 06:00 and 2026-11-24 12:00"},
		{"down", &Coverage{}, RouterState{Down: true}, "the router is not reached now"},
		{"early", &Coverage{}, RouterState{}, "there is no hour yet"},
	} {
		if got := texts(c.c.Notes(c.s, time.Local)); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	many := &Coverage{}
	for range 100 {
		many.Left = append(many.Left, LeftOut{Span: span, Why: LeftRestart})
	}
	if notes := many.Notes(RouterState{}, time.Local); len(notes) != mostLeft+1 || notes[mostLeft].Text != "95 times more are left out" {
		t.Errorf("%v", notes)
	}
	for ratio, want := range map[uint64]string{50: "in 3 quarter-hours no flows came", 200: "a counter of 32 bits"} {
		c := &Coverage{CounterBytes: 100, FlowBytes: ratio, Measured: 2 * time.Hour, Silent: 3}
		if got := texts(c.Explain(RouterState{})); !strings.Contains(got, want) {
			t.Errorf("%d: %q", ratio, got)
		}
	}
}
