package archive

import (
	"context"
	"errors"
	"net/netip"
	"nfacct/archive/mariadb"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serverProcess is the number of the private server's process.
func serverProcess(t *testing.T, folder string) int {
	t.Helper()
	text, err := os.ReadFile(folder + "/data/nfacct.pid")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// hasten makes a server that is silent be asked soon.
func hasten(t *testing.T) {
	before, asking := mariadb.Silence, mariadb.AskWait
	mariadb.Silence, mariadb.AskWait = 50*time.Millisecond, 300*time.Millisecond
	t.Cleanup(func() { mariadb.Silence, mariadb.AskWait = before, asking })
}

// A statement that takes long on a server that answers others is waited for; one of
// a server that is stopped ends with ErrUnavailable, and so does a load.
func TestStoppedServer(t *testing.T) {
	hasten(t)
	cfg := furnished(t)
	moved := make(chan struct{}, 1)
	cfg.Alive = func() {
		select {
		case moved <- struct{}{}:
		default:
		}
	}
	a, err := Open(t.Context(), cfg, testLog())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	select {
	case <-moved:
	default:
		t.Error("nothing was said to be alive")
	}
	if _, err := a.DB().ExecContext(t.Context(), "DO SLEEP(1)"); err != nil {
		t.Errorf("a statement that takes long: %v", err)
	}
	unlock, err := locked(t.Context(), a, 0)
	if err != nil {
		t.Fatal(err)
	}
	load, err := writing(a).BeginLoad(t.Context(), File{Name: "stopped", Size: 1, Digest: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	day, err := ParseDay("2026-11-23", time.Now(), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	row := func(i uint32) *Row {
		return &Row{Day: day, Router: 1, Host: netip.AddrFrom4([4]byte{192, 168, 1, 5}), Peer: netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), HostPort: uint16(i), Proto: 6, UpBytes: 1, UpPackets: 1, Flows: 1}
	}
	if err := load.Append(row(0)); err != nil {
		t.Fatal(err)
	}
	pid := serverProcess(t, cfg.Folder)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGCONT)
	begun := time.Now()
	for i := uint32(1); err == nil && time.Since(begun) < time.Minute; i++ {
		err = load.Append(row(i))
	}
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("load: %v after %v", err, time.Since(begun))
	}
	// A stopped server that is not told apart from one that crashed would be waited
	// for by everybody.
	if err := EndSilent(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	_ = load.Abort(t.Context())
	unlock()
	unlock, err = locked(t.Context(), a, 10*time.Second)
	for try := 0; errors.Is(err, ErrUnavailable) && try < 5; try++ { // its socket may outlive it by moments
		unlock, err = locked(t.Context(), a, 10*time.Second)
	}
	if err != nil {
		t.Fatalf("after the server was killed: %v", err)
	}
	unlock()
}

// Being told to stop ends a load into a stopped server at once.
func TestStoppedServerCancelled(t *testing.T) {
	cfg := furnished(t)
	a, err := Open(t.Context(), cfg, testLog())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	pid := serverProcess(t, cfg.Folder)
	syscall.Kill(pid, syscall.SIGSTOP)
	defer syscall.Kill(pid, syscall.SIGCONT)
	for err == nil { // the signal takes a moment to reach all of its threads
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		begun := time.Now()
		err = a.DB().PingContext(ctx)
		cancel()
		if time.Since(begun) > 2*time.Second {
			t.Fatalf("%v after %v", err, time.Since(begun))
		}
	}
}

// With Attach the server is used, and neither started nor started again.
func TestAttach(t *testing.T) {
	folder := t.TempDir()
	attach := Config{Folder: folder, Attach: true}
	if _, err := Open(t.Context(), attach, testLog()); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "nfacct run starts it") {
		t.Fatalf("no server: %v", err)
	}
	owner, err := Open(t.Context(), Config{Folder: folder}, testLog())
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	a, err := Open(t.Context(), attach, testLog())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := syscall.Kill(serverProcess(t, folder), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); err == nil && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		_, err = a.DB().ExecContext(t.Context(), "DO 1")
	}
	if !errors.Is(Wrap("ask", err), ErrUnavailable) {
		t.Errorf("killed: %v", err)
	}
	if _, err := owner.DB().ExecContext(t.Context(), "DO 1"); err != nil {
		if _, err = owner.DB().ExecContext(t.Context(), "DO 1"); err != nil {
			t.Errorf("its owner: %v", err)
		}
	}
	if _, err := a.DB().ExecContext(t.Context(), "DO 1"); err != nil {
		t.Errorf("after its owner started it again: %v", err)
	}
}

// Whoever finds a lock held is told by whom.
func TestLockNamesItsHolder(t *testing.T) {
	cfg := furnished(t)
	a, err := Open(t.Context(), cfg, testLog())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	unlock, err := locked(t.Context(), a, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := locked(t.Context(), a, 0); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())+" (") {
		t.Errorf("%v", err)
	}
	if _, err := a.advisory(t.Context(), "writer", 0); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "connection ") {
		t.Errorf("%v", err)
	}
}

// Settings of a given server that would fail some statement later are said at the
// first connection, or do no harm.
func TestGivenSettings(t *testing.T) {
	g := startGiven(t, "--sql-mode=EMPTY_STRING_IS_NULL", "--max-allowed-packet=65536")
	g.run(t, "CREATE DATABASE nf", "CREATE USER u@'127.0.0.1' IDENTIFIED BY 'p'", "CREATE USER u@localhost IDENTIFIED BY 'p'",
		"GRANT ALL ON nf.* TO u@'127.0.0.1'", "GRANT ALL ON nf.* TO u@localhost", "GRANT RELOAD, FILE ON *.* TO u@'127.0.0.1'", "GRANT RELOAD, FILE ON *.* TO u@localhost")
	cfg := Config{DSNFile: dsnFile(t, "u:p@tcp(127.0.0.1:"+strconv.Itoa(g.port)+")/nf")}
	if _, err := Open(t.Context(), cfg, testLog()); err == nil || !strings.Contains(err.Error(), "max_allowed_packet is 65536 bytes") {
		t.Errorf("%v", err)
	}
	g.run(t, "SET GLOBAL max_allowed_packet = 16777216")
	a, err := Open(t.Context(), cfg, testLog())
	if err != nil {
		t.Fatalf("EMPTY_STRING_IS_NULL: %v", err)
	}
	a.Close()
	g.run(t, "SET GLOBAL require_secure_transport = ON")
	if _, err := Open(t.Context(), cfg, testLog()); err == nil || !strings.Contains(err.Error(), "end the DSN with ?tls=true") {
		t.Errorf("%v", err)
	}
}

// A statement of which nothing is heard for longer than is allowed ends, and so does
// one of a server whose disk is full; others of the server go on.
func TestPatience(t *testing.T) {
	hasten(t)
	cfg := Config{Folder: t.TempDir(), Patience: 3 * time.Second}
	a, err := Open(t.Context(), cfg, testLog())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	begun := time.Now()
	if _, err := a.DB().ExecContext(t.Context(), "DO SLEEP(60)"); !errors.Is(Wrap("ask", err), ErrUnavailable) || time.Since(begun) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	a.server.Free = func(string) (uint64, error) { return mariadb.Brim / 2, nil }
	begun = time.Now()
	if _, err := a.DB().ExecContext(t.Context(), "DO SLEEP(60)"); !errors.Is(Wrap("ask", err), ErrUnavailable) || time.Since(begun) > 2*time.Second {
		t.Errorf("disk full: %v after %v", err, time.Since(begun))
	}
	if _, err := a.DB().ExecContext(t.Context(), "DO 1"); err != nil {
		t.Error(err)
	}
}

// A server is not stopped in the middle of a statement whose client is gone.
func TestShutdownWaitsForStatements(t *testing.T) {
	a, err := Open(t.Context(), Config{Folder: t.TempDir()}, testLog())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.DB().ExecContext(t.Context(), "CREATE TABLE worked (n BIGINT) ENGINE=Aria"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := a.DB().ExecContext(ctx, "INSERT INTO worked SELECT SUM(LENGTH(SHA2(seq, 512))) FROM seq_1_to_2000000"); err == nil {
		t.Fatal("it is over before its client is gone")
	}
	folder := a.server.Path("")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if a, err = Open(t.Context(), Config{Folder: folder}, testLog()); err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var rows int
	if err := a.DB().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM worked").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v: the statement was cut short", rows, err)
	}
}
