package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// importTally counts how the imports of killImports ended.
type importTally struct{ killed, serverKilled, failed, early, whole int }

func (n importTally) String() string {
	return fmt.Sprintf("%d killed, %d had their server killed (%d of them failed), %d had ended before, %d were left alone",
		n.killed, n.serverKilled, n.failed, n.early, n.whole)
}

// killImports imports again and again and kills, in turn, the import or the server
// that it loads into, until told to stop and each at least so many times. Every
// sixth is left alone and has to succeed.
func killImports(t *testing.T, config string, rounds int, random *rand.Rand, stop <-chan struct{}) (n importTally) {
	for round := 1; !t.Failed(); round++ {
		select {
		case <-stop:
			if n.killed >= rounds && n.serverKilled >= rounds {
				return n
			}
		default:
		}
		awaitServer(t, filepath.Dir(config))
		var said bytes.Buffer
		cmd := exec.Command("nfacct", "import", "--config", config)
		cmd.Stdout, cmd.Stderr = &said, &said
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			t.Error(err)
			break
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()

		alone := round%6 == 0
		var killed, serverKilled bool
		if !alone {
			wait := time.Duration(random.Int64N(int64(700 * time.Millisecond)))
			select {
			case err := <-done:
				done <- err
			case <-time.After(wait):
				if round%2 == 0 {
					_ = cmd.Process.Kill()
					killed = true
				} else {
					serverKilled = killDatabase(filepath.Dir(config))
				}
			}
		}
		var err error
		select {
		case err = <-done:
		case <-time.After(5 * time.Minute): // a start of the server may take two
			err = fmt.Errorf("hangs: %w", hang(cmd, done))
		}
		switch {
		case killed:
			n.killed++
		case serverKilled:
			n.serverKilled++
			if err != nil {
				n.failed++
			}
		case alone:
			n.whole++
		default:
			n.early++
		}
		if err != nil && (!killed && !serverKilled || strings.HasPrefix(err.Error(), "hangs")) {
			t.Errorf("an import: %v\n%s", err, said.Bytes())
		}
	}
	return n
}

// hang ends an import that does not end and lets it say where it stands.
func hang(cmd *exec.Cmd, done <-chan error) error {
	_ = cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		return <-done
	}
}

// awaitServer waits while the private server is on its way, in or out, after an
// import that was killed.
func awaitServer(t *testing.T, state string) {
	folder := filepath.Join(state, "database")
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		lock, err := os.OpenFile(filepath.Join(folder, "instance.lock"), os.O_RDWR, 0)
		if err != nil {
			return // there is none yet
		}
		free := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
		lock.Close()
		if free {
			return
		}
		conn, err := net.Dial("unix", filepath.Join(folder, "data", "nfacct.sock"))
		if err != nil {
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		n, _ := conn.Read(make([]byte, 5))
		conn.Close()
		if n > 4 {
			return
		}
	}
	t.Error("the database server neither answers nor ends")
}

// killDatabase kills the private server of a state folder, if it has come so far.
func killDatabase(state string) bool {
	data := filepath.Join(state, "database", "data")
	names, _ := filepath.Glob(filepath.Join(data, "*.pid"))
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || pid <= 1 {
			continue
		}
		// A number that is left over may be another process's by now.
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil || !bytes.Contains(command, []byte(data)) {
			continue
		}
		process, err := os.FindProcess(pid)
		if err != nil {
			continue
		}
		if err := process.Kill(); err == nil {
			return true
		}
	}
	return false
}
