package main

import (
	"fmt"

	"nfacct/archive"
	"nfacct/cmd/internal/terminal"
	"nfacct/report"
	"nfacct/report/phrase"
)

// findingText says what was found and what to do.
func findingText(router string, f archive.Finding) string {
	much := terminal.Plural(f.Records, "record") + " with " + terminal.Bytes(f.Bytes)
	switch f.Kind {
	case archive.FoundUnlisted:
		which := "interface " + f.Example
		if f.Example == "0" {
			which = "further interfaces"
		}
		return fmt.Sprintf("%s between hosts and the world went by %s, which wan does not list, and are unattributed: add it to wan of the router (by name if it is PPPoE or L2TP, whose number changes), and import the day again", much, which)
	case archive.FoundSilentHop:
		return fmt.Sprintf("%s were charged to a next hop that sent nothing itself: if it is a router, add it to inner_routers and import the day again; else let the router export version 9 or IPFIX", much)
	case archive.FoundWeak:
		return fmt.Sprintf("%s came by version 5 and were charged by %s, which can be another host's: export version 9 or IPFIX, which say whose they are", much, f.Example)
	}
	return report.FindingText(router, f, phrase.English())
}
