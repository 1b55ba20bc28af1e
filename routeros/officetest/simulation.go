package officetest

import (
	"iter"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"time"
)

// The flow cache's settings, as nfacct provisions them.
const (
	activeTimeout   = 60_000 // ms
	inactiveTimeout = 15_000 // ms after the last packet
	// exportLag is how much later than that a record is exported, as measured on
	// captures: 15.3 s after the last packet.
	exportLag = 300
)

// wheelSize is how many seconds ahead a conversation is looked at again: with the
// usual settings more than the active timeout and the wait after it.
const wheelSize = 128

// Records yields what the router exports of the traffic between from and to
// (whole seconds), in the order of export. Connections are begun from `from` on
// and cut at `to`; what is then still in the flow cache is exported too, so the
// last records come some 16 seconds after `to`. A record is valid until the next
// one.
func (o *Office) Records(from, to time.Time) iter.Seq[*Record] {
	return func(yield func(*Record) bool) { o.simulate(from, to, nil, yield) }
}

// simulate is Records with a function that is called at each second before its
// records, and ends the simulation by returning false. It may change the flow
// cache's timeouts.
func (o *Office) simulate(from, to time.Time, second func(*simulation, int64) bool, yield func(*Record) bool) {
	s := &simulation{
		office: o,
		random: rand.NewPCG(o.cfg.Seed, uint64(from.Unix())),
		to:     to.Unix() * 1000,
		active: activeTimeout, inactive: inactiveTimeout,
		recent: make([]conversation, len(o.programs)),
	}
	s.run(from.Unix(), second, yield)
}

type simulation struct {
	office *Office
	random *rand.PCG
	to     int64 // Unix ms

	active, inactive int64 // timeouts in ms

	wheel  [wheelSize][]int32 // by second: conversations with a record due
	all    []conversation
	free   []int32
	recent []conversation // the last of each program, to make ports clash
	record Record
}

// conversation is one connection that the router knows. self is the side inside,
// far the other one.
type conversation struct {
	program           *program
	host              *Host // nil when no computer of the office takes part
	self, far         netip.Addr
	selfPort, farPort uint16
	natPort           uint16
	rtt               uint16 // ms between a packet and its answer
	six               bool
	start, end        int64 // Unix ms; start moves on with each exported record
	up, down          uint64
}

func (s *simulation) run(now int64, second func(*simulation, int64) bool, yield func(*Record) bool) {
	var perSecond, owed float64
	for ; ; now++ {
		if second != nil && !second(s, now) {
			return
		}
		if now*1000 < s.to {
			if now%60 == 0 || perSecond == 0 {
				perSecond = s.office.pace(now)
			}
			owed += perSecond * (0.5 + s.float())
			for ; owed >= 1; owed-- {
				s.begin(now)
			}
		} else if len(s.free) == len(s.all) {
			return
		}
		due := s.wheel[now%wheelSize]
		for _, i := range due {
			if !s.export(i, now, yield) {
				return
			}
		}
		s.wheel[now%wheelSize] = due[:0]
	}
}

// connectionsAtNoon is how many connections a host begins in a busy second,
// counting what the proxy and the servers begin for it; it makes 10000 records a
// host and working day.
const connectionsAtNoon = 0.118

// workingDay is how busy the office is at each full hour.
var workingDay = [25]float64{
	0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.03, 0.06, 0.35, 0.90, 1.00, 1.00, 0.75,
	0.60, 0.95, 1.00, 0.95, 0.70, 0.30, 0.12, 0.06, 0.04, 0.03, 0.02, 0.02,
}

// pace is the number of connections begun per second.
func (o *Office) pace(now int64) float64 {
	local := time.Unix(now, 0).In(o.cfg.Location)
	hour, part := local.Hour(), float64(local.Minute())/60
	busy := workingDay[hour]*(1-part) + workingDay[hour+1]*part
	if day := local.Weekday(); o.cfg.Weekends && (day == time.Saturday || day == time.Sunday) {
		busy *= 0.05
	}
	return busy * connectionsAtNoon * o.cfg.Busy * float64(len(o.Hosts))
}

func (s *simulation) float() float64 { return float64(s.random.Uint64()>>11) / (1 << 53) }

// below draws from [0, n).
func (s *simulation) below(n uint64) uint64 {
	high, _ := bits.Mul64(s.random.Uint64(), n)
	return high
}

// pick chooses a peer; the first of a list are visited most.
func (s *simulation) pick(peers []netip.Addr) netip.Addr {
	n := uint64(len(peers))
	return peers[s.below(s.below(n)+1)]
}

// amount draws bytes: near the typical number, and doubled again and again with
// a chance of one half, at most tail times.
func (s *simulation) amount(typical uint64, tail int) uint64 {
	if typical == 0 {
		return 0
	}
	if tail == 0 {
		return typical - typical/8 + s.below(typical/4+1)
	}
	return (typical/4 + s.below(typical+1)) << min(bits.TrailingZeros64(s.random.Uint64()), tail)
}

// begin starts one connection in the second now.
func (s *simulation) begin(now int64) {
	o := s.office
	chosen := o.byWeight[s.below(uint64(len(o.byWeight)))]
	p := &o.programs[chosen]

	var i int32
	if n := len(s.free); n > 0 {
		i, s.free = s.free[n-1], s.free[:n-1]
	} else {
		i = int32(len(s.all))
		s.all = append(s.all, conversation{})
	}
	c := &s.all[i]
	*c = conversation{program: p}
	if len(p.actors) > 0 {
		c.host = &o.Hosts[p.actors[s.below(uint64(len(p.actors)))]]
		c.self = c.host.Addr
	}
	switch p.path {
	case fromRouter, knock, orphaned:
		c.self = o.Public
	case ownAnnounce:
		c.self = o.Gateway
	case passing:
		c.self = s.pick(o.swarm)
	}
	switch {
	case p.path == between:
		c.far = offset(o.Server, int(10+s.below(6)))
	case p.path == toRouter:
		c.far = o.Gateway
	case p.six && o.cfg.IPv6 && s.below(4) == 0:
		c.six = true
		c.self, c.far = c.host.Addr6, s.pick(o.web6)
	default:
		c.far = s.pick(p.peers)
	}
	c.farPort = p.ports[s.below(uint64(len(p.ports)))]
	if p.proto == tcp || p.proto == udp {
		c.selfPort = uint16(49152 + s.below(16384))
	}
	c.natPort = c.selfPort
	if p.path == masqueraded && c.selfPort != 0 && !c.six {
		s.clash(&s.recent[chosen], c)
	}
	if p.path == published {
		// The far side calls: the known port is ours, and 8443 outside is 443 inside.
		c.selfPort, c.natPort, c.farPort = c.farPort, c.farPort, uint16(1024+s.below(64512))
		if c.selfPort == 443 {
			c.natPort = 8443
		}
	}
	c.start = now*1000 + int64(s.below(1000))
	c.end = min(c.start+s.duration(p.seconds), s.to)
	c.start = min(c.start, c.end)
	c.rtt = uint16(4 + s.below(70))
	c.up, c.down = s.amount(p.up, p.tail), s.amount(p.down, p.tail)
	if p.proto == tcp {
		c.up += c.down / 1400 * 26 // every second packet is acknowledged
	}
	s.schedule(i, now)
}

// clash makes one connection in forty use the port that another host just used
// to reach the same peer: the router must then choose another one outside.
func (s *simulation) clash(last, c *conversation) {
	if last.host != nil && last.host != c.host && s.below(40) == 0 {
		c.far, c.farPort, c.selfPort = last.far, last.farPort, last.selfPort
		c.natPort = uint16(1024 + s.below(48128))
	}
	*last = *c
}

// duration draws milliseconds. Many exported flows have their first packet's time
// as their last's.
func (s *simulation) duration(seconds int) int64 {
	if seconds == 0 {
		if s.below(8) < 5 {
			return 0
		}
		return int64(s.below(400))
	}
	typical := uint64(seconds) * 1000
	return int64(typical/8+s.below(typical)) << min(bits.TrailingZeros64(s.random.Uint64()), 2)
}

// due is the second in which the next record of a conversation is exported.
func (s *simulation) due(c *conversation) int64 {
	if c.end-c.start > s.active {
		return (c.start+s.active)/1000 + 1
	}
	return (c.end + s.inactive + exportLag + 999) / 1000
}

// schedule puts a conversation where it is looked at next.
func (s *simulation) schedule(i int32, now int64) {
	at := min(max(s.due(&s.all[i]), now+1), now+wheelSize-1)
	slot := &s.wheel[at%wheelSize]
	*slot = append(*slot, i)
}

// export yields the records of a conversation that are due now, and schedules or
// forgets it.
func (s *simulation) export(i int32, now int64, yield func(*Record) bool) bool {
	c := &s.all[i]
	if s.due(c) > now {
		s.schedule(i, now)
		return true
	}
	left := c.end - c.start
	end, up, down := c.end, c.up, c.down
	if left > s.active {
		end = c.start + s.active
		// A steady stream with some noise: 3/4 to 5/4 of the even share.
		noise := 768 + s.below(512)
		up = min(up, share(up, uint64(s.active), uint64(left))*noise/1024)
		down = min(down, share(down, uint64(s.active), uint64(left))*noise/1024)
	}
	going := end < c.end
	r := &s.record
	if up > 0 && c.program.up > 0 {
		s.outward(r, c, now, end, up, down)
		r.slot = i
		if !yield(r) {
			return false
		}
		if c.program.path == ownAnnounce {
			r.InIf, r.OutIf = r.OutIf, r.InIf
			if !yield(r) {
				return false
			}
		}
	}
	if down > 0 && c.program.down > 0 {
		s.inward(r, c, now, end, up, down)
		r.slot = i
		if !yield(r) {
			return false
		}
	}
	if !going {
		s.free = append(s.free, i)
		return true
	}
	c = &s.all[i]
	c.start, c.up, c.down = end, c.up-up, c.down-down
	s.schedule(i, now)
	return true
}
