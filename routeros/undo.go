package routeros

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// Saved is what a router exported before nfacct wrote to it for the first time,
// and what has been written since, so that it can be undone.
type Saved struct {
	Router   string    `json:"router"`
	Identity string    `json:"identity"`
	Version  string    `json:"version"`
	Board    string    `json:"board,omitempty"`
	Serial   string    `json:"serial,omitempty"` // of the board; "" where it has none
	Time     time.Time `json:"saved"`
	State    State     `json:"state"`
	// Targets are those that nfacct has added or changed.
	Targets []netip.AddrPort `json:"targets"`
	// Wrote are the properties written, by menu.
	Wrote map[string][]string `json:"wrote"`
	// Set are the numbers of targets that were there before and have been changed.
	Set []string `json:"set_targets,omitempty"`
	// Account is what was written of users and groups.
	Account []SavedAccount `json:"account,omitempty"`
}

// Save makes the saved state of a router that nothing has been written to.
func Save(router string, f *Facts) *Saved {
	return &Saved{
		Router: router, Identity: f.Identity, Version: f.Version, Board: f.Board, Serial: f.Serial,
		Time: time.Now().UTC(), State: f.Flow,
	}
}

// Untouched says whether nothing has been written since.
func (s *Saved) Untouched() bool {
	return len(s.Targets) == 0 && len(s.Wrote) == 0 && len(s.Account) == 0
}

// Clone is a copy that Note may change.
func (s *Saved) Clone() *Saved {
	c := *s
	c.Targets, c.Set, c.Account, c.Wrote = slices.Clone(s.Targets), slices.Clone(s.Set), slices.Clone(s.Account), map[string][]string{}
	for menu, keys := range s.Wrote {
		c.Wrote[menu] = slices.Clone(keys)
	}
	return &c
}

// Other says what shows that the state is of other hardware than the facts, as
// when a router was replaced; "" when nothing does. The serial number tells, or
// where one of the two has none the name of the board.
func (s *Saved) Other(f *Facts) string {
	switch {
	case s.Serial != "" && f.Serial != "":
		if s.Serial != f.Serial {
			return fmt.Sprintf("serial number %s (%s, %s), and this one has %s (%s, %s)", s.Serial, s.Board, s.Identity, f.Serial, f.Board, f.Identity)
		}
	case s.Board != "" && s.Board != f.Board:
		return fmt.Sprintf("board %s (%s), and this one is a %s (%s)", s.Board, s.Identity, f.Board, f.Identity)
	}
	return ""
}

// Aside moves the file of another device out of the way, and says where to.
func (s *Saved) Aside(path string) (string, error) {
	aside := strings.TrimSuffix(path, ".json") + s.Time.Format(".20060102T150405") + ".other"
	if err := os.Rename(path, aside); err != nil {
		return "", fmt.Errorf("put the saved state of another device aside: %w", err)
	}
	return aside, nil
}

// SavedPath is the file of a router in a folder, whatever its name.
func SavedPath(folder, router string) string {
	name := url.PathEscape(router)
	if strings.HasPrefix(name, ".") {
		name = "%2E" + name[1:]
	}
	return filepath.Join(folder, name+".json")
}

// LoadSaved reads a saved state; nil when there is none.
func LoadSaved(path string) (*Saved, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the saved state: %w", err)
	}
	s := &Saved{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("read the saved state: %s: %w", path, err)
	}
	return s, nil
}

// Note adds what is going to be written.
func (s *Saved) Note(changes []Change, to netip.AddrPort) {
	if s.Wrote == nil {
		s.Wrote = map[string][]string{}
	}
	for _, c := range changes {
		if c.Menu == menuUser || c.Menu == menuGroup {
			s.noteAccount(c)
			continue
		}
		if c.Menu == menuTarget && c.Verb == "set" && !slices.Contains(s.Set, c.ID) {
			s.Set = append(s.Set, c.ID)
		}
		for _, setting := range c.Settings {
			if !slices.Contains(s.Wrote[c.Menu], setting.Key) {
				s.Wrote[c.Menu] = append(s.Wrote[c.Menu], setting.Key)
			}
		}
		if c.Menu == menuTarget && !slices.Contains(s.Targets, to) {
			s.Targets = append(s.Targets, to)
		}
	}
}

// Write writes the file, whole or not at all. It has to be there before anything
// is written to the router.
func (s *Saved) Write(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o750)
	}
	if err == nil {
		err = renameio.WriteFile(path, append(text, '\n'), 0o640)
	}
	if err != nil {
		return fmt.Errorf("save the state before: %w", err)
	}
	return nil
}

// Undo plans what gives a router back the values that nfacct has replaced. The
// order is the other way round: first the switch, at last the targets.
func (s *Saved) Undo(found *State) Plan {
	var plan Plan
	if found.Version != s.Version {
		plan.note("saved from RouterOS %s, now it is %s", s.Version, found.Version)
	}
	wrote := slices.DeleteFunc(slices.Clone(s.Wrote[menuFlow]), func(key string) bool { return key == "enabled" })
	if len(wrote) < len(s.Wrote[menuFlow]) {
		wrote = append([]string{"enabled"}, wrote...)
	}
	plan.set(menuFlow, found.Flow, plan.before(menuFlow, s.State.Flow, wrote))
	if found.IPFIX != nil {
		plan.set(menuIPFIX, found.IPFIX, plan.before(menuIPFIX, s.State.IPFIX, s.Wrote[menuIPFIX]))
	}
	for _, to := range s.Targets {
		s.undoTarget(&plan, found, to)
	}
	for _, target := range s.State.Targets {
		if to := destination(target); !slices.Contains(s.Targets, to) && len(found.at(to)) == 0 {
			plan.note("the target %s was there before and is gone; nfacct did not remove it, and does not bring it back", where(target))
		}
	}
	return plan
}

// before are the settings of a menu as they were.
func (p *Plan) before(menu string, was Values, wrote []string) []Setting {
	var settings []Setting
	for _, key := range wrote {
		value, had := was[key]
		switch {
		case !had:
			p.note("cannot undo %s in %s: the router did not have it when its state was saved", key, typed(menu))
		case strings.ContainsRune(value, '\uFFFD'):
			p.note("cannot undo %s in %s: it was in no UTF-8", key, typed(menu))
		default:
			settings = append(settings, Setting{Key: key, Value: writable(menu, key, value)})
		}
	}
	return settings
}

// writable is a value in the form that every version takes: switches are read as
// true and false, and written as yes and no.
func writable(menu, key, value string) string {
	if kindOf(menu, key) != boolean {
		return value
	}
	if isYes(value) {
		return "yes"
	}
	return "no"
}

func (s *Saved) undoTarget(plan *Plan, found *State, to netip.AddrPort) {
	before, now := s.State.at(to), found.at(to)
	// Of several that send there those whose number is known come first.
	byNumber := func(list []Values, has func(id string) bool) {
		slices.SortStableFunc(list, func(a, b Values) int {
			switch {
			case has(a[".id"]) == has(b[".id"]):
				return 0
			case has(a[".id"]):
				return -1
			}
			return 1
		})
	}
	ours := func(id string) bool { return slices.Contains(s.Set, id) }
	byNumber(before, ours)
	byNumber(now, ours)
	find := finding(to)
	if len(now) > 1 {
		find = ""
	}
	switch {
	case len(before) == 0 && len(now) == 0: // gone already
	case len(before) == 0:
		if len(now) > 1 {
			plan.note("%d targets send to %s, one of which nfacct has added: %s is removed, the others stay", len(now), to, clean(now[0][".id"]))
		}
		plan.Changes = append(plan.Changes, Change{Menu: menuTarget, Verb: "remove", ID: now[0][".id"], find: find})
	case len(now) == 0:
		change := Change{Menu: menuTarget, Verb: "add"}
		for _, key := range targetKeys {
			if value, had := before[0][key]; had {
				change.Settings = append(change.Settings, Setting{Key: key, Value: writable(menuTarget, key, value)})
			}
		}
		plan.Changes = append(plan.Changes, change)
	default:
		var wrote []string
		for _, key := range s.Wrote[menuTarget] {
			if _, had := before[0][key]; had && key != "dst-address" && key != "port" {
				wrote = append(wrote, key)
			}
		}
		if change := plan.differ(menuTarget, now[0], plan.before(menuTarget, before[0], wrote)); change != nil {
			change.ID, change.find = now[0][".id"], find
			plan.Changes = append(plan.Changes, *change)
		}
	}
}

// targetKeys are the properties of a target, in the order of its add command.
var targetKeys = []string{"dst-address", "port", "version", "src-address", "v9-template-refresh", "v9-template-timeout", "disabled"}
