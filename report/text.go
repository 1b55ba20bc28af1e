package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
)

// columns is the width that the text form keeps to.
const columns = 80

// WriteText writes the usage as a report for people: at most 80 columns, every
// name beside its address.
func (u *Usage) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	day := u.Day
	if t, err := time.Parse(time.DateOnly, u.Day); err == nil {
		day = t.Format("Monday 2006-01-02")
	}
	fmt.Fprintf(b, "Traffic past the proxy on %s, %s time\n\n", day, u.Timezone)
	if !u.Complete {
		fmt.Fprintln(b, "INCOMPLETE: these are not the whole day's figures.")
		for _, reason := range u.Incomplete {
			paragraph(b, "  - ", reason)
		}
		fmt.Fprintln(b)
	}
	if len(u.Hosts) == 0 {
		paragraph(b, "", u.nothing())
	} else {
		u.summary(b)
		u.table(b)
	}
	if len(u.QuietHours) > 0 && len(u.Hosts) > 0 {
		fmt.Fprintln(b)
		paragraph(b, "", "Hours without flows: "+hourRanges(u.QuietHours)+".")
	}
	fmt.Fprintln(b)
	u.writeBooks(b)
	fmt.Fprintln(b, "\nBytes are those of IP packets; 1 KiB is 1024 bytes. Up is from the host.")
	return b.Flush()
}

// nothing says why there is no table, which is not the same as no traffic.
func (u *Usage) nothing() string {
	if len(u.Books) == 0 {
		return "Nothing is known of this day: no flow record of it has been imported. That does not mean that there was no traffic."
	}
	return "No host had traffic past the proxy: records of this day have been imported, and none of them is charged to a host."
}

func (u *Usage) summary(b *bufio.Writer) {
	t := &u.Totals
	fmt.Fprintf(b, "Total  %s: %s up, %s down; %s hosts, %s flows\n",
		Bytes(t.Bytes()), Bytes(t.UpBytes), Bytes(t.DownBytes), Number(uint64(t.Hosts)), Number(t.Flows))
	if t.Unattributed.Records > 0 {
		fmt.Fprintf(b, "Nobody can be charged with %s more, %.2g%% of all that crossed the border\n",
			Bytes(t.Unattributed.Bytes), 100*t.UnattributedShare)
	}
	fmt.Fprintln(b)
}

// Columns: address and name share 33 with the space between them, then 3 sizes of
// 8, share, flows and peers, each with a space before it.
const (
	hostColumns    = 33
	addressColumns = 15 // every IPv4 address
	addressMost    = 22 // a longer one gets a line of its own
	rowFormat      = "%s %s %8s %8s %8s %6s %6s %5s\n"
)

func (u *Usage) table(b *bufio.Writer) {
	addresses := addressColumns
	for i := range u.Hosts {
		if n := len(u.Hosts[i].Host); n <= addressMost {
			addresses = max(addresses, n)
		}
	}
	names := hostColumns - 1 - addresses
	fmt.Fprintf(b, rowFormat, pad("HOST", addresses), pad("NAME", names), "UP", "DOWN", "TOTAL", "SHARE", "FLOWS", "PEERS")
	total := u.Totals.Bytes()
	for i := range u.Hosts {
		h := &u.Hosts[i]
		address, name := h.Host, strings.Join(h.Names, ", ")
		if len(address) > addresses {
			fmt.Fprintln(b, strings.TrimRight(address+" "+cut(name, columns-len(address)-1), " "))
			address, name = "", ""
		}
		fmt.Fprintf(b, rowFormat, pad(address, addresses), pad(cut(name, names), names),
			Bytes(h.UpBytes), Bytes(h.DownBytes), Bytes(h.Bytes()), percent(h.Bytes(), total), short(h.Flows), short(h.Peers))
	}
	t := &u.Totals
	// No sum of peers: hosts share them.
	fmt.Fprintln(b, strings.TrimRight(fmt.Sprintf(rowFormat, pad("TOTAL", addresses), pad("", names), Bytes(t.UpBytes), Bytes(t.DownBytes), Bytes(total),
		percent(total, total), short(t.Flows), ""), " \n"))
}

// short keeps a count within 5 columns.
func short(n uint64) string {
	switch {
	case n < 100_000:
		return fmt.Sprint(n)
	case n < 10_000_000:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprintf("%dM", n/1_000_000)
}

// hourRanges writes hours as a person would: 0-6, 22.
func hourRanges(hours []int) string {
	var parts []string
	for i := 0; i < len(hours); {
		j := i
		for j+1 < len(hours) && hours[j+1] == hours[j]+1 {
			j++
		}
		part := fmt.Sprintf("%d", hours[i])
		if j > i {
			part = fmt.Sprintf("%d-%d", hours[i], hours[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

// paragraph writes text with its lines broken at 80 columns, the first begun by
// lead and the others indented as far.
func paragraph(b *bufio.Writer, lead, text string) {
	line := lead
	empty := true
	for _, word := range strings.Fields(text) {
		if !empty && width(line)+1+width(word) > columns {
			fmt.Fprintln(b, line)
			line, empty = strings.Repeat(" ", len(lead)), true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	fmt.Fprintln(b, line)
}
