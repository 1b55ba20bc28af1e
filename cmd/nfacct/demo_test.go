package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nfacct/archive"
	"nfacct/cmd/internal/demo"
	"nfacct/cmd/internal/terminal"
	"nfacct/collector/spool"
	"nfacct/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestDemo plays a small office on the day of 23 hours, and asks the database
// that it leaves what a user would.
func TestDemo(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "an office") // a name that has to be quoted
	var out, said bytes.Buffer
	a := &app{out: &out, errOut: &said, log: terminal.Log(&said, false, false, false)}
	d := &demo.Demo{Out: &out, Bar: a.progress, Log: a.log, Zone: "Europe/Berlin"}
	now := time.Date(2026, 3, 30, 9, 0, 0, 0, time.UTC)
	if err := d.Run(t.Context(), demo.Options{Folder: folder, Hosts: 12}, now); err != nil {
		t.Fatalf("%v\n%s%s", err, &out, &said)
	}
	if said.Len() > 0 {
		t.Errorf("said: %s", &said)
	}
	text := out.String()
	for _, want := range []string{"none lost", "equal to the byte", "simulated on Sunday 2026-03-29", "rm -r '" + folder + "'"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 && !strings.Contains(line, folder) {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if demo.IsLocked(filepath.Join(folder, demo.StateName, "database", "instance.lock")) {
		t.Error("the database server stays")
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("in the folder: %v, %v", entries, err)
	}

	// What was printed is what the command prints.
	config := filepath.Join(folder, demo.ConfigName)
	// But for when it was made.
	made := regexp.MustCompile(`(?m)^Made by nfacct.*\n`)
	asText := made.ReplaceAllString(command(t, exitOK, "report", "--config", config, "--day", "2026-03-29"), "")
	if !strings.Contains(made.ReplaceAllString(text, ""), asText) {
		t.Errorf("the report within\n%s\nis not the report\n%s", text, asText)
	}
	golden(t, "demo-report.txt", asText)
	var usage report.Usage
	if err := json.Unmarshal([]byte(command(t, exitOK, "report", "--json", "--config", config, "--day", "2026-03-29")), &usage); err != nil {
		t.Fatal(err)
	}
	if !usage.Complete || usage.Timezone != "Europe/Berlin" || len(usage.Hosts) == 0 {
		t.Errorf("report: %+v", usage)
	}
	usage.Facts.Generated = d.Result.Report.Facts.Generated
	shown, err := json.Marshal(d.Result.Report)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := json.Marshal(usage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(shown), string(asked)); diff != "" {
		t.Error(diff)
	}

	// The month is packed, and the truth is still told of it.
	if p := d.Result.Packed; p.Done != "packed" || p.Problem != "" || p.Bytes >= p.LiveBytes || p.Rows != d.Result.Tables.Rows {
		t.Errorf("packed: %+v", p)
	}
	if list := command(t, exitOK, "archive", "--list", "--config", config); !strings.Contains(list, "packed") {
		t.Error(list)
	}

	// Ten minutes of the next day are no day.
	if next := command(t, exitOK, "report", "--config", config, "--day", "2026-03-30"); !strings.Contains(next, "INCOMPLETE") || !strings.Contains(next, "between 00:15 and 24:00:") {
		t.Error(next)
	}
	// Neither is one of which a file waits.
	files, err := spool.ListSealed(d.Config.Spool.Folder)
	if err != nil {
		t.Fatal(err)
	}
	late := strings.Replace(files[50].Path, "00Z.", "01Z.", 1)
	if err := os.WriteFile(late, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(command(t, exitOK, "report", "--json", "--config", config, "--day", "2026-03-29")), &usage); err != nil {
		t.Fatal(err)
	}
	if usage.Complete || len(usage.Incomplete) != 1 || !strings.Contains(usage.Incomplete[0], filepath.Base(late)) {
		t.Errorf("with a file that waits: %v", usage.Incomplete)
	}
	if err := os.Remove(late); err != nil {
		t.Fatal(err)
	}

	if d.DB, err = archive.Open(t.Context(), d.Config.Database, a.log); err != nil {
		t.Fatal(err)
	}
	defer d.DB.Close()
	rollupsAreSums(t, d.DB)
	mailIsDatabase(t, d)
	differencesAreFound(t, d, &out)
}

// rollupsAreSums compares the rollups with the rows that they sum up.
func rollupsAreSums(t *testing.T, db *archive.Archive) {
	t.Helper()
	var rows, off int
	const sums = "SUM(up_bytes) AS ub, SUM(down_bytes) AS db, SUM(up_packets) AS up, SUM(down_packets) AS dp, SUM(flows) AS f"
	err := db.DB().QueryRow(`SELECT COUNT(*), COALESCE(SUM(sides <> 2), 0) FROM (
	SELECT COUNT(*) AS sides FROM (
		SELECT day, slot DIV 4 AS hour, router, host, `+sums+` FROM flows_2026_03c GROUP BY day, hour, router, host
		UNION ALL
		SELECT day, hour, router, host, `+sums+` FROM usage_hourly GROUP BY day, hour, router, host
	) AS sides GROUP BY day, hour, router, host, ub, db, up, dp, f
) AS pairs`).Scan(&rows, &off)
	if err != nil || rows < 100 || off != 0 {
		t.Errorf("%d of %d rollups differ from the rows: %v", off, rows, err)
	}
}

// differencesAreFound spoils a figure of the database: a demo that has it is not
// equal.
func differencesAreFound(t *testing.T, d *demo.Demo, out *bytes.Buffer) {
	t.Helper()
	host := d.Office.Hosts[2].Addr.String()
	if _, err := d.DB.DB().Exec("UPDATE usage_hourly SET up_bytes = up_bytes + 1 WHERE day = ? AND host = INET6_ATON(?) LIMIT 1", d.Day, host); err != nil {
		t.Fatal(err)
	}
	if err := d.Ask(context.Background()); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := d.Verdict(); err == nil || !strings.Contains(err.Error(), "differs from the truth in 2 of") {
		t.Errorf("a spoiled figure: %v", err)
	}
	for _, want := range []string{"2026-03-29 " + host + " bytes up: ", "THE BOOKS DO NOT BALANCE", "differences in the books"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	if strings.Contains(out.String(), "equal to the byte") {
		t.Error("it calls itself equal")
	}
}

// command runs a command line and returns what it prints.
func command(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if code := run(args, strings.NewReader(""), &out, &errOut); code != want {
		t.Fatalf("nfacct %s: exit code %d\n%s%s", strings.Join(args, " "), code, &out, &errOut)
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (rewrite it with -update):\n%s", path, diff)
	}
}

// TestDemoOrdinaryUser runs the demo as somebody who may write nothing but a
// folder of his own. Who runs the tests so has seen TestDemo do it.
func TestDemoOrdinaryUser(t *testing.T) {
	t.Parallel()
	home := openFolder(t)
	cmd := demoProcess(t, home)
	if os.Geteuid() == 0 {
		const nobody = 65534
		if err := os.Chown(home, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "equal to the byte") {
		t.Errorf("%v\n%s", err, out)
	}
	entries, err := os.ReadDir(home)
	if err != nil || len(entries) != 1 || entries[0].Name() != "nfacct-demo" {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// openFolder is a folder that others reach: those of T.TempDir are closed.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "nfacct-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(folder, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	return home
}

// demoProcess prepares a demo of the smallest office as a process of its own. Its
// program lies where others can run it, and is called nfacct, which is how this
// test binary knows what to be.
func demoProcess(t *testing.T, home string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(filepath.Dir(home), "nfacct")
	if err := os.WriteFile(program, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "demo", "--hosts", "1")
	cmd.Dir = home
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + home, "TMPDIR=/nonexistent"}
	return cmd
}

// TestDemoInterrupted: Ctrl-C ends the demo wherever it is, with its server.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	for _, moment := range []struct{ name, file string }{
		{"database", "database/install-*"},
		{"export", "spool/*/*"},
		{"import", "database/data/nfacct/flows_*.MYD"},
	} {
		t.Run(moment.name, func(t *testing.T) {
			t.Parallel()
			home := openFolder(t)
			cmd := demoProcess(t, home)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			state := filepath.Join(home, "nfacct-demo", demo.StateName)
			for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
				if found, _ := filepath.Glob(filepath.Join(state, moment.file)); found != nil {
					break
				}
				if time.Now().After(end) {
					_ = cmd.Process.Kill()
					t.Fatalf("it never came so far: %s", &said)
				}
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			select {
			case <-ended:
			case <-time.After(30 * time.Second):
				_ = cmd.Process.Kill()
				t.Fatalf("not ended: %s", &said)
			}
			if code := cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(said.String(), "interrupted; what there is lies in nfacct-demo") {
				t.Errorf("exit code %d: %s", code, &said)
			}
			if demo.IsLocked(filepath.Join(state, "database", "instance.lock")) {
				t.Error("the database server stays")
			}
			// And the next one begins anew.
			release, err := demo.Prepare(t.Context(), demo.Options{Folder: filepath.Join(home, "nfacct-demo")}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			release()
			if _, err := os.Stat(state); err == nil {
				t.Error("something of it stays")
			}
		})
	}
}
