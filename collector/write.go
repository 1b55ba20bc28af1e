package collector

import (
	"context"
	"errors"
	"net/netip"
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
	unset  unset // files of before the clock was set
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
	routers                                          *map[netip.Addr]string // the allow list when last was found
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
		c.wrote.Store(time.Now().UnixNano())
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
	w.carry()
	w.slot, w.next = slotOf(now), slotOf(now)
	old, oldBegan := w.files.Name(), w.began
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
	w.place(old, oldBegan, now)
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
		w.c.wrote.Store(time.Now().UnixNano())
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
	s.Full, s.NoSpace, s.FullFrom, s.Error = false, false, time.Time{}, ""
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
	s.NoSpace = isFull(err)
	s.Error = err.Error()
	c.mu.Unlock()
	if !w.fullSaid.allows(now) {
		return
	}
	c.log.Error("spool cannot be written: receiving goes on, and writing is tried again each second",
		"err", err, "queue_dropped", w.totals().QueueDropped)
	w.expire(w.now())
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
