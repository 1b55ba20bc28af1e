package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/exit"
	"nfacct/cmd/internal/stages"
	"nfacct/cmd/internal/terminal"
	"nfacct/report"
	"nfacct/report/query"
	"nfacct/report/sheet"
)

// queryFlags are a question as the command line writes it.
type queryFlags struct {
	month, from, to, groupBy string
	where                    []string
	minBytes                 string
	count, rows              bool
	limit                    int
	format, output           string
}

func (a *app) queryCommand() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:   "query",
		Short: "ask a question about flows, and see the SQL and the answer",
		Long: `Asks who moved how much with whom, over any days, and prints the answer; on
standard error it prints the SQL, which can be pasted into nfacct sql.

Fields: ` + strings.Join(query.Names(), ", ") + `.
A host is an inside address and a peer an outside one. src and dst are the two
sides of one direction, and bytes then are those of that direction.
--group-by takes one or two fields; host/24 groups by network. --where takes
FIELD=VALUE, several of them, each with lists (443,8443), ranges (1-1023,
2026-11-01..2026-11-05), networks (192.168.88.0/24) and negation (!https).`,
		Example: `  nfacct query --month 2026-11 --group-by host
  nfacct query --from yesterday --group-by peer,service --where host=192.168.88.10
  nfacct query --month 2026-11 --where service=!https --where hour=0-6 --group-by host --format xlsx --output night.xlsx
  nfacct query --from today --where dst=203.0.113.7 --rows --limit 100`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.query(c.Context(), &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.month, "month", "", "all days of this `MONTH`, 2026-11")
	flags.StringVar(&f.from, "from", "", "first `DAY`: 2026-11-23, today or yesterday")
	flags.StringVar(&f.to, "to", "", "last `DAY` (default: the first)")
	flags.StringVar(&f.groupBy, "group-by", "", "`FIELDS` to group by, one or two")
	flags.StringArrayVar(&f.where, "where", nil, "a condition, `FIELD=VALUE`; can be given several times")
	flags.StringVar(&f.minBytes, "min-bytes", "", "leave out rows of fewer `BYTES`, such as 1000000 or 10MiB")
	flags.BoolVar(&f.count, "count", false, "count rows in place of adding up bytes")
	flags.BoolVar(&f.rows, "rows", false, "list the rows themselves")
	flags.IntVar(&f.limit, "limit", query.DefaultLimit, "at most `N` lines; 0 is all")
	flags.StringVar(&f.format, "format", "", "table, csv, json, xlsx or sql (default table)")
	flags.StringVar(&f.output, "output", "", "write to `FILE`, whole or not at all")
	return cmd
}

// values are the question as a URL writes it.
func (f *queryFlags) values() (url.Values, error) {
	v := url.Values{}
	for key, text := range map[string]string{"month": f.month, "from": f.from, "to": f.to, "group": f.groupBy, "min_bytes": f.minBytes} {
		if text != "" {
			v.Set(key, text)
		}
	}
	switch {
	case f.count && f.rows:
		return nil, errors.New("--count and --rows: leave one of the two out")
	case f.month != "" && (f.from != "" || f.to != ""):
		return nil, errors.New("--month and --from: leave one of the two out")
	case f.count:
		v.Set("show", "count")
	case f.rows:
		v.Set("show", "rows")
	}
	v.Set("limit", strconv.Itoa(f.limit))
	for _, text := range f.where {
		field, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("--where %q: write FIELD=VALUE", text)
		}
		if field = strings.TrimSpace(field); !slices.Contains(query.Names(), field) {
			return nil, fmt.Errorf("--where: %q is no field; fields are %s", field, strings.Join(query.Names(), ", "))
		}
		v.Add(field, value)
	}
	return v, nil
}

var queryFormats = []string{"table", "csv", "json", "xlsx", "sql"}

func (a *app) query(ctx context.Context, f *queryFlags) error {
	values, err := f.values()
	if err != nil {
		return exit.Usage(err)
	}
	switch {
	case f.format == "" && a.json:
		f.format = "json"
	case f.format == "":
		f.format = "table"
	case !slices.Contains(queryFormats, f.format):
		return exit.Usage(fmt.Errorf("--format %q: choose one of %s", f.format, strings.Join(queryFormats, ", ")))
	case a.json && f.format != "json":
		return exit.Usage(errors.New("--json and --format: leave one of the two out"))
	}
	if f.format == "xlsx" && f.output == "" && terminal.Is(a.out) {
		return exit.Usage(errors.New("a workbook is not for a terminal: add --output FILE.xlsx"))
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	db, err := a.openToRead(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	setting, err := stages.Setting(ctx, cfg, db, a.log)
	if err != nil {
		return exit.Database(err)
	}
	q, err := query.Parse(values, setting)
	if err != nil {
		return exit.Usage(err)
	}
	reader, err := db.Asker(ctx, archive.DefaultAskLimits())
	if err != nil {
		return exit.Database(err)
	}
	defer reader.Close()
	return a.answer(ctx, cfg, db, q, query.Of(db, reader), setting, f)
}

// answer asks and prints.
func (a *app) answer(ctx context.Context, cfg *config.Config, db *archive.Archive, q *query.Question, asker query.Asker, s *query.Setting, f *queryFlags) (err error) {
	prepared, _, err := q.Prepare(ctx, asker, s)
	switch {
	case errors.Is(err, query.ErrNoTables):
		return fmt.Errorf("%w (%s to %s); nfacct import loads the spool, and nfacct archive --list lists the months", err, q.From, q.To)
	case err != nil:
		return exit.Database(err)
	}
	if f.output == "" {
		return a.write(ctx, a.out, cfg, db, q, asker, s, f, prepared)
	}
	return terminal.WriteFile(f.output, func(out io.Writer) error {
		return a.write(ctx, out, cfg, db, q, asker, s, f, prepared)
	})
}

// write asks and writes the answer in one form.
func (a *app) write(ctx context.Context, out io.Writer, cfg *config.Config, db *archive.Archive, q *query.Question, asker query.Asker, s *query.Setting, f *queryFlags, prepared *query.Answer) (err error) {
	if f.format == "sql" {
		_, err := fmt.Fprintf(out, "%s;\n", prepared.Ran)
		return err
	}
	head := sheet.Head{Title: q.Title(), Facts: []sheet.Fact{
		{Name: "Days", Text: q.From.String() + " to " + q.To.String() + ", " + cfg.Location().String()},
		{Name: "Question", Text: q.Values().Encode()},
		{Name: "SQL", Text: prepared.Ran},
		{Name: "Unit", Text: "bytes, packets and rows, exact"},
		{Name: "Asked", Text: time.Now().In(cfg.Location()).Format(time.RFC3339)},
	}}
	var columns []sheet.Column
	for _, c := range prepared.Columns {
		columns = append(columns, sheet.Column(c))
	}
	var w sheet.Writer
	switch f.format {
	case "csv":
		w, err = sheet.NewCSV(out, head, columns)
	case "xlsx":
		w, err = sheet.NewXLSX(out, head, columns)
	case "json":
		w = query.NewJSON(out)
	default:
		names, err2 := report.Called(ctx, db, time.Date(q.To.Year, q.To.Month, q.To.Day+1, 0, 0, 0, 0, cfg.Location()))
		w, err = newTextRows(out, prepared.Columns, names), err2
	}
	if err != nil {
		return err
	}
	answer, err := q.Run(ctx, asker, s, w.Row)
	if err != nil {
		return exit.Database(err)
	}
	if rows, ok := w.(*query.JSON); ok {
		rows.Answer = answer
	}
	if err := w.Close(); err != nil {
		return err
	}
	if f.format == "table" && !a.quiet {
		fmt.Fprintf(a.errOut, "%s;\n-- %s, %s read in %s\n", answer.SQL, terminal.Plural(answer.Lines, "line"), terminal.Plural(answer.Examined, "row"), answer.Elapsed.Round(time.Millisecond))
		if answer.More {
			fmt.Fprintf(a.errOut, "-- there are more: --limit 0 prints all\n")
		}
	}
	return nil
}

// textRows writes an answer as a table, a host's name beside its address.
type textRows struct {
	table   *tabwriter.Writer
	columns []query.Column
	names   map[netip.Addr]string
}

func newTextRows(out io.Writer, columns []query.Column, names map[netip.Addr]string) *textRows {
	t := &textRows{table: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), columns: columns, names: names}
	var heads []string
	for _, c := range columns {
		heads = append(heads, strings.ToUpper(c.Name))
	}
	fmt.Fprintln(t.table, strings.Join(heads, "\t"))
	return t
}

func (t *textRows) Row(values []any) error {
	cells := make([]string, len(values))
	for i, value := range values {
		cells[i] = t.cell(t.columns[i].Unit, value)
	}
	_, err := fmt.Fprintln(t.table, strings.Join(cells, "\t"))
	return err
}

func (t *textRows) cell(unit string, value any) string {
	switch v := value.(type) {
	case nil:
		return "-"
	case string:
		switch unit {
		case "address":
			if addr, err := netip.ParseAddr(v); err == nil && t.names[addr] != "" {
				return v + " (" + t.names[addr] + ")"
			}
		case "service":
			var code report.ServiceCode
			if _, err := fmt.Sscanf(v, "%d/%d", &code.Proto, &code.Port); err == nil {
				return report.ServiceName(code)
			}
		}
		return report.Clean(v)
	}
	return fmt.Sprint(value)
}

func (t *textRows) Close() error { return t.table.Flush() }
