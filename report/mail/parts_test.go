package mail

import (
	"slices"
	"strings"
	"testing"

	"nfacct/report"
	"nfacct/report/phrase"
)

// Hosts of several routers have a row for each, and downloads that may be another's a
// mark, in the HTML and in the workbook, in both languages.
func TestParts(t *testing.T) {
	u := office(4)
	h := &u.Hosts[0]
	h.WeakBytes = h.DownBytes / 2
	h.Routers = []report.RouterPart{{Router: "branch <a>", UpBytes: 1, DownBytes: h.DownBytes - 3000}, {Router: "=branch-b", UpBytes: h.UpBytes - 1, DownBytes: 3000}}
	u.SharedHosts = []report.SharedHost{{Host: h.Host, Routers: h.Routers}}
	for _, c := range []struct {
		words       *phrase.Catalogue
		sheet, weak string
		html        []string
	}{
		{phrase.English(), "Hosts by router", "Down by weak rules", []string{"download uncertain", "1 host was charged by several routers"}},
		{russian(t), "Узлы по маршрутизаторам", "Загрузка по слабым правилам", []string{"загрузка под вопросом", "1 адрес начислен несколькими маршрутизаторами"}},
	} {
		page, err := Page(u, c.words, 25)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range append(c.html, "– "+h.Host, "branch &lt;a&gt;", "=branch-b") {
			if !strings.Contains(string(page), want) {
				t.Errorf("no %q in the page", want)
			}
		}
		data, err := Workbook(u, c.words)
		if err != nil {
			t.Fatal(err)
		}
		file := openWorkbook(t, data)
		list := rows(t, file, c.sheet)
		if len(list) != 3 || list[1][0] != h.Host || list[1][1] != "branch <a>" || list[2][1] != "'=branch-b" || list[2][2] != "3000" {
			t.Errorf("%q", list)
		}
		hosts := rows(t, file, file.GetSheetList()[0])
		if at := slices.Index(hosts[0], c.weak); at != 25 || hosts[1][at] == "" || len(hosts[2]) > at {
			t.Errorf("%q: column %d", hosts, at)
		}
	}
}
