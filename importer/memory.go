package importer

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	"nfacct/archive"
	"nfacct/collector/netflow"
)

// memory is what it takes to read a given file again, alone, as it was read the
// first time. Files of the spool need none: each begins with the templates that
// were known, and those that follow it are in the spool too.
type memory struct {
	// Before is what the decoder knew at the file's beginning, from the given
	// files before it.
	Before []carried `json:"before,omitempty"`
	// Late is what was found in files behind it: templates of its last data.
	Late []carried `json:"late,omitempty"`
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
	if m == nil || len(m.Before)+len(m.Late) == 0 {
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
