// Package archive is the MySQL side: the private or given server, the schema,
// month tables, the ledger of loaded files, books and rollups.
package archive

import (
	"context"
	"database/sql"
	"log/slog"
	"net/netip"
	"time"
)

// Config says which server to use.
type Config struct {
	// Folder of the private server: data, socket, lock. Mode 0700.
	Folder string `toml:"folder"`
	// Mariadbd is the private server's program; found in PATH and /usr/sbin when empty.
	Mariadbd string `toml:"mariadbd"`
	// DSN selects an existing server instead (go-sql-driver form); it names no
	// password: DSNFile holds the whole DSN when there is one.
	DSN     string `toml:"dsn"`
	DSNFile string `toml:"dsn_file"`
	// Load is auto, fifo or local.
	Load string `toml:"load"`
}

// Archive is an open database with its schema up to date.
type Archive struct{}

// Open starts the private server if it is needed and none runs, connects, and
// brings the schema up to date.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Archive, error) { panic("unwritten") }

// Close disconnects; the last user of the private server stops it.
func (a *Archive) Close() error { panic("unwritten") }

// DB is the pool, with the database selected.
func (a *Archive) DB() *sql.DB { panic("unwritten") }

// Day is a calendar day of the configured time zone.
type Day struct {
	Year  int
	Month time.Month
	Day   int
}

// Slot is the quarter-hour of a local day: 0..95, up to 91 or 99 when clocks change.
type Slot uint8

// Row is one biflow of one slot.
type Row struct {
	Day                    Day
	Slot                   Slot
	Router                 uint16
	WAN                    uint16
	Host, Peer             netip.Addr
	HostPort, PeerPort     uint16
	Proto                  uint8
	Attribution            uint8
	UpPackets, DownPackets uint64
	UpBytes, DownBytes     uint64
	Flows                  uint64
	First                  int32 // seconds from the slot's start
	Duration               uint32
}

// File identifies a file of datagrams in the ledger: by its digest, so that the
// same bytes under another name are known.
type File struct {
	Name   string
	Size   int64
	Digest [32]byte // SHA-256
}

// Load is one file on its way into the month tables.
type Load struct{}

// BeginLoad says `loading` in the ledger.
func (a *Archive) BeginLoad(ctx context.Context, f File) (*Load, error) { panic("unwritten") }

// Append adds a row; its month's table is made when it is the first.
func (l *Load) Append(r *Row) error { panic("unwritten") }

// Commit finishes the load: rows counted, rollups and books written, balance
// checked, ledger `loaded`.
func (l *Load) Commit(ctx context.Context, books []Book) error { panic("unwritten") }

// Abort undoes the load.
func (l *Load) Abort(ctx context.Context) error { panic("unwritten") }

// Counts are records and their IP-layer bytes.
type Counts struct {
	Records uint64 `json:"records"`
	Bytes   uint64 `json:"bytes"`
}

// Book is the balance of one router's day.
type Book struct {
	Day    Day    `json:"day"`
	Router string `json:"router"`
}
