package main

import (
	"fmt"
	"io"
	"strings"

	"nfacct/cmd/internal/provision"
	"nfacct/cmd/internal/terminal"
	"nfacct/report"
)

// printRouter prints what became of a router, unless all are printed as JSON.
func (a *app) printRouter(r *provision.Result, f provisionFlags) {
	if r.Changes == nil {
		r.Changes = []provision.Change{}
	}
	if r.Notes == nil {
		r.Notes = []string{}
	}
	if a.json {
		return
	}
	if r.State == provision.Failed {
		fmt.Fprintf(a.errOut, "nfacct: %s\n", r.Error)
	}
	if a.quiet && r.State == provision.Silent {
		fmt.Fprintf(a.errOut, "nfacct: router %s: no datagram came (waiting for %s); most likely first: %s\n", r.Router, f.wait, strings.Join(r.Check, "; "))
	}
	// Silent when all is as it should be and nobody looks.
	if a.quiet || r.State == provision.Failed && len(r.Changes) == 0 {
		return
	}
	printResult(a.out, r, terminal.Painter(a.out), f)
}

var stateWords = map[provision.State]string{
	provision.Planned: "would be written", provision.Unchanged: "nothing to change", provision.Written: "written and read back",
	provision.Undone: "as it was before", provision.Failed: "FAILED", provision.Silent: "provisioned, but NO DATAGRAM came",
}

// printResult writes a result for people.
func printResult(w io.Writer, r *provision.Result, paint func(color int, text string) string, f provisionFlags) {
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
		case r.State == provision.Failed && c.Written:
			behind += "  # WRITTEN"
		case r.State == provision.Failed && c.Unsure:
			behind += "  # whether it was WRITTEN is not known"
		case r.State == provision.Failed:
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
