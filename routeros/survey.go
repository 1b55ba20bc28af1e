package routeros

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
)

// Standing says whether a router exports as it is wanted to.
type Standing string

// The standings.
const (
	StateUnknown        Standing = "unknown"
	StateProvisioned    Standing = "provisioned"
	StateDrifted        Standing = "drifted"
	StateNotProvisioned Standing = "not provisioned"
)

// Survey is what a router says of itself. Its JSON form is a contract with other
// programs.
type Survey struct {
	Router    string `json:"router"`
	Address   string `json:"address,omitempty"` // of its API; "" when it is not managed
	Reachable bool   `json:"reachable"`
	Error     string `json:"error,omitempty"`
	Identity  string `json:"identity,omitempty"`
	Version   string `json:"version,omitempty"`
	Board     string `json:"board,omitempty"`
	Uptime    int64  `json:"uptime_seconds,omitempty"`

	State       Standing `json:"state"`
	Differences []string `json:"differences,omitempty"` // commands that would put it right
	Notes       []string `json:"notes,omitempty"`
	// Missing says what could not be read, by menu.
	Missing map[string]string `json:"missing,omitempty"`

	Facts *Facts `json:"-"` // nil when it was not reached
	// Lacks are the interfaces that the configuration names and the router has not.
	Lacks []string `json:"-"`
}

// Named is what the configuration says of a router beside its Config.
type Named struct {
	Export  []netip.Addr
	Port    func() (uint16, error) // of the collector
	WAN     []uint32               // outside interfaces by ifIndex
	Uplinks []string               // and by name
}

// Survey asks a router what it knows and does. A router that is not managed is not
// asked.
func (p Provision) Survey(ctx context.Context, c Config, n Named, log *slog.Logger) Survey {
	s := Survey{Router: c.Name, Address: c.Address, State: StateUnknown}
	if !c.Managed() {
		return s
	}
	err := Use(ctx, c, log, func(ctx context.Context, d *Device) error {
		facts, err := d.Facts(ctx)
		if err != nil {
			return err
		}
		s.Facts, s.Lacks = facts, p.lacking(facts, c, n)
		port, err := n.Port()
		if err != nil {
			return err
		}
		plan := Compare(&facts.Flow, p.For(c, facts, d.Local(), port, n.Export))
		s.State, s.Notes, s.Differences = StateProvisioned, plan.Notes, nil
		for _, change := range plan.Changes {
			s.State = StateDrifted
			s.Differences = append(s.Differences, change.Command())
		}
		if plan.Bare() {
			s.State = StateNotProvisioned
		}
		return nil
	})
	if err != nil {
		s.Error = err.Error()
		return s
	}
	s.Reachable, s.Missing = true, s.Facts.Missing
	s.Identity, s.Version, s.Board, s.Uptime = s.Facts.Identity, s.Facts.Version, s.Facts.Board, int64(s.Facts.Uptime.Seconds())
	return s
}

// lacking are the interfaces that the configuration names and a router has not.
func (p Provision) lacking(f *Facts, c Config, n Named) (lacks []string) {
	for _, index := range n.WAN {
		if !slices.ContainsFunc(f.Interfaces, func(face Interface) bool { return face.Index == index }) {
			lacks = append(lacks, fmt.Sprintf("wan names interface %d, and the router has none of that number (/interface print oid): what passed there is in no counter", index))
		}
	}
	has := func(name string) bool {
		return f.Lists[name] != nil || slices.ContainsFunc(f.Interfaces, func(face Interface) bool { return face.Name == name })
	}
	for _, name := range n.Uplinks {
		if !has(name) {
			lacks = append(lacks, fmt.Sprintf("wan names %q, which is no interface of the router and no interface list with members: nothing passes there", name))
		}
	}
	interfaces := c.Interfaces
	if len(interfaces) == 0 {
		interfaces = p.Interfaces
	}
	for _, name := range interfaces {
		if name != "all" && !has(name) {
			lacks = append(lacks, fmt.Sprintf("interfaces names %q, which is no interface of the router and no interface list with members", name))
		}
	}
	return lacks
}
