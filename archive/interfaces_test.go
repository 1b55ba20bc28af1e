package archive

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestInterfaceLists(t *testing.T) {
	a := open(t)
	ctx := t.Context()
	at := time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)
	var long []string
	for i := range MostMembers + 1 {
		long = append(long, fmt.Sprintf("<pppoe-%d>", i))
	}
	for hour, lists := range []map[string][]string{
		{"WAN": {"ether1", "a, \"b\""}, "LAN": {"bridge"}, "clients": long},
		{"WAN": {"a, \"b\"", "ether1"}, "LAN": {"bridge"}},
		{"WAN": {"ether1"}, "LAN": {"bridge"}},
		{"WAN": {"ether1"}},
	} {
		if err := a.Routers().NoteInterfaceLists(ctx, "gw", lists, at.Add(time.Duration(hour)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := a.Routers().InterfaceLists(ctx, "gw")
	if err != nil {
		t.Fatal(err)
	}
	want := []InterfaceList{
		{"LAN", at, []string{"bridge"}}, {"WAN", at, []string{"a, \"b\"", "ether1"}},
		{"WAN", at.Add(2 * time.Hour), []string{"ether1"}}, {"LAN", at.Add(3 * time.Hour), []string{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for hour, name := range []string{"pppoe-out1", "pppoe-out1", "uplink"} {
		if err := a.Routers().NoteInterfaces(ctx, "gw", map[uint32]string{0xF00007: name}, at.Add(time.Duration(hour)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	names, err := a.Routers().InterfaceNames(ctx, "gw")
	if err != nil || !slices.Equal(names, []InterfaceName{{0xF00007, at, "pppoe-out1"}, {0xF00007, at.Add(2 * time.Hour), "uplink"}}) {
		t.Errorf("%+v, %v", names, err)
	}
}
