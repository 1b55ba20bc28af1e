package collector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// learningName is a hint in the spool folder: the file that a collector learns from
// at present. One that finds it there at its start follows one that died of that,
// and starts without.
const learningName = "learning"

// learnMost bounds what is learnt, in bytes of carried datagrams: files of before
// there was carryMost may hold more than the memory.
const learnMost = 4 * carryMost

// learn brings the decoder to where it was when the newest spool file ended:
// templates, sampling, and sequence numbers, so that the time in between shows
// as loss. Datagrams that arrive meanwhile wait in the queue; when that is half
// full, learning is given up, and exporters send their templates again by
// themselves.
func (w *writer) learn(ctx context.Context) {
	files, err := spool.ListSealed(w.c.spool.Folder)
	if err != nil {
		w.c.log.Warn("not all earlier spool files can be seen", "err", err)
	}
	if len(files) == 0 {
		return
	}
	file := w.newest(files)
	hint := filepath.Join(w.c.spool.Folder, learningName)
	died := readHint(hint) == file.Name
	if died {
		err = errors.New("the collector before this one died while it learnt from it")
	} else {
		// Without the hint it is learnt all the same.
		_ = spool.WriteFile(hint, []byte(file.Name+"\n"), 0o640)
		var packets int
		if packets, err = w.learnFrom(ctx, file.Path); err == nil {
			w.c.log.Debug("learnt from the newest spool file", "file", file.Name, "datagrams", packets)
		}
	}
	_ = os.Remove(hint)
	if err != nil {
		w.decoder = netflow.NewDecoder(netflow.Limits{})
		w.c.log.Warn("nothing is learnt from the newest spool file: templates come again by themselves", "file", file.Name, "err", err)
	}
}

// newest is the file that was written last. Files of the future are of a clock that
// was ahead; when all are, the clock is behind.
func (w *writer) newest(files []spool.File) spool.File {
	until := w.now().Add(spool.SlotLength)
	for i := len(files) - 1; i >= 0; i-- {
		if !files[i].Start.After(until) {
			return files[i]
		}
	}
	return files[len(files)-1]
}

// readHint is the text of a small file, if there is one.
func readHint(path string) string {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer file.Close()
	text, _ := io.ReadAll(io.LimitReader(file, 200))
	return strings.TrimSpace(string(text))
}

func (w *writer) learnFrom(ctx context.Context, name string) (packets int, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = errors.New("decoder failed on a datagram of it")
		}
	}()
	file, err := spool.Open(name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	for carried := 0; ; packets++ {
		packet, err := file.Next()
		if err == io.EOF {
			return packets, nil
		}
		if err != nil {
			return packets, err
		}
		switch {
		case packet.Carried:
			if carried += len(packet.Payload); carried > learnMost {
				return packets, fmt.Errorf("it carries more than %d bytes", learnMost)
			}
			w.decoder.Learn(packet.Src, packet.Received, packet.Payload)
		default:
			w.decoder.Scan(packet.Src, packet.Received, packet.Payload)
		}
		if packets%1024 == 0 {
			if ctx.Err() != nil {
				return packets, ctx.Err()
			}
			if len(w.c.queue.full) > cap(w.c.queue.full)/2 {
				return packets, errors.New("datagrams arrive faster than it can be read")
			}
		}
	}
}
