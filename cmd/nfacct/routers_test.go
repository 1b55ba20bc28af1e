package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/collector"
	"nfacct/importer"
	"nfacct/importer/attribution"
	"nfacct/routeros/officetest"
	"nfacct/routeros/routerostest"
)

// What routers say of themselves: shown, stored, and used by the import as it was
// at the time of the flow.
func TestRouters(t *testing.T) {
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-", FastTrack: true})
	name := provisionConfig(t, "127.0.0.1:8787", "", device.Addr().String(), "127.0.0.1:1")
	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	typed("--config", name, "routers").want(t, exitPartial, "not provisioned", "no collector ran", "differs: /ip traffic-flow target add", "outside: ether1 ether9", "gw-2", "connection refused")
	if _, err := os.Stat(cfg.State); err == nil {
		t.Error("looking made a state folder")
	}
	typed("--config", name, "provision", "--wait", "0", "gw-1").want(t, exitOK)

	status, err := json.Marshal(collector.Saved{Written: time.Now(), Running: true, Status: collector.Status{Exporters: []collector.Exporter{
		{Router: "gw-1", Address: netip.MustParseAddr("127.0.0.1"), Versions: []string{"NETFLOW_V9"}, Received: time.Now().Add(-3 * time.Second), LostDatagrams: 7},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.State, collector.StatusFile), status, 0o600); err != nil {
		t.Fatal(err)
	}
	typed("--config", name, "routers", "--refresh").want(t, exitPartial, "provisioned", "s ago", "7 datagrams")

	a := &app{log: slog.New(slog.DiscardHandler)}
	ctx := t.Context()
	db, err := archive.Open(ctx, cfg.Database, a.log)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	names, err := db.Routers().NamesAt(ctx, time.Now().Add(time.Minute))
	if err != nil || len(names) < 3 {
		t.Errorf("names %v, %v", names, err)
	}
	router := eraOf(ctx, t, a, cfg, db)
	if len(router.History) != 1 || !slices.Equal(router.History[0].WAN, []uint32{officetest.WAN, officetest.WAN2}) || len(router.History[0].Inside) == 0 || router.History[0].Sampling != 1 {
		t.Errorf("history %+v", router.History)
	}

	// It says the same: nothing is stored again. It says something else: it is.
	time.Sleep(1100 * time.Millisecond) // valid_from has whole seconds
	typed("--config", name, "routers", "--refresh").want(t, exitPartial)
	if router = eraOf(ctx, t, a, cfg, db); len(router.History) != 1 {
		t.Errorf("the same twice: %+v", router.History)
	}
	if _, err := device.Do("/ip/address/add", "address", "10.77.0.1/24", "interface", "bridge"); err != nil {
		t.Fatal(err)
	}
	typed("--config", name, "routers", "--refresh").want(t, exitPartial)
	router = eraOf(ctx, t, a, cfg, db)
	if len(router.History) != 2 || !slices.Contains(router.History[1].Inside, netip.MustParsePrefix("10.77.0.0/24")) {
		t.Errorf("history %+v", router.History)
	}
	// It says only a part: that changes nothing.
	device.Break(routerostest.Fault{Kind: routerostest.TwoTraps, Command: "/ip/firewall/nat/print"})
	time.Sleep(1100 * time.Millisecond)
	typed("--config", name, "routers", "--refresh").want(t, exitPartial, "networks are not noted", "not read: /ip/firewall/nat: failure: first reason")
	typed("--config", name, "--json", "routers").want(t, exitPartial, `"/ip/firewall/nat": "failure: first reason`)
	if router = eraOf(ctx, t, a, cfg, db); len(router.History) != 2 {
		t.Errorf("a part: %+v", router.History)
	}
	device.Mend()
	// No figure without an hour that flows and counters share.
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, bytes.Replace(text, []byte("name = \"gw-1\"\n"), []byte("name = \"gw-1\"\nwan = [1, 77]\n"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	typed("--config", name, "routers").want(t, exitPartial, "coverage: not known", "there is no hour yet", "wan names interface 77, and the router has none")
	typed("--config", name, "--json", "routers").want(t, exitPartial, `"ratio": null`)
	// What is configured comes before what was said.
	cfg.Routers[0].WAN = []uint32{42}
	if router = eraOf(ctx, t, a, cfg, db); !slices.Equal(router.History[1].WAN, []uint32{42}) {
		t.Errorf("wan %v", router.History[1].WAN)
	}
	// By name, alone or in a list, it is looked up.
	cfg.Routers[0].WAN, cfg.Routers[0].Uplinks = nil, []attribution.Uplink{{Name: "ether9"}, {Name: "LAN"}}
	if router = eraOf(ctx, t, a, cfg, db); !slices.Equal(router.History[1].WAN, []uint32{officetest.LAN, officetest.LAN2, officetest.WAN2}) || len(router.History[1].Known) < 5 {
		t.Errorf("wan %v, known %v", router.History[1].WAN, router.History[1].Known)
	}
	// A router that was never heard of keeps the import from guessing.
	if _, err := stages.Importer(ctx, cfg, db, a.log); err == nil {
		t.Error("an import without knowing the networks of gw-2")
	}
}

func eraOf(ctx context.Context, t *testing.T, a *app, cfg *config.Config, db *archive.Archive) importer.Router {
	t.Helper()
	router, err := stages.ImporterRouter(ctx, cfg, db, a.log, &cfg.Routers[0])
	if err != nil {
		t.Fatal(err)
	}
	return router
}
