package webtest

import (
	"bytes"
	"cmp"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "take the pictures of the README anew")

// The pictures of the README, so that they never age: with -update they are taken anew.
func TestPictures(t *testing.T) {
	folder := filepath.Join("..", "testdata")
	for name, of := range map[string]struct{ path, scheme string }{
		"month.png": {"/", "light"}, "day.png": {"/day/2026-11-20?top=10", "dark"},
		"proxy.png": {"/proxy?sort=share", "dark"}, "question.png": {"/query?month=2026-11&group=host,service&host=192.168.88.0/24&limit=12#answer", "light"},
	} {
		if !*update {
			if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
				t.Error(err)
			}
			continue
		}
		b := open(t)
		b.size(960, 640)
		b.scheme(of.scheme)
		b.goTo(office.url + of.path)
		shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(shot))
		if err != nil {
			t.Fatal(err)
		}
		small := image.NewPaletted(img.Bounds(), palette(img))
		draw.Draw(small, small.Bounds(), img, img.Bounds().Min, draw.Src)
		var out bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// palette are the colours that a picture has most of.
func palette(img image.Image) color.Palette {
	counts := map[color.Color]int{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			counts[color.RGBAModel.Convert(img.At(x, y))]++
		}
	}
	most := slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int { return cmp.Compare(counts[b], counts[a]) })
	return most[:min(len(most), 64)]
}
