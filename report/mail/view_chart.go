package mail

import (
	"fmt"
	"time"

	"nfacct/report"
	"nfacct/report/chart"
)

// chartView is an image with what belongs to it as text, since text in images
// cannot be read on a phone, in the dark, or by a screen reader.
type chartView struct {
	Heading  string
	CID, Alt string
	Caption  string
	Height   int
	Legend   []legend
	Axis     []axis
}

type legend struct{ Color, Text string }

// axis is a piece of the time axis.
type axis struct {
	Width int // percent
	Text  string
}

// Sizes of charts, in CSS pixels.
const (
	chartWidth  = 600
	hoursHeight = 140
	topHeight   = 110
)

// hours is the course of the whole traffic.
func (v *view) hours() error {
	if len(v.Buckets) < 2 {
		return nil
	}
	down := chart.Stack{Name: v.text("down"), Color: chart.Down}
	up := chart.Stack{Name: v.text("up"), Color: chart.Up}
	var peak *report.Bucket
	for i := range v.Buckets {
		b := &v.Buckets[i]
		down.Values = append(down.Values, b.DownBytes)
		up.Values = append(up.Values, b.UpBytes)
		if peak == nil || b.Bytes() > peak.Bytes() {
			peak = b
		}
	}
	c := &chartView{
		Heading: v.text("hours." + v.unit()), Height: hoursHeight,
		Legend: []legend{{rgb(chart.Down), down.Name}, {rgb(chart.Up), up.Name}},
	}
	c.Alt = v.text("hours.alt", v.moment(peak.Start), v.bytes(peak.Bytes()), v.bytes(v.Totals.Bytes()))
	step, _ := chart.Scale(peak.Bytes())
	c.Caption = v.text("hours.caption", v.moment(peak.Start), v.bytes(peak.Bytes()), v.bytes(step))
	v.Hours = c
	return v.draw(c, "hours.png", []chart.Stack{down, up})
}

// topHosts is the course of the biggest hosts, whose bars in the table have the
// same colours.
func (v *view) topHosts(t *table) error {
	hosts := v.Usage.Hosts
	n := min(len(chart.Series), len(hosts), v.rows)
	if len(v.Buckets) < 2 || n == 0 || len(hosts[0].Buckets) != len(v.Buckets) {
		return nil
	}
	rest := make([]uint64, len(v.Buckets))
	for i := range v.Buckets {
		rest[i] = v.Buckets[i].Bytes()
	}
	var stacks []chart.Stack
	c := &chartView{Height: topHeight}
	var peak uint64
	for i := range rest {
		peak = max(peak, rest[i])
	}
	for i := range n {
		h := &hosts[i]
		name, _ := called(h)
		stacks = append(stacks, chart.Stack{Name: name, Color: chart.Series[i], Values: h.Buckets})
		for j, value := range h.Buckets {
			if j < len(rest) {
				rest[j] -= min(value, rest[j])
			}
		}
	}
	if v.HostCount() > n {
		stacks = append(stacks, chart.Stack{Name: v.plural("others", v.HostCount()-n), Color: chart.Others, Values: rest})
	}
	for i := range n {
		c.Legend = append(c.Legend, legend{Color: rgb(chart.Series[i])})
	}
	c.Legend[n-1].Text = v.text("hosts.legend", v.number(uint64(n)))
	if v.HostCount() > n {
		c.Legend = append(c.Legend, legend{rgb(chart.Others), v.plural("others", v.HostCount()-n)})
	}
	c.Alt = v.text("hosts.alt", stacks[0].Name, v.bytes(hosts[0].Bytes()))
	step, _ := chart.Scale(peak)
	c.Caption = v.text("hosts.caption", v.bytes(step))
	t.Chart = c
	return v.draw(c, "hosts.png", stacks)
}

// draw makes the image in both forms, and the axis below it.
func (v *view) draw(c *chartView, name string, stacks []chart.Stack) error {
	bars := chart.Bars{Width: chartWidth, Height: float64(c.Height), Stacks: stacks, Missing: v.missing()}
	png, err := bars.Layout().PNG(2)
	if err != nil {
		return err
	}
	every := (len(v.Buckets) + 5) / 6
	for i := 0; i < len(v.Buckets); i += every {
		width := 100 * min(every, len(v.Buckets)-i) / len(v.Buckets)
		c.Axis = append(c.Axis, axis{width, v.tick(v.Buckets[i].Start)})
	}
	bars.Height += 40
	bars.Unit = v.words.Bytes
	bars.Labels = make([]string, len(v.Buckets))
	for i := range v.Buckets {
		if every := (len(v.Buckets) + 11) / 12; i%every == 0 {
			bars.Labels[i] = v.tick(v.Buckets[i].Start)
		}
	}
	image := Image{Name: name, PNG: png, SVG: bars.Layout().SVG(c.Alt)}
	c.CID = image.cid()
	v.images = append(v.images, image)
	return nil
}

// unit is what the buckets are.
func (v *view) unit() string {
	if v.Usage.Period.Kind == report.KindDay {
		return "hour"
	}
	return "day"
}

// tick is the mark of a bucket on the axis.
func (v *view) tick(t time.Time) string {
	t = v.local(t)
	if v.unit() == "hour" {
		return report.Clock(t)
	}
	return t.Format("01-02")
}

// moment names a bucket in a sentence.
func (v *view) moment(t time.Time) string {
	t = v.local(t)
	if v.unit() == "hour" {
		return fmt.Sprintf("%s–%s", report.Clock(t), report.Clock(t.Add(time.Hour)))
	}
	return t.Format("2006-01-02")
}

// missing marks the buckets in which nothing came from a router at all.
func (v *view) missing() []bool {
	missing := make([]bool, len(v.Buckets))
	for i := range v.Buckets {
		missing[i] = v.Buckets[i].NoData
		start, end := v.Buckets[i].Start, v.Usage.Period.End
		if i+1 < len(v.Buckets) {
			end = v.Buckets[i+1].Start
		}
		for _, gap := range v.Gaps {
			if v.Buckets[i].Bytes() == 0 && gap.From.Before(end) && gap.To.After(start) {
				missing[i] = true
			}
		}
	}
	return missing
}
