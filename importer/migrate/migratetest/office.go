package migratetest

import (
	"iter"
	"time"

	"nfacct/routeros/officetest"
)

// Office is a busy office's traffic, so many lines of flow-print from eight in
// the morning of a Monday on, as a router exports it that writes inside addresses
// (the screenshots of 2018 show one), and the office itself.
func Office(lines int) (iter.Seq[Flow], *officetest.Office, error) {
	office, err := officetest.New(officetest.Config{Hosts: 500, Seed: 1})
	if err != nil {
		return nil, nil, err
	}
	from := time.Date(2018, 5, 7, 8, 0, 0, 0, time.UTC)
	return func(yield func(Flow) bool) {
		n := 0
		for r := range office.Records(from, from.AddDate(0, 0, 21)) {
			if !r.Src.Is4() || !r.Dst.Is4() {
				continue
			}
			dst, port := r.Dst, r.DstPort
			if r.PostDst.Is4() && !r.PostDst.IsUnspecified() && r.PostDst != r.Dst {
				dst, port = r.PostDst, r.PostDstPort
			}
			f := Flow{
				Src: r.Src, Dst: dst, SrcPort: r.SrcPort, DstPort: port, Proto: r.Proto,
				Packets: r.Packets, Bytes: r.Bytes, File: time.Unix(r.Export, 0).UTC().Truncate(15 * time.Minute),
			}
			if n++; n > lines || !yield(f) {
				return
			}
		}
	}, office, nil
}

// Rows are what the scripts enter of flows.
func Rows(flows iter.Seq[Flow], layout Layout) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		for f := range flows {
			if row, ok := Enter(f, layout); ok && !yield(row) {
				return
			}
		}
	}
}
