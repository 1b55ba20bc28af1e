package routeros_test

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nfacct/routeros"
	"nfacct/routeros/officetest"
	"nfacct/routeros/routerostest"
)

// Every version: provisioned, then nothing to write, then drift, then undone.
func TestProvision(t *testing.T) {
	for _, profile := range routerostest.Profiles() {
		for _, version := range []string{"9", "ipfix", "5"} {
			t.Run(profile.String()+" v"+version, func(t *testing.T) {
				device := start(t, routerostest.DeviceConfig{Profile: profile, ListenTLS: "-"})
				d := dial(t, plain(t, device))
				p := routeros.DefaultProvision()
				p.Version = version
				// Fields that somebody has switched off.
				for _, field := range []string{"nat-src-address", "nat-dst-address"} {
					if _, err := device.Do("/ip/traffic-flow/ipfix/set", field, "no"); err != nil {
						t.Fatal(err)
					}
				}
				before, err := d.State(t.Context())
				if err != nil {
					t.Fatal(err)
				}

				plan := provision(t, d, p)
				saved := &routeros.Saved{Router: "gw-1", Version: before.Version, Time: time.Now(), State: *before}
				saved.Note(plan.Changes, collectorAt)
				path := routeros.SavedPath(t.TempDir(), "gw-1")
				if err := saved.Write(path); err != nil {
					t.Fatal(err)
				}
				flow, target := device.Print("/ip/traffic-flow")[0], device.Print("/ip/traffic-flow/target")
				if len(target) != 1 || flow["enabled"] != "true" || flow["interfaces"] != "WAN" || flow["active-flow-timeout"] != "1m" {
					t.Errorf("traffic-flow %v, targets %v", flow, target)
				}
				if got := target[0]; got["dst-address"] != "127.0.0.1" || got["port"] != "8787" || got["version"] != version || got["src-address"] == "0.0.0.0" {
					t.Errorf("target %v", got)
				}
				if on := device.Print("/ip/traffic-flow/ipfix")[0]["nat-src-address"] == "true"; on != (version == "ipfix") {
					t.Errorf("nat-src-address on: %v", on)
				}
				// What is switched on comes last.
				if last := plan.Changes[len(plan.Changes)-1]; last.Menu != "/ip/traffic-flow" || last.Settings[len(last.Settings)-1].Key != "enabled" {
					t.Errorf("last %v", last.Command())
				}

				device.ForgetSentences()
				if plan := provision(t, d, p); len(plan.Changes) > 0 || len(device.Writes()) > 0 {
					t.Errorf("the second run writes: %v", commandsOf(plan))
				}

				if _, err := device.Do("/ip/traffic-flow/set", "active-flow-timeout", "30m"); err != nil {
					t.Fatal(err)
				}
				plan = provision(t, d, p)
				if diff := cmp.Diff([]string{"/ip traffic-flow set active-flow-timeout=1m"}, commandsOf(plan)); diff != "" {
					t.Error(diff)
				}
				if was := plan.Changes[0].Settings[0].Was; was != "30m" {
					t.Errorf("was %q", was)
				}

				saved, err = routeros.LoadSaved(path)
				if err != nil {
					t.Fatal(err)
				}
				found, err := d.State(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				undo := saved.Undo(found)
				if len(undo.Notes) > 0 || undo.Changes[0].Settings[0].Key != "enabled" {
					t.Errorf("undo: %v %v", commandsOf(undo), undo.Notes)
				}
				if err := d.Apply(t.Context(), undo.Changes); err != nil {
					t.Fatal(err)
				}
				after, err := d.State(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("undone:\n%s", diff)
				}
			})
		}
	}
}

// Foreign targets are left alone; a second one to us is reported.
func TestForeignTargets(t *testing.T) {
	device := start(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, ListenTLS: "-"})
	for _, target := range [][]string{
		{"dst-address", "192.0.2.9", "port", "2055", "version", "5"},
		{"dst-address", "127.0.0.1", "port", "8787", "version", "9"},
		{"dst-address", "127.0.0.1", "port", "8787", "version", "9"},
	} {
		if _, err := device.Do("/ip/traffic-flow/target/add", target...); err != nil {
			t.Fatal(err)
		}
	}
	d := dial(t, plain(t, device))
	plan := provision(t, d, routeros.DefaultProvision())
	notes := strings.Join(plan.Notes, "\n")
	if !strings.Contains(notes, "192.0.2.9:2055; that target is not ours") || !strings.Contains(notes, "every byte counts twice") {
		t.Errorf("notes:\n%s", notes)
	}
	targets := device.Print("/ip/traffic-flow/target")
	if len(targets) != 3 || targets[0]["version"] != "5" || targets[1]["disabled"] != "false" {
		t.Errorf("targets %v", targets)
	}
	if !strings.Contains(strings.Join(commandsOf(plan), "\n"), "target set "+targets[1][".id"]) {
		t.Errorf("commands %q", commandsOf(plan))
	}
}

// What this version does not have is said and never written.
func TestUnsupported(t *testing.T) {
	found := &routeros.State{
		Version: "6.42.3 (current)",
		Flow:    routeros.Values{"enabled": "false", "interfaces": "all", "active-flow-timeout": "30m"},
	}
	p := routeros.DefaultProvision()
	p.Version = "ipfix"
	plan := routeros.Compare(found, routeros.Wanted{Provision: p, Collector: netip.MustParseAddrPort("[2001:db8::1]:8787"), Interfaces: []string{"WAN"}})
	notes := strings.Join(plan.Notes, "\n")
	for _, want := range []string{"IPv6 came with 7.24", "does not support inactive-flow-timeout", "has no /ip traffic-flow ipfix"} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not in\n%s", want, notes)
		}
	}
	if text := strings.Join(commandsOf(plan), "\n"); strings.Contains(text, "inactive-flow-timeout") || strings.Contains(text, "ipfix set") {
		t.Errorf("commands\n%s", text)
	}
}

// An address that reads differently and means the same is no difference.
func TestCompareByMeaning(t *testing.T) {
	p := routeros.DefaultProvision()
	w := routeros.Wanted{Provision: p, Collector: collectorAt, Interfaces: []string{"ether1", "WAN"}, Source: netip.MustParseAddr("192.0.2.1")}
	plan := routeros.Compare(&routeros.State{
		Version: "7.10 (stable)",
		Flow:    routeros.Values{"enabled": "yes", "interfaces": "WAN,ether1", "active-flow-timeout": "00:01:00", "inactive-flow-timeout": "15"},
		Targets: []routeros.Values{{".id": "*1", "dst-address": "127.0.0.1", "port": "8787", "version": "9",
			"src-address": "192.0.2.1", "v9-template-refresh": "20", "v9-template-timeout": "60s"}},
	}, w)
	if len(plan.Changes) > 0 || len(plan.Notes) > 0 {
		t.Errorf("%v %v", commandsOf(plan), plan.Notes)
	}
}

// The facts of the simulated office.
func TestFacts(t *testing.T) {
	for _, profile := range routerostest.Profiles() {
		t.Run(profile.String(), func(t *testing.T) {
			office, err := officetest.New(officetest.Config{Hosts: 5, IPv6: true})
			if err != nil {
				t.Fatal(err)
			}
			device := start(t, routerostest.DeviceConfig{Profile: profile, Office: office, FastTrack: true, ListenTLS: "-"})
			facts, err := dial(t, plain(t, device)).Facts(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if facts.Identity != "office" || facts.Board == "" || facts.Uptime < time.Hour || facts.FastTrack != 1 || facts.Sampling() != 1 {
				t.Errorf("%s %s %s, %d rules", facts.Identity, facts.Board, facts.Uptime, facts.FastTrack)
			}
			if diff := cmp.Diff([]uint32{officetest.WAN, officetest.WAN2}, facts.WAN()); diff != "" {
				t.Errorf("wan: %s", diff)
			}
			for _, prefix := range append(office.Inside, office.Server) {
				if !slices.Contains(facts.Inside(), prefix) {
					t.Errorf("%s is not inside: %v", prefix, facts.Inside())
				}
			}
			for _, own := range []netip.Addr{office.Gateway, office.Public} {
				if !slices.Contains(facts.Own(), own) {
					t.Errorf("%s is not its own: %v", own, facts.Own())
				}
			}
			if len(facts.Leases) < 5 || facts.Leases[0].HostName == "" && facts.Leases[0].Comment == "" {
				t.Errorf("leases %+v", facts.Leases)
			}
		})
	}
}

// Names of routers are files whatever they are.
func TestSavedPath(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"gw-1", "../../etc/passwd", "..", ".", "a/b", "Büro"} {
		if path := routeros.SavedPath(folder, name); filepath.Dir(path) != folder {
			t.Errorf("%q: %s", name, path)
		}
	}
}
