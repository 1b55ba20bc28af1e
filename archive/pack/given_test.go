package pack

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"

	"nfacct/archive"
)

// nobody runs the given server when we are root, as mysql does elsewhere.
const nobody = 65534

// given starts a server as an administrator runs it, as another user where that
// is possible, and returns an archive on it.
func given(t *testing.T, options ...string) *archive.Archive {
	t.Helper()
	folder, err := os.MkdirTemp("", "nfacct-pack-given-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	attributes := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		attributes.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := os.Chown(folder, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	install := exec.Command("mariadb-install-db", "--no-defaults", "--datadir="+folder, "--skip-test-db", "--auth-root-authentication-method=normal")
	install.SysProcAttr, install.Dir = attributes, folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	program := "/usr/sbin/mariadbd"
	if found, err := exec.LookPath("mariadbd"); err == nil {
		program = found
	}
	socket := filepath.Join(folder, "s.sock")
	options = append([]string{"--no-defaults", "--datadir=" + folder, "--socket=" + socket, "--skip-networking", "--pid-file=pid", "--local-infile=1", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M"}, options...)
	server := exec.Command(program, options...)
	server.SysProcAttr, server.Dir = attributes, folder
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Signal(os.Interrupt); server.Process.Kill(); server.Wait() })
	root, err := sql.Open("mysql", "root@unix("+socket+")/")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	deadline := time.Now().Add(time.Minute)
	for {
		if _, err = root.Exec("CREATE DATABASE nfacct"); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	cfg := archive.DefaultConfig()
	cfg.DSN = "root@unix(" + socket + ")/nfacct"
	return openConfig(t, cfg)
}

// A given server: its files are worked on as its user, here or through a command
// that leads to them; or its own compressed rows are used.
func TestGivenServer(t *testing.T) {
	t.Parallel()
	a := given(t)
	mustLoad(t, a, file{1, 5000, october.First(), 31}, file{2, 50, november.First(), 3})
	want := ask(t, a)
	prefix := []string{"env"}
	if os.Geteuid() == 0 {
		prefix = []string{"setpriv", fmt.Sprint("--reuid=", nobody), fmt.Sprint("--regid=", nobody), "--clear-groups"}
	}
	for _, test := range []struct {
		name   string
		change func(*Config)
	}{
		{"its user", func(*Config) {}},
		{"command", func(c *Config) { c.Command = prefix }},
		{"innodb", func(c *Config) { c.Method = MethodInnoDB }},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := DefaultConfig()
			test.change(&cfg)
			p := New(cfg, a, testLog())
			r, err := p.Pack(t.Context(), october, Options{Wait: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %d rows, %d to %d bytes", r.Method, r.Rows, r.Live, r.Packed)
			place, err := a.Place(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			place.Work = place.Data + "/nfacct_pack"
			if _, err := os.Stat(place.Work); !os.IsNotExist(err) {
				t.Errorf("%s is left: %v", place.Work, err)
			}
			if got := ask(t, a); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Error("a reader is told something else")
			}
			if r.Method == MethodMyISAMPack {
				owner := -1
				for _, ext := range []string{".MYD", ".MYI", ".frm"} {
					info, err := os.Stat(filepath.Join(place.Folder, "flows_2026_10c"+ext))
					if err != nil {
						t.Fatal(err)
					}
					uid := int(info.Sys().(*syscall.Stat_t).Uid)
					if os.Geteuid() == 0 && uid != nobody || owner >= 0 && uid != owner {
						t.Errorf("%s belongs to %d", ext, uid)
					}
					owner = uid
				}
			}
			if _, err := p.Unpack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
				t.Fatal(err)
			}
			if got := ask(t, a); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Error("unpacked, a reader is told something else")
			}
		})
	}
	t.Run("damaged", func(t *testing.T) {
		place, err := a.Place(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		run(t, a, "FLUSH TABLES flows_2026_10_01")
		data := filepath.Join(place.Folder, "flows_2026_10_01.MYD")
		overwrite(t, data, 0.3)
		damaged, err := os.ReadFile(data)
		if err != nil {
			t.Fatal(err)
		}
		cfg := DefaultConfig()
		cfg.Method = MethodInnoDB
		_, err = New(cfg, a, testLog()).Pack(t.Context(), october, Options{Wait: time.Minute})
		if err == nil || !strings.Contains(err.Error(), "no copy can be kept") {
			t.Errorf("repaired without a copy: %v", err)
		}
		cfg = DefaultConfig()
		cfg.Command = prefix
		p := New(cfg, a, testLog())
		_, err = p.Pack(t.Context(), october, Options{Wait: time.Minute})
		var wrong *BooksError
		kept := backups(t, place.Folder)
		if !errors.As(err, &wrong) || len(kept) != 1 || !strings.Contains(err.Error(), kept[0]) {
			t.Fatalf("kept %v, said %v", kept, err)
		}
		if is, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(is, damaged) {
			t.Errorf("what is kept is not what was there: %v", err)
		}
		if r, err := p.Pack(t.Context(), october, Options{Wait: time.Minute, Accept: true}); err != nil || r.Problem == "" {
			t.Errorf("%+v %v", r, err)
		}
		if got := backups(t, place.Folder); len(got) != 1 {
			t.Errorf("%v are kept", got)
		}
	})
	t.Run("out of reach", func(t *testing.T) {
		p := New(DefaultConfig(), a, testLog())
		_, _, err := p.choose(archive.Place{Data: "/nowhere", Folder: "/nowhere/nfacct", MariaDB: true})
		if err == nil || !strings.Contains(err.Error(), "archive.command") || !strings.Contains(err.Error(), "innodb") {
			t.Errorf("got %v", err)
		}
		cfg := DefaultConfig()
		cfg.Command = []string{"ssh", "db"}
		_, _, err = New(cfg, a, testLog()).choose(archive.Place{Data: "/a b", Folder: "/a b/nfacct", MariaDB: true})
		if err == nil || !strings.Contains(err.Error(), "a shell might not take") {
			t.Errorf("got %v", err)
		}
		if _, _, err = p.choose(archive.Place{Data: "/", Folder: "/"}); err == nil || !strings.Contains(err.Error(), "MySQL") {
			t.Errorf("got %v", err)
		}
	})
}

// Where an administrator has turned MyISAM off, months are InnoDB's, and are packed
// to its compressed rows.
func TestNoMyISAM(t *testing.T) {
	t.Parallel()
	a := given(t, "--enforce-storage-engine=InnoDB")
	mustLoad(t, a, file{1, 5000, october.First(), 31}, file{2, 50, november.First(), 3})
	want := ask(t, a)
	if n := count(t, a, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND ENGINE <> 'InnoDB'"); n != 0 {
		t.Errorf("%d tables are not InnoDB's", n)
	}
	cfg := DefaultConfig()
	cfg.Method = MethodMyISAMPack
	if _, err := New(cfg, a, testLog()).Pack(t.Context(), october, Options{Wait: time.Minute}); err == nil || !strings.Contains(err.Error(), "turned MyISAM off") {
		t.Errorf("got %v", err)
	}
	p := packer(a)
	for range 2 {
		r, err := p.Pack(t.Context(), october, Options{Wait: time.Minute})
		if err != nil || r.Method != MethodInnoDB || r.Rows != 5000 {
			t.Fatalf("%+v %v", r, err)
		}
		if got := tableOf(t, a, october); got != "flows_2026_10c" {
			t.Errorf("the month is in %q", got)
		}
		if got := ask(t, a); !cmp.Equal(got, want) {
			t.Error("packed, a reader is told something else")
		}
		if _, err := p.Unpack(t.Context(), october, Options{Wait: time.Minute}); err != nil {
			t.Fatal(err)
		}
		if got := ask(t, a); !cmp.Equal(got, want) {
			t.Error("unpacked, a reader is told something else")
		}
	}
	// A load that is cut short is taken out again.
	lock, err := a.Lock(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	name := "cut-short"
	l, err := lock.BeginLoad(t.Context(), archive.File{Name: name, Size: 1, Digest: sha256.Sum256([]byte(name))})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(9, 1))
	for range 3000 {
		r := row(random, 1, october.First())
		if err := l.Append(&r); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Abort(t.Context()); err != nil {
		t.Error(err)
	}
	lock.Unlock()
	if lock, err = a.Lock(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	lock.Unlock()
	if got := ask(t, a); !cmp.Equal(got, want) {
		t.Error("a load that was cut short is there")
	}
}
