package collector

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// unremarkable are those of the malformed datagrams that hold nothing wrong by
// themselves. A variable-length field may be empty (RFC 7011 section 7).
var unremarkable = []string{"ipfix-varlen-zero", "ipfix-template-withdraw-all", "ipfix-template-withdraw-one", "v9-template-and-data-same-packet"}

// TestHostile sends every malformed datagram to the live socket, between good
// ones: nothing dies, every fault is counted, and everything is kept.
func TestHostile(t *testing.T) {
	r := start(t, testConfig(), t.TempDir())
	names, err := filepath.Glob("testdata/malformed/*.bin")
	if err != nil || len(names) != 41 {
		t.Fatal(len(names), err)
	}
	good, bad := r.dial(), r.dial()
	var sent []string
	put := func(conn net.Conn, payload []byte) {
		sent = append(sent, string(payload))
		r.send(conn, payload)
	}
	sequence := uint32(0)
	reasons := map[string]bool{}
	from := bad.LocalAddr().(*net.UDPAddr).AddrPort()
	for _, name := range names {
		payload, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		put(good, v5(sequence, 2))
		sequence += 2
		put(bad, payload)

		g := netflow.NewDecoder(netflow.Limits{}).Scan(from, 1, payload)
		class := strings.TrimSuffix(filepath.Base(name), ".bin")
		if !slices.Contains(unremarkable, class) && g.Rejects.Total()+g.NoTemplate == 0 {
			t.Errorf("%s: counted nowhere", class)
		}
		for reason := range g.Rejects.All() {
			reasons[reason.String()] = true
		}
	}
	put(good, v5(sequence, 2))
	s := r.await("all are stored", stored(len(sent)))
	if s.Panics != 0 {
		t.Errorf("%d panics", s.Panics)
	}
	e := s.Exporters[0]
	for reason := range reasons {
		if e.Rejects[reason] == 0 {
			t.Errorf("%s is not in the status: %v", reason, e.Rejects)
		}
	}
	if e.NoTemplate == 0 || e.Datagrams != uint64(len(sent)) || len(e.Versions) != 3 || e.Router != "office" {
		t.Errorf("exporter %+v", e)
	}
	r.finish()
	got, _, stats := r.read()
	if stats.Received != uint64(len(sent)) {
		t.Errorf("statistics %+v of %d datagrams", stats, len(sent))
	}
	if !slices.Equal(got, sent) {
		t.Fatalf("%d datagrams in the spool are not the %d sent", len(got), len(sent))
	}
}

// TestPanic: a mistake in the decoder costs no datagram.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	c := &Collector{log: slog.New(slog.NewTextHandler(&log, nil))}
	c.SetRouters(loopback)
	c.state.exporters = map[netip.Addr]*account{}
	w := &writer{c: c, decoder: netflow.NewDecoder(netflow.Limits{})}
	b := newBuffer()
	from := netip.MustParseAddrPort("127.0.0.1:2055")
	for i := range uint32(5) {
		b.add(1, from, from, v5(i, 1))
	}
	b.packets[2].start = 1 << 31 // cannot be sliced
	w.scan(b)
	if c.state.panics != 1 || c.state.exporters[from.Addr()].Records != 4 {
		t.Errorf("%d panics, %d records", c.state.panics, c.state.exporters[from.Addr()].Records)
	}
	if !strings.Contains(log.String(), "scanFrom") {
		t.Errorf("no stack: %s", log.String())
	}
}

// TestAllowList: what is not configured is counted by address and not kept.
func TestAllowList(t *testing.T) {
	cfg := testConfig()
	cfg.Listen = []string{"0.0.0.0:0"}
	r := start(t, cfg, t.TempDir())
	port := int(r.Addrs()[0].Port())
	from := func(ip string) net.Conn {
		conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	known, stranger, other := from("127.0.0.1"), from("127.0.0.2"), from("127.0.0.3")
	for i := range 5 {
		r.send(stranger, v5(uint32(i), 1))
		r.send(known, v5(uint32(i), 1))
		r.send(stranger, []byte("anything"))
	}
	r.send(other, nil)
	s := r.await("five stored, eleven refused", func(s Status) bool {
		return s.Spool.Stored == 5 && len(s.Refused) == 2 && s.Refused[0].Datagrams+s.Refused[1].Datagrams == 11
	})
	if s.Refused[0].Address != netip.MustParseAddr("127.0.0.2") || s.Refused[0].Datagrams != 10 || s.Refused[0].Last.Before(s.Refused[0].First) {
		t.Errorf("refused %+v", s.Refused)
	}
	r.finish()
	got, _, stats := r.read()
	if len(got) != 5 || stats.Refused != 11 || stats.Received != 16 {
		t.Errorf("%d datagrams, statistics %+v", len(got), stats)
	}
}

// TestRefusedTableIsBounded: forged addresses cannot fill the memory.
func TestRefusedTableIsBounded(t *testing.T) {
	var log bytes.Buffer
	table := newRefusedTable(slog.New(slog.NewTextHandler(&log, nil)))
	for i := range 3 * maxRefused {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		table.add(addr, 1)
	}
	known, others := table.list()
	if len(known) != maxRefused || others != 2*maxRefused || table.count() != 3*maxRefused {
		t.Errorf("%d known, %d others, %d in all", len(known), others, table.count())
	}
	if lines := strings.Count(log.String(), "\n"); lines != namedRefused {
		t.Errorf("%d lines of log", lines)
	}
	log.Reset()
	table.complain()
	if want := fmt.Sprintf("more_addresses=%d datagrams_beyond_table=%d refused_addresses=%d", maxRefused-namedRefused, 2*maxRefused, maxRefused); !strings.Contains(log.String(), want) {
		t.Errorf("%q is missing in %s", want, &log)
	}
	log.Reset()
	table.complain()
	table.add(netip.AddrFrom4([4]byte{10, 0, 0, 1}), 1)
	table.complain()
	if log.Len() > 0 {
		t.Errorf("said again: %s", &log)
	}
}

// TestFamilies: one socket takes IPv4 and IPv6, and IPv4 addresses never appear
// as mapped ones.
func TestFamilies(t *testing.T) {
	cfg := testConfig()
	cfg.Listen = []string{":0"}
	r := start(t, cfg, t.TempDir())
	port := fmt.Sprint(r.Addrs()[0].Port())
	for _, host := range []string{"127.0.0.1", "::1"} {
		conn, err := net.Dial("udp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		r.send(conn, v5(0, 3))
		conn.Close()
	}
	s := r.await("both stored", stored(2))
	if len(s.Exporters) != 2 || s.Exporters[0].Router != "office" || s.Exporters[1].Router != "office six" {
		t.Errorf("exporters %+v", s.Exporters)
	}
	r.finish()
	files, _ := spool.ListSealed(r.folder)
	file, err := spool.Open(files[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var families []bool
	for range 2 {
		packet, err := file.Next()
		if err != nil {
			t.Fatal(err)
		}
		if packet.Src.Addr().Is4In6() || packet.Dst.Port() != r.Addrs()[0].Port() || string(packet.Payload[:2]) != "\x00\x05" {
			t.Errorf("packet %+v", packet)
		}
		families = append(families, packet.Src.Addr().Is4())
	}
	if !slices.Contains(families, true) || !slices.Contains(families, false) {
		t.Errorf("not both families: %v", families)
	}
}

// TestSockets: several sockets share one address, each source stays on one of
// them, and nothing is out of order.
func TestSockets(t *testing.T) {
	cfg := testConfig()
	cfg.Sockets = 4
	r := start(t, cfg, t.TempDir())
	addrs := r.Addrs()
	if len(addrs) != 4 || addrs[0] != addrs[3] {
		t.Fatal(addrs)
	}
	const sources, each = 40, 25
	conns := make([]net.Conn, sources)
	for i := range conns {
		conns[i] = r.dial()
	}
	for n := range each {
		for _, conn := range conns {
			r.send(conn, v5(uint32(n), 1))
		}
	}
	s := r.await("all are stored", stored(sources*each))
	used := 0
	for _, socket := range s.Sockets {
		if socket.Accepted > 0 {
			used++
		}
		if socket.KernelDropped == nil || *socket.KernelDropped != 0 || socket.ReceiveBuffer < 64<<10 {
			t.Errorf("socket %+v", socket)
		}
		if socket.Accepted%each != 0 {
			t.Errorf("a source was torn apart: %d datagrams", socket.Accepted)
		}
	}
	if used < 2 {
		t.Errorf("%d of 4 sockets used", used)
	}
	e := s.Exporters[0]
	if e.LostRecords+e.Reordered+e.Duplicates+e.Restarts != 0 || e.Records != sources*each {
		t.Errorf("exporter %+v", e)
	}
}

// TestSharedPortIsChecked: sockets that share an address do not share it with
// another program.
func TestSharedPortIsChecked(t *testing.T) {
	first := start(t, testConfig(), t.TempDir())
	cfg := testConfig()
	cfg.Sockets = 2
	cfg.Listen = []string{first.Addrs()[0].String()}
	_, err := New(cfg, loopback, spool.DefaultConfig(), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), cfg.Listen[0]+": address already in use") || !strings.Contains(err.Error(), "ss -lunp") {
		t.Errorf("%v", err)
	}
}

// TestLargest: a datagram as large as UDP allows is taken whole.
func TestLargest(t *testing.T) {
	r := start(t, testConfig(), t.TempDir())
	conn := r.dial()
	payload := bytes.Repeat([]byte{9}, 65507)
	for i := range 40 { // more than a buffer holds
		r.send(conn, payload)
		r.send(conn, nil)
		r.await("they are taken", func(s Status) bool { return s.Sockets[0].Accepted == 2*uint64(i+1) })
	}
	r.await("all are stored", stored(80))
	r.finish()
	got, _, _ := r.read()
	if len(got) != 80 || got[0] != string(payload) || got[1] != "" || got[78] != string(payload) {
		t.Errorf("%d datagrams", len(got))
	}
}

// TestSmallBufferWarns: less receive buffer than asked is said, with the sysctl.
func TestSmallBufferWarns(t *testing.T) {
	var log bytes.Buffer
	warnBuffer(slog.New(slog.NewTextHandler(&log, nil)), netip.MustParseAddrPort("[::]:8787"), 32<<20, 208<<10)
	for _, want := range []string{"asked=32MiB", "granted=208KiB", "sysctl -w net.core.rmem_max=33554432"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is missing in %s", want, log.String())
		}
	}
	log.Reset()
	warnBuffer(slog.New(slog.NewTextHandler(&log, nil)), netip.MustParseAddrPort("[::]:8787"), 1, 1)
	if log.Len() > 0 {
		t.Error(log.String())
	}
}

// TestKernelDrops: what the kernel throws away is counted, even when nothing
// comes after it.
func TestKernelDrops(t *testing.T) {
	cfg := testConfig()
	cfg.ReceiveBuffer = 64 << 10
	files := spool.DefaultConfig()
	files.Folder = t.TempDir()
	c, err := New(cfg, loopback, files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := &running{Collector: c, t: t}
	conn := r.dial()
	for range 1000 { // nobody receives
		r.send(conn, v5(0, 30))
	}
	s := c.Status()
	if n := s.Sockets[0].KernelDropped; n == nil || *n < 800 || *n > 1000 {
		t.Errorf("kernel dropped %v of 1000", n)
	}
}

// TestQueueFull: without a writer the queue fills, and everything beyond is
// counted; the receiver does not wait.
func TestQueueFull(t *testing.T) {
	cfg := testConfig()
	cfg.Queue = 1 << 20
	c, err := New(cfg, loopback, spool.DefaultConfig(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := &running{Collector: c, t: t}
	conn := r.dial()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.receivers[0].run()
	}()
	const sent = 4000
	for i := range sent {
		r.send(conn, v5(uint32(i), 30))
		if i%100 == 99 {
			r.await("taken", func(s Status) bool { return s.accepted() == uint64(i+1) })
		}
	}
	c.receivers[0].stop()
	<-done
	kept := 0
	for len(c.queue.full) > 0 {
		kept += len((<-c.queue.full).packets)
	}
	s := c.Status()
	if kept+int(s.QueueDropped) != sent || kept < 2000 || kept > 2100 {
		t.Errorf("%d kept, %d dropped of %d", kept, s.QueueDropped, sent)
	}
}

// TestReceiveDoesNotAllocate holds the whole way from the socket to the queue.
func TestReceiveDoesNotAllocate(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		cfg := testConfig()
		cfg.Listen = []string{host + ":0"}
		c, err := New(cfg, loopback, spool.DefaultConfig(), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		r := &running{Collector: c, t: t}
		conn := r.dial()
		payload := v5(0, 30)
		receiver := c.receivers[0]
		w := &writer{c: c, decoder: netflow.NewDecoder(netflow.Limits{})}
		c.log = slog.New(slog.DiscardHandler)
		once := func() {
			for range 20 {
				if _, err := conn.Write(payload); err != nil {
					t.Fatal(err)
				}
			}
			for got := 0; got < 20; {
				n, err := receiver.socket.receive(time.Now().Add(time.Second))
				if err != nil {
					t.Fatal(err)
				}
				receiver.take(n, time.Now())
				got += n
			}
			receiver.hand()
			b := <-c.queue.full
			w.scan(b)
			c.queue.release(b)
		}
		if n := testing.AllocsPerRun(200, once); n != 0 {
			t.Errorf("%s: %v allocations for 20 datagrams", host, n)
		}
		c.Close()
	}
}

// TestBufferIndex: the index of a buffer finds the payloads in the blocks.
func TestBufferIndex(t *testing.T) {
	b := newBuffer()
	to := netip.MustParseAddrPort("[::]:8787")
	var want []string
	for n := range 200 {
		payload := bytes.Repeat([]byte{byte(n)}, n)
		from := netip.MustParseAddrPort("192.0.2.1:2055")
		if n%2 == 1 {
			from = netip.MustParseAddrPort("[2001:db8::1]:2055")
		}
		b.add(int64(n), from, to, payload)
		want = append(want, string(payload))
	}
	for i, p := range b.packets {
		if got := string(b.blocks[p.start:p.end]); got != want[i] {
			t.Fatalf("payload %d: %d bytes", i, len(got))
		}
	}
	b.reset()
	b.add(1, netip.MustParseAddrPort("[2001:db8::1]:2055"), to, make([]byte, 65527)) // only IPv6 can
	if p := b.packets[0]; p.end-p.start != 65507 || int(p.end) > len(b.blocks) {
		t.Errorf("cut to %d bytes", p.end-p.start)
	}
}

// TestSetRouters: another allow list holds for the next datagrams, while it receives.
func TestSetRouters(t *testing.T) {
	cfg := testConfig()
	cfg.Listen = []string{"0.0.0.0:0"}
	r := start(t, cfg, t.TempDir())
	port := int(r.Addrs()[0].Port())
	from := func(ip string) net.Conn {
		conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	first, second := from("127.0.0.1"), from("127.0.0.2")
	r.send(first, v5(0, 1))
	r.send(second, v5(0, 1))
	r.await("one of each", func(s Status) bool { return s.Spool.Stored == 1 && len(s.Refused) == 1 })
	r.SetRouters(map[netip.Addr]string{netip.MustParseAddr("127.0.0.2"): "branch"})
	r.send(first, v5(1, 1))
	r.send(second, v5(1, 1))
	s := r.await("the other of each", func(s Status) bool { return s.Spool.Stored == 2 && len(s.Refused) == 2 && len(s.Exporters) == 1 })
	if e := s.Exporters[0]; e.Router != "branch" || e.Address != netip.MustParseAddr("127.0.0.2") || e.Datagrams != 1 {
		t.Errorf("exporters %+v", s.Exporters)
	}
	r.finish()
}

// TestAlive: receivers and writer show that they turn, also when nothing comes.
func TestAlive(t *testing.T) {
	began := time.Now()
	r := start(t, testConfig(), t.TempDir())
	var first time.Time
	r.await("all have begun", func(Status) bool {
		first = r.Alive()
		return !first.Before(began)
	})
	r.await("they go on", func(Status) bool { return r.Alive().After(first) })
	r.finish()
}
