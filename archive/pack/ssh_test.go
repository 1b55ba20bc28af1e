package pack

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// byssh is an archive.command that leads to this machine through a real OpenSSH,
// client and server. The server is run as inetd would, so that there is no port that
// somebody else may have, and all commands go through one connection. Its home is
// empty, since what a shell reads there at its start may take seconds.
func byssh(t *testing.T) []string {
	t.Helper()
	folder, err := os.MkdirTemp("", "ssh-") // short: a socket's path may have only 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	sshd := "/usr/sbin/sshd"
	if found, err := exec.LookPath("sshd"); err == nil {
		sshd = found
	}
	if os.Geteuid() == 0 { // where sshd locks its children up
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"host", "key"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(folder, name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	files := map[string]string{
		"server": `HostKey FOLDER/host
AuthorizedKeysFile FOLDER/key.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
PidFile none
SetEnv HOME=FOLDER
`,
		"client": `Host db
	ProxyCommand SSHD -i -f FOLDER/server -E FOLDER/log
	User USER
	IdentityFile FOLDER/key
	IdentitiesOnly yes
	UserKnownHostsFile FOLDER/known
	StrictHostKeyChecking no
	LogLevel ERROR
	BatchMode yes
	ControlMaster auto
	ControlPath FOLDER/master
	ControlPersist yes
Host down
	ProxyCommand false
	LogLevel ERROR
`,
	}
	for name, text := range files {
		text = strings.NewReplacer("FOLDER", folder, "SSHD", sshd, "USER", me.Username).Replace(text)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := []string{"ssh", "-F", filepath.Join(folder, "client"), "db"}
	t.Cleanup(func() { exec.Command(command[0], "-F", command[2], "-O", "exit", "db").Run() })
	if os.Geteuid() == 0 { // "sudo -u mysql" elsewhere
		command = append(command, "setpriv", fmt.Sprint("--reuid=", nobody), fmt.Sprint("--regid=", nobody), "--clear-groups")
	}
	if out, err := exec.Command(command[0], append(command[1:], "true")...).CombinedOutput(); err != nil {
		log, _ := os.ReadFile(filepath.Join(folder, "log"))
		t.Fatalf("%v: %s\n%s", err, out, log)
	}
	return command
}

// The tools run through ssh; where it does not get through, that is said and the
// month stays.
func TestPackBySSH(t *testing.T) {
	t.Parallel()
	command := byssh(t)
	a := given(t)
	mustLoad(t, a, file{1, 500, october.First(), 31}, file{2, 50, november.First(), 3})
	want := ask(t, a)
	cfg := DefaultConfig()
	cfg.Command = []string{"ssh", "-F", command[2], "down"}
	if _, err := New(cfg, a, testLog()).Pack(t.Context(), october, Options{Wait: time.Minute}); err == nil || !strings.Contains(err.Error(), "does not get as far as the server's machine") {
		t.Errorf("got %v", err)
	}
	if got := tableOf(t, a, october); got != "flows_2026_10" {
		t.Fatalf("the month is in %q", got)
	}
	cfg.Command = command
	p := New(cfg, a, testLog())
	r, err := p.Pack(t.Context(), october, Options{Wait: time.Minute})
	if err != nil || r.Method != MethodMyISAMPack || r.Rows != 500 {
		t.Fatalf("%+v %v", r, err)
	}
	if got := tableOf(t, a, october); got != "flows_2026_10c" {
		t.Errorf("the month is in %q", got)
	}
	if got := ask(t, a); !cmp.Equal(got, want) {
		t.Error("a reader is told something else")
	}
	place, err := a.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{place.Data + "/nfacct_pack*", place.Folder + "/pack_*"} {
		if left, err := filepath.Glob(pattern); err != nil || left != nil {
			t.Errorf("%v is left: %v", left, err)
		}
	}
}
