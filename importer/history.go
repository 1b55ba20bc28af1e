package importer

import (
	"math"
	"time"

	"nfacct/importer/attribution"
	"nfacct/importer/rules"
)

// Since is a router as it was from an instant on.
type Since struct {
	From time.Time
	attribution.Router
	// ActiveTimeout is after how long it exports a flow that goes on; 0 is not known.
	ActiveTimeout time.Duration
}

// eras are how a router's records are attributed, over time. What stands at the
// beginning is also true of the time before: nothing else is known of it.
type eras struct {
	router  int // its number
	history []Since
	rules   []rules.Rule
	rate    Rate // of its fastest port

	from, until int64 // of the one at hand, Unix nanoseconds
	hand        *accounted
	made        map[int]*accounted
}

// maxEras bounds how many are kept ready: records come about in order, and late
// ones cross a border now and then.
const maxEras = 4

func newEras(router int, r Router, list []rules.Rule) *eras {
	e := &eras{router: router, history: r.History, rules: list, rate: r.PortRate, made: map[int]*accounted{}}
	if len(e.history) == 0 {
		e.history = []Since{{Router: r.Router, ActiveTimeout: r.ActiveTimeout}}
	}
	return e
}

// at is the router at a moment in Unix nanoseconds.
func (e *eras) at(moment int64) *accounted {
	if e.hand != nil && e.from <= moment && moment < e.until {
		return e.hand
	}
	n := len(e.history) - 1
	for n > 0 && moment < e.history[n].From.UnixNano() {
		n--
	}
	e.from, e.until = math.MinInt64, math.MaxInt64
	if n > 0 {
		e.from = e.history[n].From.UnixNano()
	}
	if n < len(e.history)-1 {
		e.until = e.history[n+1].From.UnixNano()
	}
	if e.hand = e.made[n]; e.hand == nil {
		if len(e.made) >= maxEras {
			clear(e.made)
		}
		r := e.history[n].Router
		e.hand = &accounted{attribution.New(r, e.router), rules.Compile(e.rules, r.Inside), limitsOf(e.rate, e.history[n].ActiveTimeout, r.Sampling != 0)}
		e.made[n] = e.hand
	}
	return e.hand
}
