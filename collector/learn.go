package collector

import (
	"context"
	"errors"
	"io"

	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

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
	name := files[len(files)-1].Path
	packets, err := w.learnFrom(ctx, name)
	if err != nil {
		w.decoder = netflow.NewDecoder(netflow.Limits{})
		w.c.log.Warn("nothing is learnt from the newest spool file: templates come again by themselves", "file", name, "err", err)
		return
	}
	w.c.log.Debug("learnt from the newest spool file", "file", name, "datagrams", packets)
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
	for ; ; packets++ {
		packet, err := file.Next()
		if err == io.EOF {
			return packets, nil
		}
		if err != nil {
			return packets, err
		}
		switch {
		case packet.Carried:
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
