package importer

import (
	"slices"
	"time"

	"nfacct/importer/attribution"
)

// Told is what a router said of its interfaces over time, each list oldest first.
type Told struct {
	// Routers are the router as it described itself; WAN is what it takes for its
	// outside interfaces.
	Routers []Since
	Names   []Named
	Lists   []Listed
}

// Named is an interface's name from an instant on.
type Named struct {
	From  time.Time
	Index uint32
	Name  string
}

// Listed are the members of an interface list from an instant on.
type Listed struct {
	From    time.Time
	List    string
	Members []string
}

// History is the router over time, where the configuration names these uplinks:
// they are looked up as of each time. Those that the router had not at any time
// leave what it takes for its outside interfaces itself.
//
// A PPPoE or L2TP interface gets a new ifIndex when it connects again, up to a
// quarter-hour before the router is asked. What is new and outside in the next
// reading was there before it, so it counts from the reading before.
func (t *Told) History(uplinks []attribution.Uplink) []Since {
	if len(t.Routers) == 0 {
		return nil
	}
	begins := t.begins(uplinks)
	history := make([]Since, len(begins))
	for i, begin := range begins {
		n := len(t.Routers) - 1
		for n > 0 && t.Routers[n].From.After(begin) {
			n--
		}
		history[i] = Since{From: begin, Router: t.Routers[n].Router, ActiveTimeout: t.Routers[n].ActiveTimeout}
		names, lists := t.at(begin)
		if found := attribution.Indexes(uplinks, names, lists); len(found) > 0 {
			history[i].WAN = found
		}
	}
	for i := range history {
		r := &history[i].Router
		r.Known = t.known(begins, i)
		if len(r.Known) == 0 || i+1 == len(history) {
			continue
		}
		r.WAN = slices.Clone(r.WAN)
		for _, index := range history[i+1].WAN {
			if !slices.Contains(r.Known, index) && !slices.Contains(r.WAN, index) {
				r.WAN = append(r.WAN, index)
			}
		}
	}
	return history
}

// begins are the instants from which on the router was another. The first is that
// of its first description, of which nothing from before is known.
func (t *Told) begins(uplinks []attribution.Uplink) []time.Time {
	var begins []time.Time
	for _, r := range t.Routers {
		begins = append(begins, r.From)
	}
	if _, named := attribution.Numbers(uplinks); named {
		wanted := map[string]bool{}
		for _, u := range uplinks {
			wanted[u.Name] = u.Name != ""
		}
		for _, l := range t.Lists {
			if wanted[l.List] {
				begins = append(begins, l.From)
				for _, member := range l.Members {
					wanted[member] = true
				}
			}
		}
		for _, n := range t.Names {
			if wanted[n.Name] {
				begins = append(begins, n.From)
			}
		}
	}
	slices.SortFunc(begins, time.Time.Compare)
	begins = slices.CompactFunc(begins, time.Time.Equal)
	return slices.DeleteFunc(begins, func(begin time.Time) bool { return begin.Before(t.Routers[0].From) })
}

// at are the names and lists of an instant.
func (t *Told) at(moment time.Time) (names map[uint32]string, lists map[string][]string) {
	names, lists = map[uint32]string{}, map[string][]string{}
	for _, n := range t.Names {
		if !n.From.After(moment) {
			names[n.Index] = n.Name
		}
	}
	for _, l := range t.Lists {
		if !l.From.After(moment) {
			lists[l.List] = l.Members
		}
	}
	return names, lists
}

// known are the interfaces that the router had told of before the next begin.
func (t *Told) known(begins []time.Time, i int) (indexes []uint32) {
	for _, n := range t.Names {
		if i+1 == len(begins) || n.From.Before(begins[i+1]) {
			indexes = append(indexes, n.Index)
		}
	}
	slices.Sort(indexes)
	return slices.Compact(indexes)
}
