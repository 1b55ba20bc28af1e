package routerostest_test

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/importer/attribution"
	"nfacct/routeros"
	"nfacct/routeros/officetest"
	"nfacct/routeros/routerostest"
)

// TestRoad is the program's own way with each version of the device and of the
// export: the router is set up over its API, asked for its networks, and its
// datagrams are decoded and charged to hosts by what it said. Nothing is lost or
// doubled, and but for v5, which has no NAT fields, every record is of the class
// and the host that it really was.
func TestRoad(t *testing.T) {
	for _, p := range routerostest.Profiles() {
		for _, version := range []string{"5", "9", "ipfix"} {
			t.Run(p.String()+" "+version, func(t *testing.T) {
				t.Parallel()
				road(t, p, version)
			})
		}
	}
}

func road(t *testing.T, p routerostest.Profile, version string) {
	office, err := officetest.New(officetest.Config{Hosts: 12, IPv6: true})
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	var clock atomic.Int64
	clock.Store(from.Unix())
	device, err := routerostest.NewDevice(routerostest.DeviceConfig{
		Profile: p, Office: office, Password: "secret", Now: func() time.Time { return time.Unix(clock.Load(), 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- device.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	facts := provision(t, device, version)
	attributor := attribution.New(attribution.Router{WAN: facts.WAN(), Inside: facts.Inside(), Own: facts.Own()}, 1)
	exporter := netip.MustParseAddrPort("127.0.0.1:2055")
	decoder := netflow.NewDecoder(netflow.DefaultLimits())

	type charged struct {
		class attribution.Class
		host  netip.Addr
	}
	truth, got := map[charged]officetest.Counts{}, map[charged]officetest.Counts{}
	add := func(m map[charged]officetest.Counts, class attribution.Class, host netip.Addr, bytes uint64) {
		c := m[charged{class, host}]
		c.Records++
		c.Bytes += bytes
		m[charged{class, host}] = c
	}
	classes := map[officetest.Class]attribution.Class{
		officetest.Up: attribution.Up, officetest.Down: attribution.Down, officetest.RouterLocal: attribution.RouterLocal,
		officetest.Internal: attribution.Internal, officetest.Transit: attribution.Transit, officetest.Unattributed: attribution.Unattributed,
	}
	var sum, want officetest.Counts
	var records []flow.Record
	err = device.Play(from, from.Add(30*time.Minute), routerostest.Playing{
		Second: func(at int64) error { clock.Store(at); return nil },
		Record: func(r *officetest.Record) {
			if version == "5" && !r.Src.Is4() {
				return
			}
			want.Records++
			want.Bytes += r.Bytes
			add(truth, classes[r.Class], r.Host, r.Bytes)
		},
		Send: func(g routerostest.Datagram) error {
			var d netflow.Datagram
			records, d = decoder.Decode(records[:0], exporter, g.At*int64(time.Second), g.Payload)
			if d.Rejects != (netflow.Rejects{}) || d.NoTemplate > 0 || d.Loss != (netflow.Loss{}) {
				t.Fatalf("not all of it is decoded: %+v", d)
			}
			for i := range records {
				res := attributor.Attribute(&records[i])
				sum.Records++
				sum.Bytes += records[i].Bytes
				add(got, res.Class, res.Host, records[i].Bytes)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if sum != want || want.Records < 500 {
		t.Errorf("%+v exported, %+v decoded", want, sum)
	}
	if version == "5" {
		return
	}
	for who, counts := range truth {
		if got[who] != counts {
			t.Errorf("%v: %+v, not %+v", who, got[who], counts)
		}
	}
	if len(got) != len(truth) {
		t.Errorf("%d classes and hosts, not %d", len(got), len(truth))
	}
}

// provision sets a device up to export, and is what it then knows.
func provision(t *testing.T, device *routerostest.Device, version string) *routeros.Facts {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte(device.Password()), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := routeros.Config{
		Name: "gw", Address: device.AddrTLS().String(), User: "admin", PasswordFile: secret, Fingerprint: device.Fingerprint(),
	}
	c, err := routeros.Dial(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	wanted := routeros.DefaultProvision()
	wanted.Version = version
	for _, writes := range []bool{true, false} {
		facts, err := c.Facts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		plan := routeros.Compare(&facts.Flow, wanted.For(cfg, facts, c.Local(), 8787, nil))
		if len(plan.Changes) > 0 != writes {
			t.Fatalf("changes: %v", plan.Changes)
		}
		if !writes {
			return facts
		}
		if err := c.Apply(t.Context(), plan.Changes); err != nil {
			t.Fatal(err)
		}
	}
	return nil
}
