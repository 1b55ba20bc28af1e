// Package spool keeps datagrams as they came: pcapng in independent zstd
// frames, a file a quarter-hour.
package spool

import (
	"net/netip"
)

// Packet is one datagram with its addresses.
type Packet struct {
	Received int64          // Unix nanoseconds
	Src, Dst netip.AddrPort // exporter, and our socket
	Payload  []byte         // valid until the next call of Next
	Carried  bool           // state of an earlier file, repeated so that this one decodes alone: never traffic
	// Synthetic: rebuilt from a flow-tools record, so its sequence number means nothing.
	Synthetic bool
}

// Reader reads the packets of one file, whatever its format.
type Reader struct{}

// Open opens a spool file, a pcap or pcapng file (plain, zstd or gzip) or a
// flow-tools file, known by its first bytes and not by its name.
func Open(path string) (*Reader, error) { panic("unwritten") }

// Next returns the next packet, or io.EOF.
func (r *Reader) Next() (Packet, error) { panic("unwritten") }

// Statistics is what the file says was lost before it was written; complete after io.EOF.
func (r *Reader) Statistics() Statistics { panic("unwritten") }

// Close closes the file.
func (r *Reader) Close() error { panic("unwritten") }

// Statistics is what a file says beside its packets.
type Statistics struct {
	Received      uint64 // datagrams accepted by the collector while the file was open
	KernelDropped uint64 // datagrams the kernel dropped for want of receive buffer
	QueueDropped  uint64 // datagrams the collector dropped for want of queue or disk
	Refused       uint64 // datagrams of exporters that are not configured
	Truncated     bool   // the file ends in the middle: what was whole has been read
	Skipped       uint64 // packets of a foreign capture that are not UDP datagrams
}
