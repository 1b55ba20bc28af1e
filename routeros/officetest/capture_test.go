package officetest

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

func TestCapture(t *testing.T) {
	src, dst := netip.MustParseAddrPort("10.2.214.1:2055"), netip.MustParseAddrPort("10.2.214.20:8787")
	var file bytes.Buffer
	c, err := NewCapture(&file, src, dst)
	if err != nil {
		t.Fatal(err)
	}
	var sent [][]byte
	var times []time.Time
	err = newOffice(t, Config{}).Datagrams(V9, monday, 40, func(at int64, payload []byte) error {
		sent = append(sent, bytes.Clone(payload))
		times = append(times, time.Unix(at, 7))
		return c.Write(at*1e9+7, payload)
	})
	if err != nil || c.Flush() != nil || len(sent) != 40 {
		t.Fatal(len(sent), err)
	}
	r, err := pcapgo.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	if r.LinkType() != layers.LinkTypeRaw {
		t.Errorf("link type %v", r.LinkType())
	}
	for i, want := range sent {
		data, info, err := r.ReadPacketData()
		if err != nil {
			t.Fatal(err)
		}
		p := gopacket.NewPacket(data, layers.LayerTypeIPv4, gopacket.Default)
		ip, _ := p.NetworkLayer().(*layers.IPv4)
		udp, _ := p.TransportLayer().(*layers.UDP)
		if ip == nil || udp == nil || !bytes.Equal(udp.Payload, want) || !info.Timestamp.Equal(times[i]) ||
			ip.SrcIP.String() != "10.2.214.1" || udp.SrcPort != 2055 || udp.DstPort != 8787 {
			t.Fatalf("packet %d at %v: %v", i, info.Timestamp, p)
		}
		var sum uint32
		for j := 0; j < 20; j += 2 {
			sum += uint32(data[j])<<8 | uint32(data[j+1])
		}
		if sum>>16+sum&0xffff != 0xffff {
			t.Fatalf("IP checksum of packet %d", i)
		}
	}
	if _, err := NewCapture(&file, netip.MustParseAddrPort("[::1]:1"), dst); err == nil {
		t.Error("an IPv6 address is accepted")
	}
}
