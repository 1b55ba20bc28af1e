package demo

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"nfacct/cmd/internal/terminal"
	"nfacct/collector/spool"
	"nfacct/report/phrase"
)

// mostDifferences is how many differences are listed.
const mostDifferences = 20

// say prints a line for people.
func (d *Demo) say(format string, args ...any) {
	if !d.JSON {
		fmt.Fprintf(d.Out, format+"\n", args...)
	}
}

// step prints what a stage did and, unless it is 0, how long it took.
func (d *Demo) step(stage string, seconds float64, format string, args ...any) {
	line := fmt.Sprintf("  %-10s %s", stage, fmt.Sprintf(format, args...))
	if seconds > 0 {
		line = fmt.Sprintf("%-70s %6.1f s", line, seconds)
	}
	d.say("%s", line)
}

// verdict prints the report, how it compares, and where to look. It is an error
// when the report is not the truth.
func (d *Demo) Verdict() error {
	r := &d.Result
	if d.JSON {
		if err := terminal.JSON(d.Out, r); err != nil {
			return err
		}
	} else {
		d.say("")
		if err := r.Report.WriteText(d.Out, phrase.English(), 0, 0); err != nil {
			return err
		}
		d.say("")
		d.printComparison()
		d.printNext()
	}
	if !r.Equal {
		return fmt.Errorf("the report differs from the truth in %d of %d figures", len(r.Differences), r.Figures)
	}
	return nil
}

func (d *Demo) printComparison() {
	r := &d.Result
	if r.Equal {
		d.say("Compared with what the simulated office really did: every host's bytes,")
		d.say("packets, flows and peers, every class and rule of the books, on the day and in")
		d.say("the %d minutes before and after it. %s figures, all equal to the byte.", int(margin.Minutes()), terminal.Number(uint64(r.Figures)))
		return
	}
	d.say("Compared with what the simulated office really did, %d of %s figures differ:", len(r.Differences), terminal.Number(uint64(r.Figures)))
	for i, difference := range r.Differences {
		if i == mostDifferences {
			d.say("  and %d more", len(r.Differences)-i)
			break
		}
		d.say("  %s", difference)
	}
}

// printNext says where to look, in commands that can be copied.
func (d *Demo) printNext() {
	folder := filepath.Dir(d.Result.Config)
	nfacct := programName()
	with := nfacct + " --config " + shellWord(d.Result.Config)
	// A file of the busy hours.
	noon := d.from.Add(12 * time.Hour).Truncate(spool.SlotLength).UTC().Format("T150405Z")
	file := shellWord(filepath.Join(folder, StateName, "spool")) + "/*/*" + noon + "*"
	d.say("\nAll of it took %.1f s. Look around:", d.Result.Seconds.All)
	for _, command := range []string{
		with + " report --day " + d.Result.Day,
		with + " books --day " + d.Result.Day,
		with + " archive --list",
		with + " sql",
		with + " page",
		nfacct + " flows " + file + " | less",
		"zstdcat " + file + " |",
		fmt.Sprintf("  tshark -r - -d udp.port==%d,cflow", d.port),
	} {
		d.say("  %s", command)
	}
	d.say("And when it is no longer needed (there is nothing else to remove):\n  rm -r %s", shellWord(folder))
}

// programName is how this program can be called from where it was called.
func programName() string {
	name := filepath.Base(os.Args[0])
	if _, err := exec.LookPath(name); err == nil {
		return name
	}
	return shellWord(os.Args[0])
}

// shellWord quotes what a shell would not take as one word.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._/-+,:@%", r)
	}
	if text != "" && strings.TrimFunc(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\\''`) + "'"
}
