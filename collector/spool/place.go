package spool

import "github.com/klauspost/compress/zstd"

// A place says how many live datagrams stand before it, so that a reader knows what
// a damaged frame held, though it cannot read it. Each zstd frame begins with one,
// but the first, which begins with the section header, and a sealed file ends with
// one that says so: whatever is cut off is missed. Its type is one of those that
// pcapng leaves to local use, which other readers pass over.
const blockPlace = 0x8e66ac01

const (
	placeSize = 8 + 12 + 4
	placeEnd  = 1 // the file was sealed here
)

// appendPlace appends a place.
func appendPlace(dst []byte, before uint64, flags uint32) []byte {
	return appendBlock(dst, blockPlace, func(b []byte) []byte {
		b = le.AppendUint64(b, before)
		return le.AppendUint32(b, flags)
	})
}

// placeAt reads the place at the beginning of b, if there is one.
func placeAt(b []byte) (before uint64, flags uint32, ok bool) {
	if len(b) < placeSize || le.Uint32(b) != blockPlace || le.Uint32(b[4:]) != placeSize || le.Uint32(b[placeSize-4:]) != placeSize {
		return 0, 0, false
	}
	return le.Uint64(b[8:]), le.Uint32(b[16:]), true
}

// headSize is how long the header of every spool file is.
var headSize = len(AppendHeader(nil))

// withPlace appends blocks of a frame with their place, which follows the header if
// they begin with it.
func withPlace(dst, blocks []byte, before uint64) []byte {
	head := 0
	if len(blocks) >= headSize && le.Uint32(blocks) == blockSection {
		head = headSize
	}
	dst = append(dst, blocks[:head]...)
	dst = appendPlace(dst, before, 0)
	return append(dst, blocks[head:]...)
}

// endFrame is the frame that ends a file of so many datagrams.
func endFrame(live uint64) []byte {
	encode, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil // never, with these options
	}
	defer encode.Close()
	return encode.EncodeAll(appendPlace(nil, live, placeEnd), nil)
}

// places follows the places of a file that is read.
type places struct {
	numbered bool   // there was one
	ended    bool   // the last one
	again    bool   // what comes was read before: a piece of the file stands there twice
	found    uint64 // datagrams
	missing  uint64
}

// at takes a place.
func (p *places) at(before uint64, flags uint32) {
	p.numbered = true
	known := p.found + p.missing
	p.again = before < known
	if before > known {
		p.missing += before - known
	}
	p.ended = p.ended || flags&placeEnd != 0
}
