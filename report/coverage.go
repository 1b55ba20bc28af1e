package report

import (
	"context"
	"slices"
	"time"

	"nfacct/archive"
)

// RouterCoverage compares a router's flows with its interface counters.
type RouterCoverage struct {
	Router    string `json:"router"`
	Interface string `json:"interface,omitempty"` // empty: all outside interfaces together
	// From and To are the readings of the counters.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// FlowBytes is what flow records say crossed the interfaces, CounterBytes what
	// the router itself counted in the same time, with layer 2.
	FlowBytes    uint64  `json:"flow_bytes"`
	CounterBytes uint64  `json:"counter_bytes"`
	Share        float64 `json:"share"` // of the counter's bytes, 0 to about 1
	// Reasons are what may be behind a share that is low or above one.
	Reasons []Reason `json:"reasons,omitempty"`
}

// aroundPeriod is how far from the period's ends counters may have been read, so
// that the hours at its ends are covered too.
const aroundPeriod = time.Hour

// readCoverage holds the flows of each router against what its outside interfaces
// counted, where both are known.
func (q *question) readCoverage(ctx context.Context) error {
	if q.Group != "" { // heads of a department see no sums of others
		return nil
	}
	for _, router := range q.Routers {
		if !slices.ContainsFunc(q.u.Books, func(b archive.Book) bool { return b.Router == router }) {
			continue
		}
		c, err := ReadCoverage(ctx, q.archive.Routers(), router, q.Period.Start.Add(-aroundPeriod), q.Period.End.Add(aroundPeriod))
		if err != nil {
			return err
		}
		if c != nil && c.Known() {
			q.u.Coverage = append(q.u.Coverage, RouterCoverage{
				Router: router, From: c.From.In(q.loc), To: c.To.In(q.loc),
				FlowBytes: c.FlowBytes, CounterBytes: c.CounterBytes, Share: c.Ratio(),
				Reasons: c.Explain(RouterState{}),
			})
		}
	}
	return nil
}

// readLists reads the address lists that departments and quotas are made of.
func (q *question) readLists(ctx context.Context) (err error) {
	names := q.cfg.AddressLists()
	if len(names) == 0 {
		return nil
	}
	if q.lists, err = q.archive.Routers().Lists(ctx, q.Routers, q.Period.End); err != nil {
		return err
	}
	for _, name := range names {
		if len(q.lists[name]) == 0 {
			q.log.Warn("an address list is empty, or has not been read from any router: nobody is on it", "address_list", name)
		}
	}
	return nil
}
