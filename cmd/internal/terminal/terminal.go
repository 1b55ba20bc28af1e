// Package terminal prints as every command of nfacct does: JSON, numbers, bytes and
// counted things, texts that others wrote, colours, and one progress bar.
package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// Is says whether a stream is a terminal.
func Is(w any) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// JSON writes a value for --json: indented, with < and & as they are.
func JSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// JSONLine writes a value in one line, for a command that goes on.
func JSONLine(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// Colours of ECMA-48.
const (
	Red    = 31
	Green  = 32
	Yellow = 33
)

// Painter colours text on a terminal, unless NO_COLOR is set (no-color.org).
func Painter(w io.Writer) func(color int, text string) string {
	if !Is(w) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return func(_ int, text string) string { return text }
	}
	return func(color int, text string) string { return fmt.Sprintf("\x1b[%dm%s\x1b[0m", color, text) }
}

// Log writes text to a stream: without -v only warnings and errors, so that a command
// under cron is silent when all is well. A daemon also says what it does.
func Log(w io.Writer, verbose, quiet, daemon bool) *slog.Logger {
	level := slog.LevelWarn
	if daemon {
		level = slog.LevelInfo
	}
	switch {
	case verbose:
		level = slog.LevelDebug
	case quiet:
		level = slog.LevelError
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// Raw writes to a terminal in raw mode, which takes a line feed for no more than that.
func Raw(w io.Writer) io.Writer { return raw{w} }

type raw struct{ to io.Writer }

func (r raw) Write(p []byte) (int, error) {
	_, err := r.to.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n")))
	return len(p), err
}
