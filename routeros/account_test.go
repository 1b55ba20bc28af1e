package routeros_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nfacct/routeros"
	"nfacct/routeros/routerostest"
)

// The account has the least rights, and they are enough to audit and provision.
func TestAccount(t *testing.T) {
	for _, profile := range routerostest.Profiles() {
		t.Run(profile.String(), func(t *testing.T) {
			device := start(t, routerostest.DeviceConfig{Profile: profile, ListenTLS: "-"})
			if _, err := device.Do("/user/group/add", "name", "nfacct", "policy", "api,read,ftp"); err != nil {
				t.Fatal(err)
			}
			admin := dial(t, plain(t, device))
			plan, err := admin.PlanAccount(t.Context(), "nfacct", "pass word", netip.MustParseAddr("127.0.0.1"))
			if err != nil {
				t.Fatal(err)
			}
			want := []string{`/user group set [find name=nfacct] policy="api,read,write,!ftp"`, `/user add name=nfacct group=nfacct password="..."`}
			if diff := cmp.Diff(want, commandsOf(plan)); diff != "" {
				t.Error(diff)
			}
			if err := admin.Apply(t.Context(), plan.Changes); err != nil {
				t.Fatal(err)
			}
			if again, err := admin.PlanAccount(t.Context(), "nfacct", "pass word", netip.MustParseAddr("127.0.0.1")); err != nil || len(again.Changes) > 0 {
				t.Errorf("again: %v %v", commandsOf(again), err)
			}
			cfg := plain(t, device)
			cfg.User, cfg.PasswordFile = "nfacct", passwordFile(t, "pass word")
			provision(t, dial(t, cfg), routeros.DefaultProvision())
		})
	}
}

// A user who may only read: the refusal names the policies.
func TestReadOnlyUser(t *testing.T) {
	device := start(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, ListenTLS: "-"})
	for _, command := range [][]string{
		{"/user/group/add", "name", "auditor", "policy", "api,read"},
		{"/user/add", "name", "auditor", "group", "auditor", "password", "x"},
	} {
		if _, err := device.Do(command[0], command[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	cfg := plain(t, device)
	cfg.User, cfg.PasswordFile = "auditor", passwordFile(t, "x")
	d := dial(t, cfg)
	w, facts := wanted(t, d, routeros.DefaultProvision())
	err := d.Apply(t.Context(), routeros.Compare(&facts.Flow, w).Changes)
	if err == nil || !strings.Contains(err.Error(), "not enough permissions (9)") || !strings.Contains(err.Error(), "policy=api,read,write") || strings.Contains(err.Error(), "not known") {
		t.Errorf("%v", err)
	}
}
