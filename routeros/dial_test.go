package routeros_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nfacct/routeros"
	"nfacct/routeros/routerostest"
)

// Each way to log in, on each version: api with both styles of login, api-ssl
// pinned, and by the certificate's own CA.
func TestDial(t *testing.T) {
	for _, profile := range routerostest.Profiles() {
		device := start(t, routerostest.DeviceConfig{Profile: profile, Certificate: routerostest.WithNames})
		ca := secure(t, device)
		ca.Fingerprint, ca.CAFile = "", filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(ca.CAFile, device.CertificatePEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		legacy := secure(t, device)
		legacy.LegacyTLS = true
		for name, cfg := range map[string]routeros.Config{"api": plain(t, device), "pinned": secure(t, device), "ca": ca, "legacy": legacy} {
			t.Run(profile.String()+" "+name, func(t *testing.T) {
				d := dial(t, cfg)
				if _, err := d.State(t.Context()); err != nil {
					t.Error(err)
				}
				if d.Local() != netip.MustParseAddr("127.0.0.1") {
					t.Errorf("local %s", d.Local())
				}
			})
		}
	}
}

func TestTrust(t *testing.T) {
	device := start(t, routerostest.DeviceConfig{Profile: routerostest.V7_18})
	cfg := secure(t, device)
	cfg.Fingerprint = ""
	certificate, err := routeros.Trust(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(device.Sentences()) > 0 {
		t.Errorf("trust sent %v", device.Sentences())
	}
	cfg.Fingerprint = certificate.Fingerprint
	dial(t, cfg)
}

// Whatever is wrong ends within the deadline, with an error that names the
// router and says what to do.
func TestDialErrors(t *testing.T) {
	device := start(t, routerostest.DeviceConfig{Profile: routerostest.V7_18})
	anonymous := start(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Certificate: routerostest.NoCertificate})
	guarded := start(t, routerostest.DeviceConfig{Profile: routerostest.V7_18})
	for at, commands := range map[*routerostest.Device][][]string{
		device:  {{"/user/group/add", "name", "reader", "policy", "read"}, {"/user/add", "name", "reader", "group", "reader", "password", secret}},
		guarded: {{"/ip/service/set", "numbers", "api", "address", "192.0.2.0/24"}},
	} {
		for _, c := range commands {
			if _, err := at.Do(c[0], c[1:]...); err != nil {
				t.Fatal(c, err)
			}
		}
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	closed.Close()
	pem := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(pem, start(t, routerostest.DeviceConfig{Profile: routerostest.V7_18}).CertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	readable := passwordFile(t, secret)
	if err := os.Chmod(readable, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		secure bool
		hangs  bool
		device *routerostest.Device
		fault  *routerostest.Fault
		change func(*routeros.Config)
		want   []string
	}{
		{name: "wrong password", change: func(c *routeros.Config) { c.PasswordFile = passwordFile(t, "wrong") }, want: []string{"invalid user name or password (6)", "check user and password_file"}},
		{name: "no policy api", change: func(c *routeros.Config) { c.User = "reader" }, want: []string{"invalid user name or password (6)", "check user and password_file", "the group needs the policy api"}},
		{name: "two traps", fault: &routerostest.Fault{Kind: routerostest.TwoTraps, Command: "/login"}, want: []string{"first reason; failure: second reason", "the router's own words"}},
		{name: "trap, then closed", fault: &routerostest.Fault{Kind: routerostest.TrapClose, Command: "/login", Text: "out of memory"}, want: []string{"out of memory (and the router closed the connection)", "/log print"}},
		{name: "silent after the greeting", hangs: true, fault: &routerostest.Fault{Kind: routerostest.Silent, Command: "/login"}, want: []string{"no answer within 500ms", "is the port of api"}},
		{name: "silent in the handshake", hangs: true, secure: true, fault: &routerostest.Fault{Kind: routerostest.Silent, When: routerostest.Accepting}, want: []string{"shake hands with", "no answer within 500ms"}},
		{name: "address not allowed", device: guarded, want: []string{"without a word", "this machine's address 127.0.0.1 has to be in address"}},
		{name: "no password", change: func(c *routeros.Config) { c.PasswordFile = "" }, want: []string{"no password is configured", "router_gw-1_password"}},
		{name: "password for all", change: func(c *routeros.Config) { c.PasswordFile = readable }, want: []string{"mode 0644", "chmod 600"}},
		{name: "refused", change: func(c *routeros.Config) { c.Address = nobody }, want: []string{"connection refused", "/ip service enable api"}},
		{name: "no such name", change: func(c *routeros.Config) { c.Address = "router.invalid" }, want: []string{"no address is known by that name"}},
		{name: "silent", hangs: true, fault: &routerostest.Fault{Kind: routerostest.Silent, When: routerostest.Accepting}, want: []string{"no answer within", "is the port of api"}},
		{name: "ssh", fault: &routerostest.Fault{Kind: routerostest.Banner, When: routerostest.Accepting, Text: "SSH-2.0-ROSSSH\r\n"}, want: []string{"an SSH server (SSH-2.0-ROSSSH)", "usually 8728"}},
		{name: "http", fault: &routerostest.Fault{Kind: routerostest.Banner, When: routerostest.Accepting, Text: "HTTP/1.1 400 Bad Request\r\n\r\n"}, want: []string{"a web server (HTTP/1.1 400 Bad Request)"}},
		{name: "winbox", fault: &routerostest.Fault{Kind: routerostest.Banner, When: routerostest.Accepting, Text: "\x13\x02list\x00\x00\x00"}, want: []string{"not the RouterOS API"}},
		{name: "ssh for tls", secure: true, fault: &routerostest.Fault{Kind: routerostest.Banner, When: routerostest.Accepting, Text: "SSH-2.0-ROSSSH\r\n"}, want: []string{"an SSH server", "usually 8729"}},
		{name: "tls where api is", change: func(c *routeros.Config) { c.Address = device.AddrTLS().String() }, want: []string{"8729 for api-ssl"}},
		{name: "api where tls is", secure: true, change: func(c *routeros.Config) { c.Address = device.Addr().String() }, want: []string{"api-ssl"}},
		{name: "tls alert", fault: &routerostest.Fault{Kind: routerostest.Banner, When: routerostest.Accepting, Text: "\x15\x03\x01\x00\x02\x02\x46"}, want: []string{"a TLS server", `api = "api-ssl"`}},
		{name: "reset", fault: &routerostest.Fault{Kind: routerostest.Reset, When: routerostest.Accepting}, want: []string{"without a word", "/ip service print detail"}},
		{name: "fatal", fault: &routerostest.Fault{Kind: routerostest.Fatal, Command: "/login", Text: "too many sessions"}, want: []string{"too many sessions"}},
		{name: "no certificate", secure: true, device: anonymous, change: func(c *routeros.Config) { c.Fingerprint = "" }, want: []string{"anonymous Diffie-Hellman", "/ip service set api-ssl certificate=api"}},
		{name: "not pinned", secure: true, change: func(c *routeros.Config) { c.Fingerprint = "" }, want: []string{"nothing is configured that vouches", "nfacct provision --trust"}},
		{name: "another is pinned", secure: true, change: func(c *routeros.Config) { c.Fingerprint = strings.Repeat("00", 32) }, want: []string{"is pinned", "somebody stands between"}},
		{name: "another ca", secure: true, change: func(c *routeros.Config) { c.Fingerprint, c.CAFile = "", pem }, want: []string{"not signed by the CA"}},
		{name: "huge word", fault: &routerostest.Fault{Kind: routerostest.Huge, Command: "/login"}, want: []string{"not the RouterOS API"}},
		{name: "reserved byte", fault: &routerostest.Fault{Kind: routerostest.Reserved, Command: "/login"}, want: []string{"not the RouterOS API"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := device
			if c.device != nil {
				at = c.device
			}
			cfg := plain(t, at)
			if c.secure {
				cfg = secure(t, at)
			}
			cfg.Timeout = time.Minute // of what answers, however busy the machine
			if c.hangs {
				cfg.Timeout = 500 * time.Millisecond
			}
			if c.change != nil {
				c.change(&cfg)
			}
			if c.fault != nil {
				at.Break(*c.fault)
				defer at.Mend()
			}
			_, err := routeros.Dial(t.Context(), cfg, quiet())
			var e *routeros.Error
			if !errors.As(err, &e) || e.Remedy == "" && c.name != "password for all" {
				t.Fatalf("error without remedy: %v", err)
			}
			for _, want := range append(c.want, "router gw-1: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
}

// A context that ends in the middle of a silence ends the command at once.
func TestCancel(t *testing.T) {
	device := start(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, ListenTLS: "-"})
	cfg := plain(t, device)
	cfg.Timeout = time.Hour
	d := dial(t, cfg)
	device.Break(routerostest.Fault{Kind: routerostest.Silent, Command: "/ip/traffic-flow/print"})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := d.State(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := d.State(t.Context()); err == nil || !strings.Contains(err.Error(), "broke before") {
		t.Errorf("after that: %v", err)
	}
}

// At the most verbose level the password is nowhere.
func TestSecretsAreNotLogged(t *testing.T) {
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug - 10, AddSource: true}))
	out := capture(t, func() {
		for _, profile := range []routerostest.Profile{routerostest.V6_42, routerostest.V7_18} {
			device := start(t, routerostest.DeviceConfig{Profile: profile})
			for _, cfg := range []routeros.Config{plain(t, device), secure(t, device)} {
				d, err := routeros.Dial(t.Context(), cfg, log)
				if err != nil {
					t.Fatal(err)
				}
				defer d.Close()
				plan, err := d.PlanAccount(t.Context(), "auditor", "An0ther-secret", netip.MustParseAddr("192.0.2.7"))
				if err != nil {
					t.Fatal(err)
				}
				if err := d.Apply(t.Context(), plan.Changes); err != nil {
					t.Fatal(err)
				}
				said.WriteString(strings.Join(commandsOf(plan), "\n"))
			}
			device.Break(routerostest.Fault{Kind: routerostest.TrapClose, Command: "/login", Text: "no"})
			_, err := routeros.Dial(t.Context(), plain(t, device), log)
			said.WriteString(err.Error())
		}
	})
	for _, hidden := range []string{secret, "s3cret", "An0ther"} {
		if strings.Contains(said.String(), hidden) || strings.Contains(out, hidden) {
			t.Errorf("%q was said:\n%s\n%s", hidden, &said, out)
		}
	}
	if !strings.Contains(said.String(), "/user/add") {
		t.Error("nothing was logged")
	}
}

// capture gives what is written to standard output and error meanwhile.
func capture(t *testing.T, do func()) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	out, errOut := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = file, file
	defer func() { os.Stdout, os.Stderr = out, errOut }()
	do()
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
