package importer

import (
	"context"
	"time"

	"nfacct/collector/flow"
	"nfacct/collector/netflow"
	"nfacct/collector/spool"
)

// Read is what became of a file that was read for its records.
type Read struct {
	Records    uint64
	NoTemplate int    // data sets without a template
	Duplicates uint64 // datagrams that came twice: an import counts them once
	Unread     []Unread
}

// ReadFlows hands all records of a file over, of whichever exporter and time, on
// the way that an import goes. The path is the file's, if it has one: it is read
// again for templates that had to make room. Records are valid until print returns.
func ReadFlows(ctx context.Context, reader *spool.Reader, path string, print func([]flow.Record) error) (Read, error) {
	s := newSource(nil, newCalendar(time.UTC), anyDay)
	s.routers[others], s.plain = 0, true
	var read Read
	s.batch = &batch{}
	s.next = func(full *batch) (*batch, error) {
		read.Records += uint64(len(full.records))
		return full, print(full.records)
	}
	s.begin(ctx, netflow.NewDecoder(netflow.Limits{}))
	var result decoded
	err := s.read(reader, &input{path: path}, &result)
	if err != nil {
		// What was read before is shown all the same.
		if flushed := s.flush(); flushed != nil {
			return read, flushed
		}
		return read, err
	}
	read.NoTemplate, read.Unread = result.noTemplate, result.unread
	read.Duplicates = s.books.of(place{}).duplicates
	return read, nil
}
