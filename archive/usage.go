package archive

import (
	"context"
	"encoding/hex"
	"strconv"
)

// usage sums the rows of a load as usage_hourly does, so that its rollups need
// not be computed from the table at every file's end. Adding sums cannot be
// done twice; a load that is cut short in between is undone, and with it the
// hours it noted are computed again from rows.
type usage struct {
	places map[usageKey]uint32
	sums   []usageSum
	last   uint32 // rows of a host often come together
}

// usageKey has no pointers, unlike netip.Addr.
type usageKey struct {
	host   [16]byte
	day    uint32 // ordinal
	router uint16
	hour   uint8
	six    bool
}

type usageSum struct {
	key                                               usageKey
	upBytes, downBytes, upPackets, downPackets, flows uint64
}

// maxUsage is how many sums are held before they are written: about 30 MB.
const maxUsage = 1 << 18

// add adds a row's counters.
func (u *usage) add(r *Row) {
	key := usageKey{host: r.Host.As16(), day: uint32(r.Day.ordinal()), router: r.Router, hour: uint8(r.Slot.Hour()), six: r.Host.Is6()}
	place, ok := u.last, int(u.last) < len(u.sums) && u.sums[u.last].key == key
	if !ok {
		place, ok = u.places[key]
	}
	if !ok {
		if u.places == nil {
			u.places = map[usageKey]uint32{}
		}
		place = uint32(len(u.sums))
		u.places[key] = place
		u.sums = append(u.sums, usageSum{key: key})
	}
	u.last = place
	s := &u.sums[place]
	s.upBytes = plus(s.upBytes, r.UpBytes)
	s.downBytes = plus(s.downBytes, r.DownBytes)
	s.upPackets = plus(s.upPackets, r.UpPackets)
	s.downPackets = plus(s.downPackets, r.DownPackets)
	s.flows = plus(s.flows, r.Flows)
}

func (u *usage) full() bool { return len(u.sums) >= maxUsage }

// usageRows is how many sums one statement adds.
const usageRows = 10_000

var moreUsage = " ON DUPLICATE KEY UPDATE " + moreOf("up_bytes") + ", " + moreOf("down_bytes") + ", " + moreOf("up_packets") + ", " + moreOf("down_packets") + ", " + moreOf("flows")

// addUsage adds the sums to usage_hourly, and empties them.
func (a *Archive) addUsage(ctx context.Context, u *usage) error {
	var text []byte
	for rest := u.sums; len(rest) > 0; {
		part := rest[:min(len(rest), usageRows)]
		rest = rest[len(part):]
		text = append(text[:0], mark+"INSERT INTO usage_hourly (day, hour, router, host, up_bytes, down_bytes, up_packets, down_packets, flows) VALUES "...)
		for i := range part {
			if i > 0 {
				text = append(text, ", "...)
			}
			text = part[i].append(text)
		}
		text = append(text, moreUsage...)
		if err := a.exec(ctx, "add up", string(text)); err != nil {
			return err
		}
	}
	clear(u.places)
	u.sums = u.sums[:0]
	return nil
}

// append writes the sum as a row of VALUES.
func (s *usageSum) append(dst []byte) []byte {
	k := &s.key
	host := k.host[:]
	if !k.six {
		host = host[12:]
	}
	dst = append(dst, "('"...)
	dst = ofOrdinal(int(k.day)).append(dst)
	dst = append(dst, "', "...)
	dst = strconv.AppendUint(dst, uint64(k.hour), 10)
	dst = append(dst, ", "...)
	dst = strconv.AppendUint(dst, uint64(k.router), 10)
	dst = append(dst, ", X'"...)
	dst = hex.AppendEncode(dst, host)
	dst = append(dst, '\'')
	for _, n := range [...]uint64{s.upBytes, s.downBytes, s.upPackets, s.downPackets, s.flows} {
		dst = append(dst, ", "...)
		dst = strconv.AppendUint(dst, n, 10)
	}
	return append(dst, ')')
}
