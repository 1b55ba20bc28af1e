package collector

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"nfacct/collector/netflow"
	"nfacct/collector/spool"
	"nfacct/routeros/officetest"
)

// The test binary is also the programs that the benchmarks start, so that the
// processor time of each can be told apart.
const roleVariable = "NFACCT_BENCH_ROLE"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(roleVariable) {
	case "":
		code := m.Run()
		for _, folder := range built {
			os.RemoveAll(folder)
		}
		os.Exit(code)
	case "collect":
		err = benchCollect(os.Args[1], os.Args[2])
	case "send":
		err = benchSend(os.Args[1], os.Args[2], os.Args[3])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// benchCollect is a collector with the default settings; it prints its status at the end.
func benchCollect(address, folder string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cfg := DefaultConfig()
	cfg.Listen = []string{address}
	files := spool.DefaultConfig()
	files.Folder = folder
	c, err := New(cfg, loopback, files, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		return err
	}
	if err := c.Run(ctx); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(c.Status())
}

// office is n full v5 datagrams of a simulated office, numbered from 0.
func office(n int) ([][]byte, error) {
	o, err := officetest.New(officetest.Config{Busy: 50})
	if err != nil {
		return nil, err
	}
	var all [][]byte
	err = o.Datagrams(officetest.V5, noon, n+n/10, func(_ int64, payload []byte) error {
		if len(payload) == 24+30*48 && len(all) < n {
			payload = bytes.Clone(payload)
			binary.BigEndian.PutUint32(payload[16:], uint32(30*len(all)))
			all = append(all, payload)
		}
		return nil
	})
	if err == nil && len(all) < n {
		err = fmt.Errorf("%d of %d datagrams are full", len(all), n)
	}
	return all, err
}

// officeSize is how many different datagrams are sent, again and again: more
// than any window of compression sees.
const officeSize = 20_000

// benchSend sends so many datagrams a second for some seconds, after a line on
// standard input, and prints how many it sent.
func benchSend(address, rateText, secondsText string) error {
	rate, _ := strconv.Atoi(rateText)
	seconds, _ := strconv.Atoi(secondsText)
	datagrams, err := office(officeSize)
	if err != nil {
		return err
	}
	conn, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	file, err := conn.(*net.UDPConn).File()
	if err != nil {
		return err
	}
	const batch = 64
	var messages [batch]message
	var vectors [batch]unix.Iovec
	for i := range messages {
		messages[i].header.Iov = &vectors[i]
		messages[i].header.SetIovlen(1)
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	begun := time.Now()
	sent, total := 0, rate*seconds
	for sent < total {
		due := min(int(time.Since(begun).Seconds()*float64(rate)), total) - sent
		if due <= 0 {
			rest := unix.NsecToTimespec(200_000)
			_ = unix.Nanosleep(&rest, nil)
			continue
		}
		n := min(due, batch)
		for i := range n {
			payload := datagrams[(sent+i)%len(datagrams)]
			binary.BigEndian.PutUint32(payload[16:], uint32(30*(sent+i)))
			vectors[i].Base = &payload[0]
			vectors[i].SetLen(len(payload))
		}
		done, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, file.Fd(), uintptr(unsafe.Pointer(&messages[0])), uintptr(n), 0, 0, 0)
		if errno != 0 && errno != unix.ECONNREFUSED {
			return os.NewSyscallError("sendmmsg", errno)
		}
		sent += int(done)
	}
	fmt.Println(sent, time.Since(begun).Milliseconds())
	return nil
}

// contender is a collector in the comparison.
type contender struct {
	name string
	// command starts it: to receive at the address, and to keep what it receives in
	// the folder.
	command func(b *testing.B, address, folder string) *exec.Cmd
	// records counts what it kept.
	records func(b *testing.B, folder string, output []byte) int
}

var contenders = []contender{
	{"nfacct", func(_ *testing.B, address, folder string) *exec.Cmd {
		cmd := exec.Command(os.Args[0], address, folder)
		cmd.Env = append(os.Environ(), roleVariable+"=collect")
		return cmd
	}, func(b *testing.B, _ string, output []byte) int {
		var s Status
		if err := json.Unmarshal(output, &s); err != nil {
			b.Fatalf("%v in %s", err, output)
		}
		if s.QueueDropped > 0 || *s.Sockets[0].KernelDropped > 0 {
			b.Logf("queue dropped %d, kernel dropped %d", s.QueueDropped, *s.Sockets[0].KernelDropped)
		}
		return int(s.Exporters[0].Records)
	}},
	// All decode each record and keep all of it.
	{"nfcapd-lz4", func(_ *testing.B, address, folder string) *exec.Cmd {
		host, port, _ := net.SplitHostPort(address)
		return exec.Command("nfcapd", "-y", "-b", host, "-p", port, "-B", "33554432", "-t", "3600", "-l", folder)
	}, func(b *testing.B, folder string, _ []byte) int {
		out, err := exec.Command("nfdump", "-I", "-R", folder).Output()
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			if n, ok := strings.CutPrefix(line, "Flows: "); ok {
				flows, _ := strconv.Atoi(strings.TrimSpace(n))
				return flows
			}
		}
		return 0
	}},
	// Its densest format, and a queue that it can empty at the end in some seconds.
	{"goflow2-bin", func(b *testing.B, address, folder string) *exec.Cmd {
		return exec.Command(goflow2(b), "-listen", "netflow://"+address+"?queue_size=10000", "-transport", "file",
			"-transport.file", filepath.Join(folder, "flows"), "-transport.file.sep", "", "-format", "bin", "-addr", "", "-loglevel", "error")
	}, func(b *testing.B, folder string, _ []byte) (messages int) {
		file, err := os.Open(filepath.Join(folder, "flows"))
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		for in := bufio.NewReader(file); ; messages++ {
			length, err := binary.ReadUvarint(in)
			if err == nil {
				_, err = in.Discard(int(length))
			}
			if err != nil {
				return messages
			}
		}
	}},
	// It merges the records of a conversation and says of how many; roughly, for its
	// children write to one file at a time and some lines come twice.
	{"nfacctd-csv", func(b *testing.B, address, folder string) *exec.Cmd {
		host, port, _ := net.SplitHostPort(address)
		config := filepath.Join(b.TempDir(), "nfacctd.conf")
		text := fmt.Sprintf(`nfacctd_ip: %s
nfacctd_port: %s
nfacctd_pipe_size: 33554432
plugins: print
plugin_pipe_size: 134217728
plugin_buffer_size: 65536
print_cache_entries: 65537
aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags, in_iface, out_iface, flows
print_output: csv
print_output_file: %s
print_output_file_append: true
print_refresh_time: 5
`, host, port, filepath.Join(folder, "flows"))
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		return exec.Command("nfacctd", "-f", config)
	}, func(b *testing.B, folder string, _ []byte) (flows int) {
		file, err := os.Open(filepath.Join(folder, "flows"))
		if err != nil {
			b.Log(err) // it did not come to write any
			return 0
		}
		defer file.Close()
		column := -1
		for lines := bufio.NewScanner(file); lines.Scan(); {
			values := strings.Split(lines.Text(), ",")
			if column < 0 {
				if column = slices.Index(values, "FLOWS"); column < 0 {
					b.Fatalf("no FLOWS in %q", lines.Text())
				}
				continue
			}
			if column >= len(values) {
				continue
			}
			n, _ := strconv.Atoi(values[column])
			flows += n
		}
		return flows
	}},
}

// goflow2 builds goflow2 of the version in go.mod, once, as its users do. That
// changes nothing in this module.
func goflow2(b *testing.B) string {
	b.Helper()
	program, err := buildGoflow2()
	if err != nil {
		b.Skip(err)
	}
	return program
}

var buildGoflow2 = sync.OnceValues(func() (string, error) {
	const name = "github.com/netsampler/goflow2/v2"
	version, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", name).Output()
	if err != nil {
		return "", fmt.Errorf("goflow2 is left out, its version is not known: %w", err)
	}
	folder, err := os.MkdirTemp("", "goflow2-")
	if err != nil {
		return "", err
	}
	built = append(built, folder)
	install := exec.Command("go", "install", name+"/cmd/goflow2@"+strings.TrimSpace(string(version)))
	install.Env = append(os.Environ(), "GOBIN="+folder)
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("goflow2 is left out, it does not build here: %w\n%s", err, out)
	}
	return filepath.Join(folder, "goflow2"), nil
})

var built []string // folders to be removed at the end

// BenchmarkSideBySide sends the same full v5 datagrams (30 records, 1464 bytes)
// of a simulated office at the same rates to each collector, from a process of
// its own on the same machine, and reports what each took and kept: processor
// time of user and system and disk bytes for what was kept, and the most memory
// that it had.
func BenchmarkSideBySide(b *testing.B) {
	for _, rate := range []int{10_000, 60_000} {
		for _, c := range contenders {
			b.Run(fmt.Sprintf("%d/%s", rate, c.name), func(b *testing.B) {
				for b.Loop() {
					c.run(b, rate, 4)
				}
			})
		}
	}
}

func (c *contender) run(b *testing.B, rate, seconds int) {
	folder := b.TempDir()
	port, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := port.LocalAddr().String()
	port.Close()

	receiver := c.command(b, address, folder)
	var output, trouble bytes.Buffer
	receiver.Stdout, receiver.Stderr = &output, &trouble
	receiver.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	sender := exec.Command(os.Args[0], address, strconv.Itoa(rate), strconv.Itoa(seconds))
	sender.Env = append(os.Environ(), roleVariable+"=send")
	sender.Stderr = os.Stderr
	stdin, err := sender.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := sender.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := sender.Start(); err != nil {
		b.Fatal(err)
	}
	said := bufio.NewReader(stdout)
	if _, err := said.ReadString('\n'); err != nil {
		b.Fatal(err)
	}
	if err := receiver.Start(); err != nil {
		b.Fatal(err)
	}
	time.Sleep(time.Second) // they all are ready by then
	fmt.Fprintln(stdin, "go")
	line, err := said.ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	if err := sender.Wait(); err != nil {
		b.Fatal(err)
	}
	var sent, took int
	if _, err := fmt.Sscan(line, &sent, &took); err != nil {
		b.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond) // all have flushed by then
	// Not SIGTERM: nfacctd forgets what it has.
	_ = receiver.Process.Signal(os.Interrupt)
	end := time.AfterFunc(60*time.Second, func() { _ = receiver.Process.Kill() })
	_ = receiver.Wait()
	if !end.Stop() {
		b.Fatalf("%s had to be killed: %s", c.name, trouble.Bytes())
	}
	if c.name == "nfacctd-csv" {
		time.Sleep(5 * time.Second) // its last child goes on writing
	}
	cpu := (receiver.ProcessState.UserTime() + receiver.ProcessState.SystemTime()).Seconds()
	b.ReportMetric(100*receiver.ProcessState.SystemTime().Seconds()/cpu, "%system")
	kept := min(c.records(b, folder, output.Bytes()), 30*sent)
	b.ReportMetric(0, "ns/op")
	if kept == 0 {
		b.ReportMetric(100, "%lost")
		return
	}
	b.ReportMetric(100*(1-float64(kept)/float64(30*sent)), "%lost")
	b.ReportMetric(float64(diskUse(b, folder))/float64(kept), "B/record")
	b.ReportMetric(cpu/(float64(kept)/1e6), "cpu-s/Mrecord")
	b.ReportMetric(float64(sent)/float64(took)*1000, "datagrams/s")
	if usage, ok := receiver.ProcessState.SysUsage().(*syscall.Rusage); ok {
		b.ReportMetric(float64(usage.Maxrss)/1024, "MiB-RSS")
	}
}

func diskUse(b *testing.B, folder string) (bytes int64) {
	err := filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return bytes
}

// BenchmarkStages says where the time goes: each stage alone, per full v5
// datagram.
func BenchmarkStages(b *testing.B) {
	datagrams, err := office(2000)
	if err != nil {
		b.Fatal(err)
	}
	from, to := netip.MustParseAddrPort("127.0.0.1:2055"), netip.MustParseAddrPort("[::]:8787")
	fill := func(buffer *buffer) {
		buffer.reset()
		for _, payload := range datagrams {
			if !buffer.fits(len(payload)) {
				return
			}
			buffer.add(1_800_000_000e9, from, to, payload)
		}
	}
	perDatagram := func(b *testing.B, n int) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/datagram")
		b.ReportMetric(0, "ns/op")
	}
	b.Run("receive", func(b *testing.B) { // in batches of 128, which is one system call
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			b.Fatal(err)
		}
		s, err := newSocket(conn, 1<<20, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		defer s.close()
		sender, err := net.Dial("udp", s.at.String())
		if err != nil {
			b.Fatal(err)
		}
		defer sender.Close()
		var taken time.Duration
		for b.Loop() {
			for _, payload := range datagrams[:batchSize] {
				if _, err := sender.Write(payload); err != nil {
					b.Fatal(err)
				}
			}
			begun := time.Now()
			if n, err := s.receive(time.Time{}); n != batchSize || err != nil {
				b.Fatalf("%d datagrams, %v", n, err)
			}
			taken += time.Since(begun)
		}
		b.ReportMetric(float64(taken.Nanoseconds())/float64(b.N)/batchSize, "ns/datagram")
		b.ReportMetric(0, "ns/op")
	})
	full := newBuffer()
	fill(full)
	n := len(full.packets)
	b.Run("copy", func(b *testing.B) {
		buffer := newBuffer()
		for b.Loop() {
			fill(buffer)
		}
		perDatagram(b, n)
	})
	b.Run("scan", func(b *testing.B) {
		c := &Collector{log: slog.New(slog.DiscardHandler)}
		c.SetRouters(loopback)
		c.state.exporters = map[netip.Addr]*account{}
		w := &writer{c: c, decoder: netflow.NewDecoder(netflow.Limits{})}
		for b.Loop() {
			w.scan(full)
		}
		perDatagram(b, n)
	})
	b.Run("pack-and-write", func(b *testing.B) {
		files := spool.DefaultConfig()
		files.Folder = b.TempDir()
		w, err := spool.NewWriter(files, slog.New(slog.DiscardHandler))
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Begin(time.Now(), nil); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := w.Write(full.blocks); err != nil {
				b.Fatal(err)
			}
		}
		perDatagram(b, n)
		b.ReportMetric(float64(w.Size())/float64(b.N)/float64(30*n), "B/record")
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	})
}
