package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/daemon"
)

// A database server that cannot start holds up the jobs, in one line for all, and the
// collector goes on.
func TestRunWithoutDatabase(t *testing.T) {
	address := freePort(t)
	name := collectConfig(t, t.TempDir(), address)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(text, "[database]\nmariadbd = \"/bin/false\"\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startDaemon(t, "run", name)
	sendV5(t, address, 0, 50)
	c.await("*.open", 50)
	for end := time.Now().Add(30 * time.Second); !strings.Contains(c.stderr.String(), "database is down") && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	if code := c.end(syscall.SIGTERM); code != exitOK {
		t.Errorf("exit %d\n%s", code, c.stderr)
	}
	c.complete(50)
	if said := c.stderr.String(); strings.Count(said, "level=ERROR") != 1 || !strings.Contains(said, "the database is down: jobs and mails wait") || !strings.Contains(said, "start private database") {
		t.Errorf("not one line of it:\n%s", said)
	}
}

// The daemon with its private database: what it collected is in the tables after
// the import job, and the report of the day is written to files.
func TestRunJobs(t *testing.T) {
	address := freePort(t)
	name := collectConfig(t, t.TempDir(), address)
	c := startDaemon(t, "run", name)
	sendV5(t, address, 0, 50)
	c.await("*.open", 50)
	if out, err := exec.Command("nfacct", "status", "--config", name).CombinedOutput(); err != nil || !strings.Contains(string(out), "at "+address) {
		t.Errorf("status: %v\n%s", err, out)
	}
	if code := c.end(syscall.SIGTERM); code != exitOK {
		t.Fatalf("exit %d\n%s", code, c.stderr)
	}
	out, err := exec.Command("nfacct", "status", "--config", name).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "office, 127.0.0.1, NETFLOW_V5") || !strings.Contains(string(out), "50 datagrams, 50 records; lost 0 records") || !strings.Contains(string(out), "was stopped") {
		t.Errorf("status of a stopped collector: %v\n%s", err, out)
	}

	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon.Daemon{Log: slog.New(slog.DiscardHandler)}
	db := keepDatabase(t, name)
	ctx := t.Context()
	if err := d.Do(ctx, cfg, db, "import", daemon.Work{}); err != nil {
		t.Fatal(err)
	}
	today := archive.DayOf(time.Now().In(cfg.Location()))
	books, err := db.Reader().Books(ctx, today.Add(-1), today)
	if err != nil {
		t.Fatal(err)
	}
	var records uint64
	for _, b := range books {
		records += b.Records
	}
	if records != 50 {
		t.Errorf("%d records in the books, want 50", records)
	}
	if err := d.Do(ctx, cfg, db, "report", daemon.Work{Period: today.String()}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(cfg.State, "reports", today.String()+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var usage struct{ Complete bool }
	if err := json.Unmarshal(data, &usage); err != nil || usage.Complete {
		t.Errorf("today's report says it is complete: %v\n%s", err, data)
	}
	if _, err := os.Stat(filepath.Join(cfg.State, "reports", today.String()+".txt")); err != nil {
		t.Error(err)
	}
}

func killServer(folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, "data", "nfacct.pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}
