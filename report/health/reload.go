package health

import "strings"

// reload finds a configuration that is not in force, whole or in part.
func (f *Facts) reload() []Finding {
	r := f.Reload
	switch {
	case r == nil:
		return nil
	case !r.Done:
		return []Finding{{
			ID: "config", Level: Fail, Subject: "configuration", Since: r.At,
			Text:   "it has faults and was not applied, the former one is in force: " + r.Problem,
			Remedy: "correct it, then: systemctl reload nfacct",
		}}
	case len(r.Restart) > 0:
		return []Finding{{
			ID: "config", Level: Warn, Subject: "configuration", Since: r.At,
			Text:   "changes of " + strings.Join(r.Restart, ", ") + " are not in force yet",
			Remedy: "systemctl restart nfacct",
		}}
	}
	return nil
}
