package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/collector"
	"nfacct/collector/spool"
)

func (a *app) collectCommand() *cobra.Command {
	return &cobra.Command{
		Annotations: map[string]string{rotates: "SIGHUP"},
		Use:         "collect",
		Short:       "receive flows from the routers into the spool",
		Long: `Receives NetFlow v5, v9 and IPFIX from the configured routers and keeps every
datagram in the spool, until it is told to stop.

SIGTERM and SIGINT seal the open spool file and end it; SIGHUP seals the file
and begins another.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config()
			if err != nil {
				return err
			}
			return a.collect(cmd.Context(), cfg, nil)
		},
	}
}

// collect runs the collector until ctx is done. If with is set, it adds to the status
// file.
func (a *app) collect(ctx context.Context, cfg *config.Config, with func(collector.Saved) any) error {
	if err := cfg.NoRouter(); err != nil {
		return usageError(err)
	}
	if cfg.NoZone() {
		a.log.Warn("this machine has no time zone: days are those of UTC; set timezone in the configuration", "timezone", cfg.Location())
	}
	routers := stages.Exporters(cfg)
	inherited, err := inheritedSockets()
	if err != nil {
		return err
	}
	c, err := collector.New(cfg.Collector, routers, cfg.Spool, a.log, inherited...)
	if err != nil {
		return usageError(cfg.Problem("collector.listen", err))
	}
	// From here on the kernel keeps what arrives: that is ready.
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		a.log.Warn("systemd was not told", "err", err)
	}
	a.log.Info("collector started", "listen", c.Addrs(), "exporters", len(routers), "spool", cfg.Spool.Folder)

	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case <-hangup:
				c.Rotate()
			case <-ended:
				return
			}
		}
	}()

	kept := make(chan struct{})
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(kept)
		collector.KeepStatus(keeping, cfg.State, c.Status, with, a.log)
	}()

	err = c.Run(ctx)
	stop()
	<-kept
	if errors.Is(err, spool.ErrLocked) {
		return temporaryError(err)
	}
	if err != nil {
		return stages.FolderError(cfg, err)
	}
	a.log.Info("collector stopped", "datagrams", c.Status().Spool.Stored)
	return nil
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
