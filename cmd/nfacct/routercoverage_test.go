package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/routeros"
)

// Each reason has words, and there is a figure only where the archive knows one.
func TestCoverageNotes(t *testing.T) {
	at := time.Date(2026, 11, 23, 6, 0, 0, 0, time.Local)
	span := archive.Span{From: at, To: at.Add(15 * time.Minute)}
	left := func(why archive.LeftWhy) *archive.Coverage {
		return &archive.Coverage{Left: []archive.LeftOut{{Span: span, Why: why}}}
	}
	for _, c := range []struct {
		name string
		c    *archive.Coverage
		s    routerStatus
		want string
	}{
		{"nothing", nil, routerStatus{}, ""},
		{"restart", left(archive.LeftRestart), routerStatus{}, "between 2026-11-23 06:00 and 06:15: the router was restarted"},
		{"reset", left(archive.LeftReset), routerStatus{}, "counters were set back without a restart"},
		{"wrap", left(archive.LeftWrap), routerStatus{}, "a counter of 32 bits began anew"},
		{"interfaces", left(archive.LeftInterfaces), routerStatus{}, "other interfaces led outside"},
		{"files", left(archive.LeftFiles), routerStatus{}, "nothing was collected or imported"},
		{"unread", &archive.Coverage{Unread: []archive.Span{{From: at, To: at.Add(30 * time.Hour)}}}, routerStatus{}, "not reached, or nfacct not running, between 2026-11-23 06:00 and 2026-11-24 12:00"},
		{"down", &archive.Coverage{}, routerStatus{Survey: routeros.Survey{Address: "192.0.2.1", Error: "no route"}}, "the router is not reached now"},
		{"early", &archive.Coverage{}, routerStatus{}, "there is no hour yet"},
		{"lacks", nil, routerStatus{Survey: routeros.Survey{Lacks: []string{"wan names interface 42"}}}, "wan names interface 42"},
	} {
		if got := strings.Join(coverageNotes(c.c, &c.s), "\n"); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q", c.name, got)
		}
	}
	many := &archive.Coverage{}
	for range 100 {
		many.Left = append(many.Left, archive.LeftOut{Span: span, Why: archive.LeftRestart})
	}
	if notes := coverageNotes(many, &routerStatus{}); len(notes) != mostLeft+1 || notes[mostLeft] != "95 times more are left out" {
		t.Errorf("%q", notes)
	}
	for ratio, want := range map[uint64]string{50: "in 3 quarter-hours no flows came", 200: "a counter of 32 bits"} {
		c := &archive.Coverage{CounterBytes: 100, FlowBytes: ratio, Measured: 2 * time.Hour, Silent: 3}
		if got := strings.Join(explain(c, &routerStatus{}), "\n"); !strings.Contains(got, want) {
			t.Errorf("%d: %q", ratio, got)
		}
	}
	var b bytes.Buffer
	(&routerCoverage{FlowBytes: 1, CounterBytes: 2}).print(&b)
	if b.String() != "  coverage: not known\n" {
		t.Errorf("printed %q", &b)
	}
}
