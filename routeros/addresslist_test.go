package routeros_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nfacct/routeros"
	"nfacct/routeros/routerostest"
)

const (
	addList  = "/ip firewall address-list add list=over-quota address=10.2.214."
	dropList = "/ip firewall address-list remove [find list=over-quota address=10.2.214."
)

func addrs(t testing.TB, text string) (list []netip.Addr) {
	t.Helper()
	for host := range strings.FieldsSeq(text) {
		list = append(list, netip.MustParseAddr(host))
	}
	return list
}

// The list is kept equal to the hosts, as far as its entries are ours, and is
// only written to where it differs.
func TestAddressList(t *testing.T) {
	for _, profile := range routerostest.Profiles() {
		t.Run(profile.String(), func(t *testing.T) {
			device := start(t, routerostest.DeviceConfig{Profile: profile, ListenTLS: "-"})
			for _, entry := range [][]string{
				{"list", "over-quota", "address", "10.2.214.60"},
				{"list", "over-quota", "address", "10.2.214.61", "disabled", "yes", "comment", "the boss"},
				{"list", "over-quota", "address", "10.9.0.0/16"},
				{"list", "others", "address", "10.2.214.50", "comment", "nfacct"},
			} {
				if _, err := device.Do("/ip/firewall/address-list/add", entry...); err != nil {
					t.Fatal(err)
				}
			}
			foreign := append(device.Print("/ip/firewall/address-list"), device.Print("/ipv6/firewall/address-list")...)
			d := dial(t, plain(t, device))
			for _, c := range []struct {
				hosts string
				keep  bool
				want  []string
				kept  int
			}{
				{hosts: "10.2.214.50 10.2.214.60", want: []string{addList + "50 comment=nfacct"}},
				{hosts: "10.2.214.50 10.2.214.60", want: []string{}},
				{hosts: "10.2.214.51", want: []string{dropList + "50 comment=nfacct]", addList + "51 comment=nfacct"}},
				{hosts: "10.2.214.52 10.2.214.52", keep: true, want: []string{addList + "52 comment=nfacct"}, kept: 1},
				{hosts: "2001:db8::1 10.2.214.61 ::ffff:10.2.214.51", want: []string{
					dropList + "52 comment=nfacct]", "/ipv6 firewall address-list add list=over-quota address=2001:db8::1 comment=nfacct",
				}},
				{hosts: "2001:db8::1 10.2.214.51", want: []string{}},
				{hosts: "", keep: true, want: []string{}, kept: 2},
				{hosts: "", want: []string{dropList + "51 comment=nfacct]", "/ipv6 firewall address-list remove [find list=over-quota address=2001:db8::1/128 comment=nfacct]"}},
			} {
				plan, err := d.PlanAddressList(t.Context(), "over-quota", addrs(t, c.hosts), c.keep)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.want, commandsOf(plan.Plan)); diff != "" || plan.Others != 3 || plan.Kept != c.kept {
					t.Errorf("%s: others %d, kept %d\n%s", c.hosts, plan.Others, plan.Kept, diff)
				}
				exempt := strings.Contains(strings.Join(plan.Notes, " "), "10.2.214.61 is over quota, and its entry on over-quota is switched off")
				if exempt != strings.Contains(c.hosts, "10.2.214.61") {
					t.Errorf("%s: notes %q", c.hosts, plan.Notes)
				}
				device.ForgetSentences()
				if err := d.Apply(t.Context(), plan.Changes); err != nil {
					t.Fatal(err)
				}
				if writes := device.Writes(); len(writes) != len(c.want) {
					t.Errorf("%s: %v", c.hosts, writes)
				}
			}
			after := append(device.Print("/ip/firewall/address-list"), device.Print("/ipv6/firewall/address-list")...)
			if diff := cmp.Diff(foreign, after); diff != "" {
				t.Errorf("entries of others: %s", diff)
			}
		})
	}
}

// An entry of ours that somebody switched off is made anew.
func TestAddressListSwitchedOff(t *testing.T) {
	device := start(t, routerostest.DeviceConfig{Profile: routerostest.V7_24, ListenTLS: "-"})
	if _, err := device.Do("/ip/firewall/address-list/add", "list", "over quota", "address", "10.2.214.50", "comment", "nfacct", "disabled", "yes"); err != nil {
		t.Fatal(err)
	}
	d := dial(t, plain(t, device))
	plan, err := d.PlanAddressList(t.Context(), "over quota", addrs(t, "10.2.214.50"), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Apply(t.Context(), plan.Changes); err != nil {
		t.Fatal(err)
	}
	list := device.Print("/ip/firewall/address-list")
	if ours := list[len(list)-1]; ours["list"] != "over quota" || ours["disabled"] != "false" {
		t.Errorf("list %v", list)
	}
}

// Without the package for IPv6 the list of IPv4 is kept all the same.
func TestAddressListWithoutIPv6(t *testing.T) {
	device := start(t, routerostest.DeviceConfig{Profile: routerostest.V6_42, ListenTLS: "-"})
	device.Break(routerostest.Fault{Kind: routerostest.TwoTraps, Command: "/ipv6/firewall/address-list/print", Text: "no such command prefix"})
	d := dial(t, plain(t, device))
	for hosts, note := range map[string]string{"10.2.214.50": "", "10.2.214.50 2001:db8::1": "no /ipv6 firewall address-list (no package for IPv6?): 1 IPv6 hosts are not listed"} {
		plan, err := d.PlanAddressList(t.Context(), "over-quota", addrs(t, hosts), false)
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Changes) != 1 || !strings.Contains(strings.Join(plan.Notes, " "), note) || note == "" && plan.Notes != nil {
			t.Errorf("%s: %q, %q", hosts, commandsOf(plan.Plan), plan.Notes)
		}
	}
}

// What is on other lists is not read, however long they are; a write that the
// router does not keep is an error with a remedy.
func TestAddressListAlone(t *testing.T) {
	device := start(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, ListenTLS: "-"})
	d := dial(t, plain(t, device))
	plan, err := d.PlanAddressList(t.Context(), "over-quota", addrs(t, "10.2.214.50"), false)
	if err != nil {
		t.Fatal(err)
	}
	device.Break(routerostest.Fault{Kind: routerostest.Unkept, Command: "/ip/firewall/address-list/add"})
	var half *routeros.ApplyError
	if err := d.Apply(t.Context(), plan.Changes); !errors.As(err, &half) || !strings.Contains(err.Error(), "did not keep it") || !strings.Contains(err.Error(), "something else manages") {
		t.Errorf("%v", err)
	}
	for _, s := range device.Sentences() {
		if s.Command() == "/ip/firewall/address-list/print" && !strings.Contains(strings.Join(s.Words, " "), "?=list=over-quota") {
			t.Errorf("%q", s.Words)
		}
	}
}
