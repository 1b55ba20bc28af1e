package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nfacct/cmd/internal/provision"
	"nfacct/routeros/officetest"
	"nfacct/routeros/routerostest"
)

const routerSecret = "s3cret of the router"

// startMikrotik runs a simulated router until the test ends.
func startMikrotik(t testing.TB, cfg routerostest.DeviceConfig) *routerostest.Device {
	t.Helper()
	cfg.Password = routerSecret
	device, err := routerostest.NewDevice(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- device.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return device
}

// smallOffice is a small one, for routers that need no other.
func smallOffice(t testing.TB) *officetest.Office {
	t.Helper()
	o, err := officetest.New(officetest.Config{Hosts: 3})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// provisionConfig writes a configuration with a collector at a port and routers,
// of which the first exports from 127.0.0.1.
func provisionConfig(t testing.TB, listen, more string, routers ...string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "password"), []byte(routerSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("state = \"state\"\n[collector]\nlisten = [%q]\n%s\n", listen, more)
	for i, address := range routers {
		text += fmt.Sprintf("[[router]]\nname = \"gw-%d\"\nexport = [\"127.0.0.%d\"]\naddress = %q\napi = \"api\"\nuser = \"admin\"\npassword_file = \"password\"\n", i+1, i+1, address)
	}
	name := filepath.Join(folder, "nfacct.toml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// ran is what a command line did.
type ran struct {
	code        int
	out, errOut string
}

func typed(args ...string) ran {
	var out, errOut bytes.Buffer
	code := run(args, strings.NewReader(""), &out, &errOut)
	return ran{code, out.String(), errOut.String()}
}

func (r ran) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit %d, want %d", r.code, code)
	}
	for _, text := range texts {
		if !strings.Contains(r.out+r.errOut, text) {
			t.Errorf("%q is not in what was said", text)
		}
	}
	if strings.Contains(r.out+r.errOut, routerSecret) {
		t.Error("the password was said")
	}
	if t.Failed() {
		t.Fatalf("standard output:\n%s\nstandard error:\n%s", r.out, r.errOut)
	}
}

// sendDatagrams sends datagrams as a provisioned router does, until the test ends.
func sendDatagrams(t *testing.T, device *routerostest.Device, to string) {
	t.Helper()
	conn, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop); <-ended; conn.Close() })
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if device.Print("/ip/traffic-flow")[0]["enabled"] == "true" {
				conn.Write(append([]byte{0, 9, 0, 0}, make([]byte, 16)...))
			}
		}
	}()
}

// The whole way of a router, as a person types it.
func TestProvision(t *testing.T) {
	address := freePort(t)
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-"})
	name := provisionConfig(t, address, "", device.Addr().String())
	nfacct := func(args ...string) ran { return typed(append([]string{"--config", name}, args...)...) }

	nfacct("provision", "--dry-run").want(t, exitOK, "/ip traffic-flow target add dst-address=127.0.0.1", "enabled=yes", "# was", "would be written")
	if writes := device.Writes(); len(writes) > 0 {
		t.Fatalf("a dry run wrote %v", writes)
	}
	sendDatagrams(t, device, address)
	nfacct("-v", "provision").want(t, exitOK, "written and read back", "first datagram from 127.0.0.1, NETFLOW_V9, after")
	device.ForgetSentences()
	nfacct("provision").want(t, exitOK, "nothing to change", "datagrams come from 127.0.0.1")
	if writes := device.Writes(); len(writes) > 0 {
		t.Fatalf("the second run wrote %v", writes)
	}
	var results []provision.Result
	r := nfacct("--json", "provision", "--dry-run", "gw-1")
	if err := json.Unmarshal([]byte(r.out), &results); err != nil || len(results) != 1 || results[0].State != provision.Unchanged {
		t.Errorf("%v: %s", err, r.out)
	}
	nfacct("provision", "--undo").want(t, exitOK, "target remove [find dst-address=127.0.0.1", "as it was before")
	if flow := device.Print("/ip/traffic-flow")[0]; flow["enabled"] != "false" || len(device.Print("/ip/traffic-flow/target")) > 0 {
		t.Errorf("undone: %v", flow)
	}
	nfacct("provision", "--undo").want(t, exitOK, "nothing to undo")

	nfacct("provision", "gw-9").want(t, exitUsage, `no router is called "gw-9"`)
	nfacct("provision", "--trust", "--undo").want(t, exitUsage, "--trust only looks")
	nfacct("provision", "--create-user").want(t, exitUsage, "no account is named")
	nfacct("provision", "--trust").want(t, exitFailed, `write api = "api-ssl"`)
}

// A router from which nothing comes, and what to look at then.
func TestProvisionSilent(t *testing.T) {
	address := freePort(t)
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V6_42, Office: smallOffice(t), ListenTLS: "-"})
	name := provisionConfig(t, address, "[provision]\ncollector = \"192.0.2.99\"", device.Addr().String())
	typed("--config", name, "provision", "--wait", "300ms").want(t, exitFailed, "NO DATAGRAM", "is no address of this machine", "src-address is left to the router", "nothing passes")
}

// The user of the least rights: offered, made, and then good enough.
func TestProvisionAccount(t *testing.T) {
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-"})
	name := provisionConfig(t, "127.0.0.1:8787", "[provision]\nover_quota_list = \"over-quota\"\naccount = \"auditor\"\naccount_password_file = \"password\"", device.Addr().String())
	typed("--config", name, "provision", "--wait", "0").want(t, exitOK, "the address list over-quota stays as it is", "/user group add name=auditor policy=api,read,write  # only with --create-user")
	if users := device.Print("/user"); len(users) != 1 {
		t.Errorf("users %v", users)
	}
	r := typed("--config", name, "--json", "provision", "--wait", "0", "--create-user")
	r.want(t, exitOK, `password=\"...\"`)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, bytes.Replace(text, []byte(`"admin"`), []byte(`"auditor"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := device.Do("/ip/traffic-flow/set", "enabled", "no"); err != nil {
		t.Fatal(err)
	}
	typed("--config", name, "provision", "--wait", "0").want(t, exitOK, "written and read back")
}

// A write that is refused in the middle: what is written is said.
func TestProvisionHalf(t *testing.T) {
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-"})
	name := provisionConfig(t, "127.0.0.1:8787", "[provision]\ntimeout = \"500ms\"", device.Addr().String())
	device.Break(routerostest.Fault{Kind: routerostest.Silent, Command: "/ip/traffic-flow/set"})
	typed("--config", name, "provision", "--wait", "0").want(t, exitFailed, "whether it was written is not known", "written before: /ip traffic-flow target add", "# WRITTEN", "# whether it was WRITTEN is not known")
	device.Mend()
	device.Break(routerostest.Fault{Kind: routerostest.Unkept, Command: "/ip/traffic-flow/set"})
	typed("--config", name, "provision", "--wait", "0").want(t, exitFailed, "did not keep it", "enabled is false, not yes")
	device.Mend()
	typed("--config", name, "provision", "--wait", "0").want(t, exitOK, "written and read back")
	// What was before the first of these is what is given back.
	typed("--config", name, "provision", "--undo").want(t, exitOK, "as it was before")
	if len(device.Print("/ip/traffic-flow/target")) > 0 {
		t.Error("a target is left")
	}
}
