// Package netflow turns NetFlow v5, v9 and IPFIX datagrams into flow records,
// and keeps what that needs: templates, sampling, sequence numbers. It is pure:
// no socket, no clock, no log.
package netflow

import (
	"net/netip"

	"nfacct/collector/flow"
)

// Decoder holds what must be remembered between datagrams, for any number of
// exporters. It is not safe for concurrent use.
type Decoder struct{}

// NewDecoder returns a decoder within the given limits; zero fields mean defaults.
func NewDecoder(limits Limits) *Decoder { return &Decoder{} }

// Limits bound what exporters can make a Decoder remember.
type Limits struct{}

// Datagram is what one datagram held.
type Datagram struct {
	Version    flow.Version
	Domain     uint32
	Sequence   uint32
	ExportTime int64 // Unix nanoseconds, the header's
	Records    int   // data records, decoded or (Scan) counted
	Templates  int   // template and options template records
	NoTemplate int   // data sets kept back because their template is not known
	Rejects    Rejects
	Loss       Loss
}

// Decode appends the datagram's records to dst. The datagram's bytes are not kept.
func (d *Decoder) Decode(dst []flow.Record, src netip.AddrPort, received int64, payload []byte) ([]flow.Record, Datagram) {
	panic("unwritten")
}

// Scan does all that Decode does but making records.
func (d *Decoder) Scan(src netip.AddrPort, received int64, payload []byte) Datagram {
	panic("unwritten")
}

// Carry emits datagrams that bring a fresh Decoder to this one's state:
// templates, options templates, the last sampling options, and for each stream
// the last sequence number. They hold no data records that count as traffic.
func (d *Decoder) Carry(emit func(src netip.AddrPort, received int64, payload []byte)) {
	panic("unwritten")
}

// Rejects counts what could not be used in one datagram, by Reason.
type Rejects [1]uint16

// Loss is what the sequence number said.
type Loss struct {
	Lost      uint32 // units missing before this datagram: records (v5, IPFIX) or datagrams (v9)
	Reordered bool
	Duplicate bool
	Restart   bool
}
