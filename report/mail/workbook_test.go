package mail

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"nfacct/report"
	"nfacct/report/phrase"
)

// open reads a workbook; rows of a sheet are as its cells hold them, unformatted.
func openWorkbook(t *testing.T, data []byte) *excelize.File {
	t.Helper()
	file, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

func rows(t *testing.T, file *excelize.File, sheet string) [][]string {
	t.Helper()
	list, err := file.GetRows(sheet)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// compareWorkbook compares every figure of a workbook with the usage.
func compareWorkbook(t *testing.T, data []byte, u *report.Usage) {
	t.Helper()
	file := openWorkbook(t, data)
	if got := strings.Join(file.GetSheetList(), "|"); got != "Hosts|Course|Hosts by time|Departments|Over quota|Users of the proxy|Only by proxy|Books|Left out|Coverage|About" {
		t.Errorf("sheets %s", got)
	}
	sheets := map[string][][]string{}
	for _, name := range file.GetSheetList() {
		sheets[name] = rows(t, file, name)
	}
	check := func(sheet string, row, column int, want any) {
		t.Helper()
		list := sheets[sheet]
		got := ""
		if row < len(list) && column < len(list[row]) {
			got = list[row][column]
		}
		switch want := want.(type) {
		case time.Time:
			serial, err := strconv.ParseFloat(got, 64)
			at, err2 := excelize.ExcelDateToTime(serial, false)
			if err != nil || err2 != nil || at.Format("2006-01-02 15:04:05") != want.Format("2006-01-02 15:04:05") {
				t.Errorf("%s, row %d, column %d: %q is %v, want %v", sheet, row, column, got, at, want)
			}
		case float64:
			number, err := strconv.ParseFloat(got, 64)
			if err != nil || number < want-1e-9 || number > want+1e-9 {
				t.Errorf("%s, row %d, column %d: %q, want %v", sheet, row, column, got, want)
			}
		default:
			if got != fmt.Sprint(want) {
				t.Errorf("%s, row %d, column %d: %q, want %v", sheet, row, column, got, want)
			}
		}
	}
	for i := range u.Hosts {
		h := &u.Hosts[i]
		group := ""
		if h.Group != nil {
			group = *h.Group
		}
		tops := make([]string, len(h.TopPeers)) // all that JSON has
		for n, p := range h.TopPeers {
			if tops[n] = p.Peer + " " + phrase.English().Bytes(p.Bytes()); p.Name != "" {
				tops[n] = p.Name + " (" + p.Peer + ") " + phrase.English().Bytes(p.Bytes())
			}
		}
		for column, want := range []any{h.Host, h.Names[0], "", group, h.DownBytes, h.UpBytes, h.Bytes(), h.Share, h.CumulativeShare, h.Flows, h.Peers, *h.BusiestHour, h.BusiestHour.Format("UTC-07:00"), h.BusiestHourBytes,
			strings.Join(tops, "; ")} {
			check("Hosts", i+1, column, want)
		}
		check("Hosts", i+1, 16, *h.ProxiedBytes)
		check("Hosts", i+1, 17, *h.DirectShare)
		for j, n := range h.Buckets {
			check("Hosts by time", i+1, j+2, n)
		}
	}
	check("Hosts", len(u.Hosts)+1, 6, u.Totals.Bytes())
	for i := range u.Buckets {
		b := &u.Buckets[i]
		for column, want := range []any{b.Start, b.DownBytes, b.UpBytes, b.Bytes(), b.ProxiedBytes} {
			check("Course", i+1, column, want)
		}
	}
	for i := range u.Departments {
		check("Departments", i+1, 4, u.Departments[i].Bytes())
	}
	for i := range u.Offenders {
		check("Over quota", i+1, 5, u.Offenders[i].Used)
	}
	for i, user := range u.Proxy.Users {
		check("Users of the proxy", i+1, 0, user.User)
		check("Users of the proxy", i+1, 1, user.Requests)
		check("Users of the proxy", i+1, 2, user.Bytes)
	}
	for i, h := range u.Proxy.Only {
		check("Only by proxy", i+1, 0, h.Host)
		check("Only by proxy", i+1, 4, h.Bytes)
	}
	for i := range u.Books {
		check("Books", i+1, 3, u.Books[i].Records)
		check("Books", i+1, 16, u.Books[i].Loaded.Records)
	}
	for i := range u.Excluded {
		check("Left out", i+1, 2, u.Excluded[i].Bytes)
	}
	about := fmt.Sprint(sheets["About"])
	for _, want := range []string{"Europe/Berlin", "2026-11-22", "nfacct 1.0.0", "dns: protocol udp, port 53", "gw-1"} {
		if !strings.Contains(about, want) {
			t.Errorf("About does not say %s", want)
		}
	}
}

func TestWorkbook(t *testing.T) {
	u := office(25)
	data, err := Workbook(u, phrase.English())
	if err != nil {
		t.Fatal(err)
	}
	compareWorkbook(t, data, u)
	file := openWorkbook(t, data)
	// Numbers are numbers.
	for cell, want := range map[string]excelize.CellType{"A2": excelize.CellTypeInlineString, "E2": excelize.CellTypeUnset, "L2": excelize.CellTypeUnset} {
		if got, err := file.GetCellType("Hosts", cell); err != nil || got != want {
			t.Errorf("%s is of type %v, want %v, %v", cell, got, want, err)
		}
	}
	if panes, err := file.GetPanes("Hosts"); err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("%+v, %v", panes, err)
	}
	if tables, err := file.GetTables("Hosts"); err != nil || len(tables) != 1 || tables[0].Range != "A1:Z26" {
		t.Errorf("%+v, %v", tables, err)
	}
}

// On the day when clocks go back an hour comes twice, and a sheet cannot have two
// heads of one name; a day without anything is a workbook too.
func TestWorkbookOddDays(t *testing.T) {
	long := office(2)
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 10, 25, 0, 0, 0, 0, loc)
	long.Buckets = nil
	for i := range 25 {
		long.Buckets = append(long.Buckets, report.Bucket{Start: start.Add(time.Duration(i) * time.Hour)})
	}
	for i := range long.Hosts {
		long.Hosts[i].Buckets = make([]uint64, 25)
	}
	for name, u := range map[string]*report.Usage{"25 hours": long, "nothing": {Day: "2026-11-22", Timezone: "UTC"}} {
		t.Run(name, func(t *testing.T) {
			data, err := Workbook(u, phrase.English())
			if err != nil {
				t.Fatal(err)
			}
			heads := rows(t, openWorkbook(t, data), "Hosts by time")[0]
			seen := map[string]bool{}
			for _, head := range heads {
				if seen[head] {
					t.Errorf("%s stands there twice", head)
				}
				seen[head] = true
			}
		})
	}
}

// The workbook has every name and user: nothing is cut without a word.
func TestWorkbookWhole(t *testing.T) {
	u := office(2)
	users := make([]string, 4000)
	for i := range users {
		users[i] = fmt.Sprintf("user-%d", i)
		u.Proxy.Users = append(u.Proxy.Users, report.ProxyUser{User: users[i], Bytes: 1})
	}
	u.Hosts[0].ProxyUsers, u.Hosts[1].ProxyUsers = users[:40], users
	data, err := Workbook(u, phrase.English())
	if err != nil {
		t.Fatal(err)
	}
	file := openWorkbook(t, data)
	hosts := rows(t, file, "Hosts")
	if got := hosts[1][18]; got != strings.Join(users[:40], ", ") {
		t.Error(got)
	}
	got := hosts[2][18]
	if n := strings.Count(got, "user-"); len(got) > 32_767 || !strings.HasSuffix(got, fmt.Sprintf(", and %s more", phrase.English().Number(uint64(len(users)-n)))) {
		t.Errorf("%d letters: ...%s", len(got), got[len(got)-40:])
	}
	if n := len(rows(t, file, "Users of the proxy")) - 1; n != len(u.Proxy.Users) {
		t.Errorf("%d users, want %d", n, len(u.Proxy.Users))
	}
}

// No name is a formula, here or in the CSV that somebody makes of it.
func TestFormulas(t *testing.T) {
	u := office(len(hostile))
	for i, name := range hostile {
		u.Hosts[i].Names = []string{name}
		u.Hosts[i].Group = &hostile[i]
		u.Hosts[i].TopPeers[0].Name = name
		u.Excluded = append(u.Excluded, report.Exclusion{Rule: name})
	}
	data, err := Workbook(u, russian(t))
	if err != nil {
		t.Fatal(err)
	}
	file := openWorkbook(t, data)
	for _, sheet := range file.GetSheetList() {
		for i, row := range rows(t, file, sheet) {
			for j, value := range row {
				at, err := excelize.CoordinatesToCellName(j+1, i+1)
				if err != nil {
					t.Fatal(err)
				}
				if formula, err := file.GetCellFormula(sheet, at); err != nil || formula != "" {
					t.Errorf("%s!%s is the formula %q, %v", sheet, at, formula, err)
				}
				if strings.IndexAny(value, "=+-@\t\r") == 0 {
					t.Errorf("%s!%s is %q", sheet, at, value)
				}
				if len([]rune(value)) > mostText+60 {
					t.Errorf("%s!%s has %d letters", sheet, at, len([]rune(value)))
				}
			}
		}
	}
}
