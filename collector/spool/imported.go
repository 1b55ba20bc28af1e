package spool

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// importedName is the list of the sealed files that are in the database: a hint of
// the importer for those who delete and count files. It is rewritten by each
// import, and nothing waits for it.
const importedName = "imported"

// maxImported bounds what is read of it: names of 40 bytes, of a file a minute for
// three years.
const maxImported = 64 << 20

// ReadImported reads which sealed files, by relative name, are in the database.
// Lines that are no spool file's name are left out. The names are good, and fewer,
// when there is an error.
func ReadImported(folder string) (map[string]bool, error) {
	names := map[string]bool{}
	// A pipe in its place must not be waited for.
	file, err := os.OpenFile(filepath.Join(folder, importedName), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return names, nil
	}
	if err != nil {
		return names, fmt.Errorf("read list of imported files: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	if err == nil {
		err = parseImported(io.LimitReader(file, maxImported), names)
	}
	if err == nil && info.Size() > maxImported {
		err = fmt.Errorf("it has more than %d bytes", maxImported)
	}
	if err != nil {
		err = fmt.Errorf("read list of imported files: %w; the next nfacct import writes it anew", err)
	}
	return names, err
}

// parseImported takes the names of a list, one a line.
func parseImported(in io.Reader, names map[string]bool) error {
	lines := bufio.NewReader(in)
	damaged, long := 0, false
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = true
			continue
		}
		name := string(bytes.TrimSpace(line))
		if _, ours := startOf(name); ours && !long {
			names[name] = true
		} else if long || name != "" {
			damaged++
		}
		long = false
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if damaged > 0 {
		return fmt.Errorf("%d lines of it are no spool file's name", damaged)
	}
	return nil
}

// WriteImported replaces the list of imported files, whole or not at all.
func WriteImported(folder string, names []string) error {
	names = slices.Clone(names)
	slices.Sort(names)
	var text bytes.Buffer
	for _, name := range slices.Compact(names) {
		text.WriteString(name)
		text.WriteByte('\n')
	}
	if err := WriteFile(filepath.Join(folder, importedName), text.Bytes(), 0o640); err != nil {
		return fmt.Errorf("write list of imported files: %w", err)
	}
	return nil
}
