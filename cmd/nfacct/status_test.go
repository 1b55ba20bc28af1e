package main

import (
	"bytes"
	"log/slog"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/importer"
)

func statusOf(t *testing.T, config string) (string, int) {
	t.Helper()
	cmd := exec.Command("nfacct", "status", "--config", config)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestStatus: what is there is said soon after the start, and after a clean stop
// too, with when it was.
func TestStatus(t *testing.T) {
	address := freePort(t)
	config := collectConfig(t, t.TempDir(), address)
	c := startCollect(t, config)
	sendV5(t, address, 0, 3)
	running := regexp.MustCompile(`(?m)^Collector running since \d{4}-.*; this is of .*\n(.*\n)*  spool .*/spool: .* in 0 sealed files, 0 not imported yet; \d{4}-.*\.zst is being written$`)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		out, code := statusOf(t, config)
		if code == exitOK && running.MatchString(out) && strings.Contains(out, "  3 datagrams, 3 records;") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("exit code %d: %s", code, out)
		}
	}
	if code := c.end(syscall.SIGTERM); code != exitOK {
		t.Fatal(code, c.stderr)
	}
	out, code := statusOf(t, config)
	stopped := regexp.MustCompile(`(?m)^Collector stopped \d{4}-.*, had been started \d{4}-.*\n(.*\n)*  spool .*/spool: [1-9].* in 1 sealed file, 1 not imported yet$`)
	if code != exitFailed || !stopped.MatchString(out) || !strings.Contains(out, "nfacct: collector: the collector was stopped") {
		t.Errorf("exit code %d: %s", code, out)
	}
	out2, err := exec.Command("nfacct", "--json", "status", "--config", config).Output()
	if err == nil || !strings.Contains(string(out2), `"files": 1,`) || !strings.Contains(string(out2), `"running": false`) {
		t.Errorf("%v: %s", err, out2)
	}
}

// TestStrangersAreSummedUp: of many unknown exporters an import names three.
func TestStrangersAreSummedUp(t *testing.T) {
	var said bytes.Buffer
	a := &app{log: slog.New(slog.NewTextHandler(&said, nil))}
	s := importer.Summary{Unknown: map[string]uint64{}}
	for _, last := range strings.Split("123456789abcdef", "") {
		s.Unknown["2001:db8::"+last] = 2
	}
	a.warnOfStrangers(&s)
	if lines := strings.Count(said.String(), "\n"); lines != namedStrangers+1 || !strings.Contains(said.String(), "addresses=12 datagrams=24") {
		t.Errorf("%d lines:\n%s", lines, &said)
	}
}

// TestOneOfAThing: no plural for one.
func TestOneOfAThing(t *testing.T) {
	var out bytes.Buffer
	one := archive.Counts{Records: 1, Bytes: 40}
	b := archive.Book{Router: "gw", Datagrams: 1, Records: 1, Bytes: 40, LostRecords: 1, LostDatagrams: 1, NoTemplate: 1}
	b.Classes.Up, b.Loaded.Counts = one, one
	printBook(&out, &b)
	if wrong := regexp.MustCompile(`\b1 (records|datagrams|data sets)`).FindString(out.String()); wrong != "" {
		t.Errorf("%q in:%s", wrong, &out)
	}
}
