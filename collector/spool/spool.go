// Package spool keeps datagrams as they came, in files that any capture tool
// reads, and reads such files again.
//
// A spool file is pcapng (section header, two interfaces, enhanced packets,
// interface statistics; little endian, nanoseconds) written as independent zstd
// frames, a second's at least every second, so that after a crash all but the
// last frame is whole, and `zstdcat FILE | tshark -r -` shows it. When the file is
// sealed its small frames are packed into larger ones of 256 KiB. Each frame has a
// checksum and says how many datagrams stand before it, and the last one that it is
// the last: what a damaged or cut file lacks is known, and the rest of it is read. The link type is RAW: IP and UDP
// headers are rebuilt around each payload.
//
// Interface 0, "live", holds what came while the file was open. Interface 1,
// "carried", holds what a decoder has to know beforehand (templates, sampling,
// sequence numbers), so that every file decodes alone; it is never traffic.
//
//	SPOOL/2026-11-23/20261123T191500Z.pcapng.zst       sealed, never changed again
//	SPOOL/2026-11-23/20261123T193000Z.pcapng.zst.open  being written
//	SPOOL/imported                                     names of sealed files that are in the database
//
// Folder and name are UTC: the quarter-hour's start, or the second of creation
// when a file of that quarter-hour exists already. Every time zone is a whole
// number of quarter-hours from UTC, so a file never straddles a local slot.
package spool

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

// Interfaces of a spool file.
const (
	Live    = 0
	Carried = 1
)

// SlotLength is the time that one file covers.
const SlotLength = 15 * time.Minute

// ErrNoSpace is wrapped by errors that a full disk causes: writing can be tried
// again later.
var ErrNoSpace = errors.New("no space left for the spool")

// Packet is one datagram with its addresses.
type Packet struct {
	Received int64          // Unix nanoseconds
	Src, Dst netip.AddrPort // exporter, and our socket
	Payload  []byte         // valid until the next call of Next
	// Cut is how many bytes of the payload a foreign capture left out behind it, as
	// one with a snap length does. Such a packet says who sent something, and no more.
	Cut int
	// Carried: state of an earlier file, repeated so that this one decodes
	// alone; never traffic.
	Carried bool
	// Synthetic: rebuilt from flow-tools records, so its sequence number means nothing.
	Synthetic bool
}

// Statistics is what a file says beside its packets: of the collector's
// sockets while the file was open, and of the file itself.
type Statistics struct {
	Received      uint64 // datagrams that reached the collector
	Refused       uint64 // of these, from addresses that are no configured exporter
	QueueDropped  uint64 // of these, dropped for want of queue or disk
	KernelDropped uint64 // dropped by the kernel for want of receive buffer
	Truncated     bool   // the file ends in the middle, or a frame in it is damaged: what was whole has been read
	Missing       uint64 // datagrams that a spool file held and a damaged one cannot show, as far as is known
	Skipped       uint64 // packets of a foreign capture that are no UDP datagrams
}

// Config says where the spool is and how much of it is kept.
type Config struct {
	// Folder of the spool; empty means the folder spool in the state folder.
	Folder string `toml:"folder"`
	// KeepDays is the age in days after which an imported file is deleted.
	KeepDays int `toml:"keep_days"`
	// KeepBytes is the size above which the oldest imported files are deleted.
	KeepBytes Size `toml:"keep_bytes"`
	// MinFree is the free space below which the oldest imported files are deleted
	// before their time; a tenth of the disk, if that is less. Below a quarter of
	// it files that are not imported go too: losing the past beats losing the
	// present.
	MinFree Size `toml:"min_free"`
}

// DefaultConfig keeps 35 days, so that any day of the last month can be
// imported again.
func DefaultConfig() Config {
	return Config{KeepDays: 35, KeepBytes: 20 << 30, MinFree: 512 << 20}
}

// Check reports each wrong value with its key and a remedy.
func (c Config) Check(report func(key, problem, remedy string)) {
	if c.KeepDays < 1 {
		report("keep_days", fmt.Sprintf("%d days", c.KeepDays), "keep at least 1 day")
	}
	if c.KeepBytes < 1<<20 {
		report("keep_bytes", fmt.Sprintf("%s is less than a file may need", c.KeepBytes), "keep at least 1MiB")
	}
	if c.MinFree < 0 {
		report("min_free", "a negative size", "write 0 to use the disk up")
	}
}

// Size is a number of bytes, written as 512MiB or 20GB in a configuration file.
type Size int64

// UnmarshalText reads a size with a decimal (kB, MB) or binary (KiB, MiB) unit.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > 1<<62 {
		return fmt.Errorf("%q is not a size: write for example 512MiB or 20GiB", text)
	}
	*s = Size(n)
	return nil
}

// MarshalText writes the size so that UnmarshalText reads the same number.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes the size in the largest binary unit that divides it, such as
// 512MiB: nothing is rounded.
func (s Size) String() string {
	units := [...]string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	unit := 0
	for s != 0 && s%1024 == 0 && unit < len(units)-1 {
		s /= 1024
		unit++
	}
	return strconv.FormatInt(int64(s), 10) + units[unit]
}
