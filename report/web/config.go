package web

import (
	"fmt"
	"net/netip"
)

// Config is where the page is.
type Config struct {
	// Listen is address and port; empty: there is no page.
	Listen string `toml:"listen"`
}

// DefaultConfig is a page for this machine alone.
func DefaultConfig() Config { return Config{Listen: "127.0.0.1:8788"} }

// Check reports what cannot be. The page has no users, so whoever reaches it sees
// all: only this machine may.
func (c *Config) Check(report func(key, what, remedy string)) {
	if c.Listen == "" {
		return
	}
	at, err := netip.ParseAddrPort(c.Listen)
	switch {
	case err != nil:
		report("listen", fmt.Sprintf("%q is no address with a port", c.Listen), `write for example "127.0.0.1:8788", or "" for no page`)
	case !at.Addr().Unmap().IsLoopback():
		report("listen", fmt.Sprintf("%s is not this machine alone, and the page has no users: anybody who reaches it would see all figures", c.Listen),
			`write "127.0.0.1:8788", and come by ssh -L 8788:127.0.0.1:8788`)
	}
}
