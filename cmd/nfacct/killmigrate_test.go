package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMigrateKilledOnPackedMonth: a day comes to the old table of a month that is
// migrated and packed. It stands beside the packed month; packing it again is killed at
// several points, the next run finishes, and every day has what the old table sums up.
func TestMigrateKilledOnPackedMonth(t *testing.T) {
	folder := t.TempDir()
	config := filepath.Join(folder, "nfacct.toml")
	dsn := filepath.Join(folder, "old.dsn")
	for name, text := range map[string]string{
		config: "state = \".\"\ntimezone = \"UTC\"\n[[router]]\nname = \"gw\"\nexport = [\"127.0.0.1\"]\ninside = [\"192.168.0.0/24\"]\n",
		dsn:    "root@unix(" + filepath.Join(folder, "database/data/nfacct.sock") + ")/netflow\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	day := func(n int) string {
		var rows []string
		for host := range 40 {
			rows = append(rows, fmt.Sprintf("('192.168.0.%d', '5000', '198.51.100.1', '443', '6', 3, %d, '%02d-05-2018', '10:15', 'm', 'g')", host+10, 1000*n+host, n))
		}
		return "INSERT INTO netflow.`2018_5` VALUES " + strings.Join(rows, ", ")
	}
	keepDatabase(t, config).Close() // asking makes none
	ask(t, config, "CREATE DATABASE netflow; CREATE TABLE netflow.`2018_5` (ip_from varchar(255), s_port varchar(128), ip_to varchar(255), d_port varchar(128), "+
		"proto varchar(32), packets int(8), bytes bigint(20) DEFAULT 0, date_ins varchar(32), time_ins time, host varchar(128), interface varchar(8)) ENGINE=MyISAM; "+day(1))
	migrate := func() *exec.Cmd {
		return exec.Command("nfacct", "--config", config, "-v", "migrate", "--dsn-file", dsn)
	}
	for _, cmd := range []*exec.Cmd{migrate(), exec.Command("nfacct", "--config", config, "archive", "--month", "2018-05")} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	// State, tables, and days that differ; asked together, since each question
	// starts a server.
	const facts = `SELECT state FROM month_packs; SHOW TABLES LIKE 'flows\_%';
SELECT * FROM (SELECT STR_TO_DATE(date_ins, '%d-%m-%Y') AS day, COUNT(*) AS n, SUM(bytes) AS bytes FROM netflow.2018_5 GROUP BY day) AS o
LEFT JOIN (SELECT day, SUM(flows) AS n, SUM(up_bytes + down_bytes) AS bytes FROM flows_2018_05c GROUP BY day) AS f USING (day)
LEFT JOIN (SELECT day, SUM(flows) AS n, SUM(up_bytes + down_bytes) AS bytes FROM usage_hourly GROUP BY day) AS u USING (day)
WHERE NOT (o.n <=> f.n AND o.bytes <=> f.bytes AND o.n <=> u.n AND o.bytes <=> u.bytes); `
	const want = "packed\nflows_2018_05c\n"
	ask(t, config, day(2))
	archive := func() *exec.Cmd { return exec.Command("nfacct", "--config", config, "archive") }
	for i, at := range []string{"myisampack --silent", "myisamchk --medium-check"} {
		if out, err := migrate().CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		killMigration(t, archive(), at)
		awaitServer(t, folder)
		if out, err := archive().CombinedOutput(); err != nil {
			t.Fatalf("after a kill at %q: %v\n%s", at, err, out)
		}
		if got := ask(t, config, facts+day(i+3)); got != want {
			t.Fatalf("after a kill at %q there are %q, want %q", at, got, want)
		}
	}
}

// killMigration kills a command that says what it does when it comes to at.
func killMigration(t *testing.T, cmd *exec.Cmd, at string) {
	t.Helper()
	if tool, option, _ := strings.Cut(at, " "); strings.HasPrefix(tool, "myisam") {
		real, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		bin := t.TempDir()
		script := fmt.Sprintf("#!/bin/sh\ncase \" $* \" in *\" %s \"*) kill -9 $PPID; exit 137;; esac\nexec %s \"$@\"\n", option, real)
		if err := os.WriteFile(filepath.Join(bin, tool), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	if said, err := killAt(cmd, func(line string) bool { return strings.Contains(line, at) && !strings.HasPrefix(at, "myisam") }); err != nil {
		t.Fatalf("the migration was not killed at %q: %v\n%s", at, err, said)
	}
}

// killAt kills a command when it says a line. It is an error if it ends otherwise.
func killAt(cmd *exec.Cmd, at func(line string) bool) (said string, err error) {
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	var all strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		fmt.Fprintln(&all, lines.Text())
		if at(lines.Text()) {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
		return all.String(), fmt.Errorf("it ended: %v", cmd.ProcessState)
	}
	return all.String(), nil
}
