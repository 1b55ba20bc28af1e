package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/collector"
	"nfacct/collector/spool"
	"nfacct/routeros/officetest"
	"nfacct/routeros/routerostest"
)

// What may be on its way between the simulated router and the collector. Less
// than the smallest receive buffer holds, so that nothing is lost however busy
// the machine is; and little enough of simulated time that a datagram is received
// when it is sent.
const (
	receiveBuffer = 128 << 10 // bytes of receive buffer, which every system grants
	window        = 32        // datagrams
	ahead         = 4         // of simulated time: more would look like an error of the router's clock
	queued        = 8         // of the collector's buffers that wait for the disk
	poll          = 200 * time.Microsecond
	stall         = 20 * time.Second
)

// export plays the office's day: the router's datagrams go over real UDP
// to a real collector, whose clock is the simulated one.
func (d *Demo) export(ctx context.Context) error {
	start := time.Now()
	device, err := d.newRouter()
	if err != nil {
		return err
	}
	defer device.Close()
	cfg := d.Config.Collector
	cfg.Listen, cfg.Sockets, cfg.ReceiveBuffer, cfg.Now = []string{"127.0.0.1:0"}, 1, receiveBuffer, d.clock.now
	c, err := collector.New(cfg, stages.Exporters(d.Config), d.Config.Spool, d.Log)
	if err != nil {
		return err
	}
	d.port = c.Addrs()[0].Port()
	group, ctx := errgroup.WithContext(ctx)
	collecting, stop := context.WithCancel(ctx)
	group.Go(func() error { return c.Run(collecting) })
	group.Go(func() error {
		defer stop()
		return exporting(ctx, device, func() error { return d.play(ctx, c, device) })
	})
	if err := group.Wait(); err != nil {
		return err
	}
	r := &d.Result
	if stored := c.Status().Spool.Stored; stored != r.Datagrams {
		return fmt.Errorf("%d of %d datagrams are in the spool", stored, r.Datagrams)
	}
	files, err := spool.ListSealed(d.Config.Spool.Folder)
	if err != nil {
		return err
	}
	r.Spool.Files = len(files)
	for _, file := range files {
		r.Spool.Bytes += file.Size
	}
	r.Spool.BytesPerRecord = float64(r.Spool.Bytes) / float64(max(r.Records, 1))
	d.step("collector", time.Since(start).Seconds(), "%s datagrams of NetFlow v9 over UDP, none lost", terminal.Number(r.Datagrams))
	d.step("spool", 0, "%s records in %d files, %s: %.1f bytes a record", terminal.Number(r.Records), r.Spool.Files, terminal.Bytes(uint64(r.Spool.Bytes)), r.Spool.BytesPerRecord)
	return nil
}

// play sets the router up, lets it send the day's datagrams, and keeps the truth.
func (d *Demo) play(ctx context.Context, c *collector.Collector, device *routerostest.Device) error {
	to := c.Addrs()[0]
	router, forget, err := d.reachable(device)
	if err != nil {
		return err
	}
	defer forget()
	if err := d.provision(ctx, router, to.Port()); err != nil {
		return err
	}
	conn, err := net.Dial("udp", to.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	from, until := d.from.Add(-margin), d.to.Add(margin)
	p := &pacer{collector: c, clock: &d.clock, at: from.Unix(), line: d.Bar(), zone: d.Config.Location()}
	defer p.line.Clear()
	if err := p.wait(ctx, func(s *collector.Status) bool { return s.Spool.Open != "" }); err != nil {
		return err
	}
	read := int64(0) // the hour of the last reading
	err = device.Play(from, until, routerostest.Playing{
		Record: func(r *officetest.Record) {
			d.Truth.Add(r)
			d.Result.Records++
		},
		Send: func(g routerostest.Datagram) error {
			if g.To != to {
				return fmt.Errorf("the router sends to %v, not to %v", g.To, to)
			}
			if err := p.advance(ctx, g.At); err != nil {
				return err
			}
			if hour := g.At / 3600; hour != read && g.At >= d.from.Unix() { // for its counters
				read = hour
				if _, err := d.askRouter(ctx, router); err != nil {
					return err
				}
			}
			if _, err := conn.Write(g.Payload); err != nil {
				return err
			}
			return p.count(ctx)
		},
	})
	if err != nil {
		return err
	}
	d.Result.Datagrams = p.sent
	return p.drain(ctx, 0)
}

// clock is the time in the simulation.
type clock struct{ second atomic.Int64 }

func (c *clock) set(second int64) { c.second.Store(second) }
func (c *clock) now() time.Time   { return time.Unix(c.second.Load(), 0) }

// pacer keeps the simulated router from running away from the collector.
type pacer struct {
	collector *collector.Collector
	clock     *clock
	at        int64 // simulated Unix second
	drained   int64 // all datagrams before this second were received
	sent      uint64
	taken     uint64 // by the collector, as last seen
	line      *terminal.Progress
	zone      *time.Location
	shown     time.Time // when the line was drawn last
}

// advance moves the clock, once everything is received that was sent long before.
func (p *pacer) advance(ctx context.Context, at int64) error {
	if at <= p.at {
		return nil
	}
	const slot = int64(spool.SlotLength / time.Second)
	switch {
	case at/slot != p.at/slot:
		// A file holds what was received in its quarter-hour, and the writer may
		// not fall behind by more than one.
		if err := p.wait(ctx, func(s *collector.Status) bool { return p.sent == s.Sockets[0].Accepted && s.Queued == 0 }); err != nil {
			return err
		}
		p.drained = at
	case at-p.drained > ahead:
		if err := p.drain(ctx, 0); err != nil {
			return err
		}
		p.drained = at
	}
	p.at = at
	p.clock.set(at)
	if now := time.Now(); now.Sub(p.shown) > 100*time.Millisecond {
		p.shown = now
		p.line.Say("exporting: it is " + time.Unix(at, 0).In(p.zone).Format("15:04 on Monday"))
	}
	return nil
}

// count counts a datagram, and waits when too many are on their way.
func (p *pacer) count(ctx context.Context) error {
	p.sent++
	if p.sent-p.taken < window {
		return nil
	}
	return p.drain(ctx, window/2)
}

// drain waits until at most so many datagrams are on their way.
func (p *pacer) drain(ctx context.Context, most uint64) error {
	return p.wait(ctx, func(s *collector.Status) bool {
		return p.sent-s.Sockets[0].Accepted <= most && s.Queued <= queued
	})
}

// wait watches the collector's status until it is as wanted.
func (p *pacer) wait(ctx context.Context, good func(*collector.Status) bool) error {
	for start := time.Now(); ; {
		s := p.collector.Status()
		p.taken = s.Sockets[0].Accepted
		if n := s.QueueDropped; n > 0 {
			return fmt.Errorf("the collector dropped %d datagrams: %s is too slow or full: %s", n, s.Spool.Folder, s.Spool.Error)
		}
		if good(&s) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if time.Since(start) > stall {
			return fmt.Errorf("the collector has taken %d of %d datagrams and takes no more: %w", p.taken, p.sent, errors.New(s.Spool.Error))
		}
		time.Sleep(poll)
	}
}
