package report

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"nfacct/archive"
)

// writeBooks says, for each router, what became of every record.
func (u *Usage) writeBooks(b *bufio.Writer) {
	if len(u.Books) == 0 {
		fmt.Fprintln(b, "Books  none")
		return
	}
	for i := range u.Books {
		book := &u.Books[i]
		paragraph(b, "Books  ", fmt.Sprintf("%s: %s records in %s datagrams, %s",
			Clean(book.Router), Number(book.Records), Number(book.Datagrams), losses(book)))
		c := &book.Classes
		parts := []string{
			"up " + Number(c.Up.Records), "down " + Number(c.Down.Records),
			"router-local " + Number(c.RouterLocal.Records), "internal " + Number(c.Internal.Records),
			"transit " + Number(c.Transit.Records), "unattributed " + Number(c.Unattributed.Records),
		}
		paragraph(b, "       ", "= "+strings.Join(parts, " + "))
		paragraph(b, "       ", "up + down = "+excluded(book)+"loaded "+Number(book.Loaded.Records))
		if book.Difference != "" {
			paragraph(b, "       ", "THE BOOKS DO NOT BALANCE: "+Clean(book.Difference))
		}
	}
}

// losses says what never reached the accounts.
func losses(book *archive.Book) string {
	var parts []string
	if n := book.LostRecords; n > 0 {
		about := ""
		if book.LostEstimated {
			about = "about "
		}
		parts = append(parts, about+Number(n)+" records lost on the way")
	} else if n := book.LostDatagrams; n > 0 {
		parts = append(parts, Number(n)+" datagrams lost on the way")
	}
	if n := book.KernelDropped; n > 0 {
		parts = append(parts, Number(n)+" datagrams dropped on arrival")
	}
	var rejected uint64
	for _, n := range book.Rejected {
		rejected += n
	}
	if rejected > 0 {
		parts = append(parts, Number(rejected)+" things in them rejected")
	}
	if n := book.NoTemplate; n > 0 {
		parts = append(parts, Number(n)+" sets without a template")
	}
	if parts == nil {
		return "none lost"
	}
	return strings.Join(parts, ", ")
}

// excluded lists what each rule left out, the biggest first.
func excluded(book *archive.Book) string {
	type part struct {
		rule    string
		records uint64
	}
	var parts []part
	for rule, n := range book.Excluded {
		if n.Records > 0 {
			parts = append(parts, part{rule, n.Records})
		}
	}
	slices.SortFunc(parts, func(a, b part) int {
		if a.records != b.records {
			if a.records > b.records {
				return -1
			}
			return 1
		}
		return strings.Compare(a.rule, b.rule)
	})
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%s %s + ", Clean(p.rule), Number(p.records))
	}
	return b.String()
}
