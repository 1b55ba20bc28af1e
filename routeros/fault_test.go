package routeros_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nfacct/routeros"
	"nfacct/routeros/routerostest"
)

// piped logs in to a simulated router over a pipe, so that both are on the clock
// of the test's bubble.
func piped(t *testing.T, ctx context.Context, cfg routeros.Config, faults ...routerostest.Fault) (*routeros.Device, error) {
	t.Helper()
	device, err := routerostest.NewDevice(routerostest.DeviceConfig{
		Profile: routerostest.V7_18, Office: smallOffice(), ListenTLS: "-", Password: secret,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.Close() }) // it is never run
	for _, f := range faults {
		device.Break(f)
	}
	near, far := net.Pipe()
	go device.Serve(t.Context(), far)
	t.Cleanup(func() { near.Close() })
	return routeros.DialOver(ctx, cfg, quiet(), near)
}

// pipedConfig is the configuration of a router that piped reaches.
func pipedConfig(t *testing.T, timeout time.Duration) routeros.Config {
	return routeros.Config{
		Name: "gw-1", Address: "192.0.2.1", API: "api", User: "admin",
		PasswordFile: passwordFile(t, secret), Timeout: timeout,
	}
}

// provisionBy does all that provisioning does with a router.
func provisionBy(t *testing.T, ctx context.Context, cfg routeros.Config, faults ...routerostest.Fault) error {
	t.Helper()
	d, err := piped(t, ctx, cfg, faults...)
	if err != nil {
		return err
	}
	defer d.Close()
	facts, err := d.Outline(ctx)
	if err != nil {
		return err
	}
	w := routeros.DefaultProvision().For(cfg, facts, collectorAt.Addr(), collectorAt.Port(), facts.Own())
	return d.Apply(ctx, routeros.Compare(&facts.Flow, w).Changes)
}

const (
	readingFlow = "/ip/traffic-flow/print"
	writingFlow = "/ip/traffic-flow/set"
)

// What goes wrong in the middle of an answer, at the login, while reading and
// while writing, on a clock of its own: what hangs ends at its deadline and not
// later, all else at once; each with an error that names the router and the step,
// and with what to do.
func TestAnswerErrors(t *testing.T) {
	const timeout = 10 * time.Second
	const (
		login = "log in to 192.0.2.1:8728 as admin: "
		read  = "read /ip traffic-flow: "
		write = "write: /ip traffic-flow set "
		busy  = "if it is that slow, raise provision.timeout"
		port  = "the port of api"
		log   = "/log print there may say why"
		api   = "the port that of its API"
		words = "these are the router's own words"
		half  = "(whether it was written is not known)"
	)
	for _, c := range []struct {
		name   string
		kind   routerostest.FaultKind
		at     string // the command
		text   string
		hangs  bool
		err    []string
		remedy string
	}{
		{name: "login silent", kind: routerostest.Silent, at: "/login", hangs: true, err: []string{login, "no answer within 10s"}, remedy: port},
		{name: "login half", kind: routerostest.HalfSentence, at: "/login", hangs: true, err: []string{login, "no answer within 10s"}, remedy: port},
		{name: "login trickles", kind: routerostest.Trickle, at: "/login", hangs: true, err: []string{login, "no answer within 10s"}, remedy: port},
		{name: "login refused", kind: routerostest.Trap, at: "/login", text: "invalid user name or password (6)", err: []string{login, "(6)"}, remedy: "check user and password_file"},
		{name: "login without policy", kind: routerostest.Trap, at: "/login", text: "not enough permissions (9)", err: []string{login, "(9)"}, remedy: "policies api, read and write"},
		{name: "login closed", kind: routerostest.Reset, at: "/login", err: []string{login, "without a word"}, remedy: "max-sessions must not be used up"},
		{name: "login fatal", kind: routerostest.Fatal, at: "/login", text: "too many sessions", err: []string{login, "too many sessions"}, remedy: "how many sessions it admits"},
		{name: "login banner", kind: routerostest.Banner, at: "/login", err: []string{login, "an SSH server"}, remedy: "usually 8728"},

		{name: "read silent", kind: routerostest.Silent, at: readingFlow, hangs: true, err: []string{read, "no answer within 10s"}, remedy: busy},
		{name: "read half", kind: routerostest.HalfSentence, at: readingFlow, hangs: true, err: []string{read, "no answer within 10s"}, remedy: busy},
		{name: "read trickles", kind: routerostest.Trickle, at: readingFlow, hangs: true, err: []string{read, "no answer within 10s"}, remedy: busy},
		{name: "read closed", kind: routerostest.Reset, at: readingFlow, err: []string{read, "closed the connection in the middle"}, remedy: log},
		{name: "read trap, closed", kind: routerostest.TrapClose, at: readingFlow, text: "out of memory", err: []string{read, "out of memory (and the router closed the connection)"}, remedy: log},
		{name: "read trap", kind: routerostest.Trap, at: readingFlow, err: []string{read, "failure: not now"}, remedy: words},
		{name: "read two traps", kind: routerostest.TwoTraps, at: readingFlow, err: []string{read, "first reason; failure: second reason"}, remedy: words},
		{name: "read without policy", kind: routerostest.Trap, at: readingFlow, text: "not enough permissions (9)", err: []string{read, "(9)"}, remedy: "policies api, read and write"},
		{name: "read fatal", kind: routerostest.Fatal, at: readingFlow, text: "session terminated", err: []string{read, "the router ended the connection: session terminated"}, remedy: log},
		{name: "read huge", kind: routerostest.Huge, at: readingFlow, err: []string{read, "larger than nfacct is willing to hold"}, remedy: "no RouterOS answers so"},
		{name: "read reserved", kind: routerostest.Reserved, at: readingFlow, err: []string{read, "reserves"}, remedy: api},

		{name: "write silent", kind: routerostest.Silent, at: writingFlow, hangs: true, err: []string{write, "no answer within 10s", half, "written before: /ip traffic-flow target add"}, remedy: busy},
		{name: "write half", kind: routerostest.HalfSentence, at: writingFlow, hangs: true, err: []string{write, "no answer within 10s", half}, remedy: busy},
		{name: "write trickles", kind: routerostest.Trickle, at: writingFlow, hangs: true, err: []string{write, "no answer within 10s", half}, remedy: busy},
		{name: "write closed", kind: routerostest.Reset, at: writingFlow, err: []string{write, "closed the connection in the middle", half}, remedy: log},
		{name: "write trap, closed", kind: routerostest.TrapClose, at: writingFlow, err: []string{write, "device is going down", half}, remedy: log},
		{name: "write trap", kind: routerostest.Trap, at: writingFlow, err: []string{write, "failure: not now; written before: "}, remedy: words},
		{name: "write two traps", kind: routerostest.TwoTraps, at: writingFlow, err: []string{write, "first reason; failure: second reason"}, remedy: words},
		{name: "write without policy", kind: routerostest.Trap, at: writingFlow, text: "not enough permissions (9)", err: []string{write, "(9)"}, remedy: "policies api, read and write"},
		{name: "write fatal", kind: routerostest.Fatal, at: writingFlow, err: []string{write, "out of memory"}, remedy: log},
		{name: "write not kept", kind: routerostest.Unkept, at: writingFlow, err: []string{write, "did not keep it: "}, remedy: "whether something else manages these settings"},
		{name: "write unheard", kind: routerostest.Unheard, at: writingFlow, err: []string{write, "did not keep it: "}, remedy: "whether something else manages these settings"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := pipedConfig(t, timeout)
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				err := provisionBy(t, t.Context(), cfg, routerostest.Fault{Kind: c.kind, Command: c.at, Text: c.text})
				took, want := time.Since(began), time.Duration(0)
				if c.hangs {
					want = timeout
				}
				if took != want {
					t.Errorf("took %s, not %s", took, want)
				}
				var e *routeros.Error
				if !errors.As(err, &e) {
					t.Fatalf("%v", err)
				}
				for _, text := range append(c.err, "router gw-1: ") {
					if !strings.Contains(e.Error(), text) {
						t.Errorf("%q is not in %q", text, e)
					}
				}
				if !strings.Contains(e.Remedy, c.remedy) {
					t.Errorf("remedy %q, want %q", e.Remedy, c.remedy)
				}
			})
		})
	}
}

// A router for which there is no more time ends at that time, wherever it hangs,
// and that is told from an answer that did not come in time.
func TestDeadlineOfARouter(t *testing.T) {
	const limit = 7 * time.Second
	for _, at := range []string{"/login", readingFlow, writingFlow} {
		cfg := pipedConfig(t, time.Hour)
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			began := time.Now()
			err := provisionBy(t, ctx, cfg, routerostest.Fault{Kind: routerostest.Silent, Command: at})
			var e *routeros.Error
			if !errors.As(err, &e) || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(e.Remedy, "raise provision.deadline") ||
				!strings.Contains(e.Error(), "no answer in the time that one router may take") {
				t.Errorf("%s: %v", at, err)
			}
			if took := time.Since(began); took != limit {
				t.Errorf("%s: took %s", at, took)
			}
		})
	}
}
