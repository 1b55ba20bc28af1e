package collector

import (
	"net/netip"
	"slices"

	"nfacct/collector/spool"
)

// carryMost bounds what a spool file carries of earlier ones, in bytes of blocks: an
// honest exporter's templates take some hundred bytes, and those that somebody makes
// up must not fill every file.
const carryMost = 4 << 20

// carry appends the decoder's state to w.blocks, as packets of interface Carried.
// When it is too much, each exporter has an equal share, and those that need less
// lend theirs.
func (w *writer) carry() {
	start := len(w.blocks)
	need := map[netip.Addr]int{}
	all := 0
	w.decoder.Carry(func(src netip.AddrPort, received int64, payload []byte) {
		before := len(w.blocks)
		w.blocks = spool.AppendPacket(w.blocks, spool.Carried, received, src, w.c.receivers[0].socket.at, payload)
		size := len(w.blocks) - before
		need[src.Addr()] += size
		if all += size; all > carryMost {
			w.blocks = w.blocks[:before] // it is counted
		}
	})
	if all <= carryMost {
		return
	}
	w.blocks = w.blocks[:start]
	share := shareOf(need, carryMost)
	used := map[netip.Addr]int{}
	left := 0
	w.decoder.Carry(func(src netip.AddrPort, received int64, payload []byte) {
		before := len(w.blocks)
		w.blocks = spool.AppendPacket(w.blocks, spool.Carried, received, src, w.c.receivers[0].socket.at, payload)
		size := len(w.blocks) - before
		if used[src.Addr()] += size; used[src.Addr()] > share {
			w.blocks = w.blocks[:before]
			left += size
		}
	})
	w.c.log.Warn("exporters have sent more templates than a spool file carries along: those left out come again by themselves, or are somebody's flood",
		"exporters", len(need), "bytes", all, "left_out", left)
}

// shareOf is the most that each may have when all together have so much: the greatest
// that fits.
func shareOf(need map[netip.Addr]int, most int) int {
	var sizes []int
	for _, size := range need {
		sizes = append(sizes, size)
	}
	slices.Sort(sizes)
	for i, size := range sizes {
		share := most / (len(sizes) - i)
		if size > share {
			return share
		}
		most -= size
	}
	return most
}
