package main

import (
	"net"
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
