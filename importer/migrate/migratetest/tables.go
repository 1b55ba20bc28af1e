// Package migratetest makes the tables of nfacct's predecessors anew, as their
// scripts made, filled and packed them: for tests of what reads them, and to
// compare sizes.
package migratetest

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"io"
	"iter"
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Layout is one of the two.
type Layout int

const (
	Text2018  Layout = iota // 2018_5
	Stamp2024               // test_2024_07
)

// Row is a row of either layout. A nil is NULL; numbers and text stand as they
// are. Time and date are HH:MM and DD-MM-YYYY, or in Time a whole TIMESTAMP.
type Row struct {
	Src, SrcPort, Dst, DstPort, Proto any
	Packets, Bytes                    any
	Date, Time                        any
}

// Create makes a table with its keys.
func Create(ctx context.Context, db *sql.DB, name string, layout Layout) error {
	statement := "(ip_from varchar(255), s_port varchar(128), ip_to varchar(255), d_port varchar(128), proto varchar(32), " +
		"packets int(8), bytes bigint(20) DEFAULT 0, date_ins varchar(32), time_ins time, host varchar(128), interface varchar(8), " +
		"KEY (ip_from), KEY (ip_to), KEY (proto), KEY (packets), KEY (bytes), KEY (host), KEY (time_ins), KEY (date_ins), KEY (interface)) " +
		"ENGINE=MyISAM DEFAULT CHARSET=latin1"
	if layout == Stamp2024 {
		statement = "(src_ip INT UNSIGNED NOT NULL, src_port SMALLINT UNSIGNED DEFAULT 0 NOT NULL, dst_ip INT UNSIGNED NOT NULL, " +
			"dst_port SMALLINT UNSIGNED DEFAULT 0 NOT NULL, proto TINYINT UNSIGNED, packets INT UNSIGNED DEFAULT 0, bytes BIGINT UNSIGNED DEFAULT 0, " +
			"type TINYINT UNSIGNED DEFAULT 0, utime TIMESTAMP NOT NULL DEFAULT '2000-01-01 00:00:00', " +
			"KEY (src_ip), KEY (dst_ip), KEY (proto), KEY (type), KEY (utime)) ENGINE=MyISAM DEFAULT CHARSET=latin1"
	}
	_, err := db.ExecContext(ctx, "CREATE TABLE `"+name+"` "+statement)
	return err
}

// Fill enters rows in their order. The keys are made at the end.
func Fill(ctx context.Context, db *sql.DB, name string, layout Layout, rows iter.Seq[Row]) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	form := "(ip_from, s_port, ip_to, d_port, proto, packets, bytes, date_ins, time_ins) SET host = 'm', interface = 'g'"
	if layout == Stamp2024 {
		form = "(src_ip, src_port, dst_ip, dst_port, proto, packets, bytes, utime) SET type = 0"
	}
	in, out := io.Pipe()
	handler := rand.Text()
	mysql.RegisterReaderHandler(handler, func() io.Reader { return in })
	defer mysql.DeregisterReaderHandler(handler)
	go func() {
		w := bufio.NewWriterSize(out, 1<<16)
		for row := range rows {
			fields := []any{row.Src, row.SrcPort, row.Dst, row.DstPort, row.Proto, row.Packets, row.Bytes, row.Date, row.Time}
			if layout == Stamp2024 {
				fields = append(fields[:7], row.Time)
			}
			for i, field := range fields {
				if i > 0 {
					w.WriteByte('\t')
				}
				writeField(w, field)
			}
			if w.WriteByte('\n') != nil {
				break // the statement is over, and says why
			}
		}
		out.CloseWithError(w.Flush())
	}()
	for _, statement := range []string{
		"SET SESSION sql_mode = ''",
		"ALTER TABLE `" + name + "` DISABLE KEYS",
		"LOAD DATA LOCAL INFILE 'Reader::" + handler + "' INTO TABLE `" + name + "` CHARACTER SET binary " + form,
		"ALTER TABLE `" + name + "` ENABLE KEYS",
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			in.CloseWithError(err)
			return fmt.Errorf("fill %s: %w", name, err)
		}
	}
	return nil
}

func writeField(w *bufio.Writer, field any) {
	switch v := field.(type) {
	case nil:
		w.WriteString(`\N`)
	case string:
		strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n").WriteString(w, v)
	case netip.Addr:
		w.Write(v.AppendTo(w.AvailableBuffer()))
	case uint64:
		w.Write(strconv.AppendUint(w.AvailableBuffer(), v, 10))
	default:
		fmt.Fprint(w, v)
	}
}

// Flow is a line of flow-print, and the time in the name of the file it is of.
type Flow struct {
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16
	Proto            uint8
	Packets, Bytes   uint64
	File             time.Time
}

// proxy is the one that the scripts of 2018 have in them.
var proxy = netip.MustParseAddr("10.2.214.20")

// The scripts' patterns: unanchored, and with points that are any character.
var leftOut = regexp.MustCompile(`.255|239.|224.`)

// Enter is the row that the scripts make of a flow, unless they leave it out. The
// scripts of 2024 leave out nothing.
func Enter(f Flow, layout Layout) (row Row, ok bool) {
	if layout == Stamp2024 {
		number := func(a netip.Addr) uint64 {
			b := a.As4()
			return uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])
		}
		return Row{number(f.Src), uint64(f.SrcPort), number(f.Dst), uint64(f.DstPort), uint64(f.Proto), f.Packets, f.Bytes, nil, f.File.Format(time.DateTime)}, true
	}
	if leftOut.MatchString(f.Dst.String()) || f.Proto == 1 || f.Proto == 17 && (f.SrcPort == 53 || f.DstPort == 53) || f.Src == proxy || f.Dst == proxy {
		return Row{}, false
	}
	return Row{f.Src, uint64(f.SrcPort), f.Dst, uint64(f.DstPort), uint64(f.Proto), f.Packets, f.Bytes, f.File.Format("02-01-2006"), f.File.Format("15:04")}, true
}

// Pack packs a table under its name with a c behind it, with the statements and
// programs of the script for the first of the month. Folder is the database's,
// and nobody else may use the server.
func Pack(ctx context.Context, db *sql.DB, folder, name string) error {
	packed := name + "c"
	for _, statement := range []string{
		"REPAIR TABLE `" + name + "`",
		"RENAME TABLE `" + name + "` TO `" + packed + "`",
		"FLUSH TABLES",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("pack %s: %w", name, err)
		}
	}
	table := filepath.Join(folder, packed)
	for _, args := range [][]string{
		{"myisamchk", "--silent", table},
		{"myisampack", "--silent", table},
		{"myisamchk", "--silent", "-rq", "--sort-index", "--analyze", "--sort_buffer_size=256M", table},
	} {
		if said, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("pack %s: %s: %w: %s", name, args[0], err, said)
		}
	}
	_, err := db.ExecContext(ctx, "FLUSH TABLES")
	return err
}

// Size is what a table takes: its rows, and the bytes of data and keys.
func Size(ctx context.Context, db *sql.DB, name string) (rows, data, keys uint64, err error) {
	err = db.QueryRowContext(ctx, `SELECT TABLE_ROWS, DATA_LENGTH, INDEX_LENGTH FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?`, name).Scan(&rows, &data, &keys)
	return rows, data, keys, err
}
