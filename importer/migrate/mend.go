package migrate

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"nfacct/collector/spool"
)

// check has the server look at a copy, and repair it when it is damaged.
func (f *copier) check(ctx context.Context, name string) (remarks []string, err error) {
	table := copies + ".`" + name + "`"
	said, sound, err := f.admin(ctx, "CHECK TABLE "+table)
	if err != nil || sound {
		return nil, err
	}
	ways := []string{"", " EXTENDED", " USE_FRM"}
	if f.packed(name) {
		// The server calls a packed table read only, and with USE_FRM it would
		// take the definition's word for rows that are not packed (10.11).
		ways = nil
	}
	sound = false
	for _, how := range ways {
		if said, sound, err = f.repair(ctx, table, how, said); err != nil || sound {
			break
		}
	}
	if err == nil && !sound && f.packed(name) {
		said, sound, err = f.salvage(ctx, name, said)
	}
	switch {
	case err != nil:
		return nil, err
	case !sound:
		return nil, fmt.Errorf("it is damaged, and its copy cannot be repaired: %s; put its files back from a backup", strings.Join(said, "; "))
	}
	return []string{"it is damaged; its copy was repaired: " + strings.Join(said, "; ")}, nil
}

// repair tries a way to repair a copy, and has it looked at again.
func (f *copier) repair(ctx context.Context, table, how string, said []string) ([]string, bool, error) {
	words, _, err := f.admin(ctx, "REPAIR TABLE "+table+how)
	if err != nil {
		return said, false, err
	}
	said = gather(said, words)
	words, sound, err := f.admin(ctx, "CHECK TABLE "+table)
	if err == nil && !sound {
		said = gather(said, words)
	}
	return said, sound, err
}

// salvage has a tool of MariaDB's keep the rows of a packed copy that can be read.
func (f *copier) salvage(ctx context.Context, name string, said []string) ([]string, bool, error) {
	table := copies + ".`" + name + "`"
	if _, err := f.source.db.ExecContext(ctx, "FLUSH TABLES "+table); err != nil { // nobody has it open then
		return said, false, err
	}
	tool := exec.CommandContext(ctx, "myisamchk", "--no-defaults", "-r", "-f", name)
	tool.Dir = f.into
	words, err := tool.CombinedOutput()
	if err != nil {
		return append(said, fmt.Sprintf("myisamchk: %v: %s", err, lastLines(words))), false, nil
	}
	said = append(said, lastLines(words))
	for _, ext := range tableFiles {
		if err := spool.Own(filepath.Join(f.into, name+ext)); err != nil {
			return said, false, err
		}
	}
	complaints, sound, err := f.admin(ctx, "CHECK TABLE "+table)
	if err == nil && !sound {
		said = gather(said, complaints)
	}
	return said, sound, err
}

// gather adds remarks that were not made before.
func gather(said, words []string) []string {
	for _, word := range words {
		if !slices.Contains(said, word) {
			said = append(said, word)
		}
	}
	return said
}

// lastLines are those of a tool that say how it ended.
func lastLines(text []byte) string {
	lines := strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' || r == '\r' })
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}

// packedHead begins the data file of a table that myisampack has packed
// (myisam_pack_file_magic of MariaDB's MyISAM).
var packedHead = []byte{0xfe, 0xfe, 0x08}

// packed reports whether a copy's rows are packed.
func (f *copier) packed(name string) bool {
	file, err := os.Open(filepath.Join(f.into, name+".MYD"))
	if err != nil {
		return false
	}
	defer file.Close()
	head := make([]byte, len(packedHead))
	_, err = io.ReadFull(file, head)
	return err == nil && bytes.Equal(head, packedHead)
}

// admin runs CHECK or REPAIR, and says what the server remarked.
func (f *copier) admin(ctx context.Context, statement string) (said []string, sound bool, err error) {
	rows, err := f.source.db.QueryContext(ctx, statement)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for rows.Next() {
		var name, op, kind string
		var text sql.NullString
		if err := rows.Scan(&name, &op, &kind, &text); err != nil {
			return nil, false, err
		}
		if kind == "status" {
			sound = text.String == "OK" || text.String == "Table is already up to date"
		} else {
			said = append(said, text.String)
		}
	}
	return said, sound, rows.Err()
}
