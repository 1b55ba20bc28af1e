package routerostest

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"nfacct/routeros/officetest"
)

// flowCache is traffic-flow at work: what the device's settings make of the
// records of its office. It belongs to the goroutine that plays.
type flowCache struct {
	device *Device
	seen   uint64 // version of the settings that follow

	enabled bool
	since   int64           // Unix ms; packets before that were not counted
	watched map[uint32]bool // ifIndexes; nil is all
	entries int32
	active  int64 // timeouts in ms
	lazy    int64
	counted uint64 // of so many packets, so many are counted
	out     uint64
	booted  time.Time
	targets []*target

	send func(Datagram) error
	err  error
}

// Datagram is one that the device sends to a target.
type Datagram struct {
	// From is the target's src-address, and the port of the target, which RouterOS
	// 7 sends from; an unspecified address is for the system to choose.
	From, To netip.AddrPort
	At       int64  // Unix seconds of its header
	Payload  []byte // valid until the next one
}

// target is one of the targets, with the exporter that serves it.
type target struct {
	id       uint32
	version  string
	from, to netip.AddrPort
	exporter *officetest.Exporter
}

// update reads the settings, if they have changed.
func (c *flowCache) update(now int64) {
	d := c.device
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.seen == d.settings {
		return
	}
	first := c.seen == 0
	c.seen = d.settings
	m := d.menus["/ip/traffic-flow"]
	get := func(name string) string { value, _ := d.get(m, m.items[0], name); return value }
	seconds := func(text string) int64 {
		length, _ := parseDuration(text)
		return length.Milliseconds()
	}
	was := c.enabled
	c.enabled = get("enabled") == "true"
	if c.enabled && !was && !first {
		c.since = now * 1000
	}
	c.active, c.lazy = seconds(get("active-flow-timeout")), seconds(get("inactive-flow-timeout"))
	c.entries = entries(get("cache-entries"))
	c.watched = d.watched(get("interfaces"))
	c.counted, c.out = 1, 1
	if get("packet-sampling") == "true" {
		interval, _ := strconv.ParseUint(get("sampling-interval"), 10, 32)
		space, _ := strconv.ParseUint(get("sampling-space"), 10, 32)
		if interval > 0 {
			c.counted, c.out = interval, interval+space
		}
	}
	if c.booted != d.booted {
		if !c.booted.IsZero() {
			c.since = d.booted.UnixMilli()
		}
		c.booted, c.targets = d.booted, nil
	}
	c.retarget(now)
}

// retarget makes the exporters fit the targets. One that goes on keeps its
// sequence number; one whose fields changed sends its templates anew.
func (c *flowCache) retarget(now int64) {
	d := c.device
	m := d.menus["/ip/traffic-flow/target"]
	var targets []*target
	for _, i := range m.items {
		get := func(name string) string { value, _ := d.get(m, i, name); return value }
		if get("disabled") == "true" || get("version") == "1" {
			continue
		}
		port, _ := strconv.ParseUint(get("port"), 10, 16)
		from, _ := netip.ParseAddr(get("src-address"))
		to, _ := netip.ParseAddr(get("dst-address"))
		t := &target{
			id: i.id, version: get("version"),
			from: netip.AddrPortFrom(from, uint16(port)), to: netip.AddrPortFrom(to, uint16(port)),
		}
		l := c.layout(t.version)
		if at := slices.IndexFunc(c.targets, func(old *target) bool {
			return old.id == t.id && old.version == t.version && old.to == t.to && old.from == t.from
		}); at >= 0 {
			t = c.targets[at]
			t.exporter.Reshape(l, now)
		} else {
			t.exporter = officetest.NewDeviceExporter(l, c.booted, func(at int64, payload []byte) error {
				return c.send(Datagram{From: t.from, To: t.to, At: at, Payload: payload})
			})
		}
		refresh, _ := strconv.ParseUint(get("v9-template-refresh"), 10, 32)
		timeout, _ := parseDuration(get("v9-template-timeout"))
		settings := officetest.Settings{Refresh: refresh, Timeout: int64(timeout / time.Second), Swapped: d.cfg.Profile == V6_49}
		if c.out > c.counted {
			settings.Sampling = uint32((c.out + c.counted/2) / c.counted)
		}
		t.exporter.Set(settings)
		targets = append(targets, t)
	}
	c.targets = targets
}

// layout is what this version of RouterOS sends. The lengths of v9's records were
// seen on a 6 of 2021 and on devices of 2024 and 2025; which 7.x those were, and
// that a device of another year adds fields 34 and 35 when it samples, is inferred.
func (c *flowCache) layout(version string) officetest.Layout {
	d := c.device
	switch version {
	case "5":
		return officetest.V5.Layout()
	case "ipfix":
		m := d.menus["/ip/traffic-flow/ipfix"]
		return officetest.IPFIXLayout(func(toggle string) bool {
			value, _ := d.get(m, m.items[0], toggle)
			return value == "true"
		})
	}
	f := officetest.V9
	switch d.cfg.Profile {
	case V6_42, V6_49:
		f = officetest.V9Old
	case V7_16:
		f = officetest.V9With64Bit
	}
	l := f.Layout()
	if c.out > c.counted && f != officetest.V9With64Bit {
		l = l.Sampled()
	}
	return l
}

// watched resolves names of interfaces and lists; nil is all. The caller holds
// the lock.
func (d *Device) watched(names string) map[uint32]bool {
	set := map[uint32]bool{}
	for name := range strings.SplitSeq(names, ",") {
		if name == "all" || name == "static" {
			return nil
		}
		if i := d.menus["/interface"].byName(name); i != nil {
			set[i.id] = true
		}
		for _, member := range d.menus["/interface/list/member"].items {
			if i := d.menus["/interface"].byName(member.values["interface"]); i != nil &&
				member.values["list"] == name && member.values["disabled"] != "true" {
				set[i.id] = true
			}
		}
	}
	return set
}

// entries reads 16k and 1M.
func entries(text string) int32 {
	n, _ := strconv.ParseInt(strings.TrimRight(text, "kM"), 10, 32)
	if strings.HasSuffix(text, "M") {
		n <<= 10
	}
	return int32(min(n<<10, 1<<30))
}

// take passes a record on to the targets, and says whether traffic-flow has seen
// it; r is then as the cache has it, but for sampling.
func (c *flowCache) take(r *officetest.Record) bool {
	if !c.enabled || c.watched != nil && !c.watched[r.InIf] && !c.watched[r.OutIf] ||
		2*r.Slot() >= c.entries || c.device.unseen(r) || r.End < c.since {
		return false
	}
	if r.Start < c.since {
		inside, whole := uint64(r.End-c.since), uint64(r.End-r.Start)
		r.Packets = max(2, officetest.Share(r.Packets, inside, whole))
		r.Bytes = max(r.Packets*28, officetest.Share(r.Bytes, inside, whole))
		r.Start = c.since
	}
	sampled := *r
	if c.counted != c.out {
		sampled.Packets = officetest.Share(r.Packets, c.counted, c.out)
		sampled.Bytes = officetest.Share(r.Bytes, c.counted, c.out)
		if sampled.Packets == 0 {
			return true
		}
	}
	for _, t := range c.targets {
		if err := t.exporter.Add(&sampled); err != nil {
			c.err = err
		}
	}
	return true
}

// tick sends what has waited long enough.
func (c *flowCache) tick(now int64) {
	for _, t := range c.targets {
		if err := t.exporter.Tick(now); err != nil {
			c.err = err
		}
	}
}

// flush sends what is left.
func (c *flowCache) flush(now int64) error {
	for _, t := range c.targets {
		if err := t.exporter.Flush(now); err != nil {
			return err
		}
	}
	return c.err
}
