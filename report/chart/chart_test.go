package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the expected drawings")

func TestScale(t *testing.T) {
	for _, test := range []struct{ peak, step, most uint64 }{
		{0, 1, 1}, {1, 1, 1}, {4, 1, 4}, {5, 2, 6}, {1000, 500, 1000}, {2000, 500, 2000}, {2001, 1024, 2048},
		{3 << 30, 1 << 30, 3 << 30}, {5 << 30, 2 << 30, 6 << 30}, {math.MaxUint64, 1 << 60, 4 << 60},
	} {
		if step, most := Scale(test.peak); step != test.step || most != test.most {
			t.Errorf("Scale(%d) = %d, %d, want %d, %d", test.peak, step, most, test.step, test.most)
		}
	}
	for peak := uint64(1); peak < 1<<60; peak = peak*3 + 1 {
		step, most := Scale(peak)
		if most < peak || most/step > 4 || most-peak >= step {
			t.Errorf("Scale(%d) = %d, %d", peak, step, most)
		}
	}
}

// day is a day of 23 hours with a gap in it.
func day(labels bool) Bars {
	b := Bars{Width: 592, Height: 140, Missing: make([]bool, 23), Stacks: []Stack{{Name: "down", Color: Down}, {Name: "up <&>", Color: Up}}}
	for i := range 23 {
		var down uint64
		if i > 6 {
			down = uint64(1<<30 + 700<<20*math.Sin(float64(i)/3))
		}
		b.Missing[i] = i == 3 || i == 4
		b.Stacks[0].Values = append(b.Stacks[0].Values, down)
		b.Stacks[1].Values = append(b.Stacks[1].Values, down/5)
		if labels {
			b.Labels = append(b.Labels, fmt.Sprintf("%02d", i))
			b.Unit = func(v uint64) string { return fmt.Sprintf("%d МиБ", v>>20) }
		}
	}
	return b
}

// The drawings are golden: the SVG as it is, the PNG by its size and pixels.
func TestDrawings(t *testing.T) {
	for name, bars := range map[string]Bars{"plain": day(false), "labels": day(true), "empty": {Width: 100, Height: 50}} {
		t.Run(name, func(t *testing.T) {
			d := bars.Layout()
			svg := d.SVG("Traffic <of> \"a\" day\x00")
			golden := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.WriteFile(golden, svg, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(svg, want) {
				t.Errorf("differs from %s; look at it, then -update", golden)
			}
			decoder := xml.NewDecoder(bytes.NewReader(svg))
			for {
				if _, err := decoder.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatalf("not well-formed: %v", err)
				}
			}
			data, err := d.PNG(2)
			if err != nil {
				t.Fatal(err)
			}
			img, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if size := img.Bounds().Size(); size.X != int(2*bars.Width) || size.Y != int(2*bars.Height) {
				t.Errorf("PNG of %v", size)
			}
			if len(data) > 25_000 {
				t.Errorf("PNG of %d bytes", len(data))
			}
			// The middle of each bar has its colour.
			for _, r := range d.Rects {
				if r.Title == "" || r.H < 3 {
					continue
				}
				got := color.NRGBAModel.Convert(img.At(int(2*(r.X+r.W/2)), int(2*(r.Y+r.H/2))))
				if got != r.Color {
					t.Errorf("at %v is %v", r, got)
				}
			}
		})
	}
}

// Bars are as high as their values, from 0 on, whatever the values are.
func TestProportion(t *testing.T) {
	b := Bars{Width: 100, Height: 102, Stacks: []Stack{{Name: "x", Values: []uint64{1 << 30, 1 << 29, 1, 0}}}}
	var bars []Rect
	for _, r := range b.Layout().Rects {
		if r.Title == "x" {
			bars = append(bars, r)
		}
	}
	if len(bars) != 3 {
		t.Fatalf("%d bars of 3 values that are not 0", len(bars))
	}
	if math.Abs(bars[0].H-2*bars[1].H) > 1e-9 || bars[2].H != 1 {
		t.Errorf("%v", bars)
	}
	for _, r := range bars {
		if math.Abs(r.Y+r.H-101) > 1e-9 {
			t.Errorf("%v does not stand on the ground", r)
		}
	}
}

// The colours can be seen on white and on near black.
func TestContrast(t *testing.T) {
	luminance := func(c color.NRGBA) float64 {
		channel := func(v uint8) float64 {
			s := float64(v) / 255
			if s <= 0.04045 {
				return s / 12.92
			}
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		return 0.2126*channel(c.R) + 0.7152*channel(c.G) + 0.0722*channel(c.B)
	}
	black := luminance(color.NRGBA{0x1b, 0x1e, 0x23, 0xff})
	for _, c := range append(Series[:], Down, Up, Others) {
		l := luminance(c)
		if white, dark := 1.05/(l+0.05), (l+0.05)/(black+0.05); white < 2.9 || dark < 3 {
			t.Errorf("%v has %.2f on white and %.2f on black", c, white, dark)
		}
	}
}

func TestTooBig(t *testing.T) {
	if _, err := (&Drawing{Width: 1e6, Height: 10}).PNG(2); err == nil || !strings.Contains(err.Error(), "pixels") {
		t.Error(err)
	}
}

func BenchmarkPNG(b *testing.B) {
	bars := day(false)
	for b.Loop() {
		if _, err := bars.Layout().PNG(2); err != nil {
			b.Fatal(err)
		}
	}
}
