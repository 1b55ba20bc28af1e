package report

import (
	"fmt"
	"time"

	"nfacct/report/phrase"
)

// Reason is why flows and counters differ, or why a time is not in their figures: a
// phrase with its arguments.
type Reason struct {
	Text string   `json:"text"` // in English
	Key  string   `json:"-"`
	N    uint64   `json:"-"` // the number of a phrase that counts
	Args []string `json:"-"`
}

// In is the reason in a language.
func (r Reason) In(c *phrase.Catalogue) string {
	args := make([]any, len(r.Args))
	for i, arg := range r.Args {
		args[i] = arg
	}
	if r.N > 0 {
		return c.Plural(r.Key, r.N, args...)
	}
	return c.Text(r.Key, args...)
}

// reasons collects Reasons.
type reasons struct {
	english *phrase.Catalogue
	list    []Reason
}

func (r *reasons) say(key string, n uint64, args ...string) {
	reason := Reason{Key: "coverage." + key, N: n, Args: args}
	reason.Text = reason.In(r.english)
	r.list = append(r.list, reason)
}

// RouterState is what is known of a router that may explain its coverage.
type RouterState struct {
	Down    bool // it does not answer now
	Drifted bool // it is not provisioned as wanted

	Asked        bool // the following is known
	FastTrack    int  // rules
	Sampling     float64
	CacheEntries string
	Targets      int
}

// mostLeft is how many times are named one by one.
const mostLeft = 5

// Notes say which times are not in the figures, and why there are none. Nil when no
// counters are known.
func (c *Coverage) Notes(s RouterState, loc *time.Location) []Reason {
	if c == nil {
		return nil
	}
	r := reasons{english: phrase.English()}
	between := func(span Span) (from, until string) {
		begin, end := span.From.In(loc), span.To.In(loc)
		until = end.Format("15:04")
		if begin.Format(time.DateOnly) != end.Format(time.DateOnly) {
			until = end.Format("2006-01-02 15:04")
		}
		return begin.Format("2006-01-02 15:04"), until
	}
	for i, left := range c.Left {
		if i == mostLeft {
			r.say("more_left", uint64(len(c.Left)-i))
			break
		}
		from, until := between(left.Span)
		r.say("left."+string(left.Why), 0, from, until)
	}
	for i, span := range c.Unread {
		if i == mostLeft {
			r.say("more_unread", uint64(len(c.Unread)-i))
			break
		}
		from, until := between(span)
		r.say("unread", 0, from, until)
	}
	if s.Down {
		r.say("down", 0)
	}
	if !c.Known() && len(c.Left) == 0 {
		r.say("early", 0)
	}
	return r.list
}

// A ratio within these bounds needs no explanation: interfaces count layer 2 and the
// router's own traffic, flows neither; and RouterOS counts the first packet of each
// flow twice (seen on 6.39.2 and in 2016), which makes some percent.
const (
	lowCoverage  = 0.9
	highCoverage = 1.1
)

// Explain says what may be behind a coverage that is low or above one.
func (c *Coverage) Explain(s RouterState) []Reason {
	r := reasons{english: phrase.English()}
	switch {
	case c.Ratio() < lowCoverage:
		if c.LostRecords > 0 {
			r.say("lost", c.LostRecords)
		}
		if c.Silent > 0 {
			r.say("silent", uint64(c.Silent))
		}
		if s.Drifted {
			r.say("drifted", 0)
		}
		if s.FastTrack > 0 {
			r.say("fasttrack", uint64(s.FastTrack))
		}
		if s.Sampling > 1 {
			r.say("sampling", 0, fmt.Sprintf("%.4g", s.Sampling))
		}
		if s.Asked {
			r.say("offloaded", 0, s.CacheEntries)
		}
		r.say("layer2", 0)
	case c.Ratio() > highCoverage:
		if s.Targets > 1 {
			r.say("targets", uint64(s.Targets))
		}
		r.say("wraps", 0)
		r.say("first_packet", 0)
		r.say("two_interfaces", 0)
	}
	return r.list
}
