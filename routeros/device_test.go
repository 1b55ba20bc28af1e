package routeros_test

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nfacct/routeros"
	"nfacct/routeros/officetest"
	"nfacct/routeros/routerostest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "s3cret-Pa$$word"

var collectorAt = netip.MustParseAddrPort("127.0.0.1:8787")

// start runs a simulated router until the test ends.
func start(t testing.TB, cfg routerostest.DeviceConfig) *routerostest.Device {
	t.Helper()
	if cfg.Password == "" {
		cfg.Password = secret
	}
	if cfg.Office == nil {
		cfg.Office = smallOffice()
	}
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

// smallOffice is behind all simulated routers that need no other.
var smallOffice = sync.OnceValue(func() *officetest.Office {
	office, err := officetest.New(officetest.Config{Hosts: 5})
	if err != nil {
		panic(err)
	}
	return office
})

// plain is how the api of a simulated router is reached.
func plain(t testing.TB, device *routerostest.Device) routeros.Config {
	t.Helper()
	return routeros.Config{
		Name: "gw-1", Address: device.Addr().String(), API: "api", User: "admin",
		PasswordFile: passwordFile(t, secret), Timeout: 5 * time.Second,
	}
}

// secure is how its api-ssl is reached.
func secure(t testing.TB, device *routerostest.Device) routeros.Config {
	c := plain(t, device)
	c.Address, c.API, c.Fingerprint = device.AddrTLS().String(), "", device.Fingerprint()
	return c
}

func passwordFile(t testing.TB, password string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(name, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func dial(t testing.TB, cfg routeros.Config) *routeros.Device {
	t.Helper()
	d, err := routeros.Dial(t.Context(), cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// wanted is what provisioning wants of a simulated router.
func wanted(t testing.TB, d *routeros.Device, p routeros.Provision) (routeros.Wanted, *routeros.Facts) {
	t.Helper()
	facts, err := d.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p.For(routeros.Config{}, facts, d.Local(), collectorAt.Port(), facts.Own()), facts
}

// provision does all of it once, and gives what was written.
func provision(t testing.TB, d *routeros.Device, p routeros.Provision) routeros.Plan {
	t.Helper()
	w, facts := wanted(t, d, p)
	plan := routeros.Compare(&facts.Flow, w)
	if err := d.Apply(t.Context(), plan.Changes); err != nil {
		t.Fatal(err)
	}
	return plan
}

func commandsOf(plan routeros.Plan) []string {
	list := []string{}
	for _, c := range plan.Changes {
		list = append(list, c.Command())
	}
	return list
}
