package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nfacct/cmd/internal/daemon"
	"nfacct/collector/spool"
)

// attackVariable is for how many seconds TestRunUnderAttack attacks.
const attackVariable = "NFACCT_ATTACK_SECONDS"

// treeMemory is what a process and all that descend from it hold, in bytes.
func treeMemory(pid int) (all int64) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	if fields := strings.Fields(string(stat)); len(fields) > 1 {
		pages, _ := strconv.ParseInt(fields[1], 10, 64)
		all = pages * int64(os.Getpagesize())
	}
	children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, name := range children {
		text, _ := os.ReadFile(name)
		for _, child := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(child); err == nil {
				all += treeMemory(n)
			}
		}
	}
	return all
}

// Everything that an allowed address can send, all at once, beside an honest router at
// 500 datagrams a second from the same address: nfacct run with all that it starts
// stays within its memory, never ends, and no honest datagram or record is lost.
func TestRunUnderAttack(t *testing.T) {
	seconds := 15
	if text := os.Getenv(attackVariable); text != "" {
		var err error
		if seconds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	address := freePort(t)
	folder := t.TempDir()
	name := collectConfig(t, folder, address)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.ReplaceAll(strings.ReplaceAll(string(text), `["192.168.88.0/24"]`, `["192.168.0.0/16", "10.0.0.0/8"]`), "receive_buffer = \"128KiB\"\n", "") + "[jobs]\nimport = \"* * * * *\"\n")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	dueJobs(t, name, "import")
	c := startDaemon(t, "run", name)

	dial := func() *attacker {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return &attacker{conn: conn, next: map[uint32]uint32{}}
	}
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	var all sync.WaitGroup
	attackers := 0
	for _, attack := range attacks {
		x := dial()
		x.pace = time.NewTicker(2 * time.Millisecond)
		attackers++
		all.Go(func() {
			defer x.pace.Stop()
			for x.until = end; time.Now().Before(end); {
				attack(x)
			}
		})
	}
	honest := dial()
	honest.pace = time.NewTicker(2 * time.Millisecond)
	defer honest.pace.Stop()
	var octets uint64
	all.Go(func() {
		for k := 0; time.Now().Before(end); k++ {
			if k%2000 == 0 { // as RouterOS does
				honest.v9(0, 1, flowSet(0, layout(256, wideLayout...)))
			}
			honest.v9(0, 1, flowSet(256, wideRecord("192.168.1.77", uint64(1000+k%400), 9, 1024+k%60000)))
			octets += uint64(1000 + k%400)
		}
	})
	stop := make(chan struct{})
	var most int64
	var watching sync.WaitGroup
	watching.Go(func() {
		rotated := time.Now()
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
			}
			most = max(most, treeMemory(c.cmd.Process.Pid))
			if time.Since(rotated) > 10*time.Second {
				rotated = time.Now()
				_ = c.cmd.Process.Signal(syscall.SIGUSR1)
			}
		}
	})
	all.Wait()
	// The jobs go on for a while with what they have.
	time.Sleep(time.Duration(min(seconds/2, 90)) * time.Second)
	close(stop)
	watching.Wait()
	select {
	case <-c.done:
		t.Fatalf("the parent ended:\n%s", tail(c.stderr.String()))
	default:
	}
	if code := c.end(syscall.SIGTERM); code != exitOK {
		t.Errorf("exit %d\n%s", code, tail(c.stderr.String()))
	}

	kept, total := 0, 0
	port := honest.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	sealed, err := spool.ListSealed(filepath.Join(folder, "spool"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range sealed {
		in, err := spool.Open(file.Path)
		if err != nil {
			t.Fatal(err)
		}
		for {
			p, err := in.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(file.Name, err)
			}
			if !p.Carried {
				total++
				if p.Src.Port() == port {
					kept++
				}
			}
		}
		in.Close()
	}
	if kept != honest.sent || honest.err != nil {
		t.Errorf("%d of %d honest datagrams kept, %v", kept, honest.sent, honest.err)
	}
	if most > daemon.Total {
		t.Errorf("%d MiB of memory, more than %d", most>>20, daemon.Total>>20)
	}
	begun := time.Now()
	if out, err := exec.Command("nfacct", "import", "--config", name).CombinedOutput(); err != nil {
		t.Errorf("import: %v\n%s", err, tail(string(out)))
	}
	took := time.Since(begun)
	out, err := exec.Command("nfacct", "report", "--day", "today", "--format", "json", "--config", name).Output()
	if err != nil {
		t.Fatalf("report: %v", err)
	}
	var usage struct {
		Hosts []struct {
			Host    string `json:"host"`
			UpBytes uint64 `json:"up_bytes"`
		} `json:"hosts"`
	}
	if err := json.Unmarshal(out, &usage); err != nil {
		t.Fatal(err)
	}
	var counted uint64
	for _, host := range usage.Hosts {
		if host.Host == "192.168.1.77" {
			counted = host.UpBytes
		}
	}
	if counted != octets {
		books, _ := exec.Command("nfacct", "books", "--day", "today", "--config", name).CombinedOutput()
		t.Errorf("the honest host has %d bytes, want %d\n%s", counted, octets, books)
	}
	aside, err := spool.ReadAside(filepath.Join(folder, "spool"))
	if err != nil || len(aside) > 0 {
		t.Errorf("files set aside: %+v, %v", aside, err)
	}
	t.Logf("%d modes for %d s: %d datagrams kept in %d files, %d of %d honest ones; honest bytes %d of %d; at most %d MiB; last import %v; said:\n%s",
		attackers, seconds, total, len(sealed), kept, honest.sent, counted, octets, most>>20, took.Round(time.Millisecond), tail(c.stderr.String()))
}

// tail is the end of what was said.
func tail(text string) string {
	const most = 6000
	return text[max(0, len(text)-most):]
}
