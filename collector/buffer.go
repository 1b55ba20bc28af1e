package collector

import (
	"net/netip"
	"sync/atomic"

	"nfacct/collector/spool"
)

const (
	bufferSize = 1 << 20
	// maxDatagram is what a socket can hand over: UDP's length field less its
	// header, and a little.
	maxDatagram = 1 << 16
	// maxPayload is what spool.AppendPacket keeps of it: all that IPv4 can carry.
	maxPayload = 1<<16 - 1 - 20 - 8
	// maxPackets bounds a buffer's index when datagrams are tiny.
	maxPackets = 4096
)

// buffer is a run of datagrams on its way to the disk: pcapng blocks, as they
// will be written, and where in them each payload lies.
type buffer struct {
	blocks  []byte
	packets []packet
	slot    int64 // quarter-hour since 1970 of all of them
}

type packet struct {
	src        netip.AddrPort
	received   int64 // Unix nanoseconds
	start, end uint32
}

func newBuffer() *buffer {
	return &buffer{blocks: make([]byte, 0, bufferSize), packets: make([]packet, 0, maxPackets)}
}

func (b *buffer) reset() {
	b.blocks, b.packets = b.blocks[:0], b.packets[:0]
}

func (b *buffer) fits(payload int) bool {
	return len(b.packets) < cap(b.packets) && len(b.blocks)+spool.PacketRoom(payload) <= cap(b.blocks)
}

// Bytes before a payload in the block that spool.AppendPacket makes: the pcapng
// block's own, then the IP and UDP headers.
const (
	beforeIPv4 = 28 + 20 + 8
	beforeIPv6 = 28 + 40 + 8
)

// add appends a datagram, which fits.
func (b *buffer) add(received int64, src, dst netip.AddrPort, payload []byte) {
	start := len(b.blocks) + beforeIPv6
	if src.Addr().Is4() {
		start = len(b.blocks) + beforeIPv4
	}
	b.blocks = spool.AppendPacket(b.blocks, spool.Live, received, src, dst, payload)
	end := start + min(len(payload), maxPayload)
	b.packets = append(b.packets, packet{src, received, uint32(start), uint32(end)})
}

// queue hands buffers from the receivers to the writer and back. Neither side
// of it ever waits for room: there are no more buffers than the channels hold.
type queue struct {
	full chan *buffer
	free chan *buffer
	made atomic.Int64
	size int64
}

func newQueue(size int) *queue {
	return &queue{full: make(chan *buffer, size), free: make(chan *buffer, size), size: int64(size)}
}

// get returns an empty buffer, or nil when all of them wait for the disk.
func (q *queue) get() *buffer {
	select {
	case b := <-q.free:
		return b
	default:
	}
	// Buffers are made when they are first needed: at an office's rates, two.
	if q.made.Add(1) > q.size {
		q.made.Add(-1)
		return nil
	}
	return newBuffer()
}

func (q *queue) put(b *buffer) { q.full <- b }

func (q *queue) release(b *buffer) {
	b.reset()
	q.free <- b
}
