package importer

import (
	"context"
	"slices"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
	"nfacct/importer/attribution"
)

// uploads finds the hosts of downloads that do not say whose they are (v5 behind
// masquerade) by the uploads that they answer. A file's downloads may answer its
// own uploads, earlier and later ones, and those of the spool files that began in
// the quarter-hour before it. So what becomes of a record depends on the spool
// alone: a file imported alone, with others or again gives the same rows, as long
// as the files before it are there. A file that is not of the spool stands for
// itself; what others hold is not looked for in it.
//
// Files are read for their uploads when the first such download comes, and not
// at all where exporters send translated addresses.
type uploads struct {
	routers exporters
	eras    []*eras

	known map[string]*attribution.Uploads // by path: of the file at hand and those before it
	of    string                          // the file that found is for
	found []*attribution.Uploads
}

// forFile gives the uploads that the downloads of a file may answer.
func (u *uploads) forFile(ctx context.Context, in *input) ([]*attribution.Uploads, error) {
	if u.of == in.path {
		return u.found, nil
	}
	paths := append([]string{in.path}, in.before...)
	for path := range u.known {
		if !slices.Contains(paths, path) {
			delete(u.known, path)
		}
	}
	u.of, u.found = "", u.found[:0]
	for _, path := range paths {
		if u.known[path] == nil {
			found, err := u.read(ctx, path, in)
			if err != nil {
				return nil, err
			}
			u.known[path] = found
		}
		u.found = append(u.found, u.known[path])
	}
	u.of = in.path
	return u.found, nil
}

// read gathers the uploads of a file, as far as it can be read: what is wrong
// with it is said when it is imported. The one error is to be told to stop.
func (u *uploads) read(ctx context.Context, path string, in *input) (*attribution.Uploads, error) {
	found := new(attribution.Uploads)
	for _, before := range u.known { // quarter-hours of an office are alike
		found.Expect(before.Len())
	}
	decoder := netflow.NewDecoder(netflow.Limits{})
	if path == in.path {
		decoder = in.decoder()
	}
	var records []flow.Record
	pace := pace{ctx: ctx}
	return found, u.routers.replay(&pace, path, func(router int, packet *spool.Packet) error {
		if packet.Carried {
			decoder.Learn(packet.Src, packet.Received, packet.Payload)
			return nil
		}
		records, _ = decoder.Decode(records[:0], packet.Src, packet.Received, packet.Payload)
		for i := range records {
			r := &records[i]
			_, end := times(r.Start, r.End, r.Received)
			attributor := u.eras[router].at(end).attributor
			if attributor.Entered(r) { // half of them; most of the rest are uploads
				continue
			}
			res := attributor.Attribute(r)
			found.Add(router, r, &res)
		}
		return nil
	})
}
