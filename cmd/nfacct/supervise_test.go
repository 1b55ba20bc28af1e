package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/daemon"
	"nfacct/report/health"
)

// misbehaveVariable names a folder with a file for each job that is to misbehave: its
// content says how, and of an import the file that it is at. Each does so once.
const misbehaveVariable = "NFACCT_TEST_MISBEHAVE"

// misbehave makes a child of nfacct run misbehave where a test wants it.
func misbehave() {
	folder := os.Getenv(misbehaveVariable)
	if folder == "" || len(os.Args) < 3 || os.Args[1] != "job" {
		return
	}
	name := filepath.Join(folder, os.Args[2])
	text, err := os.ReadFile(name)
	if err != nil || os.Remove(name) != nil {
		return
	}
	how, file, _ := strings.Cut(string(text), " ")
	progress := daemon.Join()
	if file != "" {
		progress.Begin(file)
	}
	switch how {
	case "eat":
		if err := daemon.Limit(daemon.ReportMemory); err != nil {
			panic(err)
		}
		var all [][]byte
		for {
			b := make([]byte, 1<<20)
			for i := range b {
				b[i] = 1
			}
			all = append(all, b)
			runtime.KeepAlive(all)
		}
	case "die":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "stop": // it hears no SIGTERM either
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		time.Sleep(time.Hour)
	}
}

// statusJSON is what nfacct status --json says.
func statusJSON(t *testing.T, config string) (s struct {
	daemon.Status
	Findings []health.Finding `json:"findings"`
}, code int) {
	t.Helper()
	cmd := exec.Command("nfacct", "--json", "status", "--config", config)
	out, _ := cmd.Output()
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return s, cmd.ProcessState.ExitCode()
}

func finding(list []health.Finding, id string) *health.Finding {
	if i := slices.IndexFunc(list, func(f health.Finding) bool { return f.ID == id }); i >= 0 {
		return &list[i]
	}
	return nil
}

// awaitStatus waits until the findings are as they should be.
func awaitStatus(t *testing.T, c *collecting, config, what string, is func(findings []health.Finding, code int) bool) {
	t.Helper()
	for end := time.Now().Add(90 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		s, code := statusJSON(t, config)
		if is(s.Findings, code) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: exit code %d, %+v\n%s", what, code, s.Findings, c.stderr)
		}
	}
}

// dueJobs makes jobs of a new state folder due at the next start of nfacct run.
func dueJobs(t *testing.T, name string, jobs ...string) {
	t.Helper()
	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	db, err := archive.Open(t.Context(), cfg.Database, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, job := range jobs {
		before := time.Now().Add(-25 * time.Hour)
		period := before.UTC().Format("2006-01-02T15:04Z")
		if job == "report" {
			period = before.AddDate(0, 0, -1).Format(time.DateOnly)
		}
		if _, err := db.DB().ExecContext(t.Context(), "DELETE FROM runs WHERE job = ?", job); err != nil {
			t.Fatal(err)
		}
		if err := db.Runs().Begin(t.Context(), job, period, before); err != nil {
			t.Fatal(err)
		}
		if err := db.Runs().End(t.Context(), job, period, before, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitSaid waits until the daemon has said something.
func (c *collecting) awaitSaid(text string, wait time.Duration) {
	c.t.Helper()
	for end := time.Now().Add(wait); !strings.Contains(c.stderr.String(), text); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("it does not say %q:\n%s", text, c.stderr)
		}
	}
}

// A job that eats memory or is killed, and a database server that is killed or hangs,
// cost no datagram: a finding names them, and the work is done by the next run.
func TestRunOutlivesItsChildren(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	address := freePort(t)
	name := collectConfig(t, t.TempDir(), address)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "[jobs]\nimport = \"0 * * * *\"\nreport = \"1 * * * *\"\n"...)
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	sendmail := mailBySendmail(t, name, "to = [\"head@example.net\"]\n")
	c := startCollect(t, name)
	sendV5(t, address, 0, 20)
	c.await("*.open", 20)
	c.end(syscall.SIGTERM)
	sealed, err := filepath.Glob(filepath.Join(c.spool, "*", "*.zst"))
	if err != nil || len(sealed) != 1 {
		t.Fatal(sealed, err)
	}
	file, _ := filepath.Rel(c.spool, sealed[0])
	dueJobs(t, name, "import", "report")
	folder := t.TempDir()
	t.Setenv(misbehaveVariable, folder)
	for job, how := range map[string]string{"import": "eat " + file, "report": "die"} {
		if err := os.WriteFile(filepath.Join(folder, job), []byte(how), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c = startDaemon(t, "run", name)
	t.Cleanup(func() { endServer(t, name) })
	sendV5(t, address, 20, 20)
	c.awaitSaid("ended at its memory limit", 60*time.Second)
	c.awaitSaid("job=import period", 60*time.Second) // done, after its file was tried alone
	awaitStatus(t, c, name, "the report that was killed", func(findings []health.Finding, code int) bool {
		f := finding(findings, "job.report")
		return f != nil && code == exitFailed && strings.Contains(f.Text, "killed from outside") && f.Remedy != "" && !f.Since.IsZero()
	})
	if aside, err := os.ReadFile(filepath.Join(c.spool, "aside.json")); err != nil || strings.Contains(string(aside), file) {
		t.Errorf("files set aside: %s, %v", aside, err)
	}

	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	// Killed, the server is started again; stopped, it is told of as long as it is.
	if err := killServer(cfg.Database.Folder); err != nil {
		t.Fatal(err)
	}
	sendV5(t, address, 40, 20)
	var out []byte
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if out, err = exec.Command("nfacct", "books", "--day", "today", "--config", name).CombinedOutput(); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("books: %v\n%s", err, out)
		}
	}
	if !strings.Contains(string(out), "20 records") {
		t.Errorf("the file was not imported:\n%s", out)
	}
	pid := serverPID(t, cfg.Database.Folder)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, c, name, "a server that is stopped", func(findings []health.Finding, code int) bool {
		f := finding(findings, "database")
		return f != nil && code == exitFailed && f.Remedy != ""
	})
	sendV5(t, address, 60, 20)
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	c.awaitSaid("the database answers again", 90*time.Second)
	awaitStatus(t, c, name, "it answers again", func(findings []health.Finding, _ int) bool {
		return finding(findings, "database") == nil
	})
	begun := time.Now()
	if code := c.end(syscall.SIGTERM); code != exitOK {
		t.Errorf("exit %d\n%s", code, c.stderr)
	}
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("took %v to end", took)
	}
	c.complete(80)

	// The next run does what is left.
	c = startDaemon(t, "run", name)
	c.awaitSaid("job=report period", 60*time.Second)
	awaitStatus(t, c, name, "the report is made", func(findings []health.Finding, _ int) bool { return finding(findings, "job.report") == nil })
	c.end(syscall.SIGTERM)

	// The mailer likewise: killed in the middle, it is named, and the next one delivers.
	// One that hangs, deaf to SIGTERM, holds up the end of the daemon for the four seconds
	// that a child is given, and no longer.
	for i, how := range []string{"die", "eat", "stop"} {
		t.Run("mailer: "+how, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(folder, "mail"), []byte(how), 0o600); err != nil {
				t.Fatal(err)
			}
			mailAgain(t, name)
			c := startDaemon(t, "run", name)
			sendV5(t, address, 80+20*i, 20)
			if how == "stop" {
				for end := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
					if _, err := os.Stat(filepath.Join(folder, "mail")); os.IsNotExist(err) {
						break
					}
					if time.Now().After(end) {
						t.Fatalf("no mailer has begun:\n%s", c.stderr)
					}
				}
			} else {
				awaitStatus(t, c, name, "the mailer that failed", func(findings []health.Finding, code int) bool {
					f := finding(findings, "job.mail")
					return f != nil && code == exitFailed && f.Remedy != ""
				})
			}
			begun := time.Now()
			c.end(syscall.SIGTERM)
			if took := time.Since(begun); took > 8*time.Second {
				t.Errorf("took %v to end", took)
			}
			c.complete(100 + 20*i)
			before := sendmail.taken(t)
			c = startDaemon(t, "run", name)
			for end := time.Now().Add(60 * time.Second); sendmail.taken(t) != before+"head@example.net\n"; time.Sleep(100 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("mailed to %q\n%s", sendmail.taken(t), c.stderr)
				}
			}
			awaitStatus(t, c, name, "it is mailed", func(findings []health.Finding, _ int) bool { return finding(findings, "job.mail") == nil })
			c.end(syscall.SIGTERM)
		})
	}
}

// mailAgain makes every mail of the ledger due.
func mailAgain(t *testing.T, name string) {
	t.Helper()
	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	db, err := archive.Open(t.Context(), cfg.Database, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	result, err := db.DB().ExecContext(t.Context(), "UPDATE mails SET state = 'waiting', sent = NULL, next = UTC_TIMESTAMP()")
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := result.RowsAffected(); n != 1 {
		t.Fatalf("%d mails", n)
	}
}

// endServer ends the database server that a test which failed left, be it stopped.
func endServer(t *testing.T, name string) {
	t.Helper()
	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(cfg.Database.Folder, "data", "nfacct.pid"))
	var pid int
	if n, _ := fmt.Sscan(string(text), &pid); err == nil && n == 1 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func serverPID(t *testing.T, folder string) (pid int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "data", "nfacct.pid"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// An import into a server that is stopped ends within five seconds of SIGTERM.
func TestTermEndsImport(t *testing.T) {
	name := collectConfig(t, t.TempDir(), freePort(t))
	db := keepDatabase(t, name)
	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	pid := serverPID(t, cfg.Database.Folder)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	defer syscall.Kill(pid, syscall.SIGCONT)
	for db.DB().PingContext(ctx) == nil {
	}
	cmd := exec.Command("nfacct", "import", "--config", name)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	begun := time.Now()
	_ = cmd.Wait()
	if took := time.Since(begun); took > 6*time.Second || cmd.ProcessState.ExitCode() == exitOK {
		t.Errorf("exit %d after %v", cmd.ProcessState.ExitCode(), took)
	}
}
