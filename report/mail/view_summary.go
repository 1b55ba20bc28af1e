package mail

func (v *view) tiles() {
	t := &v.Totals
	down, up := "", ""
	if c := v.Before; c != nil {
		if c.DownChange != nil {
			down = v.words.Change(*c.DownChange)
		}
		if c.UpChange != nil {
			up = v.words.Change(*c.UpChange)
		}
	}
	fresh := v.words.Plural("flows", t.Flows)
	if t.NewHosts > 0 {
		fresh = v.plural("new", t.NewHosts)
	}
	v.Tiles = []tile{
		{v.text("down"), v.bytes(t.DownBytes), down},
		{v.text("up"), v.bytes(t.UpBytes), up},
		{v.text("hosts"), v.number(uint64(t.Hosts)), fresh},
	}
}

// summary are the sentences below the figures.
func (v *view) summary() {
	t := &v.Totals
	add := func(text string) { v.Summary = append(v.Summary, capital(text)) }
	if v.nothing() {
		add(v.text("nothing"))
		return
	}
	if len(v.Usage.Hosts) == 0 {
		add(v.text("none"))
	}
	if text := v.BeforeText(v.words, v.bytes); text != "" {
		add(text)
	}
	if text := v.EstimatedText(v.words); text != "" {
		add(text)
	}
	if v.NewHosts != nil && v.NewHosts.TooEarly {
		add(v.NewHosts.Text(v.words))
	}
	if c := v.Weekday; c != nil && c.NotComplete != "" && (v.Before == nil || v.Before.NotComplete != c.NotComplete) {
		add(v.text("weekday.not_complete", c.NotComplete))
	} else if c != nil && c.Change != nil {
		add(v.text("weekday", v.words.Change(*c.Change), v.bytes(c.Bytes())))
	}
	if t.Unattributed.Records > 0 {
		add(v.text("unattributed", v.bytes(t.Unattributed.Bytes), v.words.Percent(t.UnattributedShare)))
	}
	if t.Transit.Bytes+t.Internal.Bytes+t.RouterLocal.Bytes > 0 {
		add(v.text("beside", v.bytes(t.Internal.Bytes), v.bytes(t.Transit.Bytes), v.bytes(t.RouterLocal.Bytes)))
	}
	for i := range v.OldTables {
		if i == mostOf {
			add(v.more(len(v.OldTables) - mostOf))
			break
		}
		add(short(v.OldTables[i].Text(v.words), 300))
	}
	if v.Complete && len(v.QuietHours) > 0 && len(v.Usage.Hosts) > 0 {
		add(v.text("quiet", v.QuietText()))
	}
}

func (v *view) foot(source, file string) {
	f := &v.Facts
	switch {
	case v.page:
	case v.light:
		v.Foot = append(v.Foot, noWorkbook(v.Usage, v.words)+" "+command(v.Usage, file))
	case len(v.Usage.Hosts) > 0:
		v.Foot = append(v.Foot, v.text("foot.workbook", v.words.Plural("hosts", uint64(v.Totals.Hosts)), file))
	}
	v.Foot = append(v.Foot, v.text("foot.units", v.Timezone))
	if v.TopsAtLeast {
		v.Foot = append(v.Foot, v.text("tops"))
	}
	if f.Version != "" {
		v.Foot = append(v.Foot, v.text("foot.made", f.Version, v.local(f.Generated).Format("2006-01-02 15:04")))
	}
	if source != "" {
		v.Foot = append(v.Foot, v.text("foot.why", source))
	}
}
