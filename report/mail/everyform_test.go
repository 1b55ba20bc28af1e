package mail

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"nfacct/report"
	"nfacct/report/phrase"
)

// What limits the figures is said in the HTML and in the workbook as it is in the text,
// in both languages: names with their hours, estimates, until when there are data, what
// loss misses, since when hosts count as new.
func TestEveryForm(t *testing.T) {
	u := office(4)
	at := func(hour int) *time.Time { when := u.Period.Start.Add(time.Duration(hour) * time.Hour); return &when }
	h := &u.Hosts[0]
	h.Names = []string{"boris-pc", "anna-pc"}
	h.Named = []report.Name{{Name: "boris-pc", Source: "lease", From: at(12), To: &u.Period.End}, {Name: "anna-pc", Source: "lease", From: &u.Period.Start, To: at(12)}}
	u.Estimated = []string{"gw-7"}
	u.DataUntil = at(14)
	u.NewHosts = &report.NewHosts{DataSince: u.Day, From: "2027-01-09", TooEarly: true}
	u.Complete, u.Doubts = false, []report.Doubt{
		{Kind: "running", Until: "14:00"},
		{Kind: "lost", Router: "gw-7", Count: 5, Share: 0.05, Bytes: 300 << 20},
	}
	for language, words := range map[string]*phrase.Catalogue{"en": phrase.English(), "ru": russian(t)} {
		page, err := Page(u, words, 25)
		if err != nil {
			t.Fatal(err)
		}
		data, err := Workbook(u, words)
		if err != nil {
			t.Fatal(err)
		}
		file := openWorkbook(t, data)
		book := ""
		for _, sheet := range file.GetSheetList() {
			book += fmt.Sprintln(rows(t, file, sheet))
		}
		var text strings.Builder
		if err := u.WriteText(&text, words, 25, 0); err != nil {
			t.Fatal(err)
		}
		for form, said := range map[string]string{"HTML": string(page), "workbook": book, "text": text.String()} {
			said = strings.Join(strings.Fields(strings.ReplaceAll(said, "\u00a0", " ")), " ")
			for _, want := range []string{"anna-pc 00:00–12:00, boris-pc 12:00–24:00", u.EstimatedText(words), u.Doubts[0].Text(words), u.Doubts[1].Text(words), u.NewHosts.Text(words)} {
				if want = strings.ReplaceAll(want, "\u00a0", " "); want == "" || !strings.Contains(said, want) {
					t.Errorf("%s, %s: no %q", language, form, want)
				}
			}
		}
	}
}
