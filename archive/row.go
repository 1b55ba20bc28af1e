package archive

import (
	"math"
	"net/netip"
	"strconv"
)

// Row is one biflow of one slot. Counters beyond a column's range become a further
// row, and what two rows for each record merged have no room for is left out, so
// that no counter that cannot be makes a table of its own; First and Duration
// beyond their range are clamped.
type Row struct {
	Day                    Day
	Slot                   Slot
	Router                 uint16 // of Routers.ID
	WAN                    uint16 // ifIndex of the outside interface, 0 when unknown
	Host, Peer             netip.Addr
	HostPort, PeerPort     uint16
	Proto                  uint8
	Attribution            uint8 // low nibble: rule that decided up records, high: down; 0 none
	UpPackets, DownPackets uint64
	UpBytes, DownBytes     uint64
	Flows                  uint64 // records merged
	First                  int32  // seconds from the slot's start, may be negative
	Duration               uint32 // seconds from First to the last end merged
}

// columns are those of a month table, in the order that append writes them.
const columns = "`day`, `slot`, `router`, `wan`, `host`, `peer`, `host_port`, `peer_port`, `proto`, " +
	"`up_packets`, `down_packets`, `up_bytes`, `down_bytes`, `flows`, `first`, `duration`, `attribution`"

// rowForm is how LOAD DATA is to read what append writes.
const rowForm = `CHARACTER SET binary FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' (` + columns + ")"

// append writes the row as LOAD DATA reads it, and says how many rows it became.
// It allocates nothing when dst has room.
func (r *Row) append(dst []byte) ([]byte, uint64) {
	up, down, flows := r.UpPackets, r.DownPackets, r.Flows
	upBytes, downBytes := r.UpBytes, r.DownBytes
	most := max(r.Flows, 1)
	if most <= math.MaxInt32 { // beyond, two rows a record have room for any counter
		up, down = min(up, 2*most*math.MaxUint32), min(down, 2*most*math.MaxUint32)
	}
	first := max(math.MinInt16, min(int64(r.First), math.MaxInt16))
	for rows := uint64(1); ; rows++ {
		u, d, f := min(up, math.MaxUint32), min(down, math.MaxUint32), min(flows, math.MaxUint16)
		dst = r.Day.append(dst)
		dst = appendField(dst, uint64(r.Slot))
		dst = appendField(dst, uint64(r.Router))
		dst = appendField(dst, uint64(r.WAN))
		dst = appendAddr(dst, r.Host)
		dst = appendAddr(dst, r.Peer)
		dst = appendField(dst, uint64(r.HostPort))
		dst = appendField(dst, uint64(r.PeerPort))
		dst = appendField(dst, uint64(r.Proto))
		dst = appendField(dst, u)
		dst = appendField(dst, d)
		dst = appendField(dst, upBytes)
		dst = appendField(dst, downBytes)
		dst = appendField(dst, f)
		dst = strconv.AppendInt(append(dst, '\t'), first, 10)
		dst = appendField(dst, uint64(min(r.Duration, math.MaxUint16)))
		dst = appendField(dst, uint64(r.Attribution))
		dst = append(dst, '\n')
		up, down, flows = up-u, down-d, flows-f
		if up == 0 && down == 0 && flows == 0 {
			return dst, rows
		}
		upBytes, downBytes = 0, 0
	}
}

func appendField(dst []byte, n uint64) []byte {
	return strconv.AppendUint(append(dst, '\t'), n, 10)
}

// appendAddr writes the 4 or 16 bytes of an address.
func appendAddr(dst []byte, addr netip.Addr) []byte {
	dst = append(dst, '\t')
	if addr.Is4() {
		for _, b := range addr.As4() {
			dst = appendByte(dst, b)
		}
		return dst
	}
	for _, b := range addr.As16() {
		dst = appendByte(dst, b)
	}
	return dst
}

// appendByte escapes what LOAD DATA would take for a field's or a line's end.
func appendByte(dst []byte, b byte) []byte {
	switch b {
	case '\t', '\n', '\\':
		return append(dst, '\\', b)
	case 0:
		return append(dst, '\\', '0')
	}
	return append(dst, b)
}
