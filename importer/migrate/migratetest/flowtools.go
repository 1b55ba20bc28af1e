package migratetest

import (
	"bufio"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// WriteTree writes flows as flow-capture with -N-2 keeps them: a compressed file
// for each quarter-hour, in folders of months and days. It returns how many
// files there are and how many bytes they have.
func WriteTree(folder string, flows iter.Seq[Flow]) (files int, size int64, err error) {
	var current *flowTree
	done := func() error {
		if current == nil {
			return nil
		}
		n, err := current.close()
		size += n
		return err
	}
	for f := range flows {
		if current == nil || !current.start.Equal(f.File) {
			if err := done(); err != nil {
				return files, size, err
			}
			if current, err = newFlowTree(folder, f.File); err != nil {
				return files, size, err
			}
			files++
		}
		if err := current.add(f); err != nil {
			return files, size, err
		}
	}
	return files, size, done()
}

// flowTree is the file that is being written.
type flowTree struct {
	start time.Time
	file  *os.File
	zlib  *zlib.Writer
	w     *bufio.Writer
	count uint32
}

// flowHead is the length of the header: type-length-value fields, as flow-capture
// writes them.
const flowHead = 80

func newFlowTree(folder string, start time.Time) (*flowTree, error) {
	folder = filepath.Join(folder, start.Format("2006-01/2006-01-02"))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(filepath.Join(folder, "ft-v05."+start.Format("2006-01-02.150405-0700")))
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(flowHead, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	t := &flowTree{start: start, file: file, zlib: zlib.NewWriter(file)}
	t.w = bufio.NewWriterSize(t.zlib, 1<<16)
	return t, nil
}

// add writes a record: 64 bytes in the order of version 5, with the datagram's
// time and uptime before it.
func (t *flowTree) add(f Flow) error {
	const uptime = 3_600_000
	order := binary.LittleEndian
	var r [64]byte
	address := func(at int, b [4]byte) { order.PutUint32(r[at:], binary.BigEndian.Uint32(b[:])) }
	order.PutUint32(r[0:], uint32(t.start.Unix())+60+t.count/1000%800) // as datagrams come
	order.PutUint32(r[8:], uptime)
	address(12, [4]byte{127, 0, 0, 1})
	address(16, f.Src.As4())
	address(20, f.Dst.As4())
	order.PutUint32(r[32:], uint32(f.Packets))
	order.PutUint32(r[36:], uint32(f.Bytes))
	order.PutUint32(r[40:], uptime-30_000)
	order.PutUint32(r[44:], uptime-15_000)
	order.PutUint16(r[48:], f.SrcPort)
	order.PutUint16(r[50:], f.DstPort)
	r[52] = f.Proto
	t.count++
	_, err := t.w.Write(r[:])
	return err
}

// close ends the file and writes its header, in which there are counts.
func (t *flowTree) close() (size int64, err error) {
	order := binary.LittleEndian
	head := []byte{0xcf, 0x10, 1, 3}
	head = order.AppendUint32(head, flowHead)
	head = append(head, 2, 0, 2, 0, 5, 0)
	for _, field := range [...]struct {
		kind  uint16
		value uint32
	}{{6, uint32(t.start.Unix())}, {7, uint32(t.start.Unix()) + 900}, {8, 3}, {10, t.count}, {11, 0}, {13, 0}, {14, 0}} {
		head = order.AppendUint16(head, field.kind)
		head = order.AppendUint16(head, 4)
		head = order.AppendUint32(head, field.value)
	}
	head = append(head, 15, 0, 3, 0, 'v', 'm', 0)
	head = append(head, make([]byte, flowHead-len(head))...)
	err = errors.Join(t.w.Flush(), t.zlib.Close())
	if err == nil {
		_, err = t.file.WriteAt(head, 0)
	}
	if err == nil {
		size, err = t.file.Seek(0, io.SeekEnd)
	}
	return size, errors.Join(err, t.file.Close())
}
