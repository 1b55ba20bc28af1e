package collector

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"nfacct/collector/spool"
)

// A collector writes what it sees to StatusFile of the state folder, every
// statusEvery, soon after something has begun or ended, and once more when it ends.
// A file is all that other processes and users need to look at it, and it outlives
// a crash.
const (
	StatusFile  = "collector.json"
	statusEvery = 5 * time.Second
	statusLook  = 200 * time.Millisecond
)

// Saved is the file's content.
type Saved struct {
	Written time.Time `json:"written"`
	Running bool      `json:"running"` // false in the last one of a collector that was stopped
	PID     int       `json:"pid"`
	Status
}

// Silent says whether the collector has written nothing for too long.
func (s *Saved) Silent(now time.Time) bool { return now.Sub(s.Written) > 4*statusEvery }

// turn is what must not be seconds late in the file.
type turn struct {
	open                string
	full                bool
	exporters, refusing int
	stored              bool
}

func turnOf(s *Status) turn {
	return turn{s.Spool.Open, s.Spool.Full, len(s.Exporters), len(s.Refused), s.Spool.Stored > 0}
}

// KeepStatus writes the file into a state folder until ctx is done. Its failures
// never stop the collector, which a full disk must not do either. If with is set,
// the value that it makes is written: a struct that embeds Saved.
func KeepStatus(ctx context.Context, folder string, status func() Status, with func(Saved) any, log *slog.Logger) {
	write := func(running bool, s Status) {
		var all any = Saved{Written: time.Now(), Running: running, PID: os.Getpid(), Status: s}
		if with != nil {
			all = with(all.(Saved))
		}
		text, err := json.MarshalIndent(all, "", "  ")
		if err == nil {
			err = spool.MkdirAll(folder, 0o751)
		}
		if err == nil {
			err = spool.WriteFile(filepath.Join(folder, StatusFile), append(text, '\n'), 0o640)
		}
		if err != nil {
			log.Debug("status not written", "err", err)
		}
	}
	ticks := time.NewTicker(statusLook)
	defer ticks.Stop()
	var last turn
	var written time.Time
	for {
		// Status locks what the writer needs, but only while it copies a few counters.
		s := status()
		if now := turnOf(&s); written.IsZero() || now != last && time.Since(written) >= time.Second || time.Since(written) >= statusEvery {
			write(true, s)
			last, written = now, time.Now()
		}
		select {
		case <-ctx.Done():
			write(false, status())
			return
		case <-ticks.C:
		}
	}
}

// ReadStatus reads the status file of a state folder into a Saved, or a struct that
// embeds it. If there is no file the error is fs.ErrNotExist.
func ReadStatus(folder string, into any) error {
	// Something else of that name, such as a pipe, must not hold the reader up.
	file, err := os.OpenFile(filepath.Join(folder, StatusFile), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := ParseStatus(file, into); err != nil {
		return fmt.Errorf("%s is damaged: %w; a running collector writes it anew every %s", file.Name(), err, statusEvery)
	}
	return nil
}

// maxStatus bounds the status file: 1,024 exporters and as many refused addresses
// take half a MiB.
const maxStatus = 16 << 20

// ParseStatus reads the content of a status file as ReadStatus does.
func ParseStatus(in io.Reader, into any) error {
	text, err := io.ReadAll(io.LimitReader(in, maxStatus))
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	return err
}

// Look replaces the collector's figures of the spool by what the folder holds now:
// files are imported, expire and are brought along while no collector runs. It
// returns how many sealed files are not imported.
func (s *Status) Look(folder string) (waiting int, err error) {
	files, err := spool.ListSealed(folder)
	if err != nil {
		return 0, err
	}
	imported, _ := spool.ReadImported(folder) // a hint: a file that it lacks counts as waiting
	s.Spool.Folder, s.Spool.Files, s.Spool.Bytes = folder, len(files), 0
	for _, file := range files {
		s.Spool.Bytes += file.Size
		if !imported[file.Name] {
			waiting++
		}
	}
	if s.Spool.Open != "" {
		info, err := os.Stat(spool.OpenPath(folder, s.Spool.Open))
		if err == nil {
			s.Spool.Bytes += info.Size()
		} else {
			s.Spool.Open = "" // sealed since
		}
	}
	return waiting, nil
}
