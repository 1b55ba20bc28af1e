package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nfacct/routeros/routerostest"
)

// savedOf is the file with the state before of gw-1.
func savedOf(config string) string {
	return filepath.Join(filepath.Dir(config), "state", "routers", "gw-1.json")
}

// moved writes a configuration to reach another device under the same name.
func moved(t *testing.T, name string, from, to *routerostest.Device) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(name, []byte(strings.Replace(string(text), from.Addr().String(), to.Addr().String(), 1)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Another device behind the same name: its predecessor's state is not for it.
func TestUndoOfAnotherDevice(t *testing.T) {
	o := smallOffice(t)
	first := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: o, ListenTLS: "-"})
	second := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: o, ListenTLS: "-"})
	name := provisionConfig(t, "127.0.0.1:8787", "", first.Addr().String())
	typed("--config", name, "provision", "--wait", "0").want(t, exitOK)
	before, err := os.ReadFile(savedOf(name))
	if err != nil {
		t.Fatal(err)
	}

	moved(t, name, first, second)
	typed("--config", name, "provision", "--undo").want(t, exitFailed, "is of another device, of serial number", "nothing was written")
	if after, err := os.ReadFile(savedOf(name)); err != nil || string(after) != string(before) {
		t.Errorf("the saved state: %v %s", err, after)
	}
	typed("--config", name, "provision", "--wait", "0").want(t, exitOK, "the saved state was of another device", ".other now")
	aside, err := filepath.Glob(filepath.Join(filepath.Dir(savedOf(name)), "*.other"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("aside: %v %v", aside, err)
	}
	typed("--config", name, "provision", "--undo").want(t, exitOK, "as it was before")

	moved(t, name, second, first)
	if err := os.Rename(aside[0], savedOf(name)); err != nil {
		t.Fatal(err)
	}
	typed("--config", name, "provision", "--undo").want(t, exitOK, "as it was before")
	if targets := first.Print("/ip/traffic-flow/target"); len(targets) > 0 {
		t.Errorf("left: %v", targets)
	}
}

// The state before is that of the last look before the first write.
func TestSavedBeforeDrift(t *testing.T) {
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-"})
	name := provisionConfig(t, "127.0.0.1:8787", "", device.Addr().String())
	set := func(timeout string) {
		if _, err := device.Do("/ip/traffic-flow/set", "active-flow-timeout", timeout); err != nil {
			t.Fatal(err)
		}
	}
	// A run that fails before it has written anything leaves nothing to undo.
	device.Break(routerostest.Fault{Kind: routerostest.TwoTraps, Command: "/ip/traffic-flow/target/add"})
	typed("--config", name, "provision", "--wait", "0").want(t, exitFailed, "first reason", "second reason")
	device.Mend()
	set("7m")
	typed("--config", name, "provision", "--wait", "0").want(t, exitOK)
	typed("--config", name, "provision", "--undo").want(t, exitOK)
	if got := device.Print("/ip/traffic-flow")[0]["active-flow-timeout"]; got != "7m" {
		t.Errorf("undone to %s", got)
	}

	// All was right at first, and drifts: what is given back is what was right.
	for _, command := range [][]string{
		{"/ip/traffic-flow/target/add", "dst-address", "127.0.0.1", "port", "8787", "version", "9", "v9-template-refresh", "20", "v9-template-timeout", "1m"},
		{"/ip/traffic-flow/set", "enabled", "yes", "interfaces", "WAN", "active-flow-timeout", "1m", "inactive-flow-timeout", "15s"},
	} {
		if _, err := device.Do(command[0], command[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	typed("--config", name, "provision", "--wait", "0").want(t, exitOK, "nothing to change")
	if _, err := os.Stat(savedOf(name)); err != nil {
		t.Error(err)
	}
	typed("--config", name, "provision", "--undo").want(t, exitOK, "written nothing")
	if len(device.Print("/ip/traffic-flow/target")) != 1 {
		t.Error("the target is gone")
	}
}

// The user that was made is removed by undo, but not by itself.
func TestUndoAccount(t *testing.T) {
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-"})
	name := provisionConfig(t, "127.0.0.1:8787", "[provision]\naccount = \"auditor\"\naccount_password_file = \"password\"", device.Addr().String())
	typed("--config", name, "provision", "--wait", "0", "--create-user").want(t, exitOK)
	as := func(from, to string) {
		text, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name, []byte(strings.Replace(string(text), `user = "`+from, `user = "`+to, 1)), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	as("admin", "auditor")
	typed("--config", name, "provision", "--undo").want(t, exitOK, "as it was before", "cannot undo that: as another user, /user remove [find name=auditor]")
	if users := device.Print("/user"); len(users) != 2 {
		t.Errorf("users %v", users)
	}
	as("auditor", "admin")
	typed("--config", name, "provision", "--undo").want(t, exitOK, "/user remove [find name=auditor]", "/user group remove [find name=auditor]")
	if users, groups := device.Print("/user"), device.Print("/user/group"); len(users) != 1 || len(groups) != 3 {
		t.Errorf("users %v, groups %v", users, groups)
	}
	typed("--config", name, "provision", "--undo").want(t, exitOK, "nothing to undo")
}
