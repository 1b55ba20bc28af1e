package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nfacct/routeros/routerostest"
)

// executioner kills a process with SIGKILL when the router has been sent so many
// sentences from the first write on. The router carries that sentence out, and
// goes on only when the process is gone.
type executioner struct {
	mu    sync.Mutex
	cmd   *exec.Cmd
	gone  chan struct{} // the process has ended
	left  int           // sentences until then
	began bool          // the first write has come
	died  string        // the command at which
}

func (e *executioner) hear(s routerostest.Sentence) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.began = e.began || s.Writes()
	if e.cmd == nil || !e.began || e.died != "" {
		return
	}
	if e.left--; e.left > 0 {
		return
	}
	e.died = s.Command()
	_ = e.cmd.Process.Kill()
	<-e.gone
}

// run runs nfacct until it is killed at the nth sentence, and says at which
// command that was; "" when it ended before.
func (e *executioner) run(t *testing.T, n int, args ...string) string {
	t.Helper()
	e.mu.Lock()
	e.cmd, e.gone, e.left, e.began, e.died = exec.Command("nfacct", args...), make(chan struct{}), n, false, ""
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, gone := e.cmd, e.gone
	e.mu.Unlock()
	err := cmd.Wait()
	close(gone)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cmd = nil
	if e.died == "" && err != nil {
		t.Fatalf("nfacct %v, to be killed at %d: %v", args, n, err)
	}
	return e.died
}

// TestKilledProvision kills provision with SIGKILL at each sentence from its first
// write on, be it a write or what reads it back. The next run finishes, one more
// changes nothing, and undo, which is killed as well, gives back what was there
// before the first.
func TestKilledProvision(t *testing.T) {
	t.Parallel()
	const target, flow, ipfix = "/ip/traffic-flow/target", "/ip/traffic-flow", "/ip/traffic-flow/ipfix"
	menus := []string{flow, target, ipfix, "/user", "/user/group"}
	for name, before := range map[string][][]string{
		"new router": nil,
		"another export": {
			{target + "/add", "dst-address", "192.0.2.9", "port", "2055", "version", "5"},
			{target + "/add", "dst-address", "127.0.0.1", "port", "8787", "version", "5", "disabled", "yes"},
			{flow + "/set", "active-flow-timeout", "7m", "interfaces", "LAN"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killer := &executioner{}
			device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-", OnSentence: killer.hear})
			for _, command := range append(before, []string{ipfix + "/set", "bytes", "no"}) {
				if _, err := device.Do(command[0], command[1:]...); err != nil {
					t.Fatal(command, err)
				}
			}
			state := func() map[string][]map[string]string {
				all := map[string][]map[string]string{}
				for _, menu := range menus {
					all[menu] = device.Print(menu)
					for _, item := range all[menu] {
						delete(item, "last-logged-in")
					}
				}
				return all
			}
			was := state()
			config := provisionConfig(t, "127.0.0.1:8787", "[provision]\nversion = \"ipfix\"\naccount = \"auditor\"\naccount_password_file = \"password\"", device.Addr().String())
			provision := []string{"--config", config, "provision", "--wait", "0", "--create-user"}
			undo := []string{"--config", config, "provision", "--undo"}
			var at []string
			for n := 1; ; n++ {
				died := killer.run(t, n, provision...)
				if died != "" {
					typed(provision...).want(t, exitOK, "gw-1: RouterOS")
				}
				device.ForgetSentences()
				typed(provision...).want(t, exitOK, "nothing to change")
				if writes := device.Writes(); len(writes) > 0 {
					t.Fatalf("killed at %d (%s): the run after the next wrote %v", n, died, writes)
				}
				undied := killer.run(t, n, undo...)
				if undied != "" {
					typed(undo...).want(t, exitOK, "gw-1: RouterOS")
				}
				if diff := cmp.Diff(was, state()); diff != "" {
					t.Fatalf("killed at %d (%s), and in undo at %s:\n%s", n, died, undied, diff)
				}
				if _, err := os.Stat(savedOf(config)); err == nil {
					t.Fatalf("killed at %d (%s): the saved state is left", n, died)
				}
				if died == "" && undied == "" {
					break
				}
				at = append(at, died, undied)
			}
			hit := map[string]int{}
			for _, command := range at {
				hit[command]++
			}
			for _, command := range []string{target, flow, ipfix, "/user", "/user/group"} {
				if !slices.ContainsFunc(at, func(c string) bool { return strings.HasPrefix(c, command+"/") && !strings.HasSuffix(c, "/print") }) {
					t.Errorf("never killed at a write of %s: %v", command, hit)
				}
			}
			t.Log(fmt.Sprint(slices.Sorted(maps.Keys(hit))))
		})
	}
}
