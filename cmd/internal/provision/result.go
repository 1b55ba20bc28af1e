package provision

import (
	"time"

	"nfacct/routeros"
)

// State is what became of a router.
type State string

// The states.
const (
	Planned   State = "planned" // a dry run with something to write
	Unchanged State = "unchanged"
	Written   State = "written"
	Undone    State = "undone"
	Failed    State = "failed"
	Silent    State = "silent" // as wanted, but no datagram came
)

// Result is what became of one router. Its JSON form is a contract with other
// programs.
type Result struct {
	Router   string    `json:"router"`
	Address  string    `json:"address"`
	State    State     `json:"state"`
	Identity string    `json:"identity,omitempty"`
	Version  string    `json:"version,omitempty"`
	Board    string    `json:"board,omitempty"`
	Changes  []Change  `json:"changes"`
	Notes    []string  `json:"notes"`
	Error    string    `json:"error,omitempty"`
	Datagram *Datagram `json:"datagram,omitempty"`
	Check    []string  `json:"check,omitempty"` // what to look at when none came

	wanted routeros.Wanted
	wrote  time.Time // when writing began; zero: nothing was written
}

// Change is one command.
type Change struct {
	Command string `json:"command"`
	routeros.Change
	Written bool   `json:"written"`
	Unsure  bool   `json:"unsure,omitempty"` // whether it was written is not known
	Offer   string `json:"offer,omitempty"`  // how it would be written, when it is not now
}

// Datagram is what proves that a router exports to us.
type Datagram struct {
	Exporter string  `json:"exporter"`
	Version  string  `json:"version"`
	After    float64 `json:"after_seconds"` // from the write on; 0: it was exporting already
}

// Failed says whether the router does not export as wanted.
func (r *Result) Failed() bool { return r.State == Failed || r.State == Silent }

// plan takes what is going to be written.
func (r *Result) plan(plan routeros.Plan) {
	r.State = Unchanged
	r.add(plan.Changes, "")
	r.Notes = append(r.Notes, plan.Notes...)
}

func (r *Result) add(changes []routeros.Change, offer string) {
	for _, change := range changes {
		if offer == "" {
			r.State = Planned
		}
		r.Changes = append(r.Changes, Change{Command: change.Command(), Change: change, Offer: offer})
	}
}

// mark marks what has been written.
func (r *Result) mark(changes []routeros.Change) {
	done := map[string]bool{}
	for _, change := range changes {
		done[change.Command()] = true
	}
	for i := range r.Changes {
		r.Changes[i].Written = r.Changes[i].Written || done[r.Changes[i].Command]
	}
}

// doubt marks what was sent and not answered.
func (r *Result) doubt(change routeros.Change) {
	for i := range r.Changes {
		r.Changes[i].Unsure = r.Changes[i].Unsure || r.Changes[i].Command == change.Command()
	}
}
