package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nfacct/cmd/internal/demo"
	"nfacct/routeros/routerostest"
)

// simulating runs a command line until the test ends, and returns what it prints,
// once that holds a text.
func simulating(t *testing.T, last string, args ...string) string {
	t.Helper()
	r, w := io.Pipe()
	var said bytes.Buffer
	a := &app{in: strings.NewReader(""), out: w, errOut: &said}
	root := a.rootCommand()
	root.SetArgs(args)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		err := root.ExecuteContext(ctx)
		w.CloseWithError(errors.Join(err, io.EOF))
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("%v\n%s", err, &said)
		}
	})
	var text []byte
	for b := make([]byte, 4096); !bytes.Contains(text, []byte(last)); {
		n, err := r.Read(b)
		text = append(text, b[:n]...)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	return string(text)
}

// TestSimulateRouter does what its text says: the lines printed go into a
// nfacct.toml, and nfacct provision hears the router.
func TestSimulateRouter(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	secret, key := filepath.Join(folder, "password"), filepath.Join(folder, "key.pem")
	flags := []string{"simulate", "router", "--api", "127.0.0.1:0", "--api-ssl", "127.0.0.1:0", "--hosts", "500", "--rate", "100",
		"--password-file", secret, "--key-file", key}
	text := simulating(t, "Ctrl-C", append(flags, "--profile", "7.24")...)
	password, err := os.ReadFile(secret)
	if err != nil || len(password) < 20 || strings.Contains(text, strings.TrimSpace(string(password))) {
		t.Errorf("password %q, %v", password, err)
	}
	for _, name := range []string{secret, key} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(text, "\n[[router]]\n")
	section, _, _ = strings.Cut(section, "\n\n")
	config := filepath.Join(folder, "nfacct.toml")
	lines := fmt.Sprintf("state = \"state\"\n[collector]\nlisten = [%q]\n[provision]\ninactive_timeout = \"1s\"\n[[router]]\n%s\n", free.LocalAddr(), section)
	if err := os.WriteFile(config, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	free.Close()
	out := command(t, exitOK, "provision", "--config", config)
	for _, want := range []string{"RouterOS 7.24.1 (stable)", "/ip traffic-flow target add dst-address=127.0.0.1", "127.0.0.1"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	// The next device has the same certificate and password.
	var shown demo.SimulatedRouter
	again := simulating(t, "}", append(flags, "--json")...)
	if err := json.Unmarshal([]byte(again), &shown); err != nil {
		t.Fatalf("%v\n%s", err, again)
	}
	if !strings.Contains(text, shown.Fingerprint) || shown.Version != "7.18.2 (stable)" || shown.PasswordFile != secret {
		t.Errorf("%+v", shown)
	}
}

func TestSimulateRouterUsage(t *testing.T) {
	t.Parallel()
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte("x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		`--profile: "5.0" is none of`:            {"--profile", "5.0"},
		"--offloaded: from 0 to 1":               {"--offloaded", "2"},
		"office of 70000 hosts":                  {"--hosts", "70000"},
		"--hosts and --rate: above 0":            {"--rate", "0"},
		"one of them has to be there":            {"--api", "-", "--api-ssl", "-"},
		"--api: ":                                {"--api", "nowhere"},
		"--collector: ":                          {"--collector", "8787"},
		`--fault: "rain" is none of`:             {"--fault", "ssh,rain"},
		`--certificate: "x" is none of`:          {"--certificate", "x"},
		"can be read by others: chmod 600":       {"--password-file", open},
		"--key-file: " + open + " can be read b": {"--password-file", open + "2", "--key-file", open},
	} {
		var out, errOut bytes.Buffer
		if code := run(append([]string{"simulate", "router"}, args...), strings.NewReader(""), &out, &errOut); code != exitUsage || !strings.Contains(errOut.String(), want) || out.Len() > 0 {
			t.Errorf("%v: exit code %d, %s%s", args, code, &out, &errOut)
		}
	}
}

// The trial in the README is the one that a script walks.
func TestTrialIsInTheREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("testdata/script/trial.txt")
	if err != nil {
		t.Fatal(err)
	}
	var trial []string
	for line := range strings.Lines(string(readme)) {
		command, _, _ := strings.Cut(strings.TrimSpace(line), "#")
		if strings.HasPrefix(line, "    nfacct ") && strings.Contains(command, "trial.toml") {
			trial = append(trial, "exec "+strings.TrimSpace(command))
		}
	}
	if len(trial) != 6 {
		t.Fatalf("the README has %q", trial)
	}
	rest := trial
	for line := range strings.Lines(string(script)) {
		line = strings.TrimSpace(line)
		if len(rest) > 0 && (line == rest[0] || strings.HasPrefix(line, rest[0]+" ") && strings.HasSuffix(line, "&")) {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		t.Errorf("the script does not do %q", rest)
	}
}

// What each fault makes of provision, as a person sees it: it ends, names the
// router and says what to do, and what was written is said.
func TestSimulateRouterFaults(t *testing.T) {
	t.Parallel()
	remedies := map[string]string{
		"hang-connect": "how busy the router is", "reset": "/ip service print detail", "ssh": "an SSH server", "http": "a web server",
		"hang-login": "how busy the router is", "refuse-login": "check user and password_file", "full": "how many sessions it admits",
		"hang-read": "raise provision.timeout", "half": "raise provision.timeout", "trickle": "raise provision.timeout",
		"huge": "no RouterOS answers so", "reserved": "the port that of its API", "no-read": "policies api, read and write", "no-write": "policies api, read and write",
		"hang-write": "written before: /ip traffic-flow target add", "trap": "the router's own words", "traps": "first reason; failure: second reason",
		"trap-close": "/log print there may say why", "fatal": "then run it again", "reset-write": "whether it was written is not known",
		"not-kept": "something else manages these settings",
	}
	hangs := []string{"hang-connect", "hang-login", "hang-read", "half", "trickle", "hang-write"}
	for _, m := range routerostest.Mishaps() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			in := func(name string) string { return filepath.Join(folder, name) }
			simulating(t, "Ctrl-C", "simulate", "router", "--fault", m.Name, "--toml", in("trial.toml"), "--api", "127.0.0.1:0", "--api-ssl", "-",
				"--hosts", "5", "--password-file", in("password"), "--key-file", in("key.pem"))
			text, err := os.ReadFile(in("trial.toml"))
			if err != nil {
				t.Fatal(err)
			}
			timeout := "1h" // of what answers, for busy machines
			if slices.Contains(hangs, m.Name) {
				timeout = "2s"
			}
			text = bytes.Replace(text, []byte("[provision]\n"), fmt.Appendf(nil, "[provision]\ntimeout = %q\ndeadline = \"1h\"\n", timeout), 1)
			if err := os.WriteFile(in("trial.toml"), text, 0o600); err != nil {
				t.Fatal(err)
			}
			r := typed("--config", in("trial.toml"), "provision", "--wait", "0")
			want, fails := remedies[m.Name]
			if !fails {
				r.want(t, exitOK, "written and read back")
				return
			}
			r.want(t, exitFailed, want, "router office: ")
		})
	}
}
