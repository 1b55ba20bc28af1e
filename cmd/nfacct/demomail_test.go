package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"nfacct/archive"
	"nfacct/cmd/internal/demo"
	"nfacct/routeros/officetest"
)

// mailedWorkbook is the workbook within a message.
func mailedWorkbook(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		t.Fatalf("%s, %v", kind, err)
	}
	for parts := multipart.NewReader(msg.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatalf("no workbook is attached: %v", err)
		}
		if strings.HasSuffix(part.FileName(), ".xlsx") {
			data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
}

// hostOfDay is what the tables say of a host's day.
type hostOfDay struct {
	up, down, flows, peers uint64
	hours                  map[int]uint64 // bytes
}

// hostsOfDay asks the tables for what the workbook shows, in words of its own.
func hostsOfDay(t *testing.T, db *archive.Archive, table string, day archive.Day) (hosts map[string]*hostOfDay, up, down map[int]uint64) {
	t.Helper()
	hosts, up, down = map[string]*hostOfDay{}, map[int]uint64{}, map[int]uint64{}
	rows, err := db.DB().Query("SELECT INET6_NTOA(host), slot DIV 4 AS hour, SUM(up_bytes), SUM(down_bytes), SUM(flows) FROM "+table+" WHERE day = ? GROUP BY host, hour", day)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var host string
		var hour int
		var u, d, flows uint64
		if err := rows.Scan(&host, &hour, &u, &d, &flows); err != nil {
			t.Fatal(err)
		}
		h := hosts[host]
		if h == nil {
			h = &hostOfDay{hours: map[int]uint64{}}
			hosts[host] = h
		}
		h.up, h.down, h.flows, h.hours[hour] = h.up+u, h.down+d, h.flows+flows, u+d
		up[hour], down[hour] = up[hour]+u, down[hour]+d
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for host, h := range hosts {
		if err := db.DB().QueryRow("SELECT COUNT(DISTINCT peer) FROM "+table+" WHERE day = ? AND host = INET6_ATON(?)", day, host).Scan(&h.peers); err != nil {
			t.Fatal(err)
		}
	}
	return hosts, up, down
}

// mailIsDatabase opens the workbook of the demo's mail and compares each figure
// with the tables, and with what really happened.
func mailIsDatabase(t *testing.T, d *demo.Demo) {
	t.Helper()
	file, err := excelize.OpenReader(bytes.NewReader(mailedWorkbook(t, d.Result.Mail)), excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sheets := map[string][][]string{}
	for _, name := range file.GetSheetList() {
		if sheets[name], err = file.GetRows(name); err != nil {
			t.Fatal(err)
		}
	}
	compared := 0
	cell := func(sheet string, row, column int, want any) {
		t.Helper()
		compared++
		got := ""
		if rows := sheets[sheet]; row < len(rows) && column < len(rows[row]) {
			got = rows[row][column]
		}
		is := got == fmt.Sprint(want)
		switch want := want.(type) {
		case float64:
			n, err := strconv.ParseFloat(got, 64)
			is = err == nil && n-want < 1e-9 && want-n < 1e-9
		case time.Time:
			n, _ := strconv.ParseFloat(got, 64)
			at, err := excelize.ExcelDateToTime(n, false)
			is = err == nil && at.Format(time.DateTime) == want.Format(time.DateTime)
		}
		if !is {
			t.Errorf("%s, row %d, column %d: %q, want %v", sheet, row+1, column+1, got, want)
		}
	}

	hosts, up, down := hostsOfDay(t, d.DB, "flows_2026_03c", d.Day)
	calendar := archive.NewCalendar(d.Config.Location())
	truth := d.Truth.Day(d.Day.String())
	const hoursOfDay = 23
	var totalUp, totalDown, totalFlows uint64
	for _, h := range hosts {
		totalUp, totalDown, totalFlows = totalUp+h.up, totalDown+h.down, totalFlows+h.flows
	}
	total := totalUp + totalDown
	if len(hosts) < 5 || total == 0 || len(sheets["Hosts"]) != len(hosts)+2 || len(sheets["Hosts by time"]) < len(hosts)+1 || len(sheets["Course"]) != hoursOfDay+1 {
		t.Fatalf("%d hosts in the tables, %d rows of hosts, %d by time, %d of the course", len(hosts), len(sheets["Hosts"]), len(sheets["Hosts by time"]), len(sheets["Course"]))
	}
	cumulative := uint64(0)
	for row := 1; row <= len(hosts); row++ {
		address := sheets["Hosts"][row][0]
		h := hosts[address]
		if h == nil {
			t.Errorf("%s is not in the tables, or comes twice", address)
			continue
		}
		delete(hosts, address)
		cumulative += h.up + h.down
		busiest := 0
		for hour := range hoursOfDay {
			if h.hours[hour] > h.hours[busiest] {
				busiest = hour
			}
			cell("Hosts by time", row, hour+2, h.hours[hour])
		}
		cell("Hosts by time", row, 0, address)
		start := calendar.SlotStart(d.Day, archive.Slot(4*busiest))
		for i, want := range []any{h.down, h.up, h.down + h.up, float64(h.down+h.up) / float64(total), float64(cumulative) / float64(total), h.flows, h.peers,
			start, "UTC" + start.Format("-07:00"), h.hours[busiest]} {
			cell("Hosts", row, i+4, want)
		}
		really, peers := truth.Hosts[netip.MustParseAddr(address)].Usage(demo.Accounted...)
		for i, want := range map[int]uint64{4: really.DownBytes, 5: really.UpBytes, 9: really.Flows, 10: uint64(peers)} {
			cell("Hosts", row, i, want)
		}
	}
	last := len(sheets["Hosts"]) - 1
	for i, want := range map[int]uint64{4: totalDown, 5: totalUp, 6: total, 9: totalFlows} {
		cell("Hosts", last, i, want)
	}
	for hour := range hoursOfDay {
		for i, want := range []any{calendar.SlotStart(d.Day, archive.Slot(4*hour)), down[hour], up[hour], up[hour] + down[hour]} {
			cell("Course", hour+1, i, want)
		}
	}

	// The books have no other source than the records themselves.
	var all, left, kept officetest.Counts
	for _, n := range truth.Classes {
		all.Records, all.Bytes = all.Records+n.Records, all.Bytes+n.Bytes
	}
	for row := 1; row < len(sheets["Left out"]); row++ {
		var n officetest.Counts
		for _, cause := range demo.RuleCauses[sheets["Left out"][row][0]] {
			n.Records, n.Bytes = n.Records+truth.Causes[cause].Records, n.Bytes+truth.Causes[cause].Bytes
		}
		left.Records, left.Bytes = left.Records+n.Records, left.Bytes+n.Bytes
		cell("Left out", row, 1, n.Records)
		cell("Left out", row, 2, n.Bytes)
	}
	for _, cause := range demo.Accounted {
		kept.Records, kept.Bytes = kept.Records+truth.Causes[cause].Records, kept.Bytes+truth.Causes[cause].Bytes
	}
	for i, class := range []officetest.Class{officetest.Up, officetest.Down, officetest.RouterLocal, officetest.Internal, officetest.Transit, officetest.Unattributed} {
		cell("Books", 1, i+9, truth.Classes[class].Records)
	}
	cell("Books", 1, 1, demo.RouterName)
	for i, want := range map[int]uint64{3: all.Records, 4: all.Bytes, 5: 0, 6: 0, 7: 0, 8: 0, 15: left.Records, 16: kept.Records, 17: kept.Bytes} {
		cell("Books", 1, i, want)
	}
	if left.Records == 0 || !slices.Contains(file.GetSheetList(), "About") || compared < 200 {
		t.Errorf("%d figures compared, %d records left out, sheets %v", compared, left.Records, file.GetSheetList())
	}
}
