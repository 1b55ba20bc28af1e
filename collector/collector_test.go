package collector

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"nfacct/collector/spool"
)

var loopback = map[netip.Addr]string{
	netip.MustParseAddr("127.0.0.1"): "office",
	netip.MustParseAddr("::1"):       "office six",
}

// running is a collector at work in a test.
type running struct {
	*Collector
	t      *testing.T
	folder string
	stop   func() error
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.Listen = []string{"127.0.0.1:0"}
	cfg.ReceiveBuffer = 1 << 20
	return cfg
}

func start(t *testing.T, cfg Config, folder string) *running {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	files := spool.DefaultConfig()
	files.Folder = folder
	files.MinFree = 0
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	c, err := New(cfg, loopback, files, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	var stopped bool
	r := &running{Collector: c, t: t, folder: folder}
	r.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// dial opens a socket that sends to the collector's first one.
func (r *running) dial() net.Conn {
	r.t.Helper()
	conn, err := net.Dial("udp", r.Addrs()[0].String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

// dialFrom sends from a given address.
func (r *running) dialFrom(from string) net.Conn {
	r.t.Helper()
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from)), net.UDPAddrFromAddrPort(r.Addrs()[0]))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

func (r *running) send(conn net.Conn, payload []byte) {
	r.t.Helper()
	if _, err := conn.Write(payload); err != nil {
		r.t.Fatal(err)
	}
}

// await waits until the collector's status satisfies a condition.
func (r *running) await(what string, is func(Status) bool) Status {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		s := r.Status()
		if is(s) {
			return s
		}
		if time.Now().After(end) {
			r.t.Fatalf("%s: not so after 10 s: %+v", what, s)
		}
	}
}

// finish stops the collector, which seals its file.
func (r *running) finish() {
	r.t.Helper()
	if err := r.stop(); err != nil {
		r.t.Fatal(err)
	}
}

// stored is a condition for await.
func stored(n int) func(Status) bool {
	return func(s Status) bool { return s.Spool.Stored >= uint64(n) }
}

// accepted is how many datagrams the receivers took.
func (s Status) accepted() (n uint64) {
	for _, socket := range s.Sockets {
		n += socket.Accepted
	}
	return n
}

// read returns the live datagrams of all sealed files.
func (r *running) read() (payloads []string, carried int, sum spool.Statistics) {
	r.t.Helper()
	files, err := spool.ListSealed(r.folder)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range files {
		p, c, s := readFile(r.t, f.Path)
		payloads = append(payloads, p...)
		carried += c
		sum.Received += s.Received
		sum.Refused += s.Refused
		sum.QueueDropped += s.QueueDropped
		sum.KernelDropped += s.KernelDropped
	}
	return payloads, carried, sum
}

func readFile(t *testing.T, path string) (payloads []string, carried int, stats spool.Statistics) {
	t.Helper()
	file, err := spool.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for {
		packet, err := file.Next()
		if err == io.EOF {
			return payloads, carried, file.Statistics()
		}
		if err != nil {
			t.Fatal(err)
		}
		if packet.Carried {
			carried++
		} else {
			payloads = append(payloads, string(packet.Payload))
		}
	}
}

// v5 is a datagram of n records, the first of which has the given number.
func v5(sequence uint32, n int) []byte {
	b := make([]byte, 24+48*n)
	binary.BigEndian.PutUint16(b, 5)
	binary.BigEndian.PutUint16(b[2:], uint16(n))
	binary.BigEndian.PutUint32(b[4:], 60_000)
	binary.BigEndian.PutUint32(b[8:], uint32(time.Now().Unix()))
	binary.BigEndian.PutUint32(b[16:], sequence)
	return b
}
