package flow

import (
	"fmt"
	"strings"
	"time"
)

// CSVHeading names the columns of AppendCSV: flow-export's where it has one.
var CSVHeading = strings.Join([]string{
	"version", "received", "exaddr", "dpkts", "doctets", "start", "end", "srcaddr", "dstaddr", "nexthop",
	"input", "output", "srcport", "dstport", "prot", "tos", "tcp_flags", "src_as", "dst_as",
	"post_nat_src_addr", "post_nat_dst_addr", "post_nat_src_port", "post_nat_dst_port",
}, ",")

// TableHeading names the columns of AppendTable.
var TableHeading = fmt.Sprintf("%-23s %8s %-21s %-21s %5s %5s %5s %10s %12s %s",
	"START", "SECONDS", "SOURCE", "DESTINATION", "PROTO", "IN", "OUT", "PACKETS", "BYTES", "AFTER NAT")

// known formats a number, or nothing when the exporter did not send it.
func known(r *Record, has Fields, v uint64) string {
	if r.Has&has == 0 {
		return ""
	}
	return fmt.Sprint(v)
}

// address formats an address, or nothing when the exporter did not send it.
func address(s fmt.Stringer, valid bool) string {
	if !valid {
		return ""
	}
	return s.String()
}

// AppendCSV appends the columns of CSVHeading; times are RFC 3339 in UTC, and
// no field can hold a separator.
func AppendCSV(b []byte, r *Record) []byte {
	at := func(has Fields, ns int64) string {
		if r.Has&has != has {
			return ""
		}
		return time.Unix(0, ns).UTC().Format(time.RFC3339Nano)
	}
	return append(b, strings.Join([]string{
		r.Version.String(), at(0, r.Received), r.Exporter.String(),
		known(r, HasPackets, r.Packets), known(r, HasBytes, r.Bytes),
		at(HasStart, r.Start), at(HasEnd, r.End),
		address(r.Src, r.Src.IsValid()), address(r.Dst, r.Dst.IsValid()), address(r.NextHop, r.NextHop.IsValid()),
		known(r, HasInIf, uint64(r.InIf)), known(r, HasOutIf, uint64(r.OutIf)),
		known(r, HasSrcPort, uint64(r.SrcPort)), known(r, HasDstPort, uint64(r.DstPort)),
		known(r, HasProto, uint64(r.Proto)), known(r, HasTOS, uint64(r.TOS)),
		known(r, HasTCPFlags, uint64(r.TCPFlags)),
		known(r, HasSrcAS, uint64(r.SrcAS)), known(r, HasDstAS, uint64(r.DstAS)),
		address(r.PostNATSrc, r.PostNATSrc.IsValid()), address(r.PostNATDst, r.PostNATDst.IsValid()),
		known(r, HasPostNATSrcPort, uint64(r.PostNATSrcPort)), known(r, HasPostNATDstPort, uint64(r.PostNATDstPort)),
	}, ",")...)
}

// AppendTable appends a line for people; times are UTC.
func AppendTable(b []byte, r *Record) []byte {
	nat := ""
	if r.PostNATSrc.IsValid() && r.PostNATSrc != r.Src {
		nat += " src " + r.PostNATSrc.String()
	}
	if r.PostNATDst.IsValid() && r.PostNATDst != r.Dst {
		nat += " dst " + r.PostNATDst.String()
	}
	line := fmt.Sprintf("%-23s %8.3f %-21s %-21s %5s %5s %5s %10s %12s%s",
		time.Unix(0, r.Start).UTC().Format("2006-01-02 15:04:05.000"), float64(r.End-r.Start)/1e9,
		fmt.Sprintf("%s:%d", address(r.Src, r.Src.IsValid()), r.SrcPort),
		fmt.Sprintf("%s:%d", address(r.Dst, r.Dst.IsValid()), r.DstPort),
		known(r, HasProto, uint64(r.Proto)), known(r, HasInIf, uint64(r.InIf)), known(r, HasOutIf, uint64(r.OutIf)),
		known(r, HasPackets, r.Packets), known(r, HasBytes, r.Bytes), nat)
	return append(b, strings.TrimRight(line, " ")...)
}
