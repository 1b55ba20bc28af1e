package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// roundsVariable is how often TestKilledAnywhere kills the collector; imports and
// their servers at least half as often.
const roundsVariable = "NFACCT_KILL_ROUNDS"

const (
	killRounds = 3
	// flushed is after how long a datagram must be safe. The collector promises a
	// second; the rest is for a busy machine.
	flushed = 1500 * time.Millisecond
)

// TestKilledAnywhere kills the collector with SIGKILL at random moments while a
// router exports, and imports and the database server while they load what it
// left. In the end nothing is missing that was flushed, nothing is there twice,
// what is missing is known as lost, and the books balance.
func TestKilledAnywhere(t *testing.T) {
	rounds := killRounds
	if text := os.Getenv(roundsVariable); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	address := freePort(t)
	config := killConfig(t, t.TempDir(), address)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)

	router := startRouter(t, address)
	stopImports := make(chan struct{})
	var importing sync.WaitGroup
	var tally importTally
	importing.Go(func() {
		tally = killImports(t, config, (rounds+1)/2, rand.New(rand.NewPCG(seed, 1)), stopImports)
	})

	random := rand.New(rand.NewPCG(seed, 2))
	safe := map[uint32]bool{} // numbers of datagrams that may not be missing
	var c *collecting
	for round := range rounds {
		begun := time.Now()
		c = startCollect(t, config)
		ready := time.Now()
		alive := time.Duration(random.Int64N(int64(600 * time.Millisecond)))
		if round%2 == 0 {
			alive += flushed
		}
		time.Sleep(alive)
		killed := time.Now()
		c.end(syscall.SIGKILL)
		for _, n := range router.sentBetween(ready, killed.Add(-flushed)) {
			safe[n] = true
		}
		if t.Failed() {
			t.Fatalf("round %d, which took %v:\n%s", round, time.Since(begun), c.stderr)
		}
	}
	c = startCollect(t, config)
	ready := time.Now()
	time.Sleep(time.Second)
	router.stop()
	if code := c.end(syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d\n%s", code, c.stderr)
	}
	for _, n := range router.sentBetween(ready, time.Now()) {
		safe[n] = true
	}
	close(stopImports)
	importing.Wait()

	kept := readKept(t, c.spool)
	missing := 0
	for n := range safe {
		if kept.datagrams[n] == 0 {
			missing++
		}
	}
	twice := 0
	first, last := ^uint32(0), uint32(0)
	for n, times := range kept.datagrams {
		first, last = min(first, n), max(last, n)
		if times != 1 {
			twice++
		}
	}
	if missing > 0 || twice > 0 {
		t.Errorf("of %d datagrams that were flushed %d are missing; %d are there twice", len(safe), missing, twice)
	}
	lost := (uint64(last-first) + 1 - uint64(len(kept.datagrams))) * recordsEach
	if kept.lost != lost {
		t.Errorf("%d records are missing, but the sequence numbers of the spool say %d", lost, kept.lost)
	}
	t.Logf("collector killed %d times: %d datagrams sent, %d kept, of %d that were flushed %d missing, %d twice, %d records lost, all known",
		rounds, router.count(), len(kept.datagrams), len(safe), missing, twice, lost)

	out, err := exec.Command("nfacct", "--json", "import", "--config", config).CombinedOutput()
	if err != nil {
		t.Fatalf("last import: %v\n%s", err, out)
	}
	checkBooks(t, config, kept, lost)
	t.Logf("imports: %v, then a last one", tally)
}

func killConfig(t *testing.T, folder, address string) string {
	t.Helper()
	name := filepath.Join(folder, "nfacct.toml")
	text := fmt.Sprintf(`state = "."
timezone = "UTC"
[collector]
listen = [%q]
receive_buffer = "8MiB"
[spool]
min_free = "0B"
[[router]]
name = "office"
export = ["127.0.0.1"]
inside = ["192.168.88.0/24"]
`, address)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const recordsEach = 20

// router exports full-time, whether or not anybody listens, as routers do.
type router struct {
	mu     sync.Mutex
	sentAt []time.Time // by number
	end    chan struct{}
	ended  chan struct{}
}

func startRouter(t *testing.T, address string) *router {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	// Not connected: then no answer of a closed port eats a datagram.
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	r := &router{end: make(chan struct{}), ended: make(chan struct{})}
	boot := time.Now().Add(-time.Hour)
	go func() {
		defer close(r.ended)
		defer conn.Close()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.end:
				return
			case <-tick.C:
			}
			for range 3 {
				r.mu.Lock()
				n := uint32(len(r.sentAt))
				now := time.Now()
				r.sentAt = append(r.sentAt, now)
				r.mu.Unlock()
				if _, err := conn.WriteToUDP(officeDatagram(n, now, boot), to); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	t.Cleanup(r.stop)
	return r
}

func (r *router) stop() {
	r.mu.Lock()
	select {
	case <-r.end:
	default:
		close(r.end)
	}
	r.mu.Unlock()
	<-r.ended
}

func (r *router) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sentAt)
}

func (r *router) sentBetween(from, to time.Time) (numbers []uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n, at := range r.sentAt {
		if at.After(from) && at.Before(to) {
			numbers = append(numbers, uint32(n))
		}
	}
	return numbers
}

// officeDatagram is the n-th v5 datagram of an office: uploads of its hosts, which
// no default rule leaves out.
func officeDatagram(n uint32, now, boot time.Time) []byte {
	b := make([]byte, 24+48*recordsEach)
	uptime := uint32(now.Sub(boot).Milliseconds())
	be := binary.BigEndian
	be.PutUint16(b, 5)
	be.PutUint16(b[2:], recordsEach)
	be.PutUint32(b[4:], uptime)
	be.PutUint32(b[8:], uint32(now.Unix()))
	be.PutUint32(b[12:], uint32(now.Nanosecond()))
	be.PutUint32(b[16:], n*recordsEach)
	for i := range uint32(recordsEach) {
		r := b[24+48*i:]
		be.PutUint32(r, 0xc0a85801+(n+i)%200)        // 192.168.88.1 and on
		be.PutUint32(r[4:], 0x5db80000+(n*31+i)%4e4) // 93.184.0.0 and on
		be.PutUint16(r[12:], 2)
		be.PutUint16(r[14:], 1)
		be.PutUint32(r[16:], 1+i)
		be.PutUint32(r[20:], 1000+n%1000+i)
		be.PutUint32(r[24:], uptime-500)
		be.PutUint32(r[28:], uptime-10)
		be.PutUint16(r[32:], uint16(1024+(n*recordsEach+i)%50000))
		be.PutUint16(r[34:], 443)
		r[38] = 6
	}
	return b
}

// kept is what the sealed files of a spool hold.
type kept struct {
	datagrams map[uint32]int // how often each number is there
	records   uint64
	bytes     uint64
	lost      uint64 // records, by sequence numbers
}

func readKept(t *testing.T, folder string) kept {
	t.Helper()
	if open, _ := filepath.Glob(filepath.Join(folder, "*", "*.open")); len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
	files, err := spool.ListSealed(folder)
	if err != nil {
		t.Fatal(err)
	}
	sum := kept{datagrams: map[uint32]int{}}
	var records []flow.Record
	for _, file := range files {
		d := netflow.NewDecoder(netflow.Limits{}) // every file decodes alone
		r, err := spool.Open(file.Path)
		if err != nil {
			t.Fatal(err)
		}
		for {
			p, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Carried {
				d.Learn(p.Src, p.Received, p.Payload)
				continue
			}
			var g netflow.Datagram
			records, g = d.Decode(records[:0], p.Src, p.Received, p.Payload)
			sum.datagrams[g.Sequence/recordsEach]++
			sum.records += uint64(len(records))
			sum.lost += uint64(g.Loss.Lost) - uint64(g.Loss.Late)
			for i := range records {
				sum.bytes += records[i].Bytes
			}
		}
		if r.Damage() != nil {
			t.Errorf("%s: %v", file.Name, r.Damage())
		}
		r.Close()
	}
	return sum
}

// importTally counts how the imports of killImports ended.
type importTally struct{ killed, serverKilled, failed, early, whole int }

func (n importTally) String() string {
	return fmt.Sprintf("%d killed, %d had their server killed (%d of them failed), %d had ended before, %d were left alone",
		n.killed, n.serverKilled, n.failed, n.early, n.whole)
}

// killImports imports again and again and kills, in turn, the import or the server
// that it loads into, until told to stop and each at least so many times. Every
// sixth is left alone and has to succeed.
func killImports(t *testing.T, config string, rounds int, random *rand.Rand, stop <-chan struct{}) (n importTally) {
	for round := 1; !t.Failed(); round++ {
		select {
		case <-stop:
			if n.killed >= rounds && n.serverKilled >= rounds {
				return n
			}
		default:
		}
		awaitServer(t, filepath.Dir(config))
		var said bytes.Buffer
		cmd := exec.Command("nfacct", "import", "--config", config)
		cmd.Stdout, cmd.Stderr = &said, &said
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Error(err)
			break
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()

		alone := round%6 == 0
		var killed, serverKilled bool
		if !alone {
			wait := time.Duration(random.Int64N(int64(700 * time.Millisecond)))
			select {
			case err := <-done:
				done <- err
			case <-time.After(wait):
				if round%2 == 0 {
					_ = cmd.Process.Kill()
					killed = true
				} else {
					serverKilled = killDatabase(filepath.Dir(config))
				}
			}
		}
		var err error
		select {
		case err = <-done:
		case <-time.After(5 * time.Minute): // a start of the server may take two
			err = fmt.Errorf("hangs: %w", hang(cmd, done))
		}
		switch {
		case killed:
			n.killed++
		case serverKilled:
			n.serverKilled++
			if err != nil {
				n.failed++
			}
		case alone:
			n.whole++
		default:
			n.early++
		}
		if err != nil && (!killed && !serverKilled || strings.HasPrefix(err.Error(), "hangs")) {
			t.Errorf("an import: %v\n%s", err, said.Bytes())
		}
	}
	return n
}

// hang ends an import that does not end and lets it say where it stands.
func hang(cmd *exec.Cmd, done <-chan error) error {
	_ = cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		return <-done
	}
}

// awaitServer waits while the private server is on its way, in or out, after an
// import that was killed.
func awaitServer(t *testing.T, state string) {
	folder := filepath.Join(state, "database")
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		lock, err := os.OpenFile(filepath.Join(folder, "instance.lock"), os.O_RDWR, 0)
		if err != nil {
			return // there is none yet
		}
		free := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
		lock.Close()
		if free {
			return
		}
		conn, err := net.Dial("unix", filepath.Join(folder, "data", "nfacct.sock"))
		if err != nil {
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		n, _ := conn.Read(make([]byte, 5))
		conn.Close()
		if n > 4 {
			return
		}
	}
	t.Error("the database server neither answers nor ends")
}

// killDatabase kills the private server of a state folder, if it has come so far.
func killDatabase(state string) bool {
	data := filepath.Join(state, "database", "data")
	names, _ := filepath.Glob(filepath.Join(data, "*.pid"))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || pid <= 1 {
			continue
		}
		// A number that is left over may be another process's by now.
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil || !bytes.Contains(command, []byte(data)) {
			continue
		}
		process, err := os.FindProcess(pid)
		if err != nil {
			continue
		}
		if err := process.Kill(); err == nil {
			return true
		}
	}
	return false
}

// checkBooks wants all records of the spool in the tables, once, and the books
// to say so.
func checkBooks(t *testing.T, config string, kept kept, lost uint64) {
	t.Helper()
	today := time.Now().UTC()
	out, err := exec.Command("nfacct", "--json", "books", "--config", config,
		"--from", today.AddDate(0, 0, -1).Format(time.DateOnly), "--to", today.Format(time.DateOnly)).Output()
	if err != nil {
		t.Errorf("books: %v\n%s", err, out)
	}
	var books []archive.Book
	if err := json.Unmarshal(out, &books); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	var sum archive.Book
	for _, b := range books {
		if b.Difference != "" {
			t.Errorf("%s %s: %s", b.Day, b.Router, b.Difference)
		}
		sum.Add(b)
	}
	if sum.Records != kept.records || sum.Bytes != kept.bytes || sum.Datagrams != uint64(len(kept.datagrams)) || sum.LostRecords != lost {
		t.Errorf("books: %d datagrams, %d records, %d bytes, %d lost; the spool has %d, %d, %d, %d",
			sum.Datagrams, sum.Records, sum.Bytes, sum.LostRecords, len(kept.datagrams), kept.records, kept.bytes, lost)
	}

	tables := strings.Fields(ask(t, config, "SHOW TABLES LIKE 'flows\\_%'"))
	var flows, octets uint64
	for _, table := range tables {
		fields := strings.Fields(ask(t, config, "SELECT COALESCE(SUM(flows), 0), COALESCE(SUM(up_bytes + down_bytes), 0) FROM "+table))
		if len(fields) != 2 {
			t.Fatalf("%s: %q", table, fields)
		}
		n, _ := strconv.ParseUint(fields[0], 10, 64)
		flows += n
		n, _ = strconv.ParseUint(fields[1], 10, 64)
		octets += n
	}
	if len(tables) == 0 || flows != kept.records || octets != kept.bytes {
		t.Errorf("%d flows of %d bytes in %v; the spool has %d of %d", flows, octets, tables, kept.records, kept.bytes)
	}
	t.Logf("%d records in the spool, %d in the tables, %d lost", kept.records, flows, sum.LostRecords)
}

func ask(t *testing.T, config, query string) string {
	t.Helper()
	out, err := exec.Command("nfacct", "--config", config, "sql", "-BN", "-e", query).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", query, err, out)
	}
	return string(out)
}
