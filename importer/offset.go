package importer

import (
	"net/netip"

	"nfacct/archive"
	"nfacct/collector/flow"
	"nfacct/collector/netflow"
)

// A datagram says when it was exported by the router's clock, and the collector when
// it came. Between them lie some milliseconds of the network and up to a second for
// want of fractions (v5 apart, headers count seconds; RouterOS's uptimes too are
// multiples of 1000 ms). What is more is the error of the router's clock, and all
// times of its records are wrong by as much: without NTP it begins in 1970.

const (
	// clockTolerance is what is no error of the clock, and within which two datagrams
	// agree about it.
	clockTolerance = 5 * second

	// maxClocks bounds the exporters whose clocks are remembered: as many as
	// Options.Others admits there can be any number of.
	maxClocks = 1 << 12
)

// clocks are how far the collector's clock is ahead of each exporter's. They begin
// anew with each file, so that it gives the same rows with whichever others it is read.
type clocks struct {
	of   map[netip.Addr]*int64
	last netip.Addr
	at   *int64
}

func (c *clocks) begin() {
	clear(c.of)
	c.at = nil
}

// offset is what must be added to the times of a datagram's records, in nanoseconds.
// Of datagrams that agree the one that took least is believed; one that does not
// agree begins anew: the clock was set, or somebody else sends from the address, and
// then each goes by its own time.
func (c *clocks) offset(exporter netip.Addr, exported, received int64) int64 {
	if c.at == nil || c.last != exporter {
		c.find(exporter)
	}
	own := received - exported
	if own < *c.at || own > *c.at+clockTolerance {
		*c.at = own
	}
	return beyond(*c.at)
}

func (c *clocks) find(exporter netip.Addr) {
	at := c.of[exporter]
	if at == nil {
		if c.of == nil || len(c.of) >= maxClocks {
			c.of = map[netip.Addr]*int64{}
		}
		at = new(int64)
		c.of[exporter] = at
	}
	c.last, c.at = exporter, at
}

// beyond is an offset if it is an error of the clock, else 0.
func beyond(offset int64) int64 {
	if offset >= -clockTolerance && offset <= clockTolerance {
		return 0
	}
	return offset
}

// correct puts the times of a datagram's records right, and notes that they were not.
func (s *source) correct(t *tally, records []flow.Record, g *netflow.Datagram, offset int64) {
	if offset == 0 || len(records) == 0 || g.ExportTime == 0 {
		return
	}
	for i := range records {
		records[i].Start += offset
		records[i].End += offset
	}
	if n := t.oddity(archive.FoundClock, records[0].Exporter, ""); n != nil {
		n.add(uint64(len(records)), 0)
		if ahead := -offset / second; n.seconds == 0 || max(ahead, -ahead) > max(n.seconds, -n.seconds) {
			n.seconds = ahead
		}
	}
}
