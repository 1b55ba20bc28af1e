// Package daemon is the life of "nfacct run": the processes that it starts, the
// database that it keeps, and how it deals with those that fail.
//
// The parent holds the sockets, the spool and the table of jobs, and outlives all
// else. Whatever reads records, renders or talks is a child: the same program with a
// hidden command, a memory limit, and a deadline that counts time without progress.
// A child tells its progress through a descriptor, ends with its parent, and never
// starts a database server, which would inherit its limits.
package daemon

import (
	"fmt"
	"time"
)

// Task is one run of a child.
type Task struct {
	Name  string
	Args  []string
	Input string // on its standard input
	// Memory is what the child may use, in bytes.
	Memory int64
	// Silence is how long it may go on without progress.
	Silence time.Duration
}

// MiB is the unit of memory limits.
const MiB = 1 << 20

// Total is what all that may run at once is allowed: the parent, the private
// database, a child of each lane, and the page. It leaves 64 MiB of the 1.5 GiB that
// nfacct takes of a machine.
const Total = 1472 * MiB

// Parts of Total. A lane runs one child at a time. The import of 384,000
// made-up hosts takes 184 MiB; a mail holds what its report holds; a hostile router
// can make its reader hold 150 MB (package routeros); MariaDB's buffers are options of
// package archive.
const (
	ParentMemory   = 160 * MiB
	DatabaseMemory = 320 * MiB
	WriterMemory   = 384 * MiB // import and the month's end
	ReportMemory   = 256 * MiB // reports, who is over quota, and mails, which hold their report
	RouterMemory   = 160 * MiB
	PageMemory     = 192 * MiB // an answer that is shown has 5,000 lines at most
)

// Cause is why a child ended before its work was done.
type Cause string

// The causes.
const (
	Failed   Cause = "failed"      // it said why
	NoMemory Cause = "memory"      // it reached its limit
	Silent   Cause = "no progress" // it was ended for that
	Crashed  Cause = "crash"       // a fault of the program
	Killed   Cause = "killed"      // by a signal that was not ours
)

// Fault is the error of a child that failed.
type Fault struct {
	Task  Task
	Cause Cause
	Code  int      // exit code, -1 when a signal ended it
	Text  string   // what it said last, or the signal's name
	Files []string // that it had begun and not finished
}

// Own says whether the child brought its end about itself: a kill from outside proves
// nothing about its work.
func (f *Fault) Own() bool {
	return f.Cause == NoMemory || f.Cause == Silent || f.Cause == Crashed
}

func (f *Fault) Error() string {
	switch f.Cause {
	case NoMemory:
		return fmt.Sprintf("ended at its memory limit of %d MiB: %s", f.Task.Memory/MiB, f.Text)
	case Silent:
		return fmt.Sprintf("ended after %v without progress", f.Task.Silence)
	case Crashed:
		return "crashed: " + f.Text
	case Killed:
		return fmt.Sprintf("killed from outside (%s)", f.Text)
	}
	return f.Text
}

// Remedy is what a person can do about it; empty when the error says it itself.
func (f *Fault) Remedy() string {
	switch f.Cause {
	case NoMemory:
		return "it is tried again; a file that ends its import twice is set aside. If it goes on, run the same command by hand, where no limit holds"
	case Silent:
		return "it is tried again; look whether the database, a router or the mail server hangs"
	case Crashed:
		return "it is tried again; report the lines in the log as a fault of nfacct"
	case Killed:
		return "it is tried again; the kernel's log says whether the machine was out of memory"
	}
	return ""
}
