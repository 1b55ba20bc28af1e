package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"nfacct/routeros/routerostest"
)

// fleet starts simulated routers, of which some accept a connection and say
// nothing, and gives the configuration of them.
func fleet(t testing.TB, all, hang int, settings string) string {
	t.Helper()
	o := smallOffice(t)
	var addresses []string
	for i := range all {
		device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.Profiles()[i%5], Office: o, ListenTLS: "-"})
		if i%8 == 0 && i/8 < hang {
			device.Break(routerostest.Fault{Kind: routerostest.Silent, When: routerostest.Accepting})
		}
		addresses = append(addresses, device.Addr().String())
	}
	return provisionConfig(t, "127.0.0.1:8787", "[provision]\n"+settings, addresses...)
}

// Two hundred routers, five of which hang for as long as they may, which is an
// hour: all others are provisioned and printed meanwhile, whatever the load. That
// all is then done within the time of one is TestEachWithRoutersThatHang's.
func TestProvisionMany(t *testing.T) {
	const all, hang = 200, 5
	name := fleet(t, all, hang, "timeout = \"1h\"\ndeadline = \"1h\"")
	out, w := io.Pipe()
	var errOut bytes.Buffer
	a := &app{in: strings.NewReader(""), out: w, errOut: &errOut}
	root := a.rootCommand()
	root.SetArgs([]string{"--config", name, "provision", "--wait", "0"})
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan error, 1)
	go func() {
		err := root.ExecuteContext(ctx)
		w.Close()
		ended <- err
	}()
	var text []byte
	for b := make([]byte, 64<<10); ; {
		n, err := out.Read(b)
		text = append(text, b[:n]...)
		if bytes.Count(text, []byte("written and read back")) == all-hang {
			interrupt() // those that hang would go on
		}
		if err != nil {
			break
		}
	}
	err := <-ended
	if err == nil || !strings.Contains(err.Error(), "5 of 200 routers failed: gw-1, gw-9, gw-17, gw-25, gw-33") {
		t.Errorf("%v\n%s", err, &errOut)
	}
	for _, name := range []string{"gw-1", "gw-9", "gw-17", "gw-25", "gw-33"} {
		if !strings.Contains(errOut.String(), "nfacct: router "+name+": log in to") {
			t.Errorf("%s is not in\n%s", name, &errOut)
		}
	}
}

// How long 200 routers take, of which 5 hang for the whole of their time: measured
// on 2 busy cores, simulated routers included, 10.1 s with a deadline of 10 s, so
// that the other 195 are done meanwhile.
func BenchmarkProvisionMany(b *testing.B) {
	const deadline = 10 * time.Second
	for b.Loop() {
		b.StopTimer()
		name := fleet(b, 200, 5, fmt.Sprintf("timeout = \"20s\"\ndeadline = %q", deadline))
		b.StartTimer()
		began := time.Now()
		if r := typed("--config", name, "provision", "--wait", "0"); r.code != exitPartial {
			b.Fatal(r.errOut)
		}
		b.ReportMetric(time.Since(began).Seconds()/deadline.Seconds(), "deadlines/op")
		if err := os.Remove(name); err != nil {
			b.Fatal(err)
		}
	}
}
