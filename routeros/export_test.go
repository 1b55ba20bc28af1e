package routeros

import (
	"context"
	"log/slog"
	"net"
)

// DialOver is Dial over a connection that is there, as one that knows only a
// test's clock.
func DialOver(ctx context.Context, cfg Config, log *slog.Logger, conn net.Conn) (*Device, error) {
	d := &Device{cfg: cfg, log: log}
	return d.open(ctx, func(context.Context) (net.Conn, error) { return conn, nil })
}
