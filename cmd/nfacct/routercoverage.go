package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/terminal"
	"nfacct/routeros"
)

// routerCoverage is how much of what passed the outside interfaces is in flows.
type routerCoverage struct {
	From         time.Time `json:"from,omitzero"`
	To           time.Time `json:"to,omitzero"`
	FlowBytes    uint64    `json:"flow_bytes"`
	CounterBytes uint64    `json:"counter_bytes"`
	// Ratio is null where flows and counters are not of the same time.
	Ratio *float64 `json:"ratio"`
	// Explanation is what may be behind it, Notes what is not in it and why.
	Explanation []string `json:"explanation,omitempty"`
	Notes       []string `json:"notes,omitempty"`
}

// coverageOf holds flows against counters; nil when there is nothing to say.
func coverageOf(ctx context.Context, db *archive.Archive, s *routerStatus) (*routerCoverage, error) {
	c, err := db.Routers().Coverage(ctx, s.Router, time.Now().Add(-coverageTime), time.Now())
	if err != nil {
		return nil, err
	}
	notes := coverageNotes(c, s)
	if c == nil && notes == nil {
		return nil, nil
	}
	found := &routerCoverage{Notes: notes}
	if c != nil && c.Known() {
		ratio := c.Ratio()
		found.From, found.To, found.FlowBytes, found.CounterBytes, found.Ratio = c.From, c.To, c.FlowBytes, c.CounterBytes, &ratio
		found.Explanation = explain(c, s)
	}
	return found, nil
}

// leftWords say why a time is not in the figures.
var leftWords = map[archive.LeftWhy]string{
	archive.LeftRestart:    "the router was restarted, which set its counters to 0",
	archive.LeftReset:      "counters were set back without a restart, or an interface was made anew",
	archive.LeftWrap:       "a counter of 32 bits began anew, as each 4 GiB do: it may have done so unseen as well, so that no figure would be right",
	archive.LeftInterfaces: "other interfaces led outside than before",
	archive.LeftFiles:      "nothing was collected or imported in a part of it",
}

// mostLeft is how many times are named one by one.
const mostLeft = 5

// coverageNotes say what is not in the figures, and why there are none; c is nil
// when no counters are known.
func coverageNotes(c *archive.Coverage, s *routerStatus) (notes []string) {
	say := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	notes = append(notes, s.Lacks...)
	if c == nil {
		return notes
	}
	between := func(span archive.Span) string {
		from, to := span.From.Local(), span.To.Local()
		until := to.Format("15:04")
		if from.Format(time.DateOnly) != to.Format(time.DateOnly) {
			until = to.Format("2006-01-02 15:04")
		}
		return from.Format("2006-01-02 15:04") + " and " + until
	}
	for i, left := range c.Left {
		if i == mostLeft {
			say("%d times more are left out", len(c.Left)-i)
			break
		}
		say("not counted is the time between %s: %s", between(left.Span), leftWords[left.Why])
	}
	for i, span := range c.Unread {
		if i == mostLeft {
			say("%d times more it was not read", len(c.Unread)-i)
			break
		}
		say("the router was not reached, or nfacct not running, between %s: changes then are not known", between(span))
	}
	if s.Address != "" && !s.Reachable && s.Error != "" {
		say("the router is not reached now, so what it has counted since is not known")
	}
	if !c.Known() && len(c.Left) == 0 {
		say("there is no hour yet between two readings at quarter-hours of which all flows are imported; see jobs.routers and jobs.import")
	}
	return notes
}

// What is within these bounds needs no explanation: interfaces count layer 2 and
// what the router itself says, flows neither; and RouterOS counts the first packet
// of each flow twice (seen on 6.39.2 and in 2016), which makes some percent.
const (
	lowCoverage  = 0.9
	highCoverage = 1.1
)

// explain says what may be behind a coverage that is low or above one.
func explain(c *archive.Coverage, s *routerStatus) []string {
	var reasons []string
	say := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	f := s.Facts
	switch {
	case c.Ratio() < lowCoverage:
		if c.LostRecords > 0 {
			say("%s records were lost on the way", terminal.Number(c.LostRecords))
		}
		if c.Silent > 0 {
			say("in %d quarter-hours no flows came from this router", c.Silent)
		}
		if s.State == routeros.StateDrifted {
			say("the router is not provisioned as wanted: nfacct provision")
		}
		if f != nil && f.FastTrack > 0 {
			say("FastTrack is on (%d rules): MikroTik says that it passes traffic-flow by, a measurement on 7.20 saw such traffic exported; disable the rules for an hour and compare", f.FastTrack)
		}
		if f != nil && f.Sampling() > 1 {
			say("the router samples: bytes are scaled by %.4g and are estimates", f.Sampling())
		}
		if f != nil {
			say("what the switch chip or L3 hardware offloading forwards is in no flow; and a flow cache of %s entries loses flows when it is full", f.Flow.Flow["cache-entries"])
		}
		say("counters also have layer 2, and what the router itself sends and receives")
	case c.Ratio() > highCoverage:
		if f != nil && len(f.Flow.Targets) > 1 {
			say("the router has %d targets: two that lead here double every byte", len(f.Flow.Targets))
		}
		say("a counter of 32 bits begins anew each 4 GiB, which takes 34 s at 1 Gbit/s, and may do so between two readings unseen")
		say("RouterOS counts the first packet of each flow twice (seen on 6.39.2): many short flows weigh more")
		say("traffic that passes two outside interfaces is in both their counters, but the list of them may lack one: see wan")
	}
	return reasons
}

// print prints it for people.
func (c *routerCoverage) print(w io.Writer) {
	if c.Ratio == nil {
		fmt.Fprintln(w, "  coverage: not known")
	} else {
		fmt.Fprintf(w, "  coverage from %s to %s: flows %s, counters %s\n", c.From.Local().Format("2006-01-02 15:04"), c.To.Local().Format("2006-01-02 15:04"), terminal.Bytes(c.FlowBytes), terminal.Bytes(c.CounterBytes))
	}
	for _, note := range c.Notes {
		fmt.Fprintf(w, "    note: %s\n", note)
	}
	for _, reason := range c.Explanation {
		fmt.Fprintf(w, "    perhaps: %s\n", reason)
	}
}
