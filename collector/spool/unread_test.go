package spool

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
)

// TestUnread: what may be an export and cannot be read is counted by its cause;
// what is none is not.
func TestUnread(t *testing.T) {
	mac := make([]byte, 12)
	export := packetOf("\x00\x09 and 18 more bytes", false)
	first := slices.Clone(export[:ipv4Head+16])
	be.PutUint16(first[2:], uint16(len(first)))
	be.PutUint16(first[6:], 0x2000)
	name := packetOf("\x12\x34 a name is asked", false)
	six := packetOf("\x00\x0a, but IPv6", true)
	frame := func(kind uint16, b []byte) []byte { return append(be.AppendUint16(slices.Clone(mac), kind), b...) }
	frames := [][]byte{
		frame(etherIPv4, export[:len(export)-5]), frame(etherIPv4, export[:ipv4Head+udpHead]), frame(etherIPv6, six[:len(six)-1]),
		frame(etherIPv4, name[:len(name)-5]), frame(etherIPv4, export[:ipv4Head+4]), // no exports, or nobody can tell
		frame(0x88e5, export), frame(0x88e5, export), frame(0x8906, nil),
		frame(etherARP, export), frame(etherPPPoEDiscovery, export), frame(100, export), frame(etherPPPoE, []byte{0x11, 0, 0, 1, 0, 9, 0xc0, 0x21}),
		frame(etherMPLS, []byte{0, 0, 0, 64, 0, 0, 0, 64}), frame(etherVLAN, nil),
		frame(etherIPv4, first),
	}
	r, err := NewReader(bytes.NewReader(pcapOf(le, true, linkEthernet, frames...)))
	if err != nil {
		t.Fatal(err)
	}
	var cut []int
	packet, err := r.Next()
	for ; err == nil; packet, err = r.Next() {
		cut = append(cut, packet.Cut)
	}
	if !errors.Is(err, io.EOF) || !slices.Equal(cut, []int{5, 20, 1}) {
		t.Errorf("%v cut, %v", cut, err)
	}
	u := r.Unread()
	if u.Captured != 57 || u.Whole != 57 {
		t.Errorf("%d of %d bytes", u.Captured, u.Whole)
	}
	if want := []EtherType{{0x88e5, 2}, {0x8906, 1}}; !slices.Equal(u.EtherTypes, want) || u.Frames() != 3 || u.Fragments != 1 {
		t.Errorf("unread %+v", u)
	}
	frames = nil
	for i := range 2 * maxEtherTypes {
		frames = append(frames, frame(0xff00-uint16(i), nil))
	}
	_, _, r = readBytes(t, pcapOf(le, true, linkEthernet, frames...))
	if u := r.Unread(); len(u.EtherTypes) != maxEtherTypes || u.Others != maxEtherTypes || u.Frames() != 2*maxEtherTypes {
		t.Errorf("of many types %+v", u)
	}
}
