package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/terminal"
	"nfacct/collector/flow"
	"nfacct/collector/spool"
	"nfacct/importer"
)

func (a *app) flowsCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "flows FILE...",
		Short: "print the flow records of spool files, pcap, pcapng and flow-tools files",
		Long: `Prints the flow records of spool files, pcap and pcapng captures (plain, zstd
or gzip) and flow-tools files, known by their content. "-" is standard input.
Records whose template comes later in the same file are printed when it does.
What may be exports and cannot be read is counted on stderr: packets captured
only in part, versions and EtherTypes that are not known. A file that gave no
record for such a reason ends with exit code 3.`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, files []string) error {
			if a.json {
				format = "json"
			}
			if !slices.Contains([]string{"table", "json", "csv"}, format) {
				return exit.Usage(fmt.Errorf("format %q: choose table, json or csv", format))
			}
			return a.flows(cmd.Context(), files, format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "table", "table, json or csv")
	return cmd
}

// flows prints the records of each file; a file that cannot be read does not
// keep the others from being printed.
func (a *app) flows(ctx context.Context, files []string, format string) error {
	out := bufio.NewWriterSize(a.out, 256<<10)
	p := &printer{out: out, format: format}
	failed, nothing := 0, 0
	var last error
	for _, name := range files {
		none, err := p.file(ctx, name, a.in, a.errOut)
		if none {
			nothing++
		}
		if errors.Is(err, syscall.EPIPE) {
			return nil // the reader, such as head, has seen enough
		}
		if err != nil {
			if len(files) > 1 {
				fmt.Fprintf(a.errOut, "nfacct: %s\n", terminal.Printable(err.Error()))
			}
			failed++
			last = err
		}
	}
	switch err := out.Flush(); {
	case errors.Is(err, syscall.EPIPE):
		return nil
	case err != nil:
		return fmt.Errorf("write records: %w", err)
	case failed > 0 && len(files) == 1:
		return last
	case failed == len(files):
		return errors.New("no file could be read")
	case failed > 0:
		return exit.Partial(fmt.Errorf("%d of %d files could not be read", failed, len(files)))
	case nothing > 0:
		return exit.Partial(fmt.Errorf("no record could be read in %s", terminal.Plural(nothing, "file")))
	}
	return nil
}

// printer writes records in one format.
type printer struct {
	out    *bufio.Writer
	format string
	headed bool // the heading is written
	line   []byte
}

// file prints the records of one file. nothing says that it has none, though there
// may be exports in it that cannot be read.
func (p *printer) file(ctx context.Context, name string, stdin io.Reader, messages io.Writer) (nothing bool, err error) {
	var reader *spool.Reader
	path := name
	if name == "-" {
		path = ""
		reader, err = spool.NewReader(stdin)
		if err != nil {
			err = fmt.Errorf("standard input: %w", err)
		}
	} else {
		reader, err = spool.Open(name)
	}
	if err != nil {
		return false, err
	}
	defer reader.Close()
	p.heading()
	read, err := importer.ReadFlows(ctx, reader, path, p.records)
	if err != nil {
		if !errors.Is(err, syscall.EPIPE) {
			err = fmt.Errorf("%s: %w", name, err)
		}
		return false, err
	}
	say := func(text string) { fmt.Fprintf(messages, "nfacct: %s: %s\n", terminal.Printable(name), text) }
	if n := read.NoTemplate; n > 0 {
		say(terminal.Plural(n, "data set") + " left out: the template is not in the file")
	}
	if n := read.Duplicates; n > 0 {
		say(terminal.Plural(n, "datagram") + " came twice; an import counts each once")
	}
	for _, u := range read.Unread {
		say(u.Text)
	}
	if reader.Statistics().Truncated {
		say(strings.ReplaceAll(reader.Damage().Error(), "\n", "; ") + "; what is whole has been printed")
	}
	return read.Records == 0 && (len(read.Unread) > 0 || read.NoTemplate > 0 || reader.Statistics().Truncated), nil
}

func (p *printer) records(records []flow.Record) error {
	for i := range records {
		r := &records[i]
		switch p.format {
		case "json":
			p.line = flow.AppendJSON(p.line[:0], r)
		case "csv":
			p.line = flow.AppendCSV(p.line[:0], r)
		default:
			p.line = flow.AppendTable(p.line[:0], r)
		}
		p.line = append(p.line, '\n')
		if _, err := p.out.Write(p.line); err != nil {
			return err
		}
	}
	return nil
}

// heading is written above the first file that can be read.
func (p *printer) heading() {
	if p.headed {
		return
	}
	p.headed = true
	switch p.format {
	case "csv":
		fmt.Fprintln(p.out, flow.CSVHeading)
	case "table":
		fmt.Fprintln(p.out, flow.TableHeading)
	}
}
