package migrate

import (
	"context"
	"errors"
	"fmt"

	"nfacct/archive"
)

// Sources are where old data comes from.
type Sources struct {
	DSNFile string         // of the old database; empty: none
	Paths   []string       // folders with flow-tools files and MyISAM tables
	Copies  string         // a folder for copies of tables
	Server  archive.Config // of the server that reads the copies
}

// DSNError says that the file with the DSN of the old database cannot be used.
type DSNError struct{ err error }

func (e *DSNError) Error() string { return "DSN of the old database: " + e.err.Error() }
func (e *DSNError) Unwrap() error { return e.err }

// All migrates flow-tools files first, then tables, which give way to them.
func (m *Migrator) All(ctx context.Context, from Sources, summary *Summary) error {
	found, err := m.Look(from.Paths)
	if err != nil {
		return err
	}
	summary.Add(found)
	if from.DSNFile == "" && found.Nothing() {
		return fmt.Errorf("no tables of MyISAM and no flow-tools files in %v", from.Paths)
	}
	if err := m.Flows(ctx, found.Flows, summary); err != nil {
		return err
	}
	if from.DSNFile != "" {
		dsn, err := archive.ReadDSN(from.DSNFile)
		if err != nil {
			return &DSNError{err}
		}
		source, err := OpenServer(ctx, dsn, m.log)
		if err == nil {
			err = errors.Join(m.Tables(ctx, source, summary), source.Close())
		}
		if err != nil {
			return err
		}
	}
	for _, folder := range found.Tables {
		source, err := OpenFolder(ctx, folder, from.Copies, from.Server, m.log)
		if err == nil {
			err = errors.Join(m.Tables(ctx, source, summary), source.Close())
		}
		if err != nil {
			return err
		}
	}
	return nil
}
