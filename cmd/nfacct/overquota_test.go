package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/daemon"
	"nfacct/cmd/internal/provision"
	"nfacct/cmd/internal/stages"
	"nfacct/routeros/routerostest"
)

// loadDay loads what hosts moved on a day, as one file.
func loadDay(t *testing.T, db *archive.Archive, day archive.Day, bytes map[string]uint64) {
	t.Helper()
	ctx := t.Context()
	id, err := db.Routers().ID(ctx, "gw-1")
	if err != nil {
		t.Fatal(err)
	}
	lock, err := db.Lock(ctx, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	name := "flows of " + day.String()
	load, err := lock.BeginLoad(ctx, archive.File{Name: name, Size: 1, Digest: sha256.Sum256([]byte(name))})
	if err != nil {
		t.Fatal(err)
	}
	book := archive.Book{Day: day, Router: "gw-1", Datagrams: 1}
	for _, host := range slices.Sorted(maps.Keys(bytes)) {
		addr := netip.MustParseAddr(host)
		peer := netip.MustParseAddr("192.0.2.1")
		if addr.Is6() {
			peer = netip.MustParseAddr("2001:db8:ffff::1")
		}
		n := archive.Counts{Records: 1, Bytes: bytes[host]}
		row := archive.Row{Day: day, Slot: 40, Router: id, Host: addr, Peer: peer, PeerPort: 443, Proto: 6, UpPackets: 1, UpBytes: n.Bytes, Flows: 1}
		if err := load.Append(&row); err != nil {
			t.Fatal(err)
		}
		book.Records++
		book.Bytes += n.Bytes
		book.Classes.Up = book.Classes.Up.Plus(n)
		book.Loaded.Counts = book.Loaded.Plus(n)
	}
	if err := load.Commit(ctx, []archive.Book{book}); err != nil {
		t.Fatal(err)
	}
}

// onList is what an address list of a simulated router holds, of both families.
func onList(device *routerostest.Device, list string) []string {
	entries := []string{}
	for _, menu := range []string{"/ip/firewall/address-list", "/ipv6/firewall/address-list"} {
		for _, entry := range device.Print(menu) {
			if entry["list"] == list {
				entries = append(entries, strings.TrimSpace(entry["address"]+" "+entry["comment"]))
			}
		}
	}
	return entries
}

const overQuotaConfig = `[provision]
over_quota_list = "over-quota"
over_quota_uncounted = true
timeout = "2s"
[[report.quota]]
name = "daily"
each = "host"
period = "day"
soft = "1MiB"
hard = "2MiB"
[[report.quota]]
name = "all"
each = "list"
period = "day"
hosts = ["0.0.0.0/0"]
hard = "1KiB"
`

// The list of hosts over quota follows the report of each day on all routers; one
// that is down and one that refuses hold up nobody, and are said once.
func TestOverQuota(t *testing.T) {
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-"})
	refusing := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V6_49, Office: smallOffice(t), ListenTLS: "-"})
	refusing.Break(routerostest.Fault{Kind: routerostest.TwoTraps, Command: "/ip/firewall/address-list/add", Text: "not enough permissions (9)"})
	for _, entry := range [][]string{
		{"list", "over-quota", "address", "10.1.1.99", "comment", "by hand"},
		{"list", "other", "address", "10.1.1.2"},
	} {
		if _, err := device.Do("/ip/firewall/address-list/add", entry...); err != nil {
			t.Fatal(err)
		}
	}
	name := provisionConfig(t, "127.0.0.1:8787", overQuotaConfig, device.Addr().String(), "127.0.0.1:1", refusing.Addr().String())
	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	typed("--config", name, "provision", "--dry-run", "gw-1").want(t, exitOK, "the address list over-quota stays as it is, since who is over quota is not known: there is no database yet")

	var said bytes.Buffer
	a := &app{log: slog.New(slog.NewTextHandler(&said, nil))}
	db := keepDatabase(t, name)
	yesterday := archive.DayOf(time.Now().In(cfg.Location())).Add(-1)
	loadDay(t, db, yesterday.Add(-3), map[string]uint64{"10.1.1.1": 3 << 20, "10.1.1.2": 1<<20 + 1, "10.1.1.3": 1 << 20, "2001:db8::1": 5 << 20})
	loadDay(t, db, yesterday.Add(-2), map[string]uint64{"10.1.1.1": 3 << 20, "10.1.1.2": 1 << 19, "10.1.1.99": 9 << 20, "2001:db8::2": 5 << 20})
	loadDay(t, db, yesterday, map[string]uint64{"10.1.1.4": 3 << 20})

	routers, err := stages.Managed(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	keep := func(ctx context.Context, day string) error {
		return provision.OverQuotaJob(ctx, cfg, db, a.log, routers, day)
	}
	for _, c := range []struct {
		day    archive.Day
		writes int
		failed string
		want   []string
		said   []string
	}{
		{yesterday.Add(-3), 3, "2 of 3 routers failed: gw-2, gw-3", []string{"10.1.1.99 by hand", "10.1.1.1 nfacct", "10.1.1.2 nfacct", "2001:db8::1/128 nfacct"}, []string{
			"gw-2", "connection refused", "gw-3", "not enough permissions (9)", "policy=api,read,write",
		}},
		{yesterday.Add(-3), 0, "2 of 3 routers failed: gw-2, gw-3", []string{"10.1.1.99 by hand", "10.1.1.1 nfacct", "10.1.1.2 nfacct", "2001:db8::1/128 nfacct"}, nil},
		{yesterday.Add(-2), 3, "2 of 3 routers failed: gw-2, gw-3", []string{"10.1.1.99 by hand", "10.1.1.1 nfacct", "2001:db8::2/128 nfacct"}, nil},
		// A day of which nothing is known takes nobody off, and adds nobody.
		{yesterday.Add(-1), 0, "1 of 3 routers failed: gw-2", []string{"10.1.1.99 by hand", "10.1.1.1 nfacct", "2001:db8::2/128 nfacct"}, []string{"nobody is taken off"}},
	} {
		device.ForgetSentences()
		said.Reset()
		err := keep(t.Context(), c.day.String())
		if err == nil || !strings.Contains(err.Error(), c.failed) {
			t.Errorf("%s: %v", c.day, err)
		}
		if diff := cmp.Diff(c.want, onList(device, "over-quota")); diff != "" || len(device.Writes()) != c.writes {
			t.Errorf("%s: %d writes\n%s", c.day, len(device.Writes()), diff)
		}
		for _, text := range c.said {
			if all := said.String() + err.Error(); !strings.Contains(all, text) {
				t.Errorf("%s: %q is not in\n%s", c.day, text, all)
			}
		}
		if c.said == nil && strings.Contains(said.String(), "level=WARN") && !strings.Contains(said.String(), "not written") {
			t.Errorf("%s: said again:\n%s", c.day, &said)
		}
	}
	// Without counters of the router, flows alone put nobody on the list.
	cfg.Provision.OverQuotaUncounted = false
	said.Reset()
	device.ForgetSentences()
	if err := keep(t.Context(), yesterday.String()); err != nil || len(device.Writes()) != 0 || !strings.Contains(said.String(), "counters of router gw-1") {
		t.Errorf("%v, %d writes, %s", err, len(device.Writes()), &said)
	}
	cfg.Provision.OverQuotaUncounted = true
	if list := onList(device, "other"); len(list) != 1 {
		t.Errorf("another list: %v", list)
	}

	// Provisioning shows the same, writes it, and undo takes it away.
	show := typed("--config", name, "provision", "--dry-run", "gw-1")
	show.want(t, exitOK, "/ip firewall address-list remove [find list=over-quota address=10.1.1.1 comment=nfacct]",
		"/ip firewall address-list add list=over-quota address=10.1.1.4 comment=nfacct", "/ipv6 firewall address-list remove",
		"holds the 1 hosts over quota yesterday, and 1 entries that are not nfacct's", "src-address-list=over-quota action=reject")
	if len(onList(device, "over-quota")) != 3 {
		t.Error("a dry run wrote")
	}
	typed("--config", name, "provision", "--wait", "0", "gw-1").want(t, exitOK, "written and read back")
	if diff := cmp.Diff([]string{"10.1.1.99 by hand", "10.1.1.4 nfacct"}, onList(device, "over-quota")); diff != "" {
		t.Error(diff)
	}
	typed("--config", name, "provision", "--wait", "0", "gw-1").want(t, exitOK, "nothing to change")
	typed("--config", name, "provision", "--wait", "0", "gw-3").want(t, exitFailed, "not enough permissions", "target add", "# WRITTEN")
	typed("--config", name, "provision", "--undo", "gw-1").want(t, exitOK, "address=10.1.1.4 comment=nfacct]", "nfacct run fills the address list over-quota again")
	if diff := cmp.Diff([]string{"10.1.1.99 by hand"}, onList(device, "over-quota")); diff != "" {
		t.Error(diff)
	}
	// Also where there is nothing else to undo.
	if err := provision.OverQuotaJob(t.Context(), cfg, db, a.log, routers[:1], yesterday.String()); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"10.1.1.99 by hand", "10.1.1.4 nfacct"}, onList(device, "over-quota")); diff != "" {
		t.Error(diff)
	}
	typed("--config", name, "provision", "--undo", "gw-1").want(t, exitOK, "as it was before", "nothing to undo of traffic-flow")
}

// The job is there only when the configuration names a list.
func TestOverQuotaAsked(t *testing.T) {
	for more, asked := range map[string]bool{"": false, overQuotaConfig: true} {
		cfg, err := config.Load(provisionConfig(t, "127.0.0.1:8787", more, "127.0.0.1:1"))
		if err != nil {
			t.Fatal(err)
		}
		d := &daemon.Daemon{Log: slog.New(slog.DiscardHandler)}
		has := slices.Contains(d.Jobs(cfg), "over_quota")
		if has != asked {
			t.Errorf("asked %v, job %v", asked, has)
		}
	}
}
