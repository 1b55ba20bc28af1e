package importer

import (
	"fmt"
	"path/filepath"
	"strings"

	"nfacct/archive"
)

// Problems are what the files lack, with their remedies, each behind the name of its
// file: a file that is cut short if it was given, damage, exports that cannot be read,
// and files of the spool's folder that are set aside.
func (s *Summary) Problems(given bool, folder string) (problems []string) {
	if given {
		for _, name := range s.CutShort() {
			problems = append(problems, name+": it ends in the middle of a record, or is still being written; what is whole is loaded; import it again when it is complete, which replaces that")
		}
	}
	problems = append(append(problems, s.Damaged()...), s.Unread()...)
	for _, name := range s.Aside {
		problems = append(problems, fmt.Sprintf("%s: set aside, since it ended imports before; nfacct import %s tries it again", name, filepath.Join(folder, name)))
	}
	return problems
}

// CutShort are the given files that were loaded only as far as they are whole.
func (s *Summary) CutShort() (names []string) {
	for _, f := range s.Files {
		if f.given && f.Truncated && f.Damage == "" && f.State == "loaded" {
			names = append(names, f.Name)
		}
	}
	return names
}

// Damaged says of each file that was loaded, or read, though it is damaged what is
// missing.
func (s *Summary) Damaged() (problems []string) {
	for _, f := range s.Files {
		if f.Damage == "" || f.State != "loaded" && f.State != "read" {
			continue
		}
		missing := "how many datagrams are missing is not known"
		switch {
		case f.Missing == 1:
			missing = "1 datagram is missing"
		case f.Missing > 1:
			missing = fmt.Sprintf("%d datagrams are missing", f.Missing)
		}
		problems = append(problems, fmt.Sprintf("%s: %s; %s, and counted as %q in the books; the rest is %s", oneLine(f.Name), strings.ReplaceAll(f.Damage, "\n", "; "), missing, archive.RejectedDamaged, f.State))
	}
	return problems
}

// Unread are the files that gave no record, though they hold what may be exports
// and cannot be read, each with its reasons.
func (s *Summary) Unread() (problems []string) {
	for _, f := range s.Files {
		if f.Records > 0 || f.State == "failed" || len(f.Unread) == 0 {
			continue
		}
		for _, u := range f.Unread {
			problems = append(problems, oneLine(f.Name)+": "+u.Text)
		}
	}
	return problems
}
