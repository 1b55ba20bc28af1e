package importer

import (
	"slices"
	"time"

	"nfacct/collector/spool"
)

// leaveAside takes the files out that are set aside, or are to be tried alone.
func (b *build) leaveAside(inputs []input) ([]input, error) {
	list, err := spool.ReadAside(b.cfg.Spool)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(inputs, func(in input) bool {
		i := slices.IndexFunc(list, func(a spool.Aside) bool { return a.File == in.name })
		if i >= 0 {
			b.summary.Aside = append(b.summary.Aside, in.name)
		}
		return i >= 0
	}), nil
}

// forgetAside takes the files off the list of those set aside that are loaded now.
func (b *build) forgetAside(loaded map[string]bool) error {
	list, err := spool.ReadAside(b.cfg.Spool)
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(list), func(a spool.Aside) bool { return loaded[a.File] })
	if len(kept) == len(list) {
		return nil
	}
	return spool.WriteAside(b.cfg.Spool, kept)
}

// setAside puts a file of the spool aside that no import can take: it would fail each
// of them. It is kept, and named by each.
func (b *build) setAside(name string, reason error) {
	list, err := spool.ReadAside(b.cfg.Spool)
	if err == nil && !slices.ContainsFunc(list, func(a spool.Aside) bool { return a.File == name }) {
		err = spool.WriteAside(b.cfg.Spool, append(list, spool.Aside{File: name, Since: time.Now(), Reason: reason.Error(), Set: true}))
	}
	if err != nil {
		b.log.Warn("a file that no import can take is not set aside", "file", name, "err", err)
	}
}
