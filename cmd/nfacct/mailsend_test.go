package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sendmailFolder is where a sendmail program of the tests notes what it took.
type sendmailFolder string

// mailBySendmail adds a way to send mail to a configuration: a program that notes
// each recipient, and waits as long as there is a file named wait beside it.
func mailBySendmail(t *testing.T, config string, more ...string) sendmailFolder {
	t.Helper()
	folder := t.TempDir()
	program := filepath.Join(folder, "sendmail")
	script := fmt.Sprintf(`#!/bin/sh
cd '%s' || exit 75
cat >/dev/null
: >began
while [ -e wait ]; do sleep 0.05; done
for last; do :; done
echo "$last" >>taken
`, folder)
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := fmt.Fprintf(file, "[mail]\nsendmail = %q\nfrom = \"nfacct@example.net\"\n%s", program, strings.Join(more, "")); err != nil {
		t.Fatal(err)
	}
	return sendmailFolder(folder)
}

// taken is whom it has taken mail for, one a line.
func (f sendmailFolder) taken(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(f), "taken"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

// TestSendWhileAnotherSends: a mail that a process is handing over is left to it,
// and who sends the same meanwhile is told so and to come again.
func TestSendWhileAnotherSends(t *testing.T) {
	folder := t.TempDir()
	name := killConfig(t, folder, "127.0.0.1:0")
	sendmail := mailBySendmail(t, name)
	wait := filepath.Join(string(sendmail), "wait")
	if err := os.WriteFile(wait, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	keepDatabase(t, name)
	args := []string{"report", "--config", name, "--day", "2026-11-23", "--to", "head@example.net"}
	var said bytes.Buffer
	first := exec.Command("nfacct", args...)
	first.Stdout, first.Stderr = &said, &said
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		os.Remove(wait)
		_ = first.Process.Kill()
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(string(sendmail), "began")); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it never began to send\n%s", said.Bytes())
		}
	}
	second := exec.Command("nfacct", args...)
	out, _ := second.CombinedOutput()
	if code := second.ProcessState.ExitCode(); code != exitTemporary || !strings.Contains(string(out), "another process is sending 1 mail of 2026-11-23") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if err := os.Remove(wait); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err != nil {
		t.Errorf("%v\n%s", err, said.Bytes())
	}
	if out, err := exec.Command("nfacct", args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if got := sendmail.taken(t); got != "head@example.net\n" {
		t.Errorf("mailed to %q", got)
	}
}
