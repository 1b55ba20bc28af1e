package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
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
	var asked, answered int
	importing.Go(func() { asked, answered = readWhileKilled(t, config, stopImports) })

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
	t.Logf("imports: %v, then a last one; a reader asked %d times and was answered %d times", tally, asked, answered)
}

// readWhileKilled asks for the books while imports and servers are killed. The
// answer is that they balance, or to come again.
func readWhileKilled(t *testing.T, config string, stop <-chan struct{}) (asked, answered int) {
	for !t.Failed() {
		select {
		case <-stop:
			return asked, answered
		default:
		}
		today := time.Now().UTC()
		cmd := exec.Command("nfacct", "books", "--config", config,
			"--from", today.AddDate(0, 0, -1).Format(time.DateOnly), "--to", today.Format(time.DateOnly))
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		out, err := cmd.CombinedOutput()
		asked++
		switch {
		case err == nil:
			answered++
		case answered == 0 && strings.Contains(string(out), "there is no database in it yet"): // no import got so far
			time.Sleep(50 * time.Millisecond)
		case cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != exitTemporary:
			t.Errorf("a reader: %v\n%s", err, out)
		}
	}
	return asked, answered
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

	tables := strings.Fields(ask(t, config, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'flows\\_%' AND engine <> 'MRG_MyISAM'"))
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
