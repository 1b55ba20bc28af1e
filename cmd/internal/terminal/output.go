package terminal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// WriteFile writes the file that --output names, whole or not at all. A file that is
// not an ordinary one, such as /dev/null or a named pipe, is written to and not
// replaced, and a link goes on pointing where it did.
func WriteFile(name string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	into := func() error {
		file, err := renameio.NewPendingFile(name, renameio.WithPermissions(0o640))
		if err != nil {
			return err
		}
		defer file.Cleanup()
		if err := write(file); err != nil {
			return err
		}
		return file.CloseAtomicallyReplace()
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		into = func() error {
			file, err := os.OpenFile(name, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			return errors.Join(write(file), file.Close())
		}
	}
	if err := into(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
