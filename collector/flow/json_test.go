package flow

import (
	"encoding/json"
	"net/netip"
	"testing"
)

func full() Record {
	return Record{
		Has: HasBytes | HasPackets | HasStart | HasEnd | HasSrcPort | HasDstPort | HasProto | HasTOS |
			HasTCPFlags | HasICMP | HasInIf | HasOutIf | HasSrcAS | HasDstAS | HasSrcMAC | HasDstMAC |
			HasPostNATSrcPort | HasPostNATDstPort | HasSampling | HasSequence,
		Version:        V9,
		Domain:         7,
		Sequence:       4294967295,
		Sampling:       100,
		Exporter:       netip.MustParseAddr("fe80::1%eth\"0"),
		Received:       1795461300000000001,
		Start:          1795461200000000000,
		End:            1795461290123000000,
		Src:            netip.MustParseAddr("192.168.88.11"),
		Dst:            netip.MustParseAddr("2001:db8::1"),
		NextHop:        netip.MustParseAddr("0.0.0.0"),
		PostNATSrc:     netip.MustParseAddr("203.0.113.5"),
		PostNATDst:     netip.MustParseAddr("198.51.100.9"),
		SrcPort:        51826,
		DstPort:        443,
		PostNATSrcPort: 51827,
		PostNATDstPort: 444,
		Bytes:          18446744073709551615,
		Packets:        13,
		InIf:           2,
		OutIf:          0,
		SrcAS:          64496,
		DstAS:          4294967295,
		Proto:          6,
		TOS:            40,
		TCPFlags:       0x1b,
		ICMPType:       8,
		ICMPCode:       0,
		SrcMAC:         [6]byte{0x00, 0x1b, 0x21, 0xbc, 0x24, 0xdd},
		DstMAC:         [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	}
}

func TestAppendJSON(t *testing.T) {
	tests := []struct {
		name string
		in   Record
		want string
	}{
		{"every field", full(), `{"type":"NETFLOW_V9","time_received_ns":1795461300000000001,"sampler_address":"fe80::1",` +
			`"sequence_num":4294967295,"sampling_rate":100,` +
			`"time_flow_start_ns":1795461200000000000,"time_flow_end_ns":1795461290123000000,` +
			`"bytes":18446744073709551615,"packets":13,"src_addr":"192.168.88.11","dst_addr":"2001:db8::1",` +
			`"src_port":51826,"dst_port":443,"proto":6,"ip_tos":40,"tcp_flags":27,"in_if":2,"out_if":0,` +
			`"next_hop":"0.0.0.0","src_as":64496,"dst_as":4294967295,` +
			`"src_mac":"00:1b:21:bc:24:dd","dst_mac":"ff:ff:ff:ff:ff:ff","icmp_type":8,"icmp_code":0,` +
			`"post_nat_src_addr":"203.0.113.5","post_nat_dst_addr":"198.51.100.9",` +
			`"post_nat_src_port":51827,"post_nat_dst_port":444}`},
		{"nothing known", Record{Version: IPFIX}, `{"type":"IPFIX","time_received_ns":0}`},
		{"zero is not unknown", Record{Version: V5, Has: HasBytes | HasSrcPort}, `{"type":"NETFLOW_V5","time_received_ns":0,"bytes":0,"src_port":0}`},
		{"before 1970", Record{Version: V5, Has: HasStart, Start: -5}, `{"type":"NETFLOW_V5","time_received_ns":0,"time_flow_start_ns":-5}`},
		{"no such version", Record{Version: 99}, `{"type":"UNKNOWN","time_received_ns":0}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := string(AppendJSON(nil, &test.in))
			if got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
			if !json.Valid([]byte(got)) {
				t.Error("not JSON")
			}
		})
	}
}

// A prefix in dst stays: the caller appends line after line to one buffer.
func TestAppendJSONAppends(t *testing.T) {
	r := Record{Version: V5}
	if got, want := string(AppendJSON([]byte("x\n"), &r)), "x\n"+`{"type":"NETFLOW_V5","time_received_ns":0}`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAppendJSONAllocates(t *testing.T) {
	r := full()
	buffer := make([]byte, 0, 2048)
	if n := testing.AllocsPerRun(100, func() { buffer = AppendJSON(buffer[:0], &r) }); n != 0 {
		t.Errorf("%v allocations a record, want none", n)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	r := full()
	buffer := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		buffer = AppendJSON(buffer[:0], &r)
	}
	b.SetBytes(int64(len(buffer)))
}
