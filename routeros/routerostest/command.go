package routerostest

import (
	"slices"
	"strconv"
	"strings"
)

// verbOf is what follows the last slash.
func verbOf(command string) string { return command[strings.LastIndexByte(command, '/')+1:] }

// writes says whether a verb changes something.
func writes(verb string) bool {
	return slices.Contains([]string{"add", "set", "unset", "remove", "enable", "disable", "reset", "move", "comment", "make-static", "reboot"}, verb)
}

// locate finds the menu of a command and its verb.
func (d *Device) locate(command string) (*menu, string, *trap) {
	if command == "/system/reboot" {
		return d.menus["/system/resource"], "reboot", nil
	}
	verb := verbOf(command)
	m := d.menus[strings.TrimSuffix(command, "/"+verb)]
	if m == nil {
		return nil, "", &trap{"no such command prefix", missing}
	}
	return m, verb, nil
}

// command runs one and sends its replies.
func (s *session) command(r request) bool {
	d := s.device
	d.mu.Lock()
	m, verb, t := d.locate(r.command)
	if t == nil && verb == "listen" {
		t = d.listenTo(s, m, r)
		d.mu.Unlock()
		return t == nil || s.fail(r, t)
	}
	var rows [][]string
	var ret string
	if t == nil {
		rows, ret, t = d.execute(m, verb, r, s.policies)
	}
	noRet := verb == "add" && d.faultOf(r.command, Adding) != nil
	d.mu.Unlock()
	if t != nil {
		return s.fail(r, t)
	}
	done := []string{"!done"}
	if ret != "" && !noRet {
		done = append(done, "=ret="+ret)
	}
	if len(rows) == 0 && verb == "print" && ret == "" && d.cfg.Profile.saysEmpty() {
		rows = append(rows, []string{"!empty"})
	}
	rows = append(rows, done)
	if d.cfg.Interleave && r.tagged {
		return s.mix(r, rows)
	}
	if !s.reply(r, rows...) {
		return false
	}
	if verb == "reboot" {
		d.Reboot()
		return false
	}
	return true
}

// execute runs a command on the state. The caller holds the lock.
func (d *Device) execute(m *menu, verb string, r request, may policySet) (rows [][]string, ret string, t *trap) {
	if t := permission(m, verb, may); t != nil {
		return nil, "", t
	}
	switch {
	case verb == "reboot":
		return nil, "", nil
	case verb == "print":
		return d.print(m, r, may)
	case verb == "get":
		return d.getValue(m, r)
	case verb == "find" && !m.single:
		var found []string
		for _, i := range m.items {
			found = append(found, i.ref())
		}
		return nil, strings.Join(found, ";"), nil
	case verb == "set" && (m.single || !m.fixed || settable(m)):
		return nil, "", d.set(m, r)
	case verb == "unset" && !m.single && !m.fixed:
		return nil, "", d.unset(m, r)
	case verb == "add" && !m.single && !m.fixed:
		ret, t := d.add(m, r)
		return nil, ret, t
	case verb == "remove" && !m.single && !m.fixed:
		return nil, "", d.remove(m, r)
	case (verb == "enable" || verb == "disable") && !m.single && m.has("disabled", d.cfg.Profile) != nil:
		if _, has := r.values["disabled"]; has {
			return nil, "", unknownParameter("disabled")
		}
		r.keys = append(slices.Clone(r.keys), "disabled")
		r.values["disabled"] = map[string]string{"enable": "no", "disable": "yes"}[verb]
		return nil, "", d.set(m, r)
	case verb == "reset" && m.path == "/ip/traffic-flow" && d.cfg.Profile >= V7_24:
		clear(m.items[0].values)
		d.touched(m, m.items[0], false)
		return nil, "", nil
	}
	return nil, "", &trap{"no such command", missing}
}

func settable(m *menu) bool {
	return slices.ContainsFunc(m.properties, func(p *property) bool { return !p.fixed })
}

// printWords are attributes of print that say how, not what.
var printWords = []string{"detail", "stats", "terse", "brief", "without-paging", "as-value", "where", "oid", "active"}

func (d *Device) print(m *menu, r request, may policySet) (rows [][]string, ret string, t *trap) {
	var proplist []string
	count := false
	for _, key := range r.keys {
		switch {
		case key == ".proplist":
			if r.values[key] != "" {
				proplist = strings.Split(r.values[key], ",")
			}
		case key == "count-only":
			count = true
		case key == ".id", key == "from":
		case !slices.Contains(printWords, key):
			return nil, "", unknownParameter(key)
		}
	}
	items := m.items
	for _, key := range []string{".id", "from"} {
		if list, only := r.values[key]; only && !m.single {
			if items, t = m.find(list); t != nil {
				return nil, "", t
			}
		}
	}
	for _, i := range items {
		get := func(name string) (string, bool) { return d.get(m, i, name) }
		if matches(r.query, get) {
			rows = append(rows, d.row(m, i, proplist))
		}
	}
	if count {
		return nil, strconv.Itoa(len(rows)), nil
	}
	return rows, "", nil
}

func (d *Device) getValue(m *menu, r request) ([][]string, string, *trap) {
	i := m.items
	if !m.single {
		ref, has := r.values[".id"]
		if !has {
			ref = r.values["number"]
		}
		found, t := m.find(ref)
		if t != nil {
			return nil, "", t
		}
		i = found
	}
	name := r.values["value-name"]
	if name != ".id" && m.has(name, d.cfg.Profile) == nil {
		return nil, "", noMatch("value-name")
	}
	value, _ := d.get(m, i[0], name)
	return nil, value, nil
}

// assign checks the attributes of add and set, and returns them as they are kept.
func (d *Device) assign(m *menu, r request, skip ...string) (map[string]string, *trap) {
	values := map[string]string{}
	for _, key := range r.keys {
		if slices.Contains(skip, key) {
			continue
		}
		p := m.has(key, d.cfg.Profile)
		if p == nil || p.fixed {
			return nil, unknownParameter(key)
		}
		value, t := d.normal(p, r.values[key])
		if t != nil {
			return nil, t
		}
		values[key] = value
	}
	return values, nil
}

// targets are the items that a command names.
func (d *Device) targets(m *menu, r request) ([]*item, *trap) {
	if m.single {
		if _, has := r.values[".id"]; has {
			return nil, unknownParameter(".id")
		}
		return m.items, nil
	}
	list, has := r.values[".id"]
	if !has {
		list, has = r.values["numbers"]
	}
	if !has || list == "" {
		// Without an id nothing is meant, and the device says nothing (inferred).
		return nil, nil
	}
	return m.find(list)
}

func (d *Device) set(m *menu, r request) *trap {
	items, t := d.targets(m, r)
	if t != nil {
		return t
	}
	values, t := d.assign(m, r, ".id", "numbers")
	if t != nil {
		return t
	}
	if d.faultOf(m.path, Keeping) != nil {
		return nil
	}
	for _, i := range items {
		for key, value := range values {
			i.values[key] = value
		}
		d.touched(m, i, false)
	}
	return nil
}

func (d *Device) unset(m *menu, r request) *trap {
	items, t := d.targets(m, r)
	if t != nil {
		return t
	}
	name := r.values["value-name"]
	p := m.has(name, d.cfg.Profile)
	if p == nil || p.fixed || p.needed {
		return noMatch("value-name")
	}
	for _, i := range items {
		delete(i.values, name)
		d.touched(m, i, false)
	}
	return nil
}

func (d *Device) add(m *menu, r request) (string, *trap) {
	values, t := d.assign(m, r, "copy-from", "place-before")
	if t != nil {
		return "", t
	}
	for _, p := range m.properties {
		if _, has := values[p.name]; p.needed && !has {
			return "", &trap{message: "missing value(s) of argument(s) " + p.name}
		}
	}
	if m.byName(values[m.key]) != nil {
		return "", &trap{message: "failure: " + strings.TrimPrefix(m.path[strings.LastIndexByte(m.path, '/'):], "/") + " with the same name already exists"}
	}
	if m.twin(values) != nil {
		return "", &trap{message: "failure: already have such entry"}
	}
	if d.faultOf(m.path, Keeping) != nil {
		m.next++
		return (&item{id: m.next}).ref(), nil
	}
	i := m.insert(values)
	d.touched(m, i, false)
	return i.ref(), nil
}

func (d *Device) remove(m *menu, r request) *trap {
	items, t := d.targets(m, r)
	if t != nil {
		return t
	}
	if d.faultOf(m.path, Keeping) != nil {
		return nil
	}
	m.items = slices.DeleteFunc(m.items, func(i *item) bool { return slices.Contains(items, i) })
	for _, i := range items {
		d.touched(m, i, true)
	}
	return nil
}

// touched tells who wants to know that an item changed or is gone.
func (d *Device) touched(m *menu, i *item, gone bool) {
	for _, l := range d.listeners {
		if l.menu == m {
			l.tell(d, i, gone)
		}
	}
	if m.changed != nil {
		m.changed(d)
	}
}
