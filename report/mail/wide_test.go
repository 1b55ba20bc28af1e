package mail

import (
	"fmt"
	"image/color"
	"strings"
	"testing"

	"nfacct/report"
)

// Names and addresses without a place to break at do not make the mail wider than
// a phone, where the last column would be out of sight.
func TestLongNamesFit(t *testing.T) {
	u := office(12)
	u.Hosts[0].Names = []string{strings.Repeat("W", 40)}
	u.Hosts[1].Names = []string{"DESKTOP-7H2KQ9L-accounts.office.example.net"}
	u.Hosts[2].Host, u.Hosts[2].Names = "2001:db8:1234:5678:9abc:def0:1234:5678", nil
	u.Hosts[3].Host, u.Hosts[3].Names = "2001:db8:1234:5678:9abc:def0:1234:5679", []string{"notebook"}
	u.Hosts[2].New, u.Hosts[3].New, u.Hosts[1].NotInDHCP = true, true, true
	u.Departments[0].Name = strings.Repeat("Ш", 60)
	for _, h := range u.Hosts[:3] {
		u.Offenders = append(u.Offenders, report.Offender{Subject: "host", Name: h.Host, Names: h.Names,
			QuotaState: report.QuotaState{Quota: strings.Repeat("q", 60), Period: "day", Day: u.Day, Used: 2 << 30, Soft: 1 << 30, Share: 2, State: report.QuotaSoft, Days: 1}})
	}
	u.Excluded[0].Rule = strings.Repeat("W", 60)
	u.Books[0].Router = strings.Repeat("w", 60)
	l, err := NewLetter(u, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, width := range []int{640, 390} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			t.Parallel()
			img := screen(t, l.Page(), width, 400, false)
			if beside := color.RGBAModel.Convert(img.At(width+100, 300)); beside != (color.RGBA{0xff, 0xff, 0xff, 0xff}) {
				t.Errorf("the page is wider than %d", width)
			}
		})
	}
}
