package routerostest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"nfacct/routeros/officetest"

	"github.com/netsampler/goflow2/v2/decoders/netflow"
)

// stage is a device whose clock the test moves.
type stage struct {
	*Device
	t   *testing.T
	now time.Time
	got []Datagram
	// at is what to do in a second of the play.
	at map[int]func()
	// exported are the records that traffic-flow saw.
	exported []officetest.Record
}

func newStage(t *testing.T, cfg DeviceConfig) *stage {
	t.Helper()
	s := &stage{t: t, now: monday.Add(9 * time.Hour), at: map[int]func(){}}
	if cfg.Office == nil {
		cfg.Office = newOffice(t, officetest.Config{Hosts: 12})
	}
	cfg.Now = func() time.Time { return s.now }
	cfg.Listen, cfg.ListenTLS = "-", "-"
	d, err := NewDevice(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Device = d
	return s
}

func (s *stage) do(command string, pairs ...string) {
	s.t.Helper()
	if _, err := s.Do(command, pairs...); err != nil {
		s.t.Fatalf("%s: %v", command, err)
	}
}

// provision makes the device export to port 8787.
func (s *stage) provision(version string) {
	s.t.Helper()
	s.do("/ip/traffic-flow/target/add", "dst-address", "192.0.2.9", "port", "8787", "version", version, "v9-template-timeout", "1m")
	s.do("/ip/traffic-flow/set", "interfaces", "WAN", "active-flow-timeout", "1m", "enabled", "yes")
}

// play plays so many seconds.
func (s *stage) play(seconds int) {
	s.t.Helper()
	from := s.now
	err := s.Play(from, from.Add(time.Duration(seconds)*time.Second), Playing{
		Second: func(at int64) error {
			s.now = time.Unix(at, 0)
			if do := s.at[int(at-from.Unix())]; do != nil {
				do()
			}
			return nil
		},
		Record: func(r *officetest.Record) { s.exported = append(s.exported, *r) },
		Send: func(g Datagram) error {
			g.Payload = bytes.Clone(g.Payload)
			s.got = append(s.got, g)
			return nil
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// counted are the bytes in and out of an interface.
func (s *stage) counted(name string) (in, out uint64) {
	for _, row := range s.Print("/interface") {
		if row["name"] == name {
			in, _ = strconv.ParseUint(row["rx-byte"], 10, 64)
			out, _ = strconv.ParseUint(row["tx-byte"], 10, 64)
		}
	}
	return in, out
}

// decoded are bytes, packets and records by ifIndex in and out, as another program
// reads the datagrams.
func (s *stage) decoded() (sum officetest.Counts, passed map[uint32]uint64, fields map[uint16]bool) {
	passed, fields = map[uint32]uint64{}, map[uint16]bool{}
	templates := netflow.CreateTemplateSystem()
	for _, g := range s.got {
		var v9 netflow.NFv9Packet
		var v10 netflow.IPFIXPacket
		if err := netflow.DecodeMessageVersion(bytes.NewBuffer(g.Payload), templates, &v9, &v10); err != nil {
			s.t.Fatal(err)
		}
		for _, set := range append(v9.FlowSets, v10.FlowSets...) {
			data, ok := set.(netflow.DataFlowSet)
			if !ok {
				continue
			}
			for _, record := range data.Records {
				value := map[uint16]uint64{}
				for _, f := range record.Values {
					fields[f.Type] = true
					if b := f.Value.([]byte); len(b) <= 8 {
						for _, c := range b {
							value[f.Type] = value[f.Type]<<8 | uint64(c)
						}
					}
				}
				sum.Records++
				sum.Bytes += value[1]
				passed[uint32(value[10])] += value[1]
				passed[uint32(value[14])] += value[1]
			}
		}
	}
	return sum, passed, fields
}

// TestCoverage: interfaces count what traffic-flow exports, and what it does not.
func TestCoverage(t *testing.T) {
	for _, p := range Profiles() {
		t.Run(p.String(), func(t *testing.T) {
			s := newStage(t, DeviceConfig{Profile: p})
			s.play(120)
			if len(s.got)+len(s.exported) != 0 {
				t.Errorf("%d datagrams before anybody asked for them", len(s.got))
			}
			before, out := s.counted("ether1")
			if before == 0 || out == 0 {
				t.Error("nothing passed ether1")
			}
			s.provision("9")
			s.play(600)
			sum, passed, _ := s.decoded()
			var want uint64
			for _, r := range s.exported {
				want += r.Bytes
				if r.InIf != officetest.WAN && r.OutIf != officetest.WAN && r.InIf != officetest.WAN2 {
					t.Fatalf("exported though not of WAN: %+v", r)
				}
			}
			if sum.Records != uint64(len(s.exported)) || sum.Bytes != want || sum.Records < 100 {
				t.Errorf("%d records of %d bytes decoded, %d of %d exported", sum.Records, sum.Bytes, len(s.exported), want)
			}
			in, after := s.counted("ether1")
			counted := in + after - before - out
			if ratio := float64(passed[officetest.WAN]) / float64(counted); ratio < 0.9 || ratio > 1.1 {
				t.Errorf("flows are %.2f of what the interface counted", ratio)
			}
		})
	}
	t.Run("offloaded", func(t *testing.T) {
		s := newStage(t, DeviceConfig{Profile: V7_18, Offloaded: 0.5})
		s.provision("9")
		s.play(900)
		_, passed, _ := s.decoded()
		in, out := s.counted("ether1")
		if ratio := float64(passed[officetest.WAN]) / float64(in+out); ratio < 0.2 || ratio > 0.8 {
			t.Errorf("flows are %.2f of what the interface counted", ratio)
		}
	})
}

func header(g Datagram) (version uint16, uptime, sequence uint32, template bool) {
	b := g.Payload
	order := binary.BigEndian
	version = order.Uint16(b)
	if version == 10 {
		return version, 0, order.Uint32(b[8:]), order.Uint16(b[16:]) < 256
	}
	return version, order.Uint32(b[4:]), order.Uint32(b[12:]), version == 9 && order.Uint16(b[20:]) < 256
}

// TestTemplateRefresh: templates come first, after so many datagrams, and after so
// much time.
func TestTemplateRefresh(t *testing.T) {
	s := newStage(t, DeviceConfig{Profile: V7_18, Office: newOffice(t, officetest.Config{Hosts: 100})})
	s.provision("9")
	s.do("/ip/traffic-flow/target/set", ".id", "*1", "v9-template-refresh", "5", "v9-template-timeout", "1h")
	s.play(300)
	for i, g := range s.got {
		if _, _, sequence, template := header(g); template != (i%6 == 0) || sequence != uint32(i) {
			t.Fatalf("datagram %d: sequence %d, templates %v", i, sequence, template)
		}
	}
	s.got = nil
	s.do("/ip/traffic-flow/target/set", ".id", "*1", "v9-template-refresh", "1000000", "v9-template-timeout", "60s")
	s.play(600)
	var at []int64
	for _, g := range s.got {
		if _, _, _, template := header(g); template {
			at = append(at, g.At)
		}
	}
	if len(at) < 9 || len(at) > 11 {
		t.Errorf("templates at %v", at)
	}
}

// TestReboot: uptime and sequence begin again, with templates, and nothing is
// exported of what was before.
func TestReboot(t *testing.T) {
	for _, version := range []string{"5", "9", "ipfix"} {
		s := newStage(t, DeviceConfig{Profile: V7_16})
		s.provision(version)
		var rebooted time.Time
		s.at[300] = func() { rebooted = s.now; s.Reboot() }
		s.play(600)
		if up := s.Print("/system/resource")[0]["uptime"]; up[0] != '5' || up[1] != 'm' {
			t.Errorf("uptime %s", up)
		}
		first := true
		for _, g := range s.got {
			v, uptime, sequence, template := header(g)
			if g.At < rebooted.Unix() {
				continue
			}
			if first && (sequence != 0 || template != (v != 5)) {
				t.Errorf("version %d: first after the reboot has sequence %d, template %v", v, sequence, template)
			}
			if v != 10 && int64(uptime) != (g.At-rebooted.Unix())*1000 {
				t.Errorf("version %d: uptime %d at %d", v, uptime, g.At-rebooted.Unix())
			}
			first = false
		}
		if first {
			t.Error("nothing after the reboot")
		}
		for _, r := range s.exported {
			if r.Export > rebooted.Unix() && r.Start < rebooted.UnixMilli() {
				t.Fatalf("exported after the reboot: %+v", r)
			}
		}
	}
}

// TestSettingsInFlight changes what is exported while it is.
func TestSettingsInFlight(t *testing.T) {
	s := newStage(t, DeviceConfig{Profile: V7_24})
	s.provision("ipfix")
	var enabled, disabled int64
	s.at[100] = func() {
		s.do("/ip/traffic-flow/ipfix/set", "tcp-flags", "no", "nat-src-address", "no", "nat-dst-address", "no")
	}
	s.at[200] = func() { s.do("/ip/traffic-flow/set", "enabled", "no"); disabled = s.now.Unix() }
	s.at[300] = func() { s.do("/ip/traffic-flow/set", "enabled", "yes"); enabled = s.now.Unix() }
	s.at[400] = func() {
		s.do("/ip/traffic-flow/target/add", "dst-address", "2001:db8::9", "port", "9999", "version", "5")
	}
	s.play(500)
	for _, r := range s.exported {
		if r.Export > disabled && r.Export < enabled || r.Export >= enabled && r.Start < enabled*1000 {
			t.Fatalf("exported though off: %+v", r)
		}
	}
	var five, templates int
	var ten []Datagram
	for _, g := range s.got {
		v, _, _, template := header(g)
		switch {
		case v == 5 && g.To.String() == "[2001:db8::9]:9999":
			five++
		case v == 10 && g.To.String() == "192.0.2.9:8787":
			ten = append(ten, g)
			if template {
				templates++
			}
		default:
			t.Errorf("version %d to %v", v, g.To)
		}
	}
	if five == 0 || templates < 2 {
		t.Errorf("%d of v5, %d templates", five, templates)
	}
	s.got = ten
	sum, _, fields := s.decoded()
	if sum.Records != uint64(len(s.exported)) || !fields[6] || !fields[160] || !fields[225] || fields[230] {
		t.Errorf("%d of %d records, fields %v", sum.Records, len(s.exported), fields)
	}
	for i := len(ten) - 1; ; i-- {
		if _, _, _, template := header(ten[i]); template {
			s.got = ten[i:]
			break
		}
	}
	if _, _, fields = s.decoded(); fields[6] || fields[225] || !fields[227] {
		t.Errorf("fields %v after the toggles changed", fields)
	}
}

// TestSampling: bytes and packets are scaled down, and the factor is in field 34,
// on 6.49 with its bytes swapped.
func TestSampling(t *testing.T) {
	for _, p := range []Profile{V6_49, V7_16, V7_24} {
		s := newStage(t, DeviceConfig{Profile: p})
		s.provision("9")
		s.do("/ip/traffic-flow/set", "packet-sampling", "yes", "sampling-interval", "1000", "sampling-space", "3000")
		s.play(300)
		sum, _, fields := s.decoded()
		var bytes uint64
		for _, r := range s.exported {
			bytes += r.Bytes
		}
		if ratio := float64(sum.Bytes) / float64(bytes); ratio < 0.2 || ratio > 0.26 || !fields[34] {
			t.Errorf("%v: %.3f of the bytes, fields %v", p, ratio, fields)
		}
	}
	s := newStage(t, DeviceConfig{Profile: V6_42})
	if _, err := s.Do("/ip/traffic-flow/set", "packet-sampling", "yes"); err == nil {
		t.Error("6.42 samples")
	}
}

// TestTimeouts: records are as long as the active timeout, also the default of 30
// minutes.
func TestTimeouts(t *testing.T) {
	for timeout, most := range map[string]int64{"30m": 1800, "1m": 60, "10s": 10} {
		s := newStage(t, DeviceConfig{Profile: V7_18, Office: newOffice(t, officetest.Config{Hosts: 15, Busy: 0.5})})
		s.provision("9")
		s.do("/ip/traffic-flow/set", "active-flow-timeout", timeout, "inactive-flow-timeout", "1s")
		s.play(3600)
		var longest int64
		for _, r := range s.exported {
			longest = max(longest, r.End-r.Start)
			if idle := r.Export*1000 - r.End; idle < 0 || idle > 3000 {
				t.Fatalf("%s: exported %d ms after its end: %+v", timeout, idle, r)
			}
		}
		if longest > most*1000 || longest < most*900 {
			t.Errorf("%s: the longest record has %d ms", timeout, longest)
		}
	}
}

// TestSmallCache: what does not fit is not exported.
func TestSmallCache(t *testing.T) {
	s := newStage(t, DeviceConfig{Profile: V7_18, Office: newOffice(t, officetest.Config{Hosts: 2000})})
	s.provision("9")
	s.do("/ip/traffic-flow/set", "cache-entries", "1k")
	s.play(60)
	_, passed, _ := s.decoded()
	in, out := s.counted("ether1")
	if ratio := float64(passed[officetest.WAN]) / float64(in+out); ratio > 0.5 {
		t.Errorf("flows are %.2f of what the interface counted", ratio)
	}
}

// TestExport sends in real time to a socket.
func TestExport(t *testing.T) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	d, err := NewDevice(DeviceConfig{Profile: V7_18, ListenTLS: "-", Office: newOffice(t, officetest.Config{Hosts: 5000, Busy: 20})})
	if err != nil {
		t.Fatal(err)
	}
	run(t, d)
	port := strconv.Itoa(conn.LocalAddr().(*net.UDPAddr).Port)
	for _, command := range [][]string{
		{"/ip/traffic-flow/target/add", "dst-address", "127.0.0.1", "src-address", "10.2.192.1", "port", port},
		{"/ip/traffic-flow/set", "enabled", "yes", "inactive-flow-timeout", "1s"},
	} {
		if _, err := d.Do(command[0], command[1:]...); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Export(ctx) }()
	b := make([]byte, 2000)
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, sequence, template := header(Datagram{Payload: b[:n]}); sequence != 0 || !template {
		t.Errorf("first: % x", b[:n])
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	// Nobody listens any more, and the play ends by its caller's word.
	stopped := errors.New("enough")
	if err := d.Play(monday, monday.Add(time.Hour), Playing{Second: func(int64) error { return stopped }}); err != stopped {
		t.Error(err)
	}
}
