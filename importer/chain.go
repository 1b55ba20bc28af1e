package importer

import (
	"context"

	"nfacct/collector/spool"
)

// chain hands what the decoder knows from one given file to the next, as the
// pieces of one capture need it. Each file begins with a decoder of its own that
// has learnt it, so that the file can be read again alone.
type chain struct {
	source  *source
	loader  loader
	state   []carried
	skipped *fileEnd // the file before was loaded already, and not read
}

// join gives a file the memory of the files before it.
func (c *chain) join(ctx context.Context, in *input) error {
	if in.spool || in.memory != nil || in.id != 0 {
		return nil
	}
	if c.skipped != nil {
		if err := c.catchUp(ctx); err != nil {
			return err
		}
	}
	in.memory = &memory{Before: c.state}
	return nil
}

// add takes a file that was read.
func (c *chain) add(end *fileEnd) {
	if !end.input.spool && end.err == nil {
		c.state, c.skipped = end.state, nil
	}
}

// skip takes a file that was loaded already. Most often the next was too, so it
// is read only when one comes that was not.
func (c *chain) skip(end *fileEnd) {
	if !end.input.spool {
		c.state, c.skipped = nil, end
	}
}

// catchUp reads the file that was skipped for what a decoder learns from it. If it
// cannot be read, the next one does without.
func (c *chain) catchUp(ctx context.Context) error {
	in := c.skipped.input
	if c.loader != nil {
		var err error
		if in.memory, err = c.loader.memory(ctx, c.skipped.file); err != nil {
			return err
		}
	}
	c.skipped = nil
	d := in.decoder()
	pace := pace{ctx: ctx}
	err := c.source.routers.replay(&pace, in.path, func(_ int, packet *spool.Packet) error {
		if packet.Carried {
			d.Learn(packet.Src, packet.Received, packet.Payload)
		} else {
			d.Scan(packet.Src, packet.Received, packet.Payload)
		}
		return nil
	})
	c.state = carry(d)
	return err
}
