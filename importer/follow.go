package importer

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"time"

	"nfacct/archive"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
	"nfacct/importer/attribution"
)

// Piece is the part of a record that goes into one row, in one direction: charged to a
// host, and left out by no rule.
type Piece struct {
	Day      archive.Day
	Slot     archive.Slot
	Router   int   // its number among the routers of New
	Received int64 // when its datagram came, Unix nanoseconds
	Host     netip.Addr
	Peer     netip.Addr
	HostPort uint16
	PeerPort uint16
	Proto    uint8
	Up       uint64 // bytes
	Down     uint64
	Flows    uint32
}

// shown is who is shown the pieces of rows; without take, nobody.
type shown struct {
	take  func(*Piece)
	piece Piece // valid until take returns
	date  date  // of its day
}

func (s *shown) show(p *piece, on date, slot uint8) {
	out := &s.piece
	if on != s.date {
		s.date, out.Day = on, on.day()
	}
	out.Slot, out.Router = archive.Slot(slot), int(p.router)
	out.Host, out.Peer, out.HostPort, out.PeerPort, out.Proto, out.Flows = p.host, p.peer, p.hostPort, p.peerPort, p.proto, p.flows
	out.Up, out.Down = 0, 0
	if p.class == attribution.Up {
		out.Up = p.bytes
	} else {
		out.Down = p.bytes
	}
	s.take(out)
}

// Show accounts sealed files of the spool in memory, and shows each piece that an
// import would put into rows. It asks no database and changes nothing. The summary is
// that of a preview.
func (im *Importer) Show(ctx context.Context, names []string, take func(*Piece)) (Summary, error) {
	b := im.build(Options{})
	b.shown = take
	spooled, err := fromSpool(im.cfg.Spool)
	if err != nil {
		return b.summary, err
	}
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	var inputs []input
	for _, in := range spooled {
		if wanted[in.name] {
			inputs = append(inputs, in)
		}
	}
	return b.finish(b.run(ctx, inputs, nil, anyDay))
}

// Followed is a spool file that is being written, accounted in memory as an import
// will when it is sealed. It is not safe for concurrent use.
type Followed struct {
	importer   *Importer
	tail       *spool.Tail
	source     *source
	accountant *accountant
	until      int64
}

// Follow begins with a file that is being written; pieces are shown as they come, by
// More. Before anything is written the error wraps spool.ErrCut or spool.ErrFormat.
func (im *Importer) Follow(ctx context.Context, file spool.File, take func(*Piece)) (*Followed, error) {
	in := &input{path: file.Path, name: file.Name, spool: true, start: file.Start}
	sealed, err := spool.ListSealed(im.cfg.Spool)
	if err != nil {
		return nil, err
	}
	for i := len(sealed) - 1; i >= 0; i-- {
		if age := file.Start.Sub(sealed[i].Start); age >= 0 && age <= spool.SlotLength {
			in.before = append(in.before, sealed[i].Path)
		}
	}
	f := &Followed{importer: im}
	if f.tail, err = spool.OpenTail(file.Path); err != nil {
		return nil, err
	}
	f.source = newSource(im.routers, newCalendar(im.loc), anyDay)
	f.accountant = newAccountant(newCalendar(im.loc), im.routers, im.rules, anyDay)
	f.accountant.shown.take = take
	s := f.source
	s.begin(ctx, netflow.NewDecoder(netflow.Limits{}))
	s.input, s.batch = in, new(batch)
	s.next = func(full *batch) (*batch, error) {
		for i := range full.records {
			if err := f.accountant.record(s.pace.ctx, in, full.router, &full.records[i]); err != nil {
				return full, err
			}
		}
		full.records = full.records[:0]
		return full, nil
	}
	if err = s.rememberBefore(in); err == nil {
		err = s.peek(in)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// More accounts what has come since.
func (f *Followed) More(ctx context.Context) error {
	f.source.pace.ctx = ctx
	for {
		packet, err := f.tail.Next()
		if errors.Is(err, io.EOF) {
			return f.source.flush()
		}
		if err == nil {
			err = f.source.pace.spend(len(packet.Payload))
		}
		if err == nil {
			f.until = max(f.until, packet.Received)
			err = f.source.packet(&packet)
		}
		if err != nil {
			return err
		}
	}
}

// Again says that what was shown depends on what was not written yet: on uploads that
// a download may answer (version 5), or on a better stream of the same flows. Then the
// figures of now are had by following the file from its beginning again.
func (f *Followed) Again() bool {
	return f.source.repeats.scanned || f.accountant.uploads.of != ""
}

// RouterName is the name of a router by its number.
func (im *Importer) RouterName(number int) string { return im.router(number) }

// Until is when the newest datagram came; zero before the first.
func (f *Followed) Until() time.Time {
	if f.until == 0 {
		return time.Time{}
	}
	return time.Unix(0, f.until)
}

// Books are those of the file so far, days and routers in no order.
func (f *Followed) Books() (books []archive.Book) {
	all := newTallies()
	all.add(f.source.books)
	all.add(f.accountant.books)
	all.settleLosses()
	for p, t := range all.all {
		books = append(books, f.importer.book(p, t))
	}
	return books
}

// Close ends it.
func (f *Followed) Close() error { return f.tail.Close() }
