package routerostest

import "strconv"

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
