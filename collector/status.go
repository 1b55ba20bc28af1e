package collector

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"nfacct/collector/netflow"
)

// Status is what the collector has counted since it was started.
type Status struct {
	Started   time.Time  `json:"started"`
	Exporters []Exporter `json:"exporters"` // those that were heard, by router and address
	Refused   []Refused  `json:"refused"`   // busiest first
	// RefusedOthers counts the datagrams of addresses that found the table of
	// refused ones full.
	RefusedOthers uint64   `json:"refused_others"`
	Sockets       []Socket `json:"sockets"`
	QueueDropped  uint64   `json:"queue_dropped"` // datagrams, for want of queue, which means of disk
	Queued        int      `json:"queued"`        // buffers of a MiB that wait for the writer
	Panics        uint64   `json:"panics"`        // datagrams that the decoder failed on; kept like all others
	Spool         Spool    `json:"spool"`
}

// Exporter is what came from one address. It counts what the writer has seen,
// which is up to half a second behind.
type Exporter struct {
	Router    string     `json:"router"`
	Address   netip.Addr `json:"address"`
	Versions  []string   `json:"versions"` // goflow2's names: NETFLOW_V5, NETFLOW_V9, IPFIX
	Received  time.Time  `json:"received"` // the last datagram
	Datagrams uint64     `json:"datagrams"`
	Bytes     uint64     `json:"bytes"`   // UDP payload
	Records   uint64     `json:"records"` // whose template is known

	LostRecords   uint64 `json:"lost_records"`   // v5 and IPFIX, less what came late
	LostDatagrams uint64 `json:"lost_datagrams"` // v9, likewise
	Reordered     uint64 `json:"reordered"`      // datagrams
	Duplicates    uint64 `json:"duplicates"`     // datagrams
	Restarts      uint64 `json:"restarts"`
	// Shared counts datagrams of streams that two senders share, of which loss cannot
	// be known.
	Shared uint64 `json:"shared,omitempty"`

	NoTemplate uint64            `json:"no_template"` // data sets, kept for when their template comes
	Rejects    map[string]uint64 `json:"rejects"`     // by netflow.Reason
}

// Socket is a socket of the collector.
type Socket struct {
	Address       netip.AddrPort `json:"address"`
	Accepted      uint64         `json:"accepted"`                 // datagrams of configured exporters
	QueueDropped  uint64         `json:"queue_dropped"`            // of these, those for which there was no room
	KernelDropped *uint64        `json:"kernel_dropped,omitempty"` // nil where the system does not say
	ReceiveBuffer int            `json:"receive_buffer"`           // bytes granted, 0 unknown
}

// Spool is the state of the spool folder.
type Spool struct {
	Folder   string    `json:"folder"`
	Open     string    `json:"open,omitempty"` // the file that is being written, relative
	Files    int       `json:"files"`          // sealed ones, as counted at the last rotation
	Bytes    int64     `json:"bytes"`          // of these and the open one, packed
	Stored   uint64    `json:"stored"`         // datagrams written since start
	Lost     uint64    `json:"lost"`           // datagrams given up at the end, because nothing could be written
	Full     bool      `json:"full"`           // nothing can be written at present
	FullFrom time.Time `json:"full_from,omitzero"`
	NoSpace  bool      `json:"no_space"`        // and that is for want of space or quota
	Error    string    `json:"error,omitempty"` // the last one of writing
}

// state is what the writer knows and Status tells.
type state struct {
	exporters map[netip.Addr]*account
	panics    uint64
	spool     Spool
	sealed    int64 // bytes of sealed files
}

// account counts what came from one address.
type account struct {
	Exporter
	received int64
	late     [2]uint64 // of LostRecords and LostDatagrams
	rejects  netflow.RejectTotals
	versions [3]string // the names of those that were seen
}

// add counts a datagram.
func (a *account) add(p *packet, g *netflow.Datagram) {
	a.Datagrams++
	a.Bytes += uint64(p.end - p.start)
	a.Records += uint64(g.Records)
	a.NoTemplate += uint64(g.NoTemplate)
	a.received = p.received
	switch g.Version {
	case 5:
		a.versions[0] = g.Version.String()
	case 9:
		a.versions[1] = g.Version.String()
	case 10:
		a.versions[2] = g.Version.String()
	}
	if g.Rejects != (netflow.Rejects{}) {
		a.rejects.Add(&g.Rejects)
	}
	if g.Loss == (netflow.Loss{}) {
		return
	}
	lost, late := &a.LostRecords, &a.late[0]
	if g.Version == 9 {
		lost, late = &a.LostDatagrams, &a.late[1]
	}
	*lost += uint64(g.Loss.Lost)
	*late += uint64(g.Loss.Late)
	if g.Loss.Reordered {
		a.Reordered++
	}
	if g.Loss.Duplicate {
		a.Duplicates++
	}
	if g.Loss.Restart {
		a.Restarts++
	}
	if g.Loss.Shared {
		a.Shared++
	}
}

// snapshot is the account as Status shows it.
func (a *account) snapshot() Exporter {
	e := a.Exporter
	e.Received = time.Unix(0, a.received)
	e.LostRecords -= min(a.late[0], e.LostRecords)
	e.LostDatagrams -= min(a.late[1], e.LostDatagrams)
	e.Versions = []string{}
	for _, version := range a.versions {
		if version != "" {
			e.Versions = append(e.Versions, version)
		}
	}
	e.Rejects = map[string]uint64{}
	for reason, n := range a.rejects.All() {
		e.Rejects[reason.String()] = n
	}
	return e
}

// Status gives a snapshot.
func (c *Collector) Status() Status {
	s := Status{Started: c.started, Queued: len(c.queue.full), Exporters: []Exporter{}}
	s.Refused, s.RefusedOthers = c.refused.list()
	for _, r := range c.receivers {
		socket := Socket{
			Address: r.socket.at, Accepted: r.accepted.Load(), QueueDropped: r.dropped.Load(),
			ReceiveBuffer: r.socket.granted,
		}
		if n, known := r.socket.dropped(); known {
			socket.KernelDropped = &n
		}
		s.QueueDropped += socket.QueueDropped
		s.Sockets = append(s.Sockets, socket)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Panics, s.Spool = c.state.panics, c.state.spool
	for _, a := range c.state.exporters {
		s.Exporters = append(s.Exporters, a.snapshot())
	}
	slices.SortFunc(s.Exporters, func(a, b Exporter) int {
		return cmp.Or(cmp.Compare(a.Router, b.Router), a.Address.Compare(b.Address))
	})
	return s
}

// Router sums up the exporters of a router: the last datagram of all, every version,
// and the losses.
func (s *Status) Router(name string) (sum Exporter) {
	for _, e := range s.Exporters {
		if e.Router != name {
			continue
		}
		if e.Received.After(sum.Received) {
			sum.Received = e.Received
		}
		for _, version := range e.Versions {
			if !slices.Contains(sum.Versions, version) {
				sum.Versions = append(sum.Versions, version)
			}
		}
		sum.LostRecords += e.LostRecords
		sum.LostDatagrams += e.LostDatagrams
	}
	return sum
}
