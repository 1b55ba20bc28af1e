package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"strings"
	"sync"

	"nfacct/report"
	"nfacct/report/phrase"
)

// Options say how a letter is written.
type Options struct {
	// Words of the language; nil is English.
	Words *phrase.Catalogue
	// Rows is how many hosts the HTML lists; 0 is the default.
	Rows int
	// Source is where the recipient was named, such as mail.to; empty leaves the
	// sentence about it out.
	Source string
}

// mostHTML is how long the HTML may get: Gmail clips at 102 KB.
const mostHTML = 90_000

//go:embed templates/report.html
var templates embed.FS

var page = template.Must(template.ParseFS(templates, "templates/report.html"))

// textRows is how many hosts the text part lists: some 20 kB.
const textRows = 200

// NewLetter renders a usage.
func NewLetter(u *report.Usage, o Options) (*Letter, error) {
	if o.Words == nil {
		o.Words = phrase.English()
	}
	if o.Rows == 0 {
		o.Rows = DefaultConfig().Rows
	}
	l := &Letter{File: "nfacct-" + u.Period.Key() + ".xlsx"}
	var text bytes.Buffer
	if err := u.WriteText(&text, o.Words, textRows, o.Rows); err != nil {
		return nil, err
	}
	l.Text = text.String()
	workbook := attachment{}
	err := errTooBig
	if u.HostCount() <= mostAttachedHosts {
		err = WriteWorkbook(&workbook, u, o.Words)
	}
	big := errors.Is(err, errTooBig)
	if err != nil && !big {
		return nil, err
	}
	if !big {
		l.Workbook = workbook.data.Bytes()
		if l.Subject, l.HTML, l.Images, err = render(u, o, l.File, false); err != nil {
			return nil, err
		}
	}
	l.light = sync.OnceValues(func() (*Letter, error) {
		light := &Letter{Text: l.Text + "\n" + report.Paragraph(noWorkbook(u, o.Words)) + "\n    " + command(u, l.File) + "\n"}
		var err error
		light.Subject, light.HTML, light.Images, err = render(u, o, l.File, true)
		return light, err
	})
	if big {
		return l.light()
	}
	return l, nil
}

// mostAttached is how big a workbook a mail may have: with it in base64, servers
// commonly take no more (Gmail: 25 MB). A variable for tests.
var mostAttached = 18 << 20

// mostAttachedHosts is how many hosts a workbook may have that is made for a mail: a
// host takes 150 bytes of it, so that of more it is too big for sure.
const mostAttachedHosts = 200_000

var errTooBig = errors.New("the workbook is too big for a mail")

// attachment is a buffer of at most mostAttached bytes.
type attachment struct{ data bytes.Buffer }

func (a *attachment) Write(p []byte) (int, error) {
	if a.data.Len()+len(p) > mostAttached {
		return 0, errTooBig
	}
	return a.data.Write(p)
}

// Light is the letter without its workbook, which it then says, with the command
// that writes it.
func (l *Letter) Light() (*Letter, error) {
	if l.light == nil {
		light := *l
		light.Workbook = nil
		return &light, nil
	}
	return l.light()
}

// noWorkbook says that the workbook was too big; how to have it is to follow.
func noWorkbook(u *report.Usage, words *phrase.Catalogue) string {
	return words.Text("mail.no_workbook", words.Plural("hosts", uint64(u.Totals.Hosts))) + ":"
}

// command writes the workbook of a report to a file.
func command(u *report.Usage, file string) string {
	p, flags := u.Period, ""
	switch p.Kind {
	case report.KindRange:
		flags = "--from " + p.From.String() + " --to " + p.To.String()
	default:
		flags = "--" + p.Kind + " " + p.Key()
	}
	if u.Group != "" {
		flags += " --department '" + strings.ReplaceAll(report.Clean(u.Group), "'", `'\''`) + "'"
	}
	return "nfacct report " + flags + " --format xlsx --output " + file
}

// render makes the HTML, of fewer hosts where it gets too long. Light is one
// without the workbook.
func render(u *report.Usage, o Options, file string, light bool) (subject, html string, images []Image, err error) {
	for rows := o.Rows; ; rows = rows * 2 / 3 {
		v := &view{Usage: u, words: o.Words, rows: rows, light: light}
		text, err := v.html(o.Source, file)
		if err != nil {
			return "", "", nil, err
		}
		if len(text) <= mostHTML || rows <= 1 {
			return v.Subject, text, v.images, nil
		}
	}
}

// html fills the view in and writes it.
func (v *view) html(source, file string) (string, error) {
	if err := v.build(source, file); err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return "", fmt.Errorf("render: %w", err)
	}
	return b.String(), nil
}
