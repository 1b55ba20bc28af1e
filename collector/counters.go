package collector

import (
	"fmt"
	"net/netip"
	"time"

	"nfacct/collector/spool"
)

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
	files, _ := spool.ListSealed(w.c.spool.Folder) // said by Expire, an hour later at most
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
