package importer

import (
	"fmt"
	"net/netip"
)

// Overlap names two routers behind which there are the same addresses.
func Overlap(routers []Router) []string {
	inside := func(r *Router) []netip.Prefix {
		if n := len(r.History); n > 0 {
			return r.History[n-1].Inside
		}
		return r.Inside
	}
	var found []string
	for i := range routers {
		for j := range i {
			if a, b, both := meet(inside(&routers[j]), inside(&routers[i])); both {
				found = append(found, fmt.Sprintf("%s behind router %s and %s behind router %s have the same addresses: a host of one and a host of the other are summed up under one address in a report, with a line for each router below it, and a quota counts the sum; give the networks different addresses to tell them apart everywhere", a, routers[j].Name, b, routers[i].Name))
			}
		}
	}
	return found
}

func meet(a, b []netip.Prefix) (x, y netip.Prefix, both bool) {
	for _, x := range a {
		for _, y := range b {
			if x.Overlaps(y) {
				return x, y, true
			}
		}
	}
	return x, y, false
}
