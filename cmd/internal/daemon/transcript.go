package daemon

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

const (
	// lineMost bounds a line of a child, in bytes.
	lineMost = 16 << 10
	// otherMost is how many lines that are no log lines are kept.
	otherMost = 30
	// errorMost bounds the error that a child ends with, in bytes.
	errorMost = 4 << 10
)

// transcript is what a child says: log lines, which are passed on; the error that it
// ends with; and the rest, such as the traceback of a crash. It is written to by one
// goroutine of os/exec, and read after that.
type transcript struct {
	to   io.Writer
	part []byte // a line that has no end yet

	problem []string // the error, by lines
	other   []string
	crash   bool // the runtime ended it
	memory  bool // for want of memory
}

// errorPrefix begins the line in which a command says why it failed.
const errorPrefix = "nfacct: "

func (t *transcript) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		line, rest, whole := bytes.Cut(p, []byte{'\n'})
		if room := lineMost - len(t.part); room > 0 {
			t.part = append(t.part, line[:min(len(line), room)]...)
		}
		p = rest
		if whole {
			t.line(string(t.part))
			t.part = t.part[:0]
		}
	}
	return n, nil
}

// end takes the last line, where it has no end.
func (t *transcript) end() {
	if len(t.part) > 0 {
		t.line(string(t.part))
		t.part = nil
	}
}

func (t *transcript) line(line string) {
	switch {
	case strings.HasPrefix(line, "time="):
		_, _ = io.WriteString(t.to, line+"\n")
	case strings.HasPrefix(line, errorPrefix) && !t.crash:
		t.problem = append(t.problem, line[len(errorPrefix):])
	case len(t.problem) > 0 && !t.crash && len(strings.Join(t.problem, "\n"))+len(line) < errorMost:
		t.problem = append(t.problem, line)
	case len(t.problem) == 0 || t.crash:
		t.crash = t.crash || begins(line, "panic: ", "fatal error: ", "runtime: ", "runtime/cgo: ", "==") // == is the race detector's
		// As they say it when there is no memory for the heap, or for a thread.
		t.memory = t.memory || t.crash && (strings.Contains(line, "out of memory") || strings.Contains(line, "cannot allocate memory") ||
			strings.Contains(line, "pthread_create failed") || strings.Contains(line, "failed to allocate"))
		if len(t.other) < otherMost && line != "" {
			t.other = append(t.other, line)
		}
	}
}

// begins says whether a line begins with one of these.
func begins(line string, with ...string) bool {
	return slices.ContainsFunc(with, func(prefix string) bool { return strings.HasPrefix(line, prefix) })
}

// last is why the child ended, by its own words.
func (t *transcript) last() string {
	if t.crash && len(t.other) > 0 {
		return t.other[0]
	}
	return strings.Join(t.problem, "\n")
}
