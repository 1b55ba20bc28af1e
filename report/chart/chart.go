// Package chart draws the courses of traffic: bars by hour or day, stacked by
// direction or by host. One layout becomes a PNG for mail and an SVG for pages.
//
// Colours are of middle lightness, at least 3:1 both on white and on near black
// (WCAG 2.2, 1.4.11), and the ground is transparent, so that a chart fits a light
// and a dark page alike.
package chart

import (
	"image/color"
	"math"
)

// Colours of the series, in the order of their use, and of what is not of a series.
var (
	Down   = color.NRGBA{0x2f, 0x80, 0xc9, 0xff}
	Up     = color.NRGBA{0xd9, 0x82, 0x2b, 0xff}
	Others = color.NRGBA{0x8a, 0x94, 0xa0, 0xff}
	// Series tell up to six hosts apart.
	Series = [...]color.NRGBA{
		{0x2f, 0x80, 0xc9, 0xff}, {0xd9, 0x82, 0x2b, 0xff}, {0x2f, 0x9e, 0x6b, 0xff},
		{0x96, 0x6a, 0xcf, 0xff}, {0xd2, 0x58, 0x72, 0xff}, {0x2a, 0x98, 0xa6, 0xff},
	}
	grid  = color.NRGBA{0x8a, 0x94, 0xa0, 0x50}
	base  = color.NRGBA{0x8a, 0x94, 0xa0, 0xc0}
	gap   = color.NRGBA{0xc8, 0x55, 0x55, 0x38}
	label = color.NRGBA{0x77, 0x7f, 0x89, 0xff}
)

// Bars are stacked bars, one for each bucket of time.
type Bars struct {
	// Width and Height of the whole drawing, in CSS pixels.
	Width, Height float64
	// Stacks begin with the lowest; each has a value for each bucket.
	Stacks []Stack
	// Missing marks the buckets of which nothing is known; may be shorter.
	Missing []bool
	// Labels stand below the buckets; empty ones are left out. Without any, and
	// with Unit nil, the drawing has no text at all, and can be stretched.
	Labels []string
	// Unit writes a value of the scale; nil leaves the scale out.
	Unit func(uint64) string
}

// Stack is one colour of the bars.
type Stack struct {
	Name   string
	Color  color.NRGBA
	Values []uint64
}

// Drawing is a layout: shapes in CSS pixels, from the back to the front.
type Drawing struct {
	Width, Height float64
	Rects         []Rect
	Texts         []Text
}

// Rect is a filled rectangle.
type Rect struct {
	X, Y, W, H float64
	Color      color.NRGBA
	// Title says what it is, where a reader can point at it.
	Title string
}

// Text stands on its baseline: from X on, around it or up to it.
type Text struct {
	X, Y   float64
	Anchor Anchor
	Color  color.NRGBA
	Text   string
}

// Anchor is which part of a text is at its X.
type Anchor int

// The anchors.
const (
	Start Anchor = iota
	Middle
	End
)

// textSize is the height of letters, in CSS pixels.
const textSize = 12

// Layout places the bars.
func (b Bars) Layout() *Drawing {
	d := &Drawing{Width: b.Width, Height: b.Height}
	left, bottom, top := 0.0, 1.0, 1.0
	if b.Unit != nil {
		left, top = 64, textSize
	}
	if len(b.Labels) > 0 {
		bottom = textSize + 8
	}
	floor := b.Height - bottom
	step, most := Scale(b.peak())
	y := func(v uint64) float64 { return floor - (floor-top)*float64(v)/float64(most) }
	for v := step; v <= most; v += step {
		d.Rects = append(d.Rects, Rect{left, math.Round(y(v)) - 0.5, b.Width - left, 1, grid, ""})
	}
	if b.Unit != nil {
		for v := uint64(0); v <= most; v += step {
			d.Texts = append(d.Texts, Text{left - 8, y(v) + textSize/3, End, label, b.Unit(v)})
		}
	}
	buckets := 0
	for _, s := range b.Stacks {
		buckets = max(buckets, len(s.Values))
	}
	pitch := (b.Width - left) / float64(max(buckets, 1))
	space := pitch * 0.22
	if pitch < 4 {
		space = 0
	}
	for i := range buckets {
		x := left + pitch*float64(i)
		if i < len(b.Missing) && b.Missing[i] {
			d.Rects = append(d.Rects, Rect{x, top, pitch, floor - top, gap, ""})
		}
		var sum uint64
		for _, s := range b.Stacks {
			if i >= len(s.Values) || s.Values[i] == 0 {
				continue
			}
			lower := y(sum)
			sum += s.Values[i]
			upper := y(sum)
			if sum == s.Values[i] { // what is not nothing is seen
				upper = min(upper, lower-1)
			}
			d.Rects = append(d.Rects, Rect{x + space/2, upper, pitch - space, lower - upper, s.Color, s.Name})
		}
		if i < len(b.Labels) && b.Labels[i] != "" {
			d.Texts = append(d.Texts, Text{x + pitch/2, b.Height - 4, Middle, label, b.Labels[i]})
		}
	}
	d.Rects = append(d.Rects, Rect{left, floor, b.Width - left, 1, base, ""})
	return d
}

// peak is the highest bar.
func (b Bars) peak() uint64 {
	var peak uint64
	for i := 0; ; i++ {
		var sum uint64
		more := false
		for _, s := range b.Stacks {
			if i < len(s.Values) {
				sum += s.Values[i]
				more = true
			}
		}
		if !more {
			return peak
		}
		peak = max(peak, sum)
	}
}

// Scale divides an axis up to a peak: at most four steps of 1, 2 or 5 times a
// power of ten of an IEC unit. The axis always begins at 0.
func Scale(peak uint64) (step, most uint64) {
	peak = min(peak, 1<<62) // 4 EiB, so that no sum of steps wraps
	for unit := uint64(1); ; unit <<= 10 {
		for _, n := range []uint64{1, 2, 5, 10, 20, 50, 100, 200, 500} {
			if step = n * unit; step >= (peak+3)/4 {
				return step, step * max((peak+step-1)/step, 1)
			}
		}
	}
}
