package mail

import (
	"fmt"
	"strings"
	"testing"

	"nfacct/report/phrase"
)

// A page is a file of its own: it says nothing of a mail, nor of what is attached to
// one, and it lists as many hosts as it is told to.
func TestPage(t *testing.T) {
	for name, words := range map[string]*phrase.Catalogue{"English": phrase.English(), "Russian": russian(t)} {
		page, err := Page(office(300), words, 200)
		if err != nil {
			t.Fatal(err)
		}
		for _, not := range []string{"cid:", "attached", "in the workbook", "You get this", "You receive this", "приложен", "Вы получили", "в книге"} {
			if strings.Contains(page, not) {
				t.Errorf("%s: the page says %q", name, not)
			}
		}
		if !strings.Contains(page, "192.168.88.209") || strings.Contains(page, "192.168.89.10<") || !strings.Contains(page, words.Plural("mail.others", 100)) {
			t.Errorf("%s: the page does not list 200 hosts and the sum of the others", name)
		}
	}
}

// A sheet has so many rows; what does not fit is counted in it.
func TestSheetRows(t *testing.T) {
	defer func(n int) { mostSheetRows = n }(mostSheetRows)
	mostSheetRows = 22
	u := office(60)
	data, err := Workbook(u, phrase.English())
	if err != nil {
		t.Fatal(err)
	}
	file := openWorkbook(t, data)
	list := rows(t, file, "Hosts")
	if len(list) != 22 || list[20][6] != fmt.Sprint(u.Totals.Bytes()) || list[21][0] != "and 41 more (a sheet has 22 rows; --format json has all)" {
		t.Errorf("%d rows: %q", len(list), list[len(list)-1])
	}
	if tables, err := file.GetTables("Hosts"); err != nil || len(tables) != 1 || tables[0].Range != "A1:Z20" {
		t.Errorf("%+v, %v", tables, err)
	}
}

// A workbook that no mail server takes is not attached, which the mail says, with the
// command that writes it.
func TestWorkbookTooBig(t *testing.T) {
	defer func(n int) { mostAttached = n }(mostAttached)
	mostAttached = 10_000
	l, err := NewLetter(office(60), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if l.Workbook != nil || strings.Contains(l.HTML, "in the attached workbook") || !strings.Contains(l.HTML, "--format xlsx") || !strings.Contains(l.Text, "--format xlsx") {
		t.Errorf("%d bytes attached\n%s", len(l.Workbook), l.Text)
	}
}
