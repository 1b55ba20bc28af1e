package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/report/phrase"
)

// A network of made-up hosts: text lists some, and says of the others how many they
// are and how much they moved; JSON has every one.
func TestManyHosts(t *testing.T) {
	a := openArchive(t)
	routerIDs(t, a, 1)
	day := archive.Day{Year: 2026, Month: time.November, Day: 23}
	const n = mostHeld + 500
	rows := make([]archive.Row, n)
	for i := range rows {
		rows[i] = archive.Row{Day: day, Slot: archive.Slot(i % 96), Router: 1, WAN: 1, Host: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}),
			Peer: netip.AddrFrom4([4]byte{93, 0, 0, byte(i % 7)}), PeerPort: 443, Proto: 6, UpPackets: 1, UpBytes: uint64(100 + i), Flows: 1}
	}
	loadRows(t, a, "file", rows, nil)
	for name, period := range map[string]Period{"day": DayPeriod(day, time.UTC), "week": WeekPeriod(day, time.UTC)} {
		u := usageOf(t, a, DefaultConfig(), Request{Period: period, Now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)})
		if len(u.Hosts) != mostHeld || u.HostCount() != n || u.Totals.Hosts != n {
			t.Fatalf("%s: %d held of %d, %d in the totals", name, len(u.Hosts), u.HostCount(), u.Totals.Hosts)
		}
		var text bytes.Buffer
		if err := u.WriteText(&text, phrase.English(), 1000, 0); err != nil {
			t.Fatal(err)
		}
		var more uint64
		for i := range n - 1000 {
			more += uint64(100 + i)
		}
		if want := fmt.Sprintf("%s others", phrase.English().Number(n-1000)); !strings.Contains(text.String(), want) || !strings.Contains(text.String(), phrase.English().Bytes(more)) || strings.Count(text.String(), "\n") > 1200 {
			t.Errorf("%s: the text does not say %s of %s", name, want, phrase.English().Bytes(more))
		}
		var stream bytes.Buffer
		if err := u.WriteJSON(&stream); err != nil {
			t.Fatal(err)
		}
		var back Usage
		if err := json.Unmarshal(stream.Bytes(), &back); err != nil || len(back.Hosts) != n {
			t.Fatalf("%s: %d hosts, %v", name, len(back.Hosts), err)
		}
		for i := range back.Hosts {
			h := &back.Hosts[i]
			if h.UpBytes != uint64(100+n-1-i) || h.Peers != 1 || len(h.Buckets) != len(u.Buckets) || len(h.TopPeers) != 1 || h.TopPeers[0].UpBytes != h.UpBytes || h.BusiestHourBytes != h.UpBytes {
				t.Fatalf("%s: host %d is %+v", name, i, h)
			}
		}
		if last := back.Hosts[n-1].CumulativeShare; last < 0.999999 || last > 1 {
			t.Errorf("%s: the last cumulative share is %v", name, last)
		}
		// It is what encoding/json writes at once.
		var whole bytes.Buffer
		encoder := json.NewEncoder(&whole)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(&back); err != nil || !bytes.Equal(whole.Bytes(), stream.Bytes()) {
			t.Errorf("%s: the stream differs from the whole, %v", name, err)
		}
	}
}

func TestEmptyJSON(t *testing.T) {
	u := monday()
	for range 2 {
		var whole, stream bytes.Buffer
		encoder := json.NewEncoder(&whole)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(u); err != nil {
			t.Fatal(err)
		}
		if err := u.WriteJSON(&stream); err != nil || whole.String() != stream.String() {
			t.Errorf("%v\n%s", err, stream.String())
		}
		u.Hosts = []Host{}
	}
}
