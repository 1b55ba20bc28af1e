package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"nfacct/collector"
	"nfacct/report/health"
)

// A reload applies what it can, says what needs a restart, and a file with a fault
// changes nothing: a finding says so until the file is corrected. Children work by
// the configuration that is in force, not by the file.
func TestReload(t *testing.T) {
	address := freePort(t)
	folder := t.TempDir()
	name := collectConfig(t, folder, address)
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	whole := filepath.Join(folder, "as-it-was.toml") // for status, which reads the file too
	if err := os.WriteFile(whole, source, 0o600); err != nil {
		t.Fatal(err)
	}
	c := startDaemon(t, "run", name)
	reload := func(text, says string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		c.awaitSaid(says, 20*time.Second)
	}
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	from, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}, to)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	send := func(says string) {
		t.Helper()
		if _, err := from.Write(make([]byte, 24)); err != nil {
			t.Fatal(err)
		}
		c.awaitSaid(says, 20*time.Second)
	}
	send("127.0.0.2")
	second := "[[router]]\nname = \"second\"\nexport = [\"127.0.0.2\"]\ninside = [\"192.168.99.0/24\"]\n"
	reload(string(source)+second, "the configuration is applied")
	send("router=second")

	reload(string(source)+second+"nonsense = 1\n", "the configuration has faults and is not applied")
	awaitStatus(t, c, whole, "a file with a fault", func(findings []health.Finding, code int) bool {
		f := finding(findings, "config")
		return f != nil && f.Level == health.Fail && code == exitFailed && strings.Contains(f.Text, "nonsense") && !f.Since.IsZero()
	})
	if err := c.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	c.awaitSaid("spool file is sealed as asked", 20*time.Second)

	reload(strings.Replace(string(source), "128KiB", "256KiB", 1), "some changes count only after a restart")
	awaitStatus(t, c, whole, "a change that needs a restart", func(findings []health.Finding, _ int) bool {
		f := finding(findings, "config")
		return f != nil && f.Level == health.Warn && strings.Contains(f.Text, "collector")
	})
	reload(string(source), "the configuration is applied")
	awaitStatus(t, c, whole, "a good file", func(findings []health.Finding, _ int) bool { return finding(findings, "config") == nil })
	s, _ := statusJSON(t, whole)
	if s.Reload == nil || !s.Reload.Done || len(s.Reload.Restart) > 0 {
		t.Errorf("reload %+v", s.Reload)
	}
	if slices.ContainsFunc(s.Exporters, func(e collector.Exporter) bool { return e.Router == "second" }) {
		t.Errorf("the router that was taken out is still listed: %+v", s.Exporters)
	}
	c.end(syscall.SIGTERM)
}
