package routerostest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNodeRouteros lets a client that is not ours talk to the device: node-routeros,
// as npm installs it from the lock file beside the script.
func TestNodeRouteros(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "talk.js"} {
		text, err := os.ReadFile(filepath.Join("testdata", "node", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v (make need-test installs npm)\n%s", err, out)
	}
	for _, p := range Profiles() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			d := running(t, DeviceConfig{Profile: p, User: "node", Password: "a=b c", Interleave: true})
			talk := exec.Command("node", "talk.js", strconv.Itoa(int(d.Addr().Port())), "node", "a=b c")
			talk.Dir = folder
			var said bytes.Buffer
			talk.Stderr = &said
			out, err := talk.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, &said)
			}
			var heard map[string]any
			if err := json.Unmarshal(out, &heard); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want := map[string]any{
				// The client's own words for both traps.
				"wrongPassword": "Username or password is invalid",
				"identity":      []any{map[string]any{"name": "office"}},
				"version":       p.version(),
				"bridges":       []any{map[string]any{".id": "*7", "name": "bridge"}},
				"links":         []any{"ether1", "ether2", "ether3", "ether4", "ether5", "ether9"},
				"added":         []any{map[string]any{"ret": "*1"}},
				"printed": []any{map[string]any{
					".id": "*1", "src-address": "0.0.0.0", "dst-address": "192.0.2.9", "port": "8787", "version": "ipfix",
					"v9-template-refresh": "20", "v9-template-timeout": "1m", "disabled": "true",
				}},
				"changes":          []any{"9", "ipfix", p.dead()},
				"unknownParameter": "unknown parameter comment",
				"noSuchItem":       "no such item",
				"noSuchCommand":    "no such command prefix",
				"long":             0.0,
				"longName":         20000.0,
			}
			if diff := cmp.Diff(want, heard); diff != "" {
				t.Error(diff)
			}
			if got := d.Print("/system/identity")[0]["name"]; len(got) != 20000 {
				t.Errorf("the device is called %.20q", got)
			}
		})
	}
}

// TestLibrouteros does the same with Python's librouteros, which brings another TLS
// library with it.
func TestLibrouteros(t *testing.T) {
	for _, p := range Profiles() {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			d := running(t, DeviceConfig{Profile: p, User: "python", Password: "a=b c", ListenTLS: "127.0.0.1:0"})
			login, wrong := "plain", "invalid user name or password (6)"
			if p.challenges() {
				login, wrong = "token", "cannot log in"
			}
			talk := exec.Command("/usr/bin/python3", filepath.Join("testdata", "python", "talk.py"),
				strconv.Itoa(int(d.Addr().Port())), strconv.Itoa(int(d.AddrTLS().Port())), "python", "a=b c", login)
			var said bytes.Buffer
			talk.Stderr = &said
			out, err := talk.Output()
			if err != nil {
				t.Fatalf("%v (make need-test installs python3-librouteros)\n%s", err, &said)
			}
			var heard map[string]any
			if err := json.Unmarshal(out, &heard); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want := map[string]any{
				"wrong_password": wrong,
				"identity":       []any{map[string]any{"name": "office"}},
				"one":            []any{"bridge"},
				"either":         []any{"bridge", "vlan20-servers"},
				"neither":        []any{"bridge"},
				"both":           []any{"ether9"},
				"added":          "*1",
				"printed": []any{map[string]any{
					".id": "*1", "src-address": "0.0.0.0", "dst-address": "192.0.2.9", "port": 8787.0, "version": "ipfix",
					"v9-template-refresh": 20.0, "v9-template-timeout": "30m", "disabled": false,
				}},
				"removed":   []any{},
				"comment":   "unknown parameter comment",
				"interface": "input does not match any value of interfaces",
				"quit":      "session terminated on request",
			}
			if diff := cmp.Diff(want, heard); diff != "" {
				t.Error(diff)
			}
		})
	}
}
