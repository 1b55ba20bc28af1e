package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"nfacct/archive"
)

// Top is who uses the line over a span: rows that are not loaded yet, added up by one
// field. Its figures are provisional.
type Top struct {
	From, Until time.Time
	by          string
	sums        map[string]*TopRow
	others      TopRow
}

// TopRow is the traffic of one host, peer, service or router.
type TopRow struct {
	Key       string     `json:"-"`
	Host      netip.Addr `json:"host,omitzero"` // by host
	Names     []string   `json:"names,omitempty"`
	Peer      netip.Addr `json:"peer,omitzero"`     // by peer
	Service   string     `json:"service,omitempty"` // by service
	Router    string     `json:"router,omitempty"`  // by router
	UpBytes   uint64     `json:"up_bytes"`
	DownBytes uint64     `json:"down_bytes"`
	// BitsPerSecond is the mean of the span.
	BitsPerSecond uint64 `json:"bits_per_second"`
	Flows         uint64 `json:"flows"`
}

// TopFields are what a Top adds up by.
var TopFields = []string{"host", "peer", "service", "router"}

// maxTop bounds the sums that are kept: beyond it, traffic is of others.
const maxTop = 100_000

// NewTop adds up by one of TopFields.
func NewTop(by string, from, until time.Time) (*Top, error) {
	if !slices.Contains(TopFields, by) {
		return nil, fmt.Errorf("%q is no field: write host, peer, service or router", by)
	}
	t := &Top{From: from, Until: until, by: by}
	t.Reset()
	return t, nil
}

// Reset forgets what was added.
func (t *Top) Reset() { t.sums, t.others = map[string]*TopRow{}, TopRow{} }

// Add adds a row.
func (t *Top) Add(router string, r *archive.Row) error {
	s := t.row(router, r)
	s.UpBytes, s.DownBytes, s.Flows = plus(s.UpBytes, r.UpBytes), plus(s.DownBytes, r.DownBytes), plus(s.Flows, r.Flows)
	return nil
}

func (t *Top) row(router string, r *archive.Row) *TopRow {
	if t.by == "host" && !r.Host.IsValid() || (t.by == "peer" || t.by == "service") && !r.Peer.IsValid() {
		return &t.others // whom it was, nobody could remember
	}
	fresh := TopRow{}
	switch t.by {
	case "host":
		fresh.Host, fresh.Key = r.Host, r.Host.String()
	case "peer":
		fresh.Peer, fresh.Key = r.Peer, r.Peer.String()
	case "service":
		fresh.Service = ServiceName(ServiceCode{r.Proto, r.ServicePort()})
		fresh.Key = fresh.Service
	case "router":
		fresh.Router, fresh.Key = router, router
	}
	s := t.sums[fresh.Key]
	if s == nil {
		if len(t.sums) == maxTop {
			return &t.others
		}
		s = &fresh
		t.sums[fresh.Key] = s
	}
	return s
}

// Rows are the busiest, at most limit (0: all), and the sum of the others.
func (t *Top) Rows(limit int) (rows []TopRow, others TopRow, left int) {
	for _, s := range t.sums {
		rows = append(rows, *s)
	}
	slices.SortFunc(rows, func(a, b TopRow) int {
		return cmp.Or(cmp.Compare(plus(b.UpBytes, b.DownBytes), plus(a.UpBytes, a.DownBytes)), cmp.Compare(a.Key, b.Key))
	})
	others = t.others
	if limit > 0 && len(rows) > limit {
		left = len(rows) - limit
		for i := range rows[limit:] {
			s := &rows[limit+i]
			others.UpBytes, others.DownBytes, others.Flows = plus(others.UpBytes, s.UpBytes), plus(others.DownBytes, s.DownBytes), plus(others.Flows, s.Flows)
		}
		rows = rows[:limit]
	}
	for i := range rows {
		t.pace(&rows[i])
	}
	t.pace(&others)
	return rows, others, left
}

// pace fills in the mean of the span.
func (t *Top) pace(s *TopRow) {
	if seconds := t.Until.Sub(t.From).Seconds(); seconds > 0 {
		s.BitsPerSecond = uint64(float64(plus(s.UpBytes, s.DownBytes)) * 8 / seconds)
	}
}
