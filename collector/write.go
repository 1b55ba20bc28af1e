package collector

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"syscall"
	"time"

	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

const (
	slotSeconds = int64(spool.SlotLength / time.Second)
	// retry is how often writing is tried while it does not work.
	retry = time.Second
	// statisticsEvery is how much of what was lost a crash can make forget.
	statisticsEvery = time.Minute
	expireEvery     = time.Hour
)

// slotOf is the quarter-hour since 1970 of a time.
func slotOf(t time.Time) int64 { return t.Unix() / slotSeconds }

// writer puts buffers into spool files and reads what is in them on the way.
type writer struct {
	c       *Collector
	files   *spool.Writer
	decoder *netflow.Decoder
	blocks  []byte // carried packets or statistics on their way

	slot   int64 // of the open file
	next   int64 // another slot that the clock was in at the last tick
	began  int64 // of the open file, Unix nanoseconds
	asked  bool  // to rotate, since rotatedAt
	stored uint64
	lost   uint64           // given up at the end
	base   spool.Statistics // the counters up to the open file
	noted  spool.Statistics // the counters as they were written last

	statisticsAt, expiredAt, complainedAt, rotatedAt time.Time // by the machine's clock
	complained                                       complaints
	fullSaid, againSaid                              rate // a disk at its brim is full and not full by turns
	panicSaid                                        rate
	last                                             *account
	lastAddr                                         netip.Addr
}

// write is the writer, until the queue is closed.
func (c *Collector) write(ctx context.Context) error {
	w := &writer{c: c, decoder: netflow.NewDecoder(netflow.Limits{})}
	if err := w.open(ctx); err != nil || w.files == nil {
		return err
	}
	w.countFiles() // learning takes a while
	w.learn(ctx)
	w.begin(w.now())
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case b, ok := <-c.queue.full:
			if !ok {
				return w.close()
			}
			w.store(ctx, b)
			c.queue.release(b)
		case <-c.rotate:
			w.rotate()
		case now := <-tick.C:
			w.tick(now)
		}
	}
}

// rotate begins another file, but at most one a second: those who ask more often
// share the next one. A file is named by a second, and each costs the disk some
// flushes.
func (w *writer) rotate() {
	if w.asked = time.Since(w.rotatedAt) < time.Second; w.asked {
		return // tick will
	}
	w.rotatedAt = time.Now()
	w.c.log.Info("spool file is sealed as asked")
	w.begin(w.now())
}

// restore sees to it that what is written has a name: somebody may have removed the
// spool folder.
func (w *writer) restore() {
	restored, err := w.files.Restore()
	switch {
	case err != nil:
		w.full(err)
	case restored:
		w.c.log.Error("the spool folder, or the file in it that is being written, was taken away: they are made again; datagrams of the present file are kept, sealed files that were there are gone",
			"folder", w.c.spool.Folder, "file", w.files.Name())
		w.countFiles()
	}
}

// close seals the file.
func (w *writer) close() error {
	w.restore()
	w.statistics()
	if w.lost > 0 {
		w.c.log.Error("datagrams are lost: they could not be written before the end", "datagrams", w.lost)
	}
	err := w.files.Close()
	w.countFiles()
	return err
}

func (w *writer) now() time.Time {
	if w.c.cfg.Now != nil {
		return w.c.cfg.Now()
	}
	return time.Now()
}

// open locks the spool folder and recovers what a crash left, waiting for space
// on a full disk.
func (w *writer) open(ctx context.Context) error {
	w.c.mu.Lock()
	w.c.state.spool.Folder = w.c.spool.Folder
	w.c.mu.Unlock()
	for {
		files, err := spool.NewWriter(w.c.spool, w.c.log)
		if err == nil {
			w.files = files
			return nil
		}
		if !isFull(err) {
			return err
		}
		w.full(err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(retry):
		}
	}
}

func isFull(err error) bool {
	return errors.Is(err, spool.ErrNoSpace) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// begin seals the open file and begins the next one.
func (w *writer) begin(now time.Time) {
	w.restore()
	w.statistics()
	w.blocks = w.blocks[:0]
	w.decoder.Carry(func(src netip.AddrPort, received int64, payload []byte) {
		w.blocks = spool.AppendPacket(w.blocks, spool.Carried, received, src, w.c.receivers[0].socket.at, payload)
	})
	w.slot, w.next = slotOf(now), slotOf(now)
	w.began = now.UnixNano()
	// Not the counters of now: what could not be noted in the old file, or came
	// before the first one, belongs to this one.
	w.base = w.noted
	// With the time in it, no two files are the same bytes, even when nothing
	// comes: the importer knows files by their bytes.
	w.blocks = spool.AppendStatistics(w.blocks, w.began, w.began, spool.Statistics{})
	if err := w.files.Begin(now, w.blocks); err != nil {
		w.full(err) // the first Write begins it
	}
	w.expire(now)
}

// store writes a buffer, in the file of its quarter-hour.
func (w *writer) store(ctx context.Context, b *buffer) {
	switch {
	case b.slot > w.slot:
		w.begin(time.Unix(0, b.packets[0].received))
	case b.slot < w.slot-1:
		w.c.log.Warn("the clock was set back: a new spool file is begun", "seconds", (w.slot-b.slot)*slotSeconds)
		w.begin(time.Unix(0, b.packets[0].received))
	default:
		// Also what another socket received just before the quarter-hour ended.
	}
	w.scan(b)
	for {
		err := w.files.Write(b.blocks)
		if err == nil {
			break
		}
		w.full(err)
		if ctx.Err() != nil {
			w.lost += uint64(len(b.packets))
			w.c.mu.Lock()
			w.c.state.spool.Lost = w.lost
			w.c.mu.Unlock()
			return
		}
		select {
		case <-ctx.Done(): // and once more
		case <-time.After(retry):
		}
	}
	w.stored += uint64(len(b.packets))
	w.written()
}

// written tells Status that writing works.
func (w *writer) written() {
	c := w.c
	c.mu.Lock()
	s := &c.state.spool
	s.Stored = w.stored
	s.Open = w.files.Name()
	s.Bytes = c.state.sealed + w.files.Size()
	wasFull := s.Full
	from := s.FullFrom
	s.Full, s.FullFrom, s.Error = false, time.Time{}, ""
	c.mu.Unlock()
	if wasFull {
		if w.againSaid.allows(time.Now()) {
			c.log.Warn("spool can be written again", "after", time.Since(from).Round(time.Second), "queue_dropped", w.totals().QueueDropped)
		}
	}
}

// full notes that the spool cannot be written, says so once a minute, and tries
// to make room. Receivers go on: they fill the queue, and when there is no more
// room in it they drop and count.
func (w *writer) full(err error) {
	c := w.c
	now := time.Now()
	c.mu.Lock()
	s := &c.state.spool
	if !s.Full {
		s.Full, s.FullFrom = true, now
	}
	s.Error = err.Error()
	c.mu.Unlock()
	if !w.fullSaid.allows(now) {
		return
	}
	c.log.Error("spool cannot be written: receiving goes on, and writing is tried again each second",
		"err", err, "queue_dropped", w.totals().QueueDropped)
	w.expire(w.now())
}

// scan reads a buffer's datagrams: sequence numbers, templates, counts.
func (w *writer) scan(b *buffer) {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	for i := 0; i < len(b.packets); {
		i = w.scanFrom(b, i)
	}
}

// scanFrom reads datagrams from the i-th on. It returns early, with the number
// of the next one, when the decoder panics: a mistake of ours that a hostile
// datagram found may cost the decoder's memory, but no datagram and not the
// collector.
func (w *writer) scanFrom(b *buffer, i int) (next int) {
	defer func() {
		if problem := recover(); problem != nil {
			w.c.state.panics++
			w.decoder = netflow.NewDecoder(netflow.Limits{})
			if w.panicSaid.allows(time.Now()) {
				w.c.log.Error("decoder failed on a datagram, which is kept; templates are learnt anew",
					"exporter", b.packets[i].src, "err", problem, "stack", string(debug.Stack()))
			}
			next = i + 1
		}
	}()
	for ; i < len(b.packets); i++ {
		p := &b.packets[i]
		g := w.decoder.Scan(p.src, p.received, b.blocks[p.start:p.end])
		w.account(p.src.Addr()).add(p, &g)
	}
	return i
}

// account finds or makes the account of an exporter. There are no more of them
// than addresses in the allow list.
func (w *writer) account(addr netip.Addr) *account {
	if w.last != nil && addr == w.lastAddr {
		return w.last
	}
	a := w.c.state.exporters[addr]
	if a == nil {
		a = &account{Exporter: Exporter{Router: w.c.routers[addr], Address: addr}}
		w.c.state.exporters[addr] = a
		w.c.log.Info("exporter heard", "router", a.Router, "exporter", addr)
	}
	w.last, w.lastAddr = a, addr
	return a
}

// tick does what is due without datagrams, each second.
func (w *writer) tick(now time.Time) {
	w.restore()
	if w.asked {
		w.rotate()
	}
	// A slot that the clock was in a second ago has begun for the receivers too:
	// what they had of the old one has been handed over.
	clock := w.now()
	if slot := slotOf(clock); slot != w.slot && w.next == slot {
		w.begin(clock)
	} else {
		w.next = slot
	}
	if now.Sub(w.statisticsAt) >= statisticsEvery {
		w.statistics()
	}
	if now.Sub(w.expiredAt) >= expireEvery {
		w.expire(clock)
	}
	w.complain(now)
}

// totals are the counters since start. Received is what was written and what is
// known not to have been, so that a file's statistics agree with its packets.
func (w *writer) totals() spool.Statistics {
	t := spool.Statistics{Refused: w.c.refused.count(), QueueDropped: w.lost}
	for _, r := range w.c.receivers {
		t.QueueDropped += r.dropped.Load()
		n, _ := r.socket.dropped()
		t.KernelDropped += n
	}
	t.Received = w.stored + t.Refused + t.QueueDropped
	return t
}

// statistics writes the open file's counters, if they have changed.
func (w *writer) statistics() {
	w.statisticsAt = time.Now()
	t := w.totals()
	if t == w.noted {
		return
	}
	w.blocks = spool.AppendStatistics(w.blocks[:0], w.began, w.now().UnixNano(), spool.Statistics{
		Received:      t.Received - w.base.Received,
		Refused:       t.Refused - w.base.Refused,
		QueueDropped:  t.QueueDropped - w.base.QueueDropped,
		KernelDropped: t.KernelDropped - w.base.KernelDropped,
	})
	if err := w.files.Write(w.blocks); err != nil {
		w.full(err)
		return
	}
	w.noted = t
	w.written()
}

// expire deletes old spool files and counts the others.
func (w *writer) expire(now time.Time) {
	w.expiredAt = time.Now()
	if err := spool.Expire(w.c.spool, now, w.c.log); err != nil {
		w.c.log.Error("old spool files stay", "err", err)
	}
	w.countFiles()
}

// countFiles tells Status what the folder holds.
func (w *writer) countFiles() {
	files, err := spool.ListSealed(w.c.spool.Folder)
	if err != nil {
		return // said by Expire, an hour later at most
	}
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	w.c.state.sealed = 0
	for _, file := range files {
		w.c.state.sealed += file.Size
	}
	s := &w.c.state.spool
	s.Files = len(files)
	s.Bytes = w.c.state.sealed
	if w.files != nil {
		s.Open = w.files.Name()
		s.Bytes += w.files.Size()
	}
}

// complaints is what complain said last.
type complaints struct {
	kernel, queue uint64
	lost          map[netip.Addr]uint64
}

// complain says once a minute what was lost since the minute before.
func (w *writer) complain(now time.Time) {
	if now.Sub(w.complainedAt) < time.Minute {
		return
	}
	w.complainedAt = now
	w.c.refused.complain()
	t := w.totals()
	if n := t.KernelDropped - w.complained.kernel; n > 0 {
		w.c.log.Warn("the kernel dropped datagrams: the receive buffer was full", "datagrams", n, "remedy", "a larger collector.receive_buffer, and net.core.rmem_max to allow it")
	}
	if n := t.QueueDropped - w.complained.queue; n > 0 {
		w.c.log.Warn("datagrams were dropped: the disk did not keep up", "datagrams", n, "remedy", "a larger collector.queue bridges longer pauses of the disk")
	}
	w.complained.kernel, w.complained.queue = t.KernelDropped, t.QueueDropped
	if w.complained.lost == nil {
		w.complained.lost = make(map[netip.Addr]uint64)
	}
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	for addr, a := range w.c.state.exporters {
		lost := a.LostRecords + a.LostDatagrams - min(a.late[0], a.LostRecords) - min(a.late[1], a.LostDatagrams)
		if before := w.complained.lost[addr]; lost > before {
			w.c.log.Warn("an exporter's sequence numbers have gaps: something was lost on the way", "router", a.Router, "exporter", addr, "lost", lost-before, "unit", unit(a))
		}
		w.complained.lost[addr] = lost
	}
}

func unit(a *account) string {
	switch {
	case a.LostDatagrams == 0:
		return "records"
	case a.LostRecords == 0:
		return "datagrams"
	}
	return fmt.Sprintf("records (%d) and datagrams (%d)", a.LostRecords, a.LostDatagrams)
}
