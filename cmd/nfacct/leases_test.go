package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"nfacct/archive"
	"nfacct/cmd/internal/config"
	"nfacct/cmd/internal/stages"
	"nfacct/report"
	"nfacct/routeros"
	"nfacct/routeros/routerostest"
)

// hostile are names that hosts give themselves, with what becomes of them.
var hostile = []struct{ name, want string }{
	{"pc\x1b[31;1mred\x1b]0;title\x07", "pc?[31;1mred?]0;title?"},
	{"nul\x00\x01\x7f\u009b2J", "nul????2J"},
	{"invoice\u202efdp.exe\u200f\u2066", "invoice?fdp.exe??"},
	{"<script>alert(1)</script><img src=x onerror=\"y\">&amp;", "<script>alert(1)</script><img src=x onerror=\"y\">&amp;"},
	{"=HYPERLINK(\"http://x\",\"y\")", "=HYPERLINK(\"http://x\",\"y\")"},
	{"@SUM(1)", "@SUM(1)"},
	{"a\tb\r\nc\u2028d", "a b c d"},
	{"dash\x96\x97", "dash–—"},
	{"caf\xe9\xff\xc0\x80", "caféÿÀ€"}, // not UTF-8, so read as Windows-1252
	{"S\xe3o Jos\xe9", "São José"},
	{strings.Repeat("long", 2500), strings.Repeat("long", 2500)[:190]},
	{"e" + strings.Repeat("\u0301", 5000) + "x", "e\u0301..."},
	{"\u200b\u200b", "??"},
}

// Whatever hosts call themselves: it is stored cleaned and bounded, and shown as
// what it is in every form of the report.
func TestHostileLeases(t *testing.T) {
	device := startMikrotik(t, routerostest.DeviceConfig{Profile: routerostest.V7_18, Office: smallOffice(t), ListenTLS: "-", Name: "gw\x1b[2J\u202e"})
	bytesOf, want := map[string]uint64{}, map[string][]string{}
	for i, h := range hostile {
		for n, lease := range []routerostest.Lease{{HostName: h.name}, {Comment: h.name}} {
			lease.Address, lease.MAC = fmt.Sprintf("10.2.%d.%d", 100+n, i+1), fmt.Sprintf("02:00:00:00:%02X:%02X", n, i)
			device.Lease(lease)
			bytesOf[lease.Address] = uint64(1000 * (i + 1))
			want[lease.Address] = []string{h.want}
		}
	}
	// Two leases of one address: who has it now names it, in whichever order.
	for i, order := range [][]int{{0, 1}, {1, 0}} {
		address := fmt.Sprintf("10.2.102.%d", i)
		both := []routerostest.Lease{
			{Address: address, MAC: "02:00:00:00:02:00", HostName: "guest", Comment: "guest of today"},
			{Address: address, MAC: "02:00:00:00:02:01", HostName: "clerk", Comment: "clerk", Waiting: true},
		}
		for _, n := range order {
			device.Lease(both[n])
		}
		bytesOf[address], want[address] = 500, []string{"guest", "guest of today"}
	}
	// Two that have it, which should not be: the first, so that names do not change
	// from one reading to the next.
	device.Lease(routerostest.Lease{Address: "10.2.102.9", MAC: "02:00:00:00:02:02", HostName: "one", Comment: "first"})
	device.Lease(routerostest.Lease{Address: "10.2.102.9", MAC: "02:00:00:00:02:03", HostName: "two", Comment: "second"})
	bytesOf["10.2.102.9"], want["10.2.102.9"] = 500, []string{"one", "first"}

	name := provisionConfig(t, "127.0.0.1:8787", "", device.Addr().String())
	cfg, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{log: slog.New(slog.DiscardHandler)}
	ctx := t.Context()
	db, err := archive.Open(ctx, cfg.Database, a.log)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	day := archive.DayOf(time.Now().In(cfg.Location())).Add(-1)
	loadDay(t, db, day, bytesOf)
	noon := time.Date(day.Year, time.Month(day.Month), day.Day, 12, 0, 0, 0, cfg.Location())
	for range 2 { // the same again is stored once
		err := routeros.Use(ctx, cfg.Routers[0].Config, a.log, func(ctx context.Context, d *routeros.Device) error {
			facts, err := d.Facts(ctx)
			if err != nil {
				return err
			}
			facts.Read = noon
			return stages.Keeper(cfg, db, a.log).Keep(ctx, stages.Router(cfg, &cfg.Routers[0]).Accounted, facts)
		})
		if err != nil {
			t.Fatal(err)
		}
		noon = noon.Add(15 * time.Minute)
	}
	var most, again int
	if err := db.DB().QueryRow("SELECT MAX(CHAR_LENGTH(name)), COUNT(*) - COUNT(DISTINCT host, source) FROM host_names").Scan(&most, &again); err != nil || most > 190 || again != 0 {
		t.Errorf("names of %d characters, %d stored again, %v", most, again, err)
	}

	usage, err := stages.Day(ctx, cfg, db, a.log, day, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, h := range usage.Hosts {
		got[h.Host] = h.Names
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	shown := map[string]string{}
	for _, format := range []string{"text", "html", "json", "eml", "xlsx"} {
		var form strings.Builder
		if err := stages.Render(&form, cfg, usage, format, time.Now()); err != nil {
			t.Fatal(err)
		}
		shown[format] = form.String()
	}
	routers := typed("--config", name, "routers")
	shown["routers"] = routers.out
	shown["routers --json"] = typed("--config", name, "--json", "routers").out
	for format, text := range shown {
		if format != "xlsx" {
			harmless(t, format, text)
		}
	}
	for line := range strings.Lines(shown["text"]) {
		n := 0
		for _, r := range strings.TrimSuffix(line, "\n") {
			if !unicode.Is(unicode.Mn, r) { // a mark takes no column
				n++
			}
		}
		if n > 80 {
			t.Errorf("text: a line of %d: %q", n, line)
		}
	}
	if html := shown["html"]; strings.Contains(html, "<script") || strings.Contains(html, "<img src=x") || !strings.Contains(html, "&lt;script&gt;alert(1)") {
		t.Error("html: markup of a host's name is markup of the page")
	}
	if !json.Valid([]byte(shown["json"])) {
		t.Error("json: not valid")
	}
	workbook(t, shown["xlsx"])
}

// harmless says that a text has nothing that a terminal or a reader's eye is misled by.
func harmless(t *testing.T, format, text string) {
	t.Helper()
	if !utf8.ValidString(text) || text == "" {
		t.Errorf("%s: not UTF-8, or empty", format)
	}
	for i, r := range text {
		if r != '\n' && r != '\r' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			t.Errorf("%s: %U in %q", format, r, text[max(0, i-40):min(len(text), i+40)])
			return
		}
	}
}

// workbook says that no cell of a workbook is a formula, and that it can be read.
func workbook(t *testing.T, data string) {
	t.Helper()
	file, err := excelize.OpenReader(bytes.NewReader([]byte(data)))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var cells []string
	for _, sheet := range file.GetSheetList() {
		rows, err := file.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		for y, row := range rows {
			for x, value := range row {
				cell, err := excelize.CoordinatesToCellName(x+1, y+1)
				if err != nil {
					t.Fatal(err)
				}
				formula, err := file.GetCellFormula(sheet, cell)
				if err != nil || formula != "" && strings.Contains(formula, "HYPERLINK") {
					t.Errorf("%s %s: formula %q, %v", sheet, cell, formula, err)
				}
				if value != report.Clean(value) {
					t.Errorf("%s %s: %q", sheet, cell, value)
				}
				cells = append(cells, value)
			}
		}
	}
	if !slices.ContainsFunc(cells, func(cell string) bool { return strings.Contains(cell, `=HYPERLINK("http://x","y")`) }) {
		t.Error("the name that looks like a formula is not there as text")
	}
}
