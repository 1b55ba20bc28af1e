package terminal

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Progress is a bar on a terminal for work that takes longer than a second.
type Progress struct {
	w     io.Writer // nil: not drawn
	start time.Time
	drawn bool
}

// NewProgress begins to measure. The bar is drawn if wanted and if w is a terminal.
func NewProgress(w io.Writer, wanted bool) *Progress {
	p := &Progress{start: time.Now()}
	if wanted && Is(w) {
		p.w = w
	}
	return p
}

// Bytes draws progress that is counted in bytes.
func (p *Progress) Bytes(done, all int64) {
	if all != 0 {
		p.bar(40, done, all, Bytes(uint64(done)), Bytes(uint64(all)), "")
	}
}

// Count draws progress that is counted in rows or bytes of doing.
func (p *Progress) Count(doing string, done, all int64) {
	if all == 0 {
		p.Say(doing)
		return
	}
	p.bar(30, done, all, Number(done), Number(all), "  "+doing)
}

func (p *Progress) bar(width int, done, all int64, doneText, allText, more string) {
	filled := min(int(done*int64(width)/all), width)
	p.Say(fmt.Sprintf("[%-*s] %3d %%  %s of %s%s", width, strings.Repeat("=", filled), done*100/all, doneText, allText, more))
}

// Say draws a text in place of the bar.
func (p *Progress) Say(text string) {
	if p.w == nil || time.Since(p.start) < time.Second {
		return
	}
	p.drawn = true
	fmt.Fprintf(p.w, "\r\x1b[K%s", text)
}

// Clear removes what was drawn.
func (p *Progress) Clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
