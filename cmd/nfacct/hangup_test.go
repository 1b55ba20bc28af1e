package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestCollectLogReaderDies: receiving goes on, and the spool is sealed at the end.
func TestCollectLogReaderDies(t *testing.T) {
	folder, address := t.TempDir(), freePort(t)
	config := collectConfig(t, folder, address)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nfacct", "collect", "-v", "--config", config) // -v: it says something when it starts and ends
	cmd.Stderr = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read.Close()
	write.Close()
	files := func(pattern string) []string {
		names, err := filepath.Glob(filepath.Join(folder, "spool", "*", pattern))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	for end := time.Now().Add(20 * time.Second); len(files("*.open")) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			t.Fatal("it does not begin to collect")
		}
	}
	sendV5(t, address, 0, 20)
	time.Sleep(100 * time.Millisecond)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if len(files("*.open")) != 0 || len(files("*.zst")) != 1 {
		t.Errorf("not sealed: %v", files("*"))
	}
}
