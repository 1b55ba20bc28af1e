package spool

// Reader reads the packets of one file, whatever its format.
type Reader struct{}

// Open opens a spool file, a pcap or pcapng file (plain, zstd or gzip) or a
// flow-tools file, known by its first bytes and not by its name.
func Open(path string) (*Reader, error) { panic("unwritten") }

// Next returns the next packet, or io.EOF.
func (r *Reader) Next() (Packet, error) { panic("unwritten") }

// Statistics is what the file says was lost before it was written; complete after io.EOF.
func (r *Reader) Statistics() Statistics { panic("unwritten") }

// Close closes the file.
func (r *Reader) Close() error { panic("unwritten") }
