package spool

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"os"
)

// Recover seals what a crash left open in a spool folder: each .open file is cut
// after its last whole frame; a file without a single datagram is removed. What
// was done is logged. The error wraps ErrLocked when a collector is running
// there.
func Recover(folder string, log *slog.Logger) error {
	lock, err := lockFolder(folder)
	if err != nil {
		return err
	}
	recoverAll(folder, log)
	return lock.Close()
}

// recoverAll leaves a file that resists as it is, for the next time: the others
// and the collector have to go on.
func recoverAll(folder string, log *slog.Logger) {
	open, err := ListOpen(folder)
	unfinished, again := list(folder, packSuffix)
	if err := cmp.Or(err, again); err != nil {
		log.Error("not all of the spool folder can be seen: what was left open there stays so", "err", err)
	}
	for _, left := range unfinished { // the file that it was to replace is there
		if err := os.Remove(left.Path); err != nil {
			log.Error("what packing a spool file left stays", "file", left.Path, "err", err)
		}
	}
	for _, left := range open {
		if err := recoverFile(folder, left, log); err != nil {
			log.Error("a spool file that was left open stays so", "file", left.Path, "err", err)
		}
	}
}

func recoverFile(folder string, left File, log *slog.Logger) error {
	name, path := left.Name, left.Path
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	whole, packets, damaged, end, err := wholeFrames(file)
	if err != nil {
		return err
	}
	cut := info.Size() - whole
	if packets == 0 {
		log.Warn("a spool file that was left open holds no datagram: removed", "file", name, "bytes", info.Size())
		return os.Remove(path)
	}
	if cut > 0 {
		if err := file.Truncate(whole); err != nil {
			return err
		}
	}
	if len(end) > 0 {
		if _, err := file.WriteAt(end, whole); err != nil {
			return errors.Join(err, file.Truncate(whole))
		}
	}
	if err := file.Sync(); err != nil {
		return err
	}
	if err := rename(folder, name); err != nil {
		return err
	}
	log.Warn("a spool file that was left open is sealed", "file", name, "datagrams", packets, "bytes", whole, "cut_bytes", cut, "damaged_places", damaged)
	return nil
}

// wholeFrames measures a file up to the end of the last frame that unpacks to
// whole blocks, and counts the live packets in all of these and the places
// before it where frames are damaged, which readers leave out. end is the frame that
// marks the end of the file, if it is of those that have one and lacks it.
func wholeFrames(file io.Reader) (whole int64, packets, damaged int, end []byte, err error) {
	f, err := newFrames(file)
	if err != nil {
		return 0, 0, 0, nil, err
	}
	defer f.close()
	var p places
	for {
		blocks, err := f.whole()
		if errors.Is(err, io.EOF) || isDamage(err) {
			break
		}
		if err != nil {
			return whole, packets, damaged, nil, err
		}
		n, ok := livePackets(blocks)
		if !ok {
			break
		}
		head := 0
		if whole == 0 {
			head = min(headSize, len(blocks))
		}
		if before, flags, ok := placeAt(blocks[head:]); ok {
			p.at(before, flags)
		}
		p.found += uint64(n)
		whole, damaged = f.offset(), f.damaged
		packets += n
	}
	if p.numbered && !p.ended {
		end = endFrame(p.found + p.missing)
	}
	return whole, packets, damaged, end, nil
}

// livePackets counts the packets of the live interface, if b is whole blocks.
func livePackets(b []byte) (packets int, ok bool) {
	for len(b) > 0 {
		if len(b) < 12 {
			return 0, false
		}
		kind, total := le.Uint32(b), le.Uint32(b[4:])
		if total < 12 || total%4 != 0 || uint64(total) > uint64(len(b)) || le.Uint32(b[total-4:]) != total {
			return 0, false
		}
		if kind == blockPacket && total >= packetHead+4 && le.Uint32(b[8:]) == Live {
			packets++
		}
		b = b[total:]
	}
	return packets, true
}
