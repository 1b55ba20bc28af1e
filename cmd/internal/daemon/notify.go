package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Notifier tells the service manager how the daemon does (sd_notify(3)). Without a
// service manager it does nothing.
type Notifier struct{ Log *slog.Logger }

func (n Notifier) tell(state string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	if err := send(name, state); err != nil {
		n.Log.Warn("the service manager was not told", "state", state, "err", err)
	}
}

// send waits for no manager that does not read, where go-systemd waits for ever.
func send(name, state string) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	_, err = conn.Write([]byte(state))
	return err
}

// Ready says that start or reload is over.
func (n Notifier) Ready() { n.tell(daemon.SdNotifyReady) }

// Stopping says that the end has begun.
func (n Notifier) Stopping() { n.tell(daemon.SdNotifyStopping) }

// Reloading says that the configuration is read again; Ready ends it. The time is
// what Type=notify-reload of systemd 253 wants beside it.
func (n Notifier) Reloading() {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	n.tell(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000))
}

// Status says in a line what goes on: systemctl status shows it.
func (n Notifier) Status(text string) { n.tell("STATUS=" + text) }

// Watchdog feeds the service manager's watchdog until ctx is done, as long as alive
// is younger than half of the time that the manager waits (WatchdogSec). The zero time
// is that of a start that is not over.
func (n Notifier) Watchdog(ctx context.Context, alive func() time.Time) {
	patience, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		n.Log.Warn("the service manager's watchdog is not fed", "err", err)
	}
	if patience == 0 {
		return
	}
	ticks := time.NewTicker(patience / 4)
	defer ticks.Stop()
	for {
		if at := alive(); at.IsZero() || time.Since(at) < patience/2 {
			n.tell(daemon.SdNotifyWatchdog)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}
