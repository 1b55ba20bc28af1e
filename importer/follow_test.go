package importer

import (
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"nfacct/archive"
	"nfacct/collector/spool"
	"nfacct/routeros/officetest"
)

// place15 is a host's quarter-hour by a router.
type place15 struct {
	day    archive.Day
	slot   archive.Slot
	router int
	host   netip.Addr
}

type sums15 map[place15][3]uint64 // up, down, flows

func (s sums15) take(p *Piece) {
	at := place15{p.Day, p.Slot, p.Router, p.Host}
	n := s[at]
	s[at] = [3]uint64{n[0] + p.Up, n[1] + p.Down, n[2] + uint64(p.Flows)}
}

// TestFollowed: what is shown of a quarter-hour while it is written is what its rows
// say when it is imported, to the byte: hosts, slots and routers, with rules, sampling,
// copies, and templates that come after their data, since the files carry none.
func TestFollowed(t *testing.T) {
	from := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, version := range []officetest.Format{officetest.V5, officetest.V9, officetest.IPFIX} {
		t.Run(version.String(), func(t *testing.T) {
			given, folder := t.TempDir(), t.TempDir()
			newTruthDay(version, from).spool(t, given)
			files, err := spool.ListSealed(given)
			if err != nil {
				t.Fatal(err)
			}
			routers := truthRouters(from)
			routers[branch].Sampling = 3
			im := newImporter(t, folder, routers...)
			again, compared, unread := 0, 0, 0
			for _, file := range files {
				live := sums15{}
				var path string
				written := rewrite(t, folder, file, func(open spool.File, write func(n int)) {
					path = open.Path[:len(open.Path)-len(".open")]
					f := follow(t, im, open, live)
					for n := range 5 {
						write(n)
						if err := f.More(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					if f.Again() {
						again++
						f.Close()
						clear(live)
						f = follow(t, im, open, live)
						if err := f.More(t.Context()); err != nil {
							t.Fatal(err)
						}
					}
					f.Close()
				})
				var l ledger
				unread += load(t, im, &l, anyDay, path).NoTemplate
				imported := sums15{}
				for i := range l.rows {
					r := &l.rows[i]
					imported.take(&Piece{Day: r.Day, Slot: r.Slot, Router: int(r.Router), Host: r.Host, Up: r.UpBytes, Down: r.DownBytes, Flows: uint32(r.Flows)})
				}
				if !maps.Equal(live, imported) {
					t.Fatalf("%s (%d datagrams): live %v\nimported %v", file.Name, written, live, imported)
				}
				compared += len(imported)
				sealed := sums15{}
				if _, err := im.Show(t.Context(), []string{file.Name}, sealed.take); err != nil {
					t.Fatal(err)
				}
				if !maps.Equal(sealed, imported) {
					t.Fatalf("%s: sealed %v\nimported %v", file.Name, sealed, imported)
				}
			}
			t.Logf("%d sums, %d files followed again, %d sets whose template comes in a later file", compared, again, unread)
			if compared < 1000 || version == officetest.V5 && again == 0 {
				t.Errorf("%d quarter-hours of hosts compared, %d files followed again", compared, again)
			}
		})
	}
}

func follow(t *testing.T, im *Importer, open spool.File, live sums15) *Followed {
	t.Helper()
	f, err := im.Follow(t.Context(), open, live.take)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// rewrite writes the datagrams of a file anew, without what it carries, in five parts
// while during runs, and seals it.
func rewrite(t *testing.T, folder string, file spool.File, during func(open spool.File, write func(n int))) (datagrams int) {
	t.Helper()
	reader, err := spool.Open(file.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var packets [][]byte
	for {
		p, err := reader.Next()
		if err != nil {
			break
		}
		if !p.Carried {
			packets = append(packets, spool.AppendPacket(nil, spool.Live, p.Received, p.Src, p.Dst, p.Payload))
		}
	}
	w, err := spool.NewWriter(spool.Config{Folder: folder}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Begin(file.Start, nil); err != nil {
		t.Fatal(err)
	}
	during(spool.File{Name: w.Name(), Path: spool.OpenPath(folder, w.Name()), Start: file.Start}, func(n int) {
		for _, p := range packets[n*len(packets)/5 : (n+1)*len(packets)/5] {
			if err := w.Write(slices.Clone(p)); err != nil {
				t.Fatal(err)
			}
		}
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return len(packets)
}
