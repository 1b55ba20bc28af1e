package archive

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"nfacct/archive/mariadb"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sys/unix"
)

// givenServer is a server as an administrator runs it, with TCP and passwords.
type givenServer struct {
	socket string
	port   int
	root   *sql.DB
}

// startGiven starts such a server, with further options, for the test.
func startGiven(t *testing.T, options ...string) *givenServer {
	t.Helper()
	folder, err := os.MkdirTemp("", "nfacct-given-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	program, err := mariadb.FindProgram("mariadbd", "")
	if err != nil {
		t.Fatal(err)
	}
	installer, err := mariadb.FindProgram("mariadb-install-db", "")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	var user []string
	if os.Geteuid() == 0 {
		user = []string{"--user=root"}
	}
	install := exec.Command(installer, append([]string{"--no-defaults", "--datadir=" + folder, "--skip-test-db", "--auth-root-authentication-method=normal", "--skip-innodb", "--default-storage-engine=Aria"}, user...)...)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	g := &givenServer{socket: filepath.Join(folder, "s.sock"), port: port}
	server := exec.Command(program, append(append([]string{"--no-defaults", "--datadir=" + folder, "--socket=" + g.socket,
		"--bind-address=127.0.0.1", fmt.Sprint("--port=", port), "--skip-innodb", "--default-storage-engine=Aria", "--pid-file=pid"}, user...), options...)...)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Signal(os.Interrupt); server.Process.Kill(); server.Wait() })
	dsn := mysql.NewConfig()
	dsn.User, dsn.Net, dsn.Addr, dsn.Logger = "root", "unix", g.socket, mariadb.DriverLog{Log: testLog()}
	pool, err := mysql.NewConnector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	g.root = sql.OpenDB(pool)
	t.Cleanup(func() { g.root.Close() })
	for deadline := time.Now().Add(30 * time.Second); g.root.Ping() != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the given server does not start")
		}
	}
	return g
}

func (g *givenServer) run(t testing.TB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := g.root.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// password holds everything that a DSN or an option file might stumble over.
const password = `p@s:s/w"o'r#d \n?`

// configFile writes a DSN file.
func dsnFile(t testing.TB, dsn string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(name, []byte(dsn+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestGiven(t *testing.T) {
	g := startGiven(t)
	tcp := fmt.Sprintf("nf:%s@tcp(127.0.0.1:%d)/accounts", password, g.port)
	cfg := Config{DSNFile: dsnFile(t, tcp)}
	fails := func(what string, wants ...string) {
		t.Helper()
		a, err := Open(t.Context(), cfg, testLog())
		if err == nil {
			a.Close()
			t.Errorf("%s: no error", what)
			return
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nlacks %q", what, err, want)
			}
		}
		if strings.Contains(err.Error(), "p@s") || strings.Contains(err.Error(), `r#d`) {
			t.Errorf("%s: the error tells the password: %v", what, err)
		}
	}
	fails("no such user", "Access denied", "check user and password")
	g.run(t, "CREATE USER 'nf'@'127.0.0.1' IDENTIFIED BY "+quoteText(password))
	fails("no database", "GRANT "+strings.Join(rights[:], ", ")+" ON `accounts`.*")
	g.run(t, "CREATE DATABASE accounts CHARACTER SET latin1", "GRANT SELECT, CREATE ON accounts.* TO 'nf'@'127.0.0.1'")
	const lacked = "INSERT, UPDATE, DELETE, DROP, ALTER, CREATE VIEW, LOCK TABLES"
	fails("rights missing", "may not "+lacked+"; as an administrator run: GRANT "+lacked+" ON `accounts`.* TO 'nf'@'127.0.0.1'")
	g.run(t, "GRANT "+lacked+" ON accounts.* TO 'nf'@'127.0.0.1'", "SET GLOBAL local_infile = OFF")
	cfg.PackFiles = true
	fails("no way to pack", "may not RELOAD, which packing a month needs; as an administrator run: GRANT RELOAD ON *.* TO 'nf'@'127.0.0.1'")
	cfg.PackFiles = false
	fails("no way to load", "local_infile is off", "SET GLOBAL local_infile = ON", "GRANT FILE ON *.* TO 'nf'@'127.0.0.1'")
	g.run(t, "SET GLOBAL local_infile = ON", "SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
	fails("backslashes", "NO_BACKSLASH_ESCAPES", "SET GLOBAL sql_mode")
	g.run(t, "SET GLOBAL sql_mode = 'ANSI_QUOTES'", "SET GLOBAL time_zone = '+05:00'")

	// The least rights: rows go through the connection.
	work := func(name string, cfg Config, fifo bool) {
		t.Run(name, func(t *testing.T) {
			a := openConfig(t, cfg)
			wipe(t, a)
			lock(t, a)
			mustLoad(t, a, newFile(t, a, 1, 500, november, monday))
			if err := reload(t.Context(), a, monday, newFile(t, a, 1, 500, november, monday)); err != nil {
				t.Fatal(err)
			}
			books, err := a.Reader().Books(t.Context(), november, monday)
			if err != nil || len(books) != 2 || books[0].Difference+books[1].Difference != "" {
				t.Errorf("%+v %v", books, err)
			}
			if got := a.pipes.folder != ""; got != fifo {
				t.Errorf("loads through a FIFO: %v, want %v", got, fifo)
			}
			var zone, charset string
			if err := a.db.QueryRow("SELECT @@time_zone, @@character_set_connection").Scan(&zone, &charset); err != nil || zone != "+00:00" || charset != "utf8mb4" {
				t.Error(zone, charset, err)
			}
			if i, err := a.Reader().ImportsByName(t.Context(), "spool/file-1"); err != nil || len(i) != 1 || time.Since(i[0].Started).Abs() > time.Minute {
				t.Errorf("%+v %v", i, err)
			}
			cmd, done, err := a.Client("-N", "-e", "SELECT COUNT(*) FROM flows_2026_11")
			if err != nil {
				t.Fatal(err)
			}
			defer done()
			if strings.Contains(strings.Join(cmd.Args, " ")+strings.Join(cmd.Env, " "), "p@s") {
				t.Error("the password stands where others see it")
			}
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != "1000\n" {
				t.Errorf("client: %s %v", out, err)
			}
			second, err := Open(t.Context(), cfg, testLog())
			if err != nil {
				t.Fatal(err)
			}
			defer second.Close()
			if _, err := second.Lock(t.Context(), 0); !errors.Is(err, ErrLocked) {
				t.Errorf("a second writer: %v", err)
			}
		})
	}
	work("tcp, least rights", cfg, false)
	cfg.Load = LoadFIFO
	a := openConfig(t, cfg)
	if _, err := locked(t.Context(), a, time.Second); err == nil || !strings.Contains(err.Error(), "set database.load to auto or local") {
		t.Error(err)
	}
	cfg.Load = LoadAuto
	g.run(t, "GRANT FILE, RELOAD ON *.* TO 'nf'@'127.0.0.1'", "SET GLOBAL local_infile = OFF")
	work("tcp, file", cfg, true)
	g.run(t, "SET GLOBAL local_infile = ON")
	work("socket", Config{DSN: "root@unix(" + g.socket + ")/accounts"}, true)
	t.Run("room", func(t *testing.T) {
		a := openConfig(t, Config{DSN: "root@unix(" + g.socket + ")/accounts"})
		a.free = func(string) (uint64, error) { return mariadb.Reserve + 10, nil }
		if err := a.Room(t.Context(), 11); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("a full disk: %v", err)
		}
		if err := a.Room(t.Context(), 10); err != nil {
			t.Error(err)
		}
	})
	t.Run("credential", func(t *testing.T) {
		t.Setenv("CREDENTIALS_DIRECTORY", t.TempDir())
		name := filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), credential)
		if err := os.WriteFile(name, []byte(tcp), 0o440); err != nil {
			t.Fatal(err)
		}
		a := openConfig(t, Config{})
		if a.server != nil {
			t.Error("the private server was taken")
		}
	})
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("nfacct-%d", os.Geteuid()), "*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestGivenRole(t *testing.T) {
	allowed := t.TempDir()
	g := startGiven(t, "--secure-file-priv="+allowed+"/")
	g.run(t, "CREATE DATABASE accounts", "CREATE ROLE accountant", "GRANT ALL ON `acc%`.* TO accountant",
		"CREATE USER nf@localhost IDENTIFIED BY 'secret'", "GRANT accountant TO nf@localhost", "SET DEFAULT ROLE accountant FOR nf@localhost",
		"GRANT FILE ON *.* TO nf@localhost")
	a := openConfig(t, Config{DSNFile: dsnFile(t, "nf:secret@unix("+g.socket+")/accounts")})
	lock(t, a)
	mustLoad(t, a, newFile(t, a, 1, 10, monday))
	if filepath.Dir(a.pipes.folder) != allowed {
		t.Errorf("loads through a FIFO in %q, but only %s is read", a.pipes.folder, allowed)
	}
}

func TestGivenDown(t *testing.T) {
	for _, dsn := range []string{"root@unix(/nonexistent/socket)/x", "root@tcp(127.0.0.1:1)/x"} {
		if _, err := Open(t.Context(), Config{DSN: dsn}, testLog()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", dsn, err)
		}
	}
}

// Errors about a DSN never quote it.
func TestDSN(t *testing.T) {
	for _, text := range []string{
		"nf:hush/hush?tls=hush", "nf:hush@tcp(h:1)/d?parseTime=hush", "hush", "nf:hush@tcp(h:1", "nf:hush/d",
		"nf:hush@tcp(h:1/d", "nf:hush@tcp(h:1)/", "nf:hush@tcp(h:1)/d?readTimeout=hush", "nf:hush@tcp(h:1)/d?loc=hush", "nf:hush@tcp(h:1)/d?maxAllowedPacket=hush",
	} {
		cfg := Config{DSNFile: dsnFile(t, text)}
		_, err := Open(t.Context(), cfg, testLog())
		if err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), "database.dsn_file") {
			t.Errorf("%q: %v", text, err)
		}
		cfg.Check(func(key, problem, remedy string) {
			if key != "dsn_file" || strings.Contains(problem+remedy, "hush") {
				t.Errorf("%q: %s: %s; %s", text, key, problem, remedy)
			}
		})
	}
}

func TestConfigCheck(t *testing.T) {
	open := dsnFile(t, "nf:x@tcp(h:1)/d")
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		cfg  Config
		want string // key: part of the problem; "" is right
	}{
		{"default", DefaultConfig(), ""},
		{"empty", Config{}, ""},
		{"dsn", Config{DSN: "nf@unix(/s)/nfacct"}, ""},
		{"dsn file", Config{DSNFile: dsnFile(t, "nf:x@tcp(h:1)/d")}, ""},
		{"load", Config{Load: "fast"}, `load: "fast" is not a way to load`},
		{"password", Config{DSN: "nf:hush@unix(/s)/nfacct"}, "dsn: a password stands in the configuration"},
		{"no database", Config{DSN: "nf@unix(/s)/"}, "dsn: no database is named"},
		{"both", Config{DSN: "nf@unix(/s)/n", DSNFile: dsnFile(t, "nf:x@tcp(h:1)/d")}, "dsn_file: dsn is set too"},
		{"open file", Config{DSNFile: open}, "dsn_file: " + open + " has mode 0640"},
		{"no file", Config{DSNFile: "/nonexistent/dsn"}, "dsn_file: stat /nonexistent/dsn: no such file"},
		{"program", Config{Mariadbd: "/etc/passwd"}, "mariadbd: /etc/passwd is not a program"},
	} {
		var problems []string
		test.cfg.Check(func(key, problem, remedy string) {
			if remedy == "" {
				t.Errorf("%s: no remedy", test.name)
			}
			problems = append(problems, key+": "+problem)
		})
		if got := strings.Join(problems, "\n"); (got == "") != (test.want == "") || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestLikes(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"nfacct", "nfacct", true}, {"nf%", "nfacct", true}, {"%", "", true}, {"nf_cct", "nfacct", true}, {`nf\_cct`, "nfacct", false},
		{`nf\_cct`, "nf_cct", true}, {"", "", true}, {"", "x", false}, {"%a%t", "nfacct", true}, {"nfacct", "nfacc", false}, {"_", "", false},
	} {
		if got := likes(test.pattern, test.name); got != test.want {
			t.Errorf("%q LIKE %q is %v", test.name, test.pattern, got)
		}
	}
	// As MySQL 8 and MariaDB write them.
	for _, test := range []struct {
		grants  []string
		missing string
	}{
		{[]string{"GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION"}, ""},
		{[]string{"GRANT USAGE ON *.* TO `nf`@`%` IDENTIFIED BY PASSWORD '*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29'", "GRANT ALL PRIVILEGES ON `nf%`.* TO `nf`@`%`"}, ""},
		{[]string{"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, ALTER, LOCK TABLES, CREATE VIEW ON *.* TO `nf`@`%`", "GRANT BACKUP_ADMIN,ROLE_ADMIN ON *.* TO `nf`@`%`"}, ""},
		{[]string{"GRANT SELECT, INSERT ON `other`.* TO `nf`@`%`", "GRANT SELECT ON `nfacct`.* TO `nf`@`%`", "GRANT INSERT ON `nfacct`.`imports` TO `nf`@`%`"}, "INSERT UPDATE DELETE CREATE DROP ALTER CREATE VIEW LOCK TABLES"},
		{nil, strings.Join(rights[:], " ")},
	} {
		if got := strings.Join(missingRights(test.grants, "nfacct"), " "); got != test.missing {
			t.Errorf("%q: missing %q, want %q", test.grants, got, test.missing)
		}
	}
}
