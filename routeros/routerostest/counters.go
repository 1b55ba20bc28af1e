package routerostest

import (
	"strconv"
	"time"

	"nfacct/routeros/officetest"
)

// traffic is what passed an interface: bytes and packets in and out.
type traffic [4]uint64

// counter is a column of the interface table: 0 and 1 are bytes in and out, 2
// and 3 packets.
func counter(column int) func(*Device, *item) string {
	return func(d *Device, i *item) string {
		if t := d.traffic[i.id]; t != nil {
			return strconv.FormatUint(t[column], 10)
		}
		return "0"
	}
}

// ethernet is the bytes of a frame's header, which interfaces count and flows do
// not.
const ethernet = 14

// pass counts a record's packets on the interfaces that they passed, and cuts off
// what was before the device was started; it says whether anything is left. The
// flow cache counts the first packet twice, interfaces do not. They count here when
// the record is exported, and not, as on a device, as the packets come.
func (d *Device) pass(r *officetest.Record, booted time.Time) bool {
	if r.End < booted.UnixMilli() {
		return false
	}
	packets := r.Packets - 1
	bytes := r.Bytes - r.Bytes/r.Packets + packets*ethernet
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reconnected(r)
	add := func(index uint32, column int) {
		if t := d.traffic[index]; t != nil {
			t[column] += bytes
			t[column+2] += packets
		}
	}
	add(r.InIf, 0)
	add(r.OutIf, 1)
	return true
}

// unseen says whether a record is of a connection that the hardware forwards, so
// that interfaces count it and traffic-flow does not.
func (d *Device) unseen(r *officetest.Record) bool {
	if d.cfg.Offloaded == 0 {
		return false
	}
	const golden = 2654435761
	low, high := min(r.SrcPort, r.DstPort), max(r.SrcPort, r.DstPort)
	return float64((uint32(low)<<16|uint32(high))*golden>>22) < d.cfg.Offloaded*1024
}
