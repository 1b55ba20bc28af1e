package netflow

import (
	"testing"

	"nfacct/collector/flow"
)

// TestReverse holds that both directions of a biflow become records: RFC 5103 as
// softflowd -b and yaf send it, and Cisco's responder counters.
func TestReverse(t *testing.T) {
	ends := []f{{8, 4, 0}, {12, 4, 0}, {7, 2, 0}, {11, 2, 0}, {10, 4, 0}, {14, 4, 0}}
	values := func(all ...any) []byte {
		return values(append([]any{"10.0.0.1", "8.8.8.8", n{2, 50000}, n{2, 443}, n{4, 2}, n{4, 5}}, all...)...)
	}
	const r = reverseEnterprise
	type counts struct{ bytes, packets uint64 }
	none := counts{}
	tests := []struct {
		name              string
		version           flow.Version
		fields            []f
		record            []byte
		forward, backward counts
	}{
		{"softflowd -b", flow.IPFIX, []f{{1, 8, 0}, {2, 8, 0}, {1, 8, r}, {2, 8, r}}, values(n{8, 10_000}, n{8, 10}, n{8, 500_000}, n{8, 400}), counts{10_000, 10}, counts{500_000, 400}},
		{"yaf, totals, reverse first", flow.IPFIX, []f{{85, 4, r}, {85, 4, 0}, {86, 4, r}, {86, 4, 0}}, values(n{4, 5}, n{4, 7}, n{4, 1}, n{4, 2}), counts{7, 2}, counts{5, 1}},
		{"no answer", flow.IPFIX, []f{{1, 8, 0}, {2, 8, 0}, {1, 8, r}, {2, 8, r}}, values(n{8, 10_000}, n{8, 10}, n{8, 0}, n{8, 0}), counts{10_000, 10}, none},
		{"answer alone", flow.IPFIX, []f{{1, 8, 0}, {1, 8, r}}, values(n{8, 0}, n{8, 9}), none, counts{9, 0}},
		{"octets one way, packets both", flow.IPFIX, []f{{1, 8, 0}, {2, 4, r}, {2, 4, 0}}, values(n{8, 90}, n{4, 3}, n{4, 2}), counts{90, 2}, counts{0, 3}},
		{"ASA in v9", flow.V9, []f{{231, 4, 0}, {232, 4, 0}}, values(n{4, 69}, n{4, 14178}), counts{69, 0}, counts{14178, 0}},
		{"ASA in IPFIX", flow.IPFIX, []f{{231, 4, 0}, {232, 4, 0}, {298, 4, 0}, {299, 4, 0}}, values(n{4, 69}, n{4, 14178}, n{4, 1}, n{4, 10}), counts{69, 1}, counts{14178, 10}},
		{"variable length between", flow.IPFIX, []f{{82, variable, 0}, {1, 4, 0}, {96, variable, 0}, {1, 4, r}}, values([]byte("\x03lan"), n{4, 77}, []byte("\x00"), n{4, 78}), counts{77, 0}, counts{78, 0}},
		{"reverse address is none", flow.IPFIX, []f{{1, 4, 0}, {8, 4, r}}, values(n{4, 5}, "10.9.9.9"), counts{5, 0}, none},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newSender(test.version)
			d := NewDecoder(Limits{})
			payload := s.message(s.template(256, append(ends[:6:6], test.fields...)...), set(256, test.record, test.record))
			records, g := d.take(s, payload)
			if scanned := NewDecoder(Limits{}).Scan(testSource, s.received(), payload); scanned != g {
				t.Errorf("Scan: %+v\nDecode: %+v", scanned, g)
			}
			var forwards, backwards int
			for _, got := range records {
				want := test.forward
				if got.Has&flow.Reverse != 0 {
					want = test.backward
					backwards++
					if got.Src.String() != "8.8.8.8" || got.Dst.String() != "10.0.0.1" || got.SrcPort != 443 || got.DstPort != 50000 || got.InIf != 5 || got.OutIf != 2 {
						t.Errorf("not turned: %+v", got)
					}
				} else {
					forwards++
					if got.Src.String() != "10.0.0.1" || got.SrcPort != 50000 || got.InIf != 2 {
						t.Errorf("turned: %+v", got)
					}
				}
				if got.Bytes != want.bytes || got.Packets != want.packets {
					t.Errorf("%d octets, %d packets, want %+v", got.Bytes, got.Packets, want)
				}
			}
			wantBack := 2
			if test.backward == none {
				wantBack = 0
			}
			if forwards != 2 || backwards != wantBack || g.Records != len(records) || g.Reverse != backwards {
				t.Errorf("%d forward, %d backward, %s, %d reverse", forwards, backwards, summary(&g), g.Reverse)
			}
			// The sequence counts data records, not directions.
			if s.sequence += 2; test.version == flow.V9 {
				s.sequence--
			}
			if _, g := d.take(s, s.message(set(256, test.record))); g.Loss != (Loss{}) {
				t.Errorf("%+v", g.Loss)
			}
		})
	}
}

// The answer is addressed to what the question was translated to.
func TestReverseNAT(t *testing.T) {
	s := newSender(flow.IPFIX)
	fields := []f{{8, 4, 0}, {12, 4, 0}, {225, 4, 0}, {226, 4, 0}, {7, 2, 0}, {11, 2, 0}, {227, 2, 0}, {228, 2, 0}, {1, 4, 0}, {1, 4, reverseEnterprise},
		{152, 8, 0}, {153, 8, 0}, {152, 8, reverseEnterprise}, {6, 1, 0}, {6, 1, reverseEnterprise}}
	at := uint64(testTime.UnixMilli())
	records, _ := NewDecoder(Limits{}).take(s, s.message(s.template(256, fields...), set(256,
		values("10.0.0.1", "8.8.8.8", "203.0.113.5", "8.8.8.8", n{2, 50000}, n{2, 53}, n{2, 61000}, n{2, 53}, n{4, 60}, n{4, 900}, n{8, at - 5000}, n{8, at - 1000}, n{8, at - 4000}, n{1, 2}, n{1, 0x12}))))
	if len(records) != 2 {
		t.Fatalf("%+v", records)
	}
	r := records[1]
	if r.Src.String() != "8.8.8.8" || r.Dst.String() != "203.0.113.5" || r.PostNATDst.String() != "10.0.0.1" || r.PostNATSrc.String() != "8.8.8.8" ||
		r.SrcPort != 53 || r.DstPort != 61000 || r.PostNATDstPort != 50000 || r.Bytes != 900 || r.TCPFlags != 0x12 ||
		r.Start != int64(at-4000)*millisecond || r.End != int64(at-1000)*millisecond {
		t.Errorf("%+v", r)
	}
	if f := records[0]; f.Start != int64(at-5000)*millisecond || f.TCPFlags != 2 {
		t.Errorf("%+v", f)
	}
}
