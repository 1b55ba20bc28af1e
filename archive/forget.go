package archive

import (
	"context"
	"fmt"
	"strings"
)

// BeginForget notes that files are being taken out, so that whoever takes the
// writer lock next can finish it; Forget ends it.
func (w *Writer) BeginForget(ctx context.Context, importIDs []uint32) error {
	if len(importIDs) == 0 {
		return nil
	}
	if err := w.held(ctx); err != nil {
		return err
	}
	args := make([]any, len(importIDs))
	for i, id := range importIDs {
		args[i] = id
	}
	return w.exec(ctx, "note what is taken out", "INSERT IGNORE INTO forgets (import) VALUES (?)"+strings.Repeat(", (?)", len(args)-1), args...)
}

// CancelForget takes back BeginForget of files of which nothing was taken out.
func (w *Writer) CancelForget(ctx context.Context, importIDs []uint32) error {
	for _, id := range importIDs {
		if err := w.exec(ctx, "note what is taken out", "DELETE FROM forgets WHERE import = ?", id); err != nil {
			return err
		}
	}
	return nil
}

// Forgetting lists the files whose taking out was begun and not ended.
func (r Reader) Forgetting(ctx context.Context) ([]Import, error) {
	return r.a.imports(ctx, "WHERE id IN (SELECT import FROM forgets) ORDER BY id")
}

// Forget removes a file from the ledger, so that it can be loaded as if it never
// was. Its days must have been loaded again without it.
func (w *Writer) Forget(ctx context.Context, importID uint32) error {
	if err := w.held(ctx); err != nil {
		return err
	}
	if err := w.exec(ctx, "remove from ledger", "DELETE FROM imports WHERE id = ? AND id NOT IN (SELECT import FROM books)", importID); err != nil {
		return err
	}
	w.step("forgotten")
	if err := w.exec(ctx, "remove from ledger", "DELETE FROM forgets WHERE import NOT IN (SELECT id FROM imports)"); err != nil {
		return fmt.Errorf("import %d: %w", importID, err)
	}
	return nil
}
