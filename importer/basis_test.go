package importer

import (
	"net/netip"
	"path/filepath"
	"testing"

	"nfacct/archive"
	"nfacct/importer/attribution"
)

// An upload and its answer by an interface that wan does not list: 0xF00007 is what
// a PPPoE interface became when it connected again. They are nobody's, and internal
// they are not.
func TestUnlistedInterface(t *testing.T) {
	router := Router{Name: "gw", Export: []netip.Addr{ip("192.0.2.1")}}
	router.Inside, router.WAN = []netip.Prefix{prefix("192.168.88.0/24")}, []uint32{1}
	file := filepath.Join("testdata", "wan-ifindex-changed.pcap")
	im := newImporter(t, t.TempDir(), router)
	classes := preview(t, im, file).Books[0].Classes
	if classes.Unattributed != (archive.Counts{Records: 2, Bytes: 92_000}) || classes.Internal.Records != 0 {
		t.Errorf("%+v", classes)
	}
	router.WAN = []uint32{0xF00007}
	classes = preview(t, newImporter(t, t.TempDir(), router), file).Books[0].Classes
	if classes.Up.Bytes != 2000 || classes.Down.Bytes != 90_000 {
		t.Errorf("listed: %+v", classes)
	}
}

// What a day rests on is counted by rule and by interface, and the number of
// interfaces is bounded.
func TestBasis(t *testing.T) {
	var b, sum basis
	for i := range uint32(100) {
		b.add(&piece{rule: attribution.UnlistedInterface, unlisted: 1 + i, bytes: 10}, 1)
	}
	b.add(&piece{rule: attribution.NextHop, v5: true, bytes: 7}, 1)
	b.add(&piece{rule: attribution.RouterInterface, passed: true, bytes: 5}, 1)
	sum.merge(&b)
	sum.merge(&b)
	var unlisted counts
	for _, c := range sum.unlisted {
		unlisted.add(c.records, c.bytes)
	}
	if len(sum.unlisted) != maxUnlisted+1 || unlisted != (counts{200, 2000}) || sum.rules[attribution.UnlistedInterface] != unlisted {
		t.Errorf("%d interfaces, %+v", len(sum.unlisted), unlisted)
	}
	if sum.uplinks != 2*5 || sum.v5[attribution.NextHop] != (counts{2, 14}) || sum.rules[attribution.NextHop] != (counts{2, 14}) {
		t.Errorf("%+v", sum)
	}
}
