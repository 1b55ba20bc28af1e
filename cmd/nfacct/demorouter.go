package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

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
func (d *demo) provision(ctx context.Context, device *routerostest.Device, port uint16) error {
	start := time.Now()
	secret := filepath.Join(d.cfg.State, "router.password")
	if err := os.WriteFile(secret, []byte(device.Password()+"\n"), 0o600); err != nil {
		return err
	}
	defer os.Remove(secret)
	router := d.cfg.Routers[0]
	router.Address, router.Fingerprint = device.AddrTLS().String(), device.Fingerprint()
	router.User, router.PasswordFile = demoUser, secret
	p := &provisioning{app: d.app, cfg: d.cfg, router: &router, port: port}
	r := p.run(ctx)
	switch {
	case r.failed():
		return fmt.Errorf("provision the simulated router: %s", r.Error)
	case r.State != stateWritten:
		return fmt.Errorf("provision the simulated router: it is %s", r.State)
	}
	err := routeros.Use(ctx, p.router.Config, d.app.log, func(ctx context.Context, c *routeros.Device) (err error) {
		d.facts, err = c.Facts(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("ask the simulated router: %w", err)
	}
	d.result.Seconds.Router = time.Since(start).Seconds()
	version, _, _ := strings.Cut(d.facts.Version, " ")
	d.step("router", d.result.Seconds.Router, "RouterOS %s, set up over its API by %d commands", version, len(r.Changes))
	for _, change := range r.Changes {
		d.result.Commands = append(d.result.Commands, change.Command)
		d.app.log.Debug("provisioned", "command", change.Command)
	}
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

// nameHosts notes the names that the router's leases give, and for IPv6, which
// has none, those that a name server would.
func (d *demo) nameHosts(ctx context.Context) error {
	leased, resolved := map[netip.Addr]string{}, map[netip.Addr]string{}
	for _, lease := range d.facts.Leases {
		leased[lease.Address] = lease.HostName
		if lease.Comment != "" {
			leased[lease.Address] = lease.Comment
		}
	}
	for _, host := range d.office.Hosts {
		if host.Addr6.IsValid() {
			resolved[host.Addr6] = host.Name
		}
	}
	return errors.Join(d.db.NoteHostNames(ctx, "lease", leased, d.from), d.db.NoteHostNames(ctx, "dns", resolved, d.from))
}
