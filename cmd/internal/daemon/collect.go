package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/collector"
	"nfacct/collector/spool"
)

// hooks are what nfacct run adds to the collector.
type hooks struct {
	with   func(collector.Saved) any  // adds to the status file
	began  func(*collector.Collector) // it receives
	hangup func()                     // on SIGHUP, in place of another spool file
}

// Collect runs the collector alone, until ctx is done.
func (d *Daemon) Collect(ctx context.Context, cfg *config.Config) error {
	return d.collect(ctx, cfg, hooks{})
}

func (d *Daemon) collect(ctx context.Context, cfg *config.Config, h hooks) error {
	if err := cfg.NoRouter(); err != nil {
		return exit.Usage(err)
	}
	if cfg.NoZone() {
		d.Log.Warn("this machine has no time zone: days are those of UTC; set timezone in the configuration", "timezone", cfg.Location())
	}
	routers := stages.Exporters(cfg)
	inherited, err := inheritedSockets()
	if err != nil {
		return err
	}
	c, err := collector.New(cfg.Collector, routers, cfg.Spool, d.Log, inherited...)
	if err != nil {
		return exit.Usage(cfg.Problem("collector.listen", err))
	}
	if h.began != nil {
		h.began(c)
	}
	manager := Notifier{Log: d.Log}
	manager.Ready() // the kernel keeps what arrives from here on
	d.Log.Info("collector started", "listen", c.Addrs(), "exporters", len(routers), "spool", cfg.Spool.Folder)

	ended := make(chan struct{})
	defer close(ended)
	go heed(ended, c, h.hangup)

	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var kept sync.WaitGroup
	kept.Go(func() { collector.KeepStatus(keeping, cfg.State, c.Status, h.with, d.Log) })
	kept.Go(func() { manager.Watchdog(keeping, c.Alive) })
	kept.Go(func() { tell(keeping, manager, c) })

	err = c.Run(ctx)
	manager.Stopping()
	stop()
	kept.Wait()
	if errors.Is(err, spool.ErrLocked) {
		return exit.Temporary(err)
	}
	if err != nil {
		return stages.FolderError(cfg, err)
	}
	d.Log.Info("collector stopped", "datagrams", c.Status().Spool.Stored)
	return nil
}

// heed does what signals ask for until ended is closed: SIGUSR1 begins another spool
// file, and so does SIGHUP unless hangup is set.
func heed(ended <-chan struct{}, c *collector.Collector, hangup func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(signals)
	for {
		select {
		case got := <-signals:
			if got == syscall.SIGHUP && hangup != nil {
				hangup()
			} else {
				c.Rotate()
			}
		case <-ended:
			return
		}
	}
}

// tell keeps the line that the service manager shows until ctx is done.
func tell(ctx context.Context, manager Notifier, c *collector.Collector) {
	const every = 10 * time.Second
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	before := c.Status().Spool.Stored
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		s := c.Status()
		now := s.Spool.Stored
		text := fmt.Sprintf("%s heard, %d datagrams a minute", terminal.Plural(len(s.Exporters), "exporter"), (now-before)*uint64(time.Minute/every))
		if s.Spool.Full {
			text += "; the spool cannot be written: " + s.Spool.Error
		}
		manager.Status(text)
		before = now
	}
}

// inheritedSockets are those that systemd opened, when a .socket unit started
// this process.
func inheritedSockets() ([]*net.UDPConn, error) {
	conns, err := activation.PacketConns()
	if err != nil {
		return nil, fmt.Errorf("sockets of systemd: %w", err)
	}
	var sockets []*net.UDPConn
	for _, conn := range conns {
		udp, ok := conn.(*net.UDPConn)
		if !ok {
			return nil, errors.New("sockets of systemd: one is not UDP: write ListenDatagram=8787 in the .socket unit")
		}
		sockets = append(sockets, udp)
	}
	return sockets, nil
}
