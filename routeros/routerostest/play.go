package routerostest

import (
	"context"
	"net"
	"net/netip"
	"time"

	"nfacct/routeros/officetest"
)

// Playing is who hears what while the office works.
type Playing struct {
	// Second is called at each Unix second, before its records; nil is nobody. Its
	// error ends the play.
	Second func(at int64) error
	// Record is told each record that traffic-flow exports, to add up the truth. It
	// is not scaled by sampling, and valid until the next one.
	Record func(*officetest.Record)
	// Send is given each datagram. Its error ends the play.
	Send func(Datagram) error
}

// Play lets the office work between two times, whole seconds on the device's
// clock: its traffic passes the interfaces, and what traffic-flow is set to do at
// that moment makes datagrams of it. Connections are cut at the end, so the last
// records come up to the inactive timeout later. The caller moves DeviceConfig.Now,
// and plays once at a time; exporters go on in the next play where they were.
func (d *Device) Play(from, to time.Time, p Playing) error {
	var err error
	c := &d.cache
	c.device, c.send, c.err = d, p.Send, nil
	last := from.Unix()
	d.office.Work(from, to, func(now int64) (officetest.Timeouts, bool) {
		if p.Second != nil {
			if err = p.Second(now); err != nil {
				return officetest.Timeouts{}, false
			}
		}
		last = now
		c.update(now)
		c.tick(now)
		err = c.err
		return officetest.Timeouts{Active: c.active, Inactive: c.lazy}, err == nil
	}, func(r *officetest.Record) bool {
		seen := *r
		if !d.pass(&seen, c.booted) {
			return true
		}
		if c.take(&seen) && p.Record != nil {
			p.Record(&seen)
		}
		err = c.err
		return err == nil
	})
	if err != nil {
		return err
	}
	return c.flush(last + 1)
}

// Export lets the office work from now on, in real time, and sends the datagrams
// over UDP until ctx ends. What cannot be sent is lost, as a router's is.
func (d *Device) Export(ctx context.Context) error {
	sockets := map[netip.AddrPort]*net.UDPConn{}
	defer func() {
		for _, conn := range sockets {
			conn.Close()
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	from := d.cfg.Now().Truncate(time.Second)
	err := d.Play(from, from.AddDate(100, 0, 0), Playing{
		Second: func(at int64) error {
			timer.Reset(time.Unix(at, 0).Sub(d.cfg.Now()))
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-timer.C:
				return nil
			}
		},
		Send: func(g Datagram) error {
			conn := sockets[g.From]
			if conn == nil {
				var err error
				if conn, err = bind(g.From); err != nil {
					return nil
				}
				sockets[g.From] = conn
			}
			if _, err := conn.WriteToUDPAddrPort(g.Payload, g.To); err == nil {
				d.sent.Add(1)
			}
			return nil
		},
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Sent is how many datagrams Export has sent.
func (d *Device) Sent() uint64 { return d.sent.Load() }

// bind opens a socket at the address and port that a RouterOS sends from, or as
// near to it as this machine lets us: the address may not be ours, and the port
// belongs to the collector when it is on the same machine.
func bind(from netip.AddrPort) (*net.UDPConn, error) {
	anywhere := netip.IPv4Unspecified()
	if from.Addr().Is6() {
		anywhere = netip.IPv6Unspecified()
	}
	var conn *net.UDPConn
	var err error
	for _, at := range []netip.AddrPort{
		from, netip.AddrPortFrom(from.Addr(), 0), netip.AddrPortFrom(anywhere, 0),
	} {
		if conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(at)); err == nil {
			break
		}
	}
	return conn, err
}

// settingsChanged is told of every change that traffic-flow depends on.
func (d *Device) settingsChanged() { d.settings++ }

// Reboot starts the device anew: uptime, sequence numbers and interface counters
// begin again, the flow cache is empty, and every session ends.
func (d *Device) Reboot() {
	d.mu.Lock()
	d.booted = d.cfg.Now().Truncate(time.Second)
	for _, t := range d.traffic {
		*t = traffic{}
	}
	d.settings++
	d.mu.Unlock()
	d.hangUp()
}
