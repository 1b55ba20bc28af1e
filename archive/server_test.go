package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"nfacct/archive/mariadb"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func private(t testing.TB) Config {
	cfg := DefaultConfig()
	cfg.Folder = t.TempDir()
	return cfg
}

// instanceLock takes the lock that a server holds for as long as it lives; nil if one
// does.
func instanceLock(t testing.TB, folder string) *os.File {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(folder, "instance.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil
	}
	return f
}

// running reports whether a server lives in a folder. A child that another test starts
// holds the lock too, if it was ours, until it becomes another program.
func running(t testing.TB, folder string) bool {
	t.Helper()
	for range 10 {
		if f := instanceLock(t, folder); f != nil {
			f.Close()
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}

func mustOpen(t testing.TB, cfg Config) *Archive {
	t.Helper()
	a, err := Open(t.Context(), cfg, testLog())
	if err != nil {
		t.Fatal(err)
	}
	// No server outlives a test that fails before mustClose.
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func mustClose(t testing.TB, a *Archive) {
	t.Helper()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// The last user out stops the server.
func TestServerUsers(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	one := mustOpen(t, cfg)
	pid := serverPID(t, cfg.Folder)
	two := mustOpen(t, cfg)
	if serverPID(t, cfg.Folder) != pid {
		t.Error("a second server was started")
	}
	mustClose(t, one)
	if !running(t, cfg.Folder) {
		t.Error("the server was stopped while it was used")
	}
	if _, err := two.db.Exec("SELECT 1"); err != nil {
		t.Error(err)
	}
	mustClose(t, two)
	if running(t, cfg.Folder) {
		t.Error("the last user left the server running")
	}
	if _, err := os.Stat(filepath.Join(cfg.Folder, "data", "nfacct.sock")); !os.IsNotExist(err) {
		t.Error("the socket is left behind")
	}
	three := mustOpen(t, cfg)
	mustClose(t, three)
}

// Many begin at once on a folder where nothing is: one sets up, one starts, one
// migrates.
func TestServerAllAtOnce(t *testing.T) {
	t.Parallel()
	cfg := private(t)
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			a, err := Open(context.Background(), cfg, testLog())
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := a.db.Exec("SELECT COUNT(*) FROM imports"); err != nil {
				t.Error(err)
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if running(t, cfg.Folder) {
		t.Error("the server is left running")
	}
}

// child runs this test program as another process that opens the archive, says
// so, and waits to be killed or to read the end of its input.
func child(t testing.TB, folder string, credential *syscall.Credential) (cmd *exec.Cmd, input io.Closer, ready <-chan error) {
	t.Helper()
	program := os.Args[0]
	if credential != nil {
		// Where the other user can run it.
		text, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		program = filepath.Join(filepath.Dir(folder), "archive.test")
		if err := os.WriteFile(program, text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd = exec.Command(program)
	cmd.Env = append(os.Environ(), "NFACCT_TEST_CHILD=open", "NFACCT_TEST_FOLDER="+folder)
	cmd.Dir = filepath.Dir(folder)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan error, 1)
	go func() {
		line := make([]byte, 5)
		_, err := io.ReadFull(output, line)
		said <- err
	}()
	return cmd, input, said
}

// openChild is what the child does.
func openChild(folder string) int {
	cfg := DefaultConfig()
	cfg.Folder = folder
	a, err := Open(context.Background(), cfg, testLog())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("open")
	io.Copy(io.Discard, os.Stdin)
	if err := a.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// A server whose users were all killed goes on; who comes next uses it, and
// stops it.
func TestServerOrphan(t *testing.T) {
	t.Parallel()
	cfg := private(t)
	cmd, _, ready := child(t, cfg.Folder, nil)
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	pid := serverPID(t, cfg.Folder)
	cmd.Process.Kill()
	cmd.Wait()
	if !running(t, cfg.Folder) {
		t.Fatal("the server died with who started it")
	}
	a := mustOpen(t, cfg)
	if serverPID(t, cfg.Folder) != pid {
		t.Error("another server was started beside the orphan")
	}
	mustClose(t, a)
	if running(t, cfg.Folder) {
		t.Error("the orphan was not stopped")
	}
}

// Setting up is cut short at many moments; what comes next sets up anew.
func TestServerSetUpKilled(t *testing.T) {
	t.Parallel()
	cfg := private(t)
	for after := 20 * time.Millisecond; ; after += after * 2 / 3 {
		cmd, input, ready := child(t, cfg.Folder, nil)
		done := false
		select {
		case err := <-ready:
			if err != nil {
				t.Fatal(err)
			}
			input.Close()
			done = true
		case <-time.After(after):
			cmd.Process.Kill()
		}
		cmd.Wait()
		if done {
			break
		}
	}
	a := mustOpen(t, cfg)
	mustClose(t, a)
	if left, _ := filepath.Glob(filepath.Join(cfg.Folder, "install-*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// A killed server leaves socket, pid file and tables that were not closed.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	a := mustOpen(t, cfg)
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 1, 1000, monday))
	run(t, a, "INSERT INTO flows_2026_11_23 SELECT * FROM flows_2026_11_23 LIMIT 10") // open and changed
	killServer(t, cfg.Folder)
	// The pool starts it again by itself.
	var n, h int
	if err := a.db.QueryRow("SELECT COUNT(*), COUNT(DISTINCT host) FROM flows_2026_11").Scan(&n, &h); err != nil || n != 1010 || h != 1000 {
		t.Error(n, h, err)
	}
	killServer(t, cfg.Folder)
	b := mustOpen(t, cfg)
	var status, text string
	var ignored string
	if err := b.db.QueryRow("CHECK TABLE flows_2026_11 EXTENDED").Scan(&ignored, &ignored, &status, &text); err != nil || text != "OK" {
		t.Error(status, text, err)
	}
	mustClose(t, b)
	mustClose(t, a)
}

// The lock of a server that was killed outlives its socket by moments; it is
// started again as soon as the lock is free.
func TestServerNotQuiteDead(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	mustClose(t, mustOpen(t, cfg))
	instance := instanceLock(t, cfg.Folder)
	if instance == nil {
		t.Fatal("a server lives")
	}
	time.AfterFunc(300*time.Millisecond, func() { instance.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a, err := Open(ctx, cfg, testLog())
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, a)
}

func TestServerStartFails(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	mustClose(t, mustOpen(t, cfg))
	control := filepath.Join(cfg.Folder, "data", "aria_log_control")
	if err := os.WriteFile(control, []byte("this is not a control file"), 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err := Open(t.Context(), cfg, testLog())
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "aria_log_control") || !strings.Contains(err.Error(), "server.log") {
		t.Error(err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v to find out", took)
	}
	if running(t, cfg.Folder) {
		t.Error("something is left running")
	}
}

func TestServerNotInstalled(t *testing.T) {
	if _, err := mariadb.FindProgram("mariadbd-of-no-package", ""); err == nil || !strings.Contains(err.Error(), "apt-get install mariadb-server") {
		t.Error(err)
	}
	cfg := private(t)
	cfg.Mariadbd = "/nonexistent/mariadbd"
	if _, err := Open(t.Context(), cfg, testLog()); err == nil || !strings.Contains(err.Error(), "correct database.mariadbd") {
		t.Error(err)
	}
}

func TestServerFolder(t *testing.T) {
	t.Parallel()
	cfg := private(t)
	if err := os.Chmod(cfg.Folder, 0o755); err != nil {
		t.Fatal(err)
	}
	mustClose(t, mustOpen(t, cfg))
	info, err := os.Stat(cfg.Folder)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	err = filepath.Walk(cfg.Folder, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode()&os.ModeSocket != 0 {
			t.Errorf("socket %s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	cfg.Folder = ""
	if _, err := Open(t.Context(), cfg, testLog()); err == nil || !strings.Contains(err.Error(), "database.folder") {
		t.Error(err)
	}
}

// A socket's path may have about a hundred bytes, a folder's some hundreds.
func TestServerLongPath(t *testing.T) {
	t.Parallel()
	cfg := private(t)
	cfg.Folder = filepath.Join(cfg.Folder, strings.Repeat("long ", 25), strings.Repeat("longer", 20))
	a := mustOpen(t, cfg)
	defer mustClose(t, a)
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 1, 1000, monday))
	cmd, done, err := a.Client("-N", "-e", "SELECT COUNT(*) FROM flows_2026_11")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	// The password lies nowhere: a kill -9 of this process leaves nothing.
	if entries, err := os.ReadDir(filepath.Join(cfg.Folder, "tmp")); err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "client-") }) {
		t.Errorf("tmp holds %v, %v", entries, err)
	}
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "1000\n" {
		t.Errorf("%s %v", out, err)
	}
}

// An ordinary user has a private server too.
func TestServerOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return // every other test shows it
	}
	base, err := os.MkdirTemp("", "nfacct-user-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(base)
	folder := filepath.Join(base, "database")
	for _, err := range []error{os.Chmod(base, 0o755), os.Mkdir(folder, 0o755), os.Chown(folder, 65534, 65534)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd, input, ready := child(t, folder, &syscall.Credential{Uid: 65534, Gid: 65534})
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	input.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

// Started by root, the server is not root's: it runs as the owner of the state
// folder, or as mysql or nobody where that is root, and takes over what a server
// that did run as root has left.
func TestServerNotRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	for name, owner := range map[string]int{"state of nfacct": 65534, "state of root": 0} {
		t.Run(name, func(t *testing.T) {
			base, err := os.MkdirTemp("", "nfacct-root-")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(base)
			state := filepath.Join(base, "state")
			cfg := DefaultConfig()
			cfg.Folder = filepath.Join(state, "database")
			for _, err := range []error{os.Mkdir(state, 0o750), os.Chown(state, owner, owner)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			mustClose(t, mustOpen(t, cfg)) // nobody comes through base: as root
			if uid := uidOf(t, filepath.Join(cfg.Folder, "data")); owner == 0 && uid != 0 {
				t.Fatalf("the data belong to %d, who cannot come to them", uid)
			}
			// Status says so, and which folders are closed to whom it would run as.
			closed := base
			if owner == 0 {
				closed = state + " " + base
			}
			if remedy := cfg.ServedByRoot(); !strings.HasPrefix(remedy, "chmod o+x "+closed+",") {
				t.Errorf("remedy %q", remedy)
			}
			for _, err := range []error{os.Chmod(base, 0o755), os.Chmod(state, 0o751)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			a := mustOpen(t, cfg)
			defer mustClose(t, a)
			lock(t, a)
			mustLoad(t, a, newFile(t, a, 1, 1000, monday))
			uid := uidOf(t, fmt.Sprintf("/proc/%d", serverPID(t, cfg.Folder)))
			if remedy := cfg.ServedByRoot(); remedy != "" {
				t.Errorf("remedy %q of a server that runs as %d", remedy, uid)
			}
			if uid == 0 || owner != 0 && uid != owner {
				t.Errorf("the server runs as %d, and its state folder belongs to %d", uid, owner)
			}
			err = filepath.WalkDir(cfg.Folder, func(path string, _ os.DirEntry, err error) error {
				if found := uidOf(t, path); found != uid {
					t.Errorf("%s belongs to %d", path, found)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func uidOf(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

// MariaDB waits for ever on a full disk, so nothing is begun that would fill it.
func TestServerDiskFull(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	a := mustOpen(t, cfg)
	defer mustClose(t, a)
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 1, 10, monday))
	before := state(t, a)
	free := uint64(200 << 20)
	a.server.Free = func(string) (uint64, error) { return free, nil }
	f := newFile(t, a, 2, 200_000, monday) // some 17 MB of text
	l, err := writing(a).BeginLoad(t.Context(), f.File)
	if err != nil {
		t.Fatal(err)
	}
	free = 10 << 20
	for i := range f.rows {
		if err = l.Append(&f.rows[i]); err != nil {
			break
		}
	}
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "10 MiB are free") {
		t.Fatal(err)
	}
	if err := l.Abort(t.Context()); !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	if _, err := writing(a).BeginLoad(t.Context(), f.File); err == nil {
		t.Error("a load was begun before the last was undone")
	}
	free = 200 << 20
	if err := a.recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	same(t, "after a full disk", state(t, a), before)
	free = 10 << 20
	if _, err := writing(a).BeginLoad(t.Context(), f.File); !errors.Is(err, unix.ENOSPC) {
		t.Error(err)
	}
}

func TestSchemaNewer(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	a := mustOpen(t, cfg)
	run(t, a, "INSERT INTO "+schemaTable+" (version_id, is_applied) VALUES (9999, TRUE)")
	run(t, a, "INSERT INTO programs (schema_version, program) VALUES (9999, 'nfacct 9.9')")
	if _, err := Open(t.Context(), cfg, testLog()); err == nil || !strings.Contains(err.Error(), "version 9999, but this nfacct knows versions up to") || !strings.Contains(err.Error(), "use nfacct 9.9 or a later one") {
		t.Error(err)
	}
	mustClose(t, a)
	if _, err := Open(t.Context(), cfg, testLog()); err == nil {
		t.Error("opened")
	}
	if running(t, cfg.Folder) {
		t.Error("an Open that failed left the server running")
	}
}

// A migration that was cut short between its statement and its note is done again;
// so is the making of the table that notes are kept in.
func TestSchemaCutShort(t *testing.T) {
	t.Parallel()
	cfg := furnished(t)
	a := mustOpen(t, cfg)
	run(t, a, "DELETE FROM "+schemaTable)
	mustClose(t, mustOpen(t, cfg))
	run(t, a, "DELETE FROM "+schemaTable+" WHERE version_id > 5")
	b := mustOpen(t, cfg)
	var engines int
	if err := b.db.QueryRow("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND ENGINE <> 'Aria'").Scan(&engines); err != nil || engines != 0 {
		t.Errorf("%d tables are not of Aria, %v", engines, err)
	}
	mustClose(t, b)
	mustClose(t, a)
}

func TestLock(t *testing.T) {
	a, b := open(t), openConfig(t, shared.config)
	unlock, err := locked(t.Context(), a, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := locked(t.Context(), b, 0); !errors.Is(err, ErrLocked) {
		t.Error(err)
	}
	if _, err := locked(t.Context(), a, 50*time.Millisecond); !errors.Is(err, ErrLocked) {
		t.Error(err)
	}
	time.AfterFunc(100*time.Millisecond, unlock)
	again, err := locked(t.Context(), b, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writing(a).BeginLoad(t.Context(), File{}); err == nil {
		t.Error("loads without the lock")
	}
	again()
	again()
	unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := locked(ctx, a, time.Second); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
