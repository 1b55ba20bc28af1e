package importer

import (
	"context"
	"errors"
	"io"

	"nfacct/collector/spool"
)

// pace sees to it that long work ends soon after it is told to.
type pace struct {
	ctx  context.Context
	work int   // since ctx was looked at
	all  int64 // and before
}

// paceWork is how much work is done between two looks, in bytes that are read,
// each datagram and each set being paceUnit beside its own: the worst that can be
// made of so much, templates of ever new layouts, takes some 5 ms.
const (
	paceWork = 64 << 10
	paceUnit = 64
)

// spend counts work, and says when to end.
func (p *pace) spend(bytes int) error {
	if p.work += paceUnit + bytes; p.work < paceWork {
		return nil
	}
	p.all += int64(p.work)
	p.work = 0
	return p.ctx.Err()
}

// errEnough ends a replay before the file's end.
var errEnough = errors.New("no more is wanted")

// replay hands over the packets of a file one after the other. It ends with the
// file, or where that cannot be read on, which it says as broken, or with the
// error that each gives, errEnough excepted, or when it is told to stop.
func replay(pace *pace, reader *spool.Reader, each func(*spool.Packet) error) (broken, stopped error) {
	var packet spool.Packet
	for {
		if packet, broken = reader.Next(); broken != nil {
			if errors.Is(broken, io.EOF) {
				broken = nil
			}
			return broken, nil
		}
		err := pace.spend(len(packet.Payload))
		if err == nil {
			err = each(&packet)
		}
		if errors.Is(err, errEnough) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// replay hands over the packets of routers that are in a file, as far as it can be
// read: what is wrong with it is said when it is imported itself.
func (e exporters) replay(pace *pace, path string, each func(router int, packet *spool.Packet) error) error {
	reader, err := spool.Open(path)
	if err != nil {
		return nil
	}
	defer reader.Close()
	_, stopped := replay(pace, reader, func(packet *spool.Packet) error {
		if router, known := e.find(packet.Src.Addr()); known && packet.Cut == 0 {
			return each(router, packet)
		}
		return nil
	})
	return stopped
}
