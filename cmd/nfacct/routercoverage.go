package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/terminal"
	"nfacct/report"
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
	c, err := report.ReadCoverage(ctx, db.Routers(), s.Router, time.Now().Add(-coverageTime), time.Now())
	if err != nil {
		return nil, err
	}
	state := stateOf(&s.Survey)
	notes := append(slices.Clone(s.Lacks), texts(c.Notes(state, time.Local))...)
	if c == nil && notes == nil {
		return nil, nil
	}
	found := &routerCoverage{Notes: notes}
	if c != nil && c.Known() {
		ratio := c.Ratio()
		found.From, found.To, found.FlowBytes, found.CounterBytes, found.Ratio = c.From, c.To, c.FlowBytes, c.CounterBytes, &ratio
		found.Explanation = texts(c.Explain(state))
	}
	return found, nil
}

// stateOf is what a survey tells that may explain a coverage.
func stateOf(s *routeros.Survey) report.RouterState {
	state := report.RouterState{Down: s.Address != "" && !s.Reachable && s.Error != "", Drifted: s.State == routeros.StateDrifted}
	if f := s.Facts; f != nil {
		state.Asked, state.FastTrack, state.Sampling, state.CacheEntries, state.Targets = true, f.FastTrack, f.Sampling(), f.Flow.Flow["cache-entries"], len(f.Flow.Targets)
	}
	return state
}

// texts are reasons in English.
func texts(reasons []report.Reason) (list []string) {
	for _, reason := range reasons {
		list = append(list, reason.Text)
	}
	return list
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
