package importer

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"nfacct/archive"
	"nfacct/collector/flow"
	"nfacct/collector/netflow"
)

// memory is what it takes to read a given file again, alone, as it was read the
// first time. Files of the spool need less: each begins with the templates that
// were known, and those that follow it are in the spool too.
type memory struct {
	// Before is what the decoder knew at the file's beginning, from the given
	// files before it.
	Before []carried `json:"before,omitempty"`
	// Late is what was found in files behind it: templates of its last data.
	Late []carried `json:"late,omitempty"`
	// Wanted is what data sets waited for in vain, of files of the spool too: only
	// when one of these comes the file is worth reading again.
	Wanted []wanted `json:"wanted,omitempty"`
}

// wanted are templates of one stream that did not come.
type wanted struct {
	Exporter  netip.Addr   `json:"exporter"`
	Version   flow.Version `json:"version"`
	Domain    uint32       `json:"domain"`
	Templates []uint16     `json:"templates"`
}

// maxWanted bounds them; each exporter has an equal share, and so has each stream
// of one. The fields of one take some 70 bytes, each template 6.
const maxWanted = 2048

// wanted lists what still waits.
func (h *held) wanted() (all []wanted) {
	exporters := slices.SortedFunc(maps.Keys(h.shares.exporters), netip.Addr.Compare)
	for _, addr := range exporters {
		share := max(1, maxWanted/len(exporters))
		streams := slices.SortedFunc(maps.Values(h.shares.exporters[addr].streams), func(a, b *streamShare[heldList]) int { return a.key.compare(b.key) })
		if len(streams) > share {
			streams = streams[:share]
		}
		for _, stream := range streams {
			w := wanted{Exporter: addr, Version: stream.key.version, Domain: stream.key.domain}
			for set := stream.kept.first; set != nil && len(w.Templates) < max(1, share/len(streams)); set = set.links[inStream].next {
				if !slices.Contains(w.Templates, set.ID) {
					w.Templates = append(w.Templates, set.ID)
				}
			}
			all = append(all, w)
		}
		if len(all) >= maxWanted {
			break
		}
	}
	return all
}

// came says whether a template that a file wanted was found in others.
func (m *memory) came(found *noted) bool {
	for _, w := range m.Wanted {
		for _, id := range w.Templates {
			if found.has(notedBit(netflow.TemplateKey{Exporter: w.Exporter, Version: w.Version, Domain: w.Domain, ID: id})) {
				return true
			}
		}
	}
	return len(m.Wanted) == 0 // imported when this was not remembered yet
}

// carried is a datagram as netflow.Decoder.Carry makes it.
type carried struct {
	Src      netip.AddrPort `json:"src"`
	Received int64          `json:"received"` // Unix nanoseconds
	Payload  []byte         `json:"payload"`
}

// maxCarried bounds each part of a memory, in bytes of payload: both together, in
// base64, are less than the archive keeps. Some kB are usual.
const maxCarried = archive.MaxMemory / 4

// parseMemory reads what text wrote.
func parseMemory(text []byte) (*memory, error) {
	m := new(memory)
	if len(text) == 0 {
		return m, nil
	}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("memory of a file in the ledger: %w", err)
	}
	return m, nil
}

// text is what is stored; nil when there is nothing to remember.
func (m *memory) text() ([]byte, error) {
	if m == nil || len(m.Before)+len(m.Late)+len(m.Wanted) == 0 {
		return nil, nil
	}
	return json.Marshal(m)
}

// carry takes what a decoder knows.
func carry(d *netflow.Decoder) (all []carried) {
	size := 0
	d.Carry(func(src netip.AddrPort, received int64, payload []byte) {
		if size += len(payload) + 64; size <= maxCarried {
			all = append(all, carried{src, received, slices.Clone(payload)})
		}
	})
	return all
}

func learn(d *netflow.Decoder, all []carried) {
	for _, c := range all {
		d.Learn(c.Src, c.Received, c.Payload)
	}
}

// decoder knows what is known at the file's beginning.
func (in *input) decoder() *netflow.Decoder {
	d := netflow.NewDecoder(netflow.Limits{})
	if in.memory != nil {
		learn(d, in.memory.Before)
	}
	return d
}
