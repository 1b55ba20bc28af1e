// Package collector receives flow datagrams from configured routers and keeps
// every one of them, as it came, in spool files; on the way it counts what the
// sequence numbers say was lost.
//
//	socket ──▶ receiver ──buffer──▶ queue ──▶ writer ──▶ spool file
//	           allow list,                    sequence, templates,
//	           pcapng blocks                  zstd, rotation, expiry
//
// A receiver per socket waits for nothing but the network: it copies datagrams
// into a buffer, in the form in which they will be written, and hands the buffer
// over when it is full or half a second old. The one writer reads what is in the
// datagrams, packs them and writes. When the writer falls behind by the size of
// the queue, datagrams are dropped and counted. When the disk is full the writer
// tries again each second.
package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"nfacct/collector/spool"
)

// Collector receives datagrams. Its methods are safe for concurrent use.
type Collector struct {
	cfg     Config
	spool   spool.Config
	routers atomic.Pointer[map[netip.Addr]string]
	log     *slog.Logger

	queue     *queue
	refused   *refusedTable
	receivers []*receiver
	rotate    chan struct{}
	started   time.Time
	wrote     atomic.Int64 // when the writer made a turn last, Unix nanoseconds; 0 before the first

	mu    sync.Mutex // guards state
	state state
}

// New opens the sockets: from now on the kernel keeps what arrives, until Run
// takes it. routers is the allow list: the addresses that datagrams may come
// from, and the name of the router that each belongs to. Sockets that are
// inherited (systemd's socket activation) are used instead of those that cfg
// names. An error about an address names it and a remedy.
func New(cfg Config, routers map[netip.Addr]string, files spool.Config, log *slog.Logger, inherited ...*net.UDPConn) (*Collector, error) {
	var problems []error
	cfg.Check(func(key, problem, remedy string) {
		problems = append(problems, fmt.Errorf("%s: %s: %s", key, problem, remedy))
	})
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	c := &Collector{
		cfg: cfg, spool: files, log: log,
		refused: newRefusedTable(log),
		rotate:  make(chan struct{}, 1),
		started: time.Now(),
	}
	c.SetRouters(routers)
	sockets, err := c.open(inherited)
	if err != nil {
		return nil, err
	}
	for _, s := range sockets {
		c.receivers = append(c.receivers, &receiver{c: c, socket: s})
	}
	// Beside what waits, each receiver fills a buffer and the writer empties one.
	c.queue = newQueue(max(1, int(cfg.Queue/bufferSize)) + len(sockets) + 1)
	c.state.exporters = make(map[netip.Addr]*account)
	return c, nil
}

func (c *Collector) open(inherited []*net.UDPConn) (sockets []*socket, err error) {
	if len(inherited) == 0 {
		return listen(&c.cfg, c.log)
	}
	for i, conn := range inherited {
		s, err := newSocket(conn, c.cfg.ReceiveBuffer, c.log)
		if err != nil {
			for _, conn := range inherited[i+1:] {
				conn.Close()
			}
			for _, s := range sockets {
				s.close()
			}
			return nil, fmt.Errorf("inherited socket %d: %w", i, err)
		}
		sockets = append(sockets, s)
	}
	return sockets, nil
}

// Addrs are the addresses that the sockets have, one for each socket.
func (c *Collector) Addrs() []netip.AddrPort {
	var addrs []netip.AddrPort
	for _, r := range c.receivers {
		addrs = append(addrs, r.socket.at)
	}
	return addrs
}

// SetRouters puts another allow list in place of the present one; the next batch of
// datagrams is judged by it.
func (c *Collector) SetRouters(routers map[netip.Addr]string) {
	allowed := make(map[netip.Addr]string, len(routers))
	for addr, name := range routers {
		allowed[addr.Unmap()] = name
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.routers.Store(&allowed)
	for addr, account := range c.state.exporters {
		if account.Router = allowed[addr]; account.Router == "" {
			delete(c.state.exporters, addr)
		}
	}
}

// Alive is when the slowest of the receivers and the writer made a turn last. They
// make one each few seconds at least, even when nothing comes and while the disk is
// full; the zero time means that they have not all begun.
func (c *Collector) Alive() time.Time {
	least := c.wrote.Load()
	for _, r := range c.receivers {
		least = min(least, r.turned.Load())
	}
	if least == 0 {
		return time.Time{}
	}
	return time.Unix(0, least)
}

// Rotate asks for a new spool file; the present one is sealed. It does not wait.
func (c *Collector) Rotate() {
	select {
	case c.rotate <- struct{}{}:
	default: // asked for already
	}
}

// Close closes the sockets of a collector that is not going to Run.
func (c *Collector) Close() {
	for _, r := range c.receivers {
		r.socket.close()
	}
}

// Run receives until ctx is done, then takes what has arrived, seals the spool
// file and returns nil. It can be called once. An error means that the spool
// could not be opened (wrapping spool.ErrLocked when another collector has it)
// or its last file not be sealed; every other trouble is logged and counted, and
// receiving goes on.
func (c *Collector) Run(ctx context.Context) error {
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	var receiving sync.WaitGroup
	for _, r := range c.receivers {
		receiving.Go(r.run)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		for _, r := range c.receivers {
			r.stop()
		}
		receiving.Wait()
		close(c.queue.full)
	}()
	err := c.write(ctx)
	cancel()
	<-stopped
	return err
}
