package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nfacct/collector/spool"
)

// collecting is a `nfacct collect` that runs as a process of its own.
type collecting struct {
	t      *testing.T
	cmd    *exec.Cmd
	spool  string
	stderr *transcript
	done   chan struct{}
}

// transcript is what a process said so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// freePort is a UDP port that nobody has at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().String()
}

func collectConfig(t *testing.T, folder, address string) string {
	t.Helper()
	name := filepath.Join(folder, "nfacct.toml")
	text := fmt.Sprintf(`state = "."
[collector]
listen = [%q]
receive_buffer = "128KiB"
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

func startCollect(t *testing.T, config string, files ...*os.File) *collecting {
	t.Helper()
	return startDaemon(t, "collect", config, files...)
}

// startDaemon starts collect or run, and waits until it is ready.
func startDaemon(t *testing.T, command, config string, files ...*os.File) *collecting {
	t.Helper()
	c := &collecting{t: t, spool: filepath.Join(filepath.Dir(config), "spool"), stderr: &transcript{}, done: make(chan struct{})}
	c.cmd = exec.Command("nfacct", command, "--config", config, "-v")
	if len(files) > 0 {
		// LISTEN_PID has to be the process's own number, which the shell keeps.
		c.cmd = exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec nfacct "$1" -v --config "$0"`, config, command)
		c.cmd.ExtraFiles = files
	}
	c.cmd.Stderr = c.stderr
	notify := listenNotify(t)
	c.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+notify.LocalAddr().String())
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.done)
	}()
	t.Cleanup(func() { c.end(syscall.SIGKILL) })
	_ = notify.SetReadDeadline(time.Now().Add(20 * time.Second))
	var word [64]byte
	n, err := notify.Read(word[:])
	if err != nil || string(word[:n]) != "READY=1" {
		c.end(syscall.SIGKILL)
		t.Fatalf("not ready: %q, %v\n%s", word[:n], err, c.stderr)
	}
	return c
}

// listenNotify plays systemd: programs tell it when they are ready.
func listenNotify(t *testing.T) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// end sends a signal and waits for the end.
func (c *collecting) end(signal os.Signal) int {
	_ = c.cmd.Process.Signal(signal)
	select {
	case <-c.done:
	case <-time.After(20 * time.Second):
		_ = c.cmd.Process.Kill()
		c.t.Errorf("not ended by %v:\n%s", signal, c.stderr)
		<-c.done
	}
	return c.cmd.ProcessState.ExitCode()
}

// sendV5 sends datagrams of one record each, numbered on from first.
func sendV5(t *testing.T, address string, first, n int) {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := range n {
		b := make([]byte, 72)
		binary.BigEndian.PutUint16(b, 5)
		binary.BigEndian.PutUint16(b[2:], 1)
		binary.BigEndian.PutUint32(b[16:], uint32(first+i))
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
}

// sequences are the v5 sequence numbers in the sealed and the open files, oldest first.
func (c *collecting) sequences(pattern string) (found []int) {
	c.t.Helper()
	names, err := filepath.Glob(filepath.Join(c.spool, "*", pattern))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, name := range names {
		file, err := spool.Open(name)
		if err != nil {
			continue // open, and nothing in it yet
		}
		for {
			packet, err := file.Next()
			if err != nil {
				if err != io.EOF {
					c.t.Fatal(err)
				}
				break
			}
			if !packet.Carried {
				found = append(found, int(binary.BigEndian.Uint32(packet.Payload[16:])))
			}
		}
		file.Close()
	}
	return found
}

func (c *collecting) await(pattern string, n int) {
	c.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		found := c.sequences(pattern)
		if len(found) >= n {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("%d of %d datagrams in %s\n%s", len(found), n, pattern, c.stderr)
		}
	}
}

// complete wants the numbers 0..n-1, each once.
func (c *collecting) complete(n int) {
	c.t.Helper()
	found := c.sequences("*.zst")
	if len(found) != n {
		c.t.Errorf("%d of %d datagrams in sealed files\n%s", len(found), n, c.stderr)
	}
	seen := map[int]bool{}
	for _, number := range found {
		if seen[number] || number >= n {
			c.t.Errorf("datagram %d is there twice or was never sent", number)
		}
		seen[number] = true
	}
}

// TestCollectSignals: SIGHUP seals and goes on, SIGTERM seals and ends with 0,
// with everything that was sent before it.
func TestCollectSignals(t *testing.T) {
	address := freePort(t)
	c := startCollect(t, collectConfig(t, t.TempDir(), address))
	sendV5(t, address, 0, 50)
	c.await("*.open", 50)
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	c.await("*.zst", 50)
	sendV5(t, address, 50, 50)
	if code := c.end(syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d\n%s", code, c.stderr)
	}
	c.complete(100)
	if !strings.Contains(c.stderr.String(), "collector started") {
		t.Errorf("no start line with -v: %s", c.stderr)
	}
}

// TestCollectKilled: whatever was flushed survives kill -9, round after round,
// and is sealed by the next start.
func TestCollectKilled(t *testing.T) {
	address := freePort(t)
	config := collectConfig(t, t.TempDir(), address)
	const rounds, each = 5, 40
	var c *collecting
	for round := range rounds {
		c = startCollect(t, config)
		sendV5(t, address, round*each, each)
		if round == rounds-1 {
			break
		}
		c.await("*.zst*", (round+1)*each)
		c.end(syscall.SIGKILL)
	}
	c.await("*.zst*", rounds*each)
	c.end(syscall.SIGTERM)
	c.complete(rounds * each)
	if strings.Contains(c.stderr.String(), "gaps") {
		t.Errorf("loss across restarts where there was none: %s", c.stderr)
	}
}

// TestCollectPortInUse: the second one names address, remedy and line.
func TestCollectPortInUse(t *testing.T) {
	address := freePort(t)
	first := startCollect(t, collectConfig(t, t.TempDir(), address))
	_, port, _ := net.SplitHostPort(address)
	second := exec.Command("nfacct", "collect", "--config", collectConfig(t, t.TempDir(), address))
	out, err := second.CombinedOutput()
	if code := second.ProcessState.ExitCode(); code != exitUsage {
		t.Errorf("exit code %d, %v", code, err)
	}
	for _, want := range []string{"nfacct.toml:3: collector.listen:", address, "address already in use", "ss -lunp 'sport = :" + port + "'"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in: %s", want, out)
		}
	}
	if code := first.end(os.Interrupt); code != exitOK {
		t.Errorf("exit code %d\n%s", code, first.stderr)
	}
}

// TestCollectLocked: two collectors at different ports do not share a spool.
func TestCollectLocked(t *testing.T) {
	folder := t.TempDir()
	startCollect(t, collectConfig(t, folder, freePort(t)))
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if names, _ := filepath.Glob(filepath.Join(folder, "spool", "*", "*.open")); len(names) > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no spool file")
		}
	}
	second := exec.Command("nfacct", "collect", "--config", collectConfig(t, folder, freePort(t)))
	out, err := second.CombinedOutput()
	if code := second.ProcessState.ExitCode(); code != exitTemporary {
		t.Errorf("exit code %d, %v\n%s", code, err, out)
	}
	if !strings.Contains(string(out), "another collector") {
		t.Errorf("%s", out)
	}
}

// TestCollectInherited: systemd may have opened the socket already.
func TestCollectInherited(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	address := conn.LocalAddr().String()
	file, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	sendV5(t, address, 0, 10) // before the collector has been started
	c := startCollect(t, collectConfig(t, t.TempDir(), freePort(t)), file)
	file.Close()
	sendV5(t, address, 10, 10)
	if code := c.end(syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d\n%s", code, c.stderr)
	}
	c.complete(20)
}
