package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"strconv"
)

// SVG renders the drawing for a page. Title is what a screen reader says. It has
// no styles and no scripts, so a strict content security policy may hold.
func (d *Drawing) SVG(title string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" role="img" font-family="sans-serif" font-size="%d">`,
		number(d.Width), number(d.Height), number(d.Width), number(d.Height), textSize)
	fmt.Fprintf(&b, "\n<title>%s</title>\n", escape(title))
	for _, r := range d.Rects {
		fmt.Fprintf(&b, `<rect x="%s" y="%s" width="%s" height="%s" %s`, number(r.X), number(r.Y), number(r.W), number(r.H), fill(r.Color))
		if r.Title != "" {
			fmt.Fprintf(&b, "><title>%s</title></rect>\n", escape(r.Title))
		} else {
			b.WriteString("/>\n")
		}
	}
	for _, t := range d.Texts {
		anchor := [...]string{"start", "middle", "end"}[t.Anchor]
		fmt.Fprintf(&b, `<text x="%s" y="%s" text-anchor="%s" %s>%s</text>`+"\n", number(t.X), number(t.Y), anchor, fill(t.Color), escape(t.Text))
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 32) }

func fill(c color.NRGBA) string {
	text := fmt.Sprintf(`fill="#%02x%02x%02x"`, c.R, c.G, c.B)
	if c.A != 0xff {
		text += fmt.Sprintf(` fill-opacity="%.2f"`, float64(c.A)/255)
	}
	return text
}

// escape makes a text safe inside of XML; what XML cannot hold is replaced.
func escape(text string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		return ""
	}
	return b.String()
}
