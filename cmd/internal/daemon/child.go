package daemon

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Progress tells the parent that a child works. One of a process without a parent,
// and nil, tell nobody.
type Progress struct {
	mu   sync.Mutex
	out  *os.File
	last time.Time
}

// tellEvery is how often signs of life are passed on.
const tellEvery = time.Second

// Join is the child's side: its progress goes to the parent that started it.
func Join() *Progress {
	fd, err := strconv.Atoi(os.Getenv(progressVariable))
	if err != nil {
		return nil
	}
	syscall.CloseOnExec(fd)
	os.Unsetenv(progressVariable)
	return &Progress{out: os.NewFile(uintptr(fd), "progress")}
}

func (p *Progress) tell(sign, text string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if sign == "." && now.Sub(p.last) < tellEvery {
		return
	}
	p.last = now
	_, _ = fmt.Fprintf(p.out, "%s%s\n", sign, strings.ReplaceAll(text[:min(len(text), 4000)], "\n", " "))
}

// Alive says that something was done.
func (p *Progress) Alive() { p.tell(".", "") }

// Begin says that a file is begun, and End that it is finished, well or not.
func (p *Progress) Begin(file string) { p.tell("+", file) }

// End is the other half of Begin.
func (p *Progress) End(file string) { p.tell("-", file) }

// reserved is address space that counts as data and is not used: Go maps its heap in
// arenas of 64 MiB, and touches of them what it needs.
const reserved = 64 * MiB

// Limit bounds the memory of this process and of all that it starts. Whatever goes
// beyond ends the process; GOMEMLIMIT, which the parent sets, makes Go collect
// garbage before that.
func Limit(memory int64) error {
	limit := uint64(memory*raceFactor + reserved)
	if err := unix.Setrlimit(unix.RLIMIT_DATA, rlimit(limit)); err != nil {
		return fmt.Errorf("limit memory: %w", err)
	}
	return nil
}
