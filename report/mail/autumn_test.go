package mail

import (
	"bytes"
	"html"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"nfacct/archive"
)

// The two hours from 02:00 of a day in autumn are told apart, in the workbook and
// on charts.
func TestAutumn(t *testing.T) {
	u := office(3)
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	day := archive.Day{Year: 2026, Month: 10, Day: 25}
	u.Day, u.Period.From, u.Period.To = day.String(), day, day
	calendar := archive.NewCalendar(loc)
	u.Period.Start, u.Period.End = calendar.Bounds(day)
	for i := range u.Buckets {
		u.Buckets[i].Start = calendar.SlotStart(day, archive.Slot(4*i))
	}
	u.Hosts[0].BusiestHour, u.Hosts[1].BusiestHour = &u.Buckets[2].Start, &u.Buckets[3].Start
	u.Buckets[3].DownBytes += 1 << 40 // the peak is the second 02:00
	l, err := NewLetter(u, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(html.UnescapeString(l.HTML), "02:00 +0100") {
		t.Error("the caption does not say which 02:00 it is")
	}
	file, err := excelize.OpenReader(bytes.NewReader(l.Workbook))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := file.GetRows("Course")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := rows[3], rows[4]; a[0] != b[0] || a[5] != "UTC+02:00" || b[5] != "UTC+01:00" {
		t.Error(a, b)
	}
	hosts, err := file.GetRows("Hosts")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := hosts[1], hosts[2]; a[11] != b[11] || a[12] != "UTC+02:00" || b[12] != "UTC+01:00" {
		t.Error(a, b)
	}
	heads, err := file.GetRows("Hosts by time")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := heads[0][4], heads[0][5]; a != "02:00 +0200" || b != "02:00 +0100" {
		t.Error(a, b)
	}
}
