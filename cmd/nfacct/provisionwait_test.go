package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"nfacct/routeros/routerostest"
)

// The port is somebody else's and no collector of ours runs: that is not success,
// and also said when nothing else is.
func TestProvisionDeaf(t *testing.T) {
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-"})
	name := provisionConfig(t, other.LocalAddr().String(), "", device.Addr().String())
	typed("--config", name, "provision").want(t, exitFailed, "NO DATAGRAM", "1. something else listens at UDP")
	typed("--config", name, "-q", "provision").want(t, exitFailed, "most likely first: something else listens at UDP")
}

// An IPv6 collector that the version cannot send to: an error before any write.
func TestProvisionIPv6(t *testing.T) {
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-"})
	name := provisionConfig(t, "127.0.0.1:8787", "[provision]\ncollector = \"2001:db8::1\"", device.Addr().String())
	r := typed("--config", name, "provision", "--wait", "0")
	r.want(t, exitFailed, "router gw-1: plan:", "IPv6 came with 7.24", "provision.collector")
	if len(device.Writes()) > 0 || strings.Contains(r.out, "written") {
		t.Errorf("wrote %v", device.Writes())
	}
}

// Of three addresses two cannot be listened at: that is said at once, each by name,
// and the third hears the router. Both are also the first to look at when nothing
// comes.
func TestProvisionHalfDeaf(t *testing.T) {
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-"})
	good := freePort(t)
	name := provisionConfig(t, good, "", device.Addr().String())
	text, err := os.ReadFile(name)
	if err == nil {
		text = bytes.Replace(text, []byte("["+strconv.Quote(good)+"]"), fmt.Appendf(nil, "[%q, \"192.0.2.1:8787\", %q]", good, other.LocalAddr()), 1)
		err = os.WriteFile(name, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	taken := "something else listens at UDP " + other.LocalAddr().String()
	const missing = "192.0.2.1:8787 cannot be listened at: cannot assign requested address"
	typed("--config", name, "provision", "--wait", "100ms").want(t, exitFailed, "NO DATAGRAM", "1. no collector of this configuration runs, and "+missing, "2. "+taken, "3. ")
	sendDatagrams(t, device, good)
	r := typed("--config", name, "provision")
	r.want(t, exitOK, "datagrams come from 127.0.0.1")
	for _, want := range []string{"level=WARN", missing, taken, "those of the other addresses are"} {
		if !strings.Contains(r.errOut, want) {
			t.Errorf("%q is not in %s", want, r.errOut)
		}
	}
}
