package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/provision"
	"nfacct/cmd/internal/stages"
	"nfacct/report"
	"nfacct/routeros"
	"nfacct/routeros/routerostest"
)

// newRouter makes the demo's Mikrotik, on the simulated clock. Its API is only
// there while it exports.
func (d *Demo) newRouter() (*routerostest.Device, error) {
	d.clock.set(d.from.Add(-margin).Unix())
	return routerostest.NewDevice(routerostest.DeviceConfig{
		Profile: routerostest.V7_18, Name: RouterName, Office: d.Office, Listen: "-",
		User: user, Password: rand.Text(), Now: d.clock.now,
	})
}

// provision sets the router up over its API, as nfacct provision does, to export
// to a port, and reads what the router knows.
func (d *Demo) provision(ctx context.Context, router config.Router, port uint16) error {
	start := time.Now()
	p := &provision.Provisioning{Config: d.Config, Router: &router, Port: port, Log: d.Log}
	r := p.Run(ctx)
	switch {
	case r.Failed():
		return fmt.Errorf("provision the simulated router: %s", r.Error)
	case r.State != provision.Written:
		return fmt.Errorf("provision the simulated router: it is %s", r.State)
	}
	facts, err := d.askRouter(ctx, router)
	if err != nil {
		return err
	}
	d.Result.Seconds.Router = time.Since(start).Seconds()
	version, _, _ := strings.Cut(facts.Version, " ")
	d.step("router", d.Result.Seconds.Router, "RouterOS %s, set up over its API by %d commands", version, len(r.Changes))
	for _, change := range r.Changes {
		d.Result.Commands = append(d.Result.Commands, change.Command)
		d.Log.Debug("provisioned", "command", change.Command)
	}
	return nil
}

// askRouter reads what the router knows, and notes it as of the simulated time.
func (d *Demo) askRouter(ctx context.Context, router config.Router) (facts *routeros.Facts, err error) {
	err = routeros.Use(ctx, router.Config, d.Log, func(ctx context.Context, c *routeros.Device) (err error) {
		facts, err = c.Facts(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask the simulated router: %w", err)
	}
	facts.Read = d.clock.now()
	return facts, stages.Keeper(d.Config, d.DB, d.Log).Keep(ctx, stages.Router(d.Config, &d.Config.Routers[0]).Accounted, facts)
}

// reachable is the router with what it takes to reach its API.
func (d *Demo) reachable(device *routerostest.Device) (router config.Router, forget func(), err error) {
	secret := filepath.Join(d.Config.State, "router.password")
	if err := os.WriteFile(secret, []byte(device.Password()+"\n"), 0o600); err != nil {
		return router, nil, err
	}
	router = d.Config.Routers[0]
	router.Address, router.Fingerprint = device.AddrTLS().String(), device.Fingerprint()
	router.User, router.PasswordFile = user, secret
	return router, func() { os.Remove(secret) }, nil
}

// asTold is the configuration for the import: the networks come from the router, and
// not from the file that the demo leaves behind.
func (d *Demo) asTold() *config.Config {
	cfg := *d.Config
	cfg.Routers = slices.Clone(cfg.Routers)
	r := &cfg.Routers[0]
	r.Address = "127.0.0.1" // the router is gone by then, and is not asked
	r.WAN, r.Uplinks, r.Inside, r.Own = nil, nil, nil, nil
	return &cfg
}

// coverage holds the flows against the counters of the router's outside
// interfaces.
func (d *Demo) coverage(ctx context.Context) error {
	c, err := report.ReadCoverage(ctx, d.DB.Routers(), RouterName, d.from.Add(-2*margin), d.clock.now())
	if err != nil || c == nil || !c.Known() {
		return err
	}
	d.Result.Coverage = c.Ratio()
	d.step("coverage", 0, "flows are %.1f%% of what the outside interfaces counted", 100*c.Ratio())
	return nil
}

// exporting runs the router's API as long as do takes.
func exporting(ctx context.Context, device *routerostest.Device, do func() error) error {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- device.Run(ctx) }()
	err := do()
	stop()
	return errors.Join(err, <-ended)
}

// nameHosts notes the names of IPv6 addresses as a name server would give them:
// leases, which name the others, are of IPv4.
func (d *Demo) nameHosts(ctx context.Context) error {
	names := map[netip.Addr]string{}
	for _, host := range d.Office.Hosts {
		if host.Addr6.IsValid() {
			names[host.Addr6] = host.Name
		}
	}
	return d.DB.Routers().NoteHostNames(ctx, "dns", names, d.from)
}
