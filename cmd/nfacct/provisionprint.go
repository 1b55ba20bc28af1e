package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"nfacct/cmd/internal/terminal"
	"nfacct/report"
	"nfacct/routeros"
)

// States of a router after provisioning.
const (
	statePlanned   = "planned" // a dry run with something to write
	stateUnchanged = "unchanged"
	stateWritten   = "written"
	stateUndone    = "undone"
	stateFailed    = "failed"
	stateSilent    = "silent" // as wanted, but no datagram came
)

// provisionResult is what became of one router; its JSON form is what --json
// prints.
type provisionResult struct {
	Router   string            `json:"router"`
	Address  string            `json:"address"`
	State    string            `json:"state"`
	Identity string            `json:"identity,omitempty"`
	Version  string            `json:"version,omitempty"`
	Board    string            `json:"board,omitempty"`
	Changes  []provisionChange `json:"changes"`
	Notes    []string          `json:"notes"`
	Error    string            `json:"error,omitempty"`
	Datagram *firstDatagram    `json:"datagram,omitempty"`
	Check    []string          `json:"check,omitempty"` // what to look at when none came

	wanted routeros.Wanted
	wrote  time.Time // when writing began; zero: nothing was written
}

// provisionChange is one command.
type provisionChange struct {
	Command string `json:"command"`
	routeros.Change
	Written bool   `json:"written"`
	Unsure  bool   `json:"unsure,omitempty"` // whether it was written is not known
	Offer   string `json:"offer,omitempty"`  // how it would be written, when it is not now
}

// firstDatagram is what proves that a router exports to us.
type firstDatagram struct {
	Exporter string  `json:"exporter"`
	Version  string  `json:"version"`
	After    float64 `json:"after_seconds"` // from the write on; 0: it was exporting already
}

func (r *provisionResult) failed() bool { return r.State == stateFailed || r.State == stateSilent }

// plan takes what is going to be written.
func (r *provisionResult) plan(plan routeros.Plan) {
	r.State = stateUnchanged
	r.add(plan.Changes, "")
	r.Notes = append(r.Notes, plan.Notes...)
}

func (r *provisionResult) add(changes []routeros.Change, offer string) {
	for _, change := range changes {
		if offer == "" {
			r.State = statePlanned
		}
		r.Changes = append(r.Changes, provisionChange{Command: change.Command(), Change: change, Offer: offer})
	}
}

// mark marks what has been written.
func (r *provisionResult) mark(changes []routeros.Change) {
	done := map[string]bool{}
	for _, change := range changes {
		done[change.Command()] = true
	}
	for i := range r.Changes {
		r.Changes[i].Written = r.Changes[i].Written || done[r.Changes[i].Command]
	}
}

// doubt marks what was sent and not answered.
func (r *provisionResult) doubt(change routeros.Change) {
	for i := range r.Changes {
		r.Changes[i].Unsure = r.Changes[i].Unsure || r.Changes[i].Command == change.Command()
	}
}

// printRouter prints what became of a router, unless all are printed as JSON.
func (a *app) printRouter(r *provisionResult, f provisionFlags) {
	if r.Changes == nil {
		r.Changes = []provisionChange{}
	}
	if r.Notes == nil {
		r.Notes = []string{}
	}
	if a.json {
		return
	}
	if r.State == stateFailed {
		fmt.Fprintf(a.errOut, "nfacct: %s\n", r.Error)
	}
	if a.quiet && r.State == stateSilent {
		fmt.Fprintf(a.errOut, "nfacct: router %s: no datagram came (waiting for %s); most likely first: %s\n", r.Router, f.wait, strings.Join(r.Check, "; "))
	}
	// Silent when all is as it should be and nobody looks.
	if a.quiet || r.State == stateFailed && len(r.Changes) == 0 {
		return
	}
	r.print(a.out, terminal.Painter(a.out), f)
}

var stateWords = map[string]string{
	statePlanned: "would be written", stateUnchanged: "nothing to change", stateWritten: "written and read back",
	stateUndone: "as it was before", stateFailed: "FAILED", stateSilent: "provisioned, but NO DATAGRAM came",
}

// print writes the result for people.
func (r *provisionResult) print(w io.Writer, paint func(color int, text string) string, f provisionFlags) {
	fmt.Fprintf(w, "%s: RouterOS %s on %s, %s: %s\n", r.Router, r.Version, report.Clean(r.Board), report.Clean(r.Identity), stateWords[r.State])
	for _, c := range r.Changes {
		color := map[string]int{"add": terminal.Green, "remove": terminal.Red}[c.Verb]
		if color == 0 {
			color = terminal.Yellow
		}
		var was []string
		for _, s := range c.Settings {
			if s.Was != "" {
				was = append(was, s.Key+"="+report.Clean(s.Was))
			}
		}
		behind := ""
		if was != nil {
			behind = "  # was " + strings.Join(was, " ")
		}
		switch {
		case c.Offer != "":
			behind += "  # only " + c.Offer
		case r.State == stateFailed && c.Written:
			behind += "  # WRITTEN"
		case r.State == stateFailed && c.Unsure:
			behind += "  # whether it was WRITTEN is not known"
		case r.State == stateFailed:
			behind += "  # not written, as far as is known"
		}
		fmt.Fprintf(w, "  %s%s\n", paint(color, c.Command), behind)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(w, "  note: %s\n", note)
	}
	if d := r.Datagram; d != nil {
		if d.After > 0 {
			fmt.Fprintf(w, "  first datagram from %s, %s, after %.1f s\n", d.Exporter, d.Version, d.After)
		} else {
			fmt.Fprintf(w, "  datagrams come from %s, %s\n", d.Exporter, d.Version)
		}
	}
	if len(r.Check) > 0 {
		fmt.Fprintf(w, "  no datagram came (waiting for %s). Most likely first:\n", f.wait)
	}
	for i, check := range r.Check {
		fmt.Fprintf(w, "  %d. %s\n", i+1, check)
	}
}
