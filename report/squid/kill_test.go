package squid

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"nfacct/archive"
)

// Names of what a child is told.
const (
	childFolder = "NFACCT_TEST_SQUID_FOLDER"
	childLog    = "NFACCT_TEST_SQUID_LOG"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		if err := readAsChild(folder, os.Getenv(childLog)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func readAsChild(folder, log string) error {
	ctx := context.Background()
	cfg := archive.DefaultConfig()
	cfg.Folder = folder
	a, err := archive.Open(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer a.Close()
	r, err := New(Config{AccessLog: log, Format: "native"}, a, time.UTC, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	_, err = r.Read(ctx, time.Minute)
	return err
}

// A reader that is killed at any time, many times, leaves nothing out and counts
// nothing twice.
func TestKilled(t *testing.T) {
	folder := t.TempDir()
	cfg := archive.DefaultConfig()
	cfg.Folder = folder
	a, err := archive.Open(t.Context(), cfg, slog.New(slog.DiscardHandler)) // keeps the server
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	log := filepath.Join(t.TempDir(), "access.log")
	const rounds, each = 8, 20_000
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	killed := 0
	for round := range rounds {
		if _, err := file.WriteString(lines(round*each, each)); err != nil {
			t.Fatal(err)
		}
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childFolder+"="+folder, childLog+"="+log)
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(10+15*round)*time.Millisecond, func() { child.Process.Kill() })
		if err := child.Wait(); err != nil {
			killed++
		}
		timer.Stop()
	}
	if killed == 0 {
		t.Error("no reader was killed")
	}
	if err := readAsChild(folder, log); err != nil {
		t.Fatal(err)
	}
	check(t, a, rounds*each)
	var loading int
	if err := a.DB().QueryRow("SELECT COUNT(*) FROM proxy_parts WHERE state = 'loading'").Scan(&loading); err != nil || loading != 0 {
		t.Errorf("%d parts are not finished, %v", loading, err)
	}
	t.Logf("%d of %d readers were killed", killed, rounds)
}
