package routeros_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nfacct/routeros"
	"nfacct/routeros/routerostest"
)

// Two targets of ours, the first of them off: the one that is on stays the only
// one, the command names it by number, and undo gives back that one.
func TestDuplicateTargets(t *testing.T) {
	device := start(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, ListenTLS: "-"})
	for _, off := range []string{"yes", "no"} {
		if _, err := device.Do("/ip/traffic-flow/target/add", "dst-address", "127.0.0.1", "port", "8787", "version", "9", "disabled", off); err != nil {
			t.Fatal(err)
		}
	}
	d := dial(t, plain(t, device))
	_, facts := wanted(t, d, routeros.DefaultProvision())
	saved := routeros.Save("gw-1", facts)
	before := device.Print("/ip/traffic-flow/target")
	plan := provision(t, d, routeros.DefaultProvision())
	saved.Note(plan.Changes, collectorAt)
	targets := device.Print("/ip/traffic-flow/target")
	if targets[0]["disabled"] != "true" || targets[1]["disabled"] != "false" || targets[1]["v9-template-timeout"] != "1m" {
		t.Errorf("targets %v", targets)
	}
	if first := plan.Changes[0].Command(); !strings.HasPrefix(first, "/ip traffic-flow target set "+targets[1][".id"]+" ") {
		t.Errorf("command %s", first)
	}
	found, err := d.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Apply(t.Context(), saved.Undo(found).Changes); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, device.Print("/ip/traffic-flow/target")); diff != "" {
		t.Error(diff)
	}
}

// A menu that is refused makes no conclusions of the others.
func TestPartialFacts(t *testing.T) {
	for _, menu := range []string{"/ip/firewall/nat", "/interface/list/member"} {
		device := start(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, ListenTLS: "-"})
		device.Break(routerostest.Fault{Kind: routerostest.TwoTraps, Command: menu + "/print"})
		w, facts := wanted(t, dial(t, plain(t, device)), routeros.DefaultProvision())
		if len(facts.Unread()) != 1 || len(w.Interfaces) > 0 || !strings.Contains(strings.Join(w.Notes, "\n"), "could not be read, so which interfaces lead outside is not sure") {
			t.Errorf("%s: unread %q, interfaces %q, notes %q", menu, facts.Unread(), w.Interfaces, w.Notes)
		}
	}
}
