package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// router exports full-time, whether or not anybody listens, as routers do.
type router struct {
	mu     sync.Mutex
	sentAt []time.Time // by number
	end    chan struct{}
	ended  chan struct{}
}

func startRouter(t *testing.T, address string) *router {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	// Not connected: then no answer of a closed port eats a datagram.
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	r := &router{end: make(chan struct{}), ended: make(chan struct{})}
	boot := time.Now().Add(-time.Hour)
	go func() {
		defer close(r.ended)
		defer conn.Close()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-r.end:
				return
			case <-tick.C:
			}
			for range 3 {
				r.mu.Lock()
				n := uint32(len(r.sentAt))
				now := time.Now()
				r.sentAt = append(r.sentAt, now)
				r.mu.Unlock()
				if _, err := conn.WriteToUDP(officeDatagram(n, now, boot), to); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	t.Cleanup(r.stop)
	return r
}

func (r *router) stop() {
	r.mu.Lock()
	select {
	case <-r.end:
	default:
		close(r.end)
	}
	r.mu.Unlock()
	<-r.ended
}

func (r *router) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sentAt)
}

func (r *router) sentBetween(from, to time.Time) (numbers []uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n, at := range r.sentAt {
		if at.After(from) && at.Before(to) {
			numbers = append(numbers, uint32(n))
		}
	}
	return numbers
}

// officeDatagram is the n-th v5 datagram of an office: uploads of its hosts, which
// no default rule leaves out.
func officeDatagram(n uint32, now, boot time.Time) []byte {
	b := make([]byte, 24+48*recordsEach)
	uptime := uint32(now.Sub(boot).Milliseconds())
	be := binary.BigEndian
	be.PutUint16(b, 5)
	be.PutUint16(b[2:], recordsEach)
	be.PutUint32(b[4:], uptime)
	be.PutUint32(b[8:], uint32(now.Unix()))
	be.PutUint32(b[12:], uint32(now.Nanosecond()))
	be.PutUint32(b[16:], n*recordsEach)
	for i := range uint32(recordsEach) {
		r := b[24+48*i:]
		be.PutUint32(r, 0xc0a85801+(n+i)%200)        // 192.168.88.1 and on
		be.PutUint32(r[4:], 0x5db80000+(n*31+i)%4e4) // 93.184.0.0 and on
		be.PutUint16(r[12:], 2)
		be.PutUint16(r[14:], 1)
		be.PutUint32(r[16:], 1+i)
		be.PutUint32(r[20:], 1000+n%1000+i)
		be.PutUint32(r[24:], uptime-500)
		be.PutUint32(r[28:], uptime-10)
		be.PutUint16(r[32:], uint16(1024+(n*recordsEach+i)%50000))
		be.PutUint16(r[34:], 443)
		r[38] = 6
	}
	return b
}

// kept is what the sealed files of a spool hold.
type kept struct {
	datagrams map[uint32]int // how often each number is there
	records   uint64
	bytes     uint64
	lost      uint64 // records, by sequence numbers
}

func readKept(t *testing.T, folder string) kept {
	t.Helper()
	if open, _ := filepath.Glob(filepath.Join(folder, "*", "*.open")); len(open) > 0 {
		t.Errorf("left open: %v", open)
	}
	files, err := spool.ListSealed(folder)
	if err != nil {
		t.Fatal(err)
	}
	sum := kept{datagrams: map[uint32]int{}}
	var records []flow.Record
	for _, file := range files {
		d := netflow.NewDecoder(netflow.Limits{}) // every file decodes alone
		r, err := spool.Open(file.Path)
		if err != nil {
			t.Fatal(err)
		}
		for {
			p, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Carried {
				d.Learn(p.Src, p.Received, p.Payload)
				continue
			}
			var g netflow.Datagram
			records, g = d.Decode(records[:0], p.Src, p.Received, p.Payload)
			sum.datagrams[g.Sequence/recordsEach]++
			sum.records += uint64(len(records))
			sum.lost += uint64(g.Loss.Lost) - uint64(g.Loss.Late)
			for i := range records {
				sum.bytes += records[i].Bytes
			}
		}
		if r.Damage() != nil {
			t.Errorf("%s: %v", file.Name, r.Damage())
		}
		r.Close()
	}
	return sum
}
