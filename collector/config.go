package collector

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"nfacct/collector/spool"
)

// Config says where datagrams are received and how much of them may wait.
type Config struct {
	// Listen are the UDP addresses to receive at. An address without a host, such
	// as ":8787", takes IPv4 and IPv6.
	Listen []string `toml:"listen"`
	// Sockets is how many sockets share each address, 1 to 64. The kernel spreads
	// exporters over them; a single exporter always stays on one. More than one
	// is worth it beyond some 100,000 datagrams a second.
	Sockets int `toml:"sockets"`
	// ReceiveBuffer is what the kernel is asked to keep for each socket while
	// nfacct is busy, in bytes of its own bookkeeping (about twice the datagrams').
	ReceiveBuffer spool.Size `toml:"receive_buffer"`
	// Queue bounds what may wait in memory for the disk, in bytes of spool blocks
	// before compression. What does not fit is dropped and counted.
	Queue spool.Size `toml:"queue"`

	// Now gives the time that datagrams are received at and that spool files are
	// named by; nil is the machine's clock. It is called from several goroutines.
	Now func() time.Time `toml:"-"`
}

// DefaultConfig receives at UDP port 8787.
func DefaultConfig() Config {
	return Config{
		Listen:        []string{":8787"},
		Sockets:       1,
		ReceiveBuffer: 32 << 20,
		Queue:         32 << 20,
	}
}

const maxSockets = 64

// Check reports each wrong value with its key and a remedy.
func (c Config) Check(report func(key, problem, remedy string)) {
	if len(c.Listen) == 0 {
		report("listen", "no address to receive at", `write for example listen = [":8787"]`)
	}
	seen := map[string]bool{}
	for _, address := range c.Listen {
		if err := checkAddress(address); err != nil {
			report("listen", fmt.Sprintf("%q: %v", address, err), `write an address with a port, such as ":8787", "192.0.2.1:8787" or "[2001:db8::1]:8787"`)
		} else if seen[address] {
			report("listen", fmt.Sprintf("%q stands here twice", address), "name each address once; more sockets on one address are set by sockets")
		}
		seen[address] = true
	}
	if c.Sockets < 1 || c.Sockets > maxSockets {
		report("sockets", fmt.Sprintf("%d sockets", c.Sockets), fmt.Sprintf("write a number from 1 to %d; 1 is enough for most", maxSockets))
	}
	if c.ReceiveBuffer < 64<<10 || c.ReceiveBuffer > 1<<30 {
		report("receive_buffer", c.ReceiveBuffer.String(), "write a size from 64KiB to 1GiB; 32MiB holds half a second of 20,000 datagrams a second")
	}
	if c.Queue < 1<<20 || c.Queue > 16<<30 {
		report("queue", c.Queue.String(), "write a size from 1MiB to 16GiB")
	}
}

func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("port %q is not a number from 0 to 65535", port)
	} else if n == 0 {
		return nil // any free port, for tests
	}
	_, err = net.ResolveUDPAddr("udp", address)
	return err
}
