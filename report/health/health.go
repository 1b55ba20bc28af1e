// Package health says how nfacct does: plain values in, findings with their remedies
// out. It knows no stage, so that the daemon, the status command and the page can all
// ask it.
package health

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Level is how grave a finding is.
type Level string

// The levels. A finding that fails wants somebody to do something now.
const (
	OK   Level = "ok"
	Warn Level = "warn"
	Fail Level = "fail"
)

// Finding is a fact of health.
type Finding struct {
	ID      string    `json:"id"` // what it is about, the same as long as it lasts: job.import
	Level   Level     `json:"level"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	Remedy  string    `json:"remedy,omitempty"`
	Since   time.Time `json:"since,omitzero"`
}

// Facts are what findings are made of. What is not known is left at its zero value.
type Facts struct {
	Collector Collector
	Database  Database
	Jobs      []Job
	Routers   []Router
	Strangers []Stranger
	Aside     []Aside
	Reload    *Reload
	Program   Program

	// What the archive tells.
	Import Import
	Books  []Book
	Mails  []Mail
	Disks  []Disk
}

// Reload is how the configuration was read anew last.
type Reload struct {
	At      time.Time
	Done    bool
	Problem string
	Restart []string // what counts only after a restart
}

// Collector is what receives.
type Collector struct {
	Ran     bool // at any time, with this state folder
	Running bool // by its own last word
	State   string
	Started time.Time
	Written time.Time // when it said so
	Silent  bool      // that is too long ago
	// Stuck says that the spool cannot be written, since when and why. NoSpace says
	// that it is the disk that is full.
	Stuck   time.Time
	Problem string
	NoSpace bool
	Spool   string
	Lost    uint64 // datagrams that were received and not kept
}

// Database is the archive's server.
type Database struct {
	Down  time.Time // since when it does not answer; zero when it does
	Cause string
	Root  string // it runs as root: what to do; empty when it does not
}

// Job is a job that failed when it ran last.
type Job struct {
	Name            string
	Since           time.Time
	Failures        int
	Problem, Remedy string
	Retry           time.Time
}

// Router is a configured router.
type Router struct {
	Name  string
	Heard time.Time // zero: never, since the collector was started
}

// Stranger is an address whose datagrams are refused.
type Stranger struct {
	Address   string
	Datagrams uint64
	Last      time.Time
}

// Aside is a file that no import takes by itself.
type Aside struct {
	File   string
	Since  time.Time
	Reason string
}

const (
	// unheard is how long after the collector's start a router may take to be heard:
	// RouterOS exports a flow within a minute, or after its timeout of 30.
	unheard = 5 * time.Minute
	// quiet is after how long a router that was heard is missed.
	quiet = time.Hour
	// strangersMost is how many unknown exporters have a finding each.
	strangersMost = 5
	// forgotten is after how long without a datagram a stranger is no finding.
	forgotten = 24 * time.Hour
)

// Look makes the findings, the gravest first. There is always one of the collector.
func Look(f *Facts, now time.Time) []Finding {
	list := []Finding{f.collector()}
	list = append(list, f.spool()...)
	list = append(list, f.database()...)
	list = append(list, f.reload()...)
	list = append(list, f.jobs()...)
	list = append(list, f.files()...)
	list = append(list, f.road(now, !f.Database.Down.IsZero())...)
	list = append(list, f.books()...)
	list = append(list, f.disk()...)
	list = append(list, f.program()...)
	if f.Collector.Running && !f.Collector.Silent {
		list = append(list, f.routers(now)...)
	}
	list = append(list, f.strangers(now)...)
	grave := map[Level]int{Fail: 0, Warn: 1, OK: 2}
	slices.SortStableFunc(list, func(a, b Finding) int { return cmp.Compare(grave[a.Level], grave[b.Level]) })
	return list
}

func (f *Facts) collector() Finding {
	c := &f.Collector
	found := Finding{ID: "collector", Level: Fail, Subject: "collector", Since: c.Written}
	switch {
	case !c.Ran:
		found.Text, found.Remedy = "no collector ran with "+c.State+" yet", "start nfacct run or nfacct collect"
	case !c.Running:
		found.Text, found.Remedy = "the collector was stopped: what routers send is lost", "start nfacct run"
	case c.Silent:
		found.Text, found.Remedy = "the collector has said nothing since: it was killed, or cannot write to "+c.State, "see its log, and start nfacct run again"
	default:
		found.Level, found.Text, found.Since = OK, "receiving", c.Started
	}
	return found
}

func (f *Facts) spool() []Finding {
	c := &f.Collector
	var list []Finding
	switch {
	case c.Stuck.IsZero():
	case c.NoSpace:
		list = append(list, Finding{"spool", Fail, c.Spool, "the disk is full: what arrives is lost", "make room in " + c.Spool, c.Stuck})
	default:
		list = append(list, Finding{"spool", Fail, c.Spool, "the spool cannot be written, and what arrives is lost: " + c.Problem, "see the rights and the disk of " + c.Spool, c.Stuck})
	}
	if c.Lost > 0 && c.Stuck.IsZero() {
		list = append(list, Finding{"spool.lost", Warn, c.Spool, fmt.Sprintf("%d datagrams were received and not kept, because the disk was full or too slow", c.Lost), "make room, or raise collector.queue", c.Started})
	}
	return list
}

func (f *Facts) database() []Finding {
	var list []Finding
	if f.Database.Root != "" {
		list = append(list, Finding{ID: "database.root", Level: Warn, Subject: "database", Text: "the private database runs as root, for no other user can come to its folder: a fault of it would reach the whole machine", Remedy: f.Database.Root})
	}
	if f.Database.Down.IsZero() {
		return list
	}
	return append(list, Finding{"database", Fail, "database", "the database is down: " + f.Database.Cause + "; receiving goes on, jobs and mails wait",
		"see server.log in the database folder, or the given server; nfacct run connects again by itself", f.Database.Down})
}

func (f *Facts) jobs() []Finding {
	var list []Finding
	for _, job := range f.Jobs {
		text := "fails: " + job.Problem
		if job.Failures > 1 {
			text = fmt.Sprintf("has failed %d times: %s", job.Failures, job.Problem)
		}
		list = append(list, Finding{"job." + job.Name, Fail, "job " + job.Name, text,
			cmp.Or(job.Remedy, "it is tried again at "+job.Retry.Format("15:04")+"; the error says what to mend"), job.Since})
	}
	return list
}

func (f *Facts) files() []Finding {
	var list []Finding
	for _, file := range f.Aside {
		list = append(list, Finding{"file." + file.File, Fail, file.File, "set aside, since it ended its import twice: " + file.Reason + "; its records are missing",
			"update nfacct, then run nfacct import with the file's path; report the file as a fault", file.Since})
	}
	return list
}

func (f *Facts) routers(now time.Time) []Finding {
	var list []Finding
	for _, router := range f.Routers {
		found := Finding{ID: "router." + router.Name, Level: Warn, Subject: "router " + router.Name, Since: f.Collector.Started,
			Remedy: "check the router's traffic-flow target and its src-address, or run nfacct provision"}
		switch {
		case router.Heard.IsZero():
			found.Text = "not heard since the collector was started"
			if now.Sub(f.Collector.Started) > unheard {
				found.Level = Fail
			}
		case now.Sub(router.Heard) > quiet:
			found.Text, found.Since = "silent since "+router.Heard.Format("2006-01-02 15:04"), router.Heard
		default:
			continue
		}
		list = append(list, found)
	}
	return list
}

func (f *Facts) strangers(now time.Time) []Finding {
	var list []Finding
	var more []string
	for _, s := range f.Strangers {
		if now.Sub(s.Last) > forgotten {
			continue
		}
		if len(list) == strangersMost {
			more = append(more, s.Address)
			continue
		}
		list = append(list, Finding{"exporter." + s.Address, Warn, s.Address, fmt.Sprintf("datagrams of an unknown exporter are refused: %d so far", s.Datagrams),
			"add the address to the export list of its [[router]], or stop it from sending", s.Last})
	}
	if len(more) > 0 {
		list = append(list, Finding{ID: "exporters", Level: Warn, Subject: "exporters", Text: fmt.Sprintf("datagrams of %d more unknown exporters are refused, such as %s", len(more), strings.Join(more[:min(len(more), 3)], ", ")),
			Remedy: "nfacct status lists them"})
	}
	return list
}

// Worst is the gravest level of some findings.
func Worst(list []Finding) Level {
	worst := OK
	for _, found := range list {
		if found.Level == Fail || found.Level == Warn && worst == OK {
			worst = found.Level
		}
	}
	return worst
}

// Changes are the findings that came, or became graver, from one look to the next,
// and those that are over.
func Changes(before, after []Finding) (came, over []Finding) {
	level := func(list []Finding, id string) Level {
		for _, found := range list {
			if found.ID == id {
				return found.Level
			}
		}
		return OK
	}
	for _, found := range after {
		if was := level(before, found.ID); found.Level != OK && was != found.Level && was != Fail {
			came = append(came, found)
		}
	}
	for _, found := range before {
		if found.Level != OK && level(after, found.ID) == OK {
			over = append(over, found)
		}
	}
	return came, over
}
