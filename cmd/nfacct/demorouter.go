package main

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
	"nfacct/routeros"
	"nfacct/routeros/routerostest"
)

// newRouter makes the demo's Mikrotik, on the simulated clock. Its API is only
// there while it exports.
func (d *demo) newRouter() (*routerostest.Device, error) {
	d.clock.set(d.from.Add(-demoMargin).Unix())
	return routerostest.NewDevice(routerostest.DeviceConfig{
		Profile: routerostest.V7_18, Name: demoRouter, Office: d.office, Listen: "-",
		User: demoUser, Password: rand.Text(), Now: d.clock.now,
	})
}

// provision sets the router up over its API, as nfacct provision does, to export
// to a port, and reads what the router knows.
func (d *demo) provision(ctx context.Context, router config.Router, port uint16) error {
	start := time.Now()
	p := &provision.Provisioning{Config: d.cfg, Router: &router, Port: port, Log: d.app.log}
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
	d.result.Seconds.Router = time.Since(start).Seconds()
	version, _, _ := strings.Cut(facts.Version, " ")
	d.step("router", d.result.Seconds.Router, "RouterOS %s, set up over its API by %d commands", version, len(r.Changes))
	for _, change := range r.Changes {
		d.result.Commands = append(d.result.Commands, change.Command)
		d.app.log.Debug("provisioned", "command", change.Command)
	}
	return nil
}

// askRouter reads what the router knows, and notes it as of the simulated time.
func (d *demo) askRouter(ctx context.Context, router config.Router) (facts *routeros.Facts, err error) {
	err = routeros.Use(ctx, router.Config, d.app.log, func(ctx context.Context, c *routeros.Device) (err error) {
		facts, err = c.Facts(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask the simulated router: %w", err)
	}
	facts.Read = d.clock.now()
	return facts, stages.Keeper(d.cfg, d.db, d.app.log).Keep(ctx, stages.Router(d.cfg, &d.cfg.Routers[0]).Accounted, facts)
}

// reachable is the router with what it takes to reach its API.
func (d *demo) reachable(device *routerostest.Device) (router config.Router, forget func(), err error) {
	secret := filepath.Join(d.cfg.State, "router.password")
	if err := os.WriteFile(secret, []byte(device.Password()+"\n"), 0o600); err != nil {
		return router, nil, err
	}
	router = d.cfg.Routers[0]
	router.Address, router.Fingerprint = device.AddrTLS().String(), device.Fingerprint()
	router.User, router.PasswordFile = demoUser, secret
	return router, func() { os.Remove(secret) }, nil
}

// asTold is the configuration for the import, in which the router's networks are
// those that it told, and not those of the file that it leaves behind.
func (d *demo) asTold() *config.Config {
	cfg := *d.cfg
	cfg.Routers = slices.Clone(cfg.Routers)
	r := &cfg.Routers[0]
	r.Address = "127.0.0.1" // where nobody is any more, nor asked
	r.WAN, r.Uplinks, r.Inside, r.Own = nil, nil, nil, nil
	return &cfg
}

// coverage holds the flows against the counters of the router's outside
// interfaces.
func (d *demo) coverage(ctx context.Context) error {
	c, err := d.db.Routers().Coverage(ctx, demoRouter, d.from.Add(-2*demoMargin), d.clock.now())
	if err != nil || c == nil || !c.Known() {
		return err
	}
	d.result.Coverage = c.Ratio()
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
func (d *demo) nameHosts(ctx context.Context) error {
	names := map[netip.Addr]string{}
	for _, host := range d.office.Hosts {
		if host.Addr6.IsValid() {
			names[host.Addr6] = host.Name
		}
	}
	return d.db.Routers().NoteHostNames(ctx, "dns", names, d.from)
}
